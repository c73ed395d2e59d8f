//! Compression: what the query of `/deflate` says, and the conversation that verifies it.

use hybi::blocking::Error;
use hybi::deflate::{Direction, Params};
use hybi::handshake::{Accept, DeflateOffer, Negotiated, Request, WindowHint};
use hybi::{Cause, CloseCode, Compression, Config, Message};

use crate::Result;
use crate::script::{Flow, Step, Wire};
use crate::server::until_end;
use crate::socket::{Socket, send_in_pieces};
use crate::words::{BETWEEN, field, same, same_close};

/// Where a window is not limited.
const MAX_BITS: u8 = 15;

/// Offers what the query says, and holds the conversation.
pub(crate) async fn as_client<S: Socket>(url: &str, query: &str) -> Result<()> {
    let mut request = Request::new(&format!("{url}/deflate?{query}"))?;
    let mut config = Config::default();
    let offers = match word(query, "o")? {
        "none" => Vec::new(),
        spelled => spelled.split('~').map(parse).collect::<Result<_>>()?,
    };
    let (up, down) = (Flow::parse(word(query, "up")?)?, Flow::parse(word(query, "down")?)?);
    match offers[..] {
        [] => {}
        // The offer that the configuration makes by itself.
        [offer] if offer == DeflateOffer::new(&wishes(&offer)) => {
            config.compression = Some(wishes(&offer));
        }
        _ => {
            let mut any = Compression::default();
            any.send.context_takeover = true;
            any.receive.context_takeover = true;
            config.compression = Some(any);
            request = offers.iter().fold(request, |request, offer| request.offer(*offer));
        }
    }
    let connected = S::connect(request, config).await;
    if word(query, "a")? == "refused" {
        let refused = match &connected {
            Err(Error::Connect(error)) => error.response(),
            _ => None,
        };
        return match refused {
            Some(response) => same("the status", &response.status().as_u16(), &400),
            None => Err(format!("instead of a refusal came {:?}", connected.err()).into()),
        };
    }
    let mut ws = connected?;
    same_answer(ws.negotiated(), query)?;
    let expected =
        up.direction.zip(down.direction).map(|(client, server)| Params { server, client });
    same("what was agreed on", &ws.negotiated().compression, &expected)?;
    send(&mut ws, &up, query).await?;
    receive(&mut ws, &down, query).await?;
    ws.close(Some(CloseCode::NORMAL), "").await?;
    same_close(ws.closed().as_ref(), Some(CloseCode::NORMAL), "")
}

/// What the query asks of the server.
pub(crate) fn settings(query: &str) -> Result<Config> {
    let mut config = Config::default();
    config.compression = Some(match word(query, "s")? {
        "off" => Compression::default(),
        spelled => {
            // As a server we send what a client receives.
            let mut ours = wishes(&parse(spelled)?);
            core::mem::swap(&mut ours.send, &mut ours.receive);
            ours
        }
    });
    Ok(config)
}

/// Declines compression in spite of the configuration, where the query asks for it.
pub(crate) fn decide(accept: Accept, query: &str) -> Accept {
    if field(query, "s") == Some("off") { accept.compression(None) } else { accept }
}

/// The other end of [`as_client`].
pub(crate) async fn as_server<S: Socket>(ws: &mut S, query: &str) -> Result<()> {
    same_answer(ws.negotiated(), query)?;
    let (up, down) = (Flow::parse(word(query, "up")?)?, Flow::parse(word(query, "down")?)?);
    // A client may compress less than it could.
    let expected = match (word(query, "a")?, down.direction) {
        ("none", _) => None,
        (_, None) => return Err("nobody says how we compress".into()),
        (answer, Some(server)) => {
            let answer = parse(answer)?;
            let client = Direction {
                context_takeover: !answer.client_no_context_takeover,
                window_bits: limit(answer.client_max_window_bits),
            };
            Some(Params { server, client })
        }
    };
    same("what was agreed on", &ws.negotiated().compression, &expected)?;
    receive(ws, &up, query).await?;
    send(ws, &down, query).await?;
    until_end(ws, Cause::Remote).await
}

async fn send<S: Socket>(ws: &mut S, flow: &Flow, query: &str) -> Result<()> {
    for (step, message) in flow.script(word(query, "n")?.parse()?) {
        match step {
            Step::Plain => ws.feed(message.uncompressed()).await?,
            Step::Fragments => send_in_pieces(ws, &message, BETWEEN).await?,
            _ => ws.feed(message).await?,
        }
    }
    Ok(ws.flush().await?)
}

async fn receive<S: Socket>(ws: &mut S, flow: &Flow, query: &str) -> Result<()> {
    let mut first = 0;
    for (step, expected) in flow.script(word(query, "n")?.parse()?) {
        let (wire, message) = measure(ws).await?;
        same("the message", &message.as_ref(), &Some(&expected))?;
        if step == Step::Small {
            first = wire.size;
        }
        flow.check(step, &expected, wire, first)?;
    }
    Ok(())
}

/// Receives a message and how it came.
async fn measure<S: Socket>(ws: &mut S) -> Result<(Wire, Option<Message>)> {
    let before = *ws.connection().stats();
    let message = ws.recv().await?;
    let after = *ws.connection().stats();
    let compressed = after.inflated_received > before.inflated_received;
    Ok((Wire { compressed, size: after.payload_received - before.payload_received }, message))
}

/// The answer in the response must be the one that the query names.
fn same_answer(negotiated: &Negotiated, query: &str) -> Result<()> {
    let found = match &negotiated.extensions[..] {
        [] => None,
        [answer] => Some(DeflateOffer::parse(answer).ok_or_else(|| format!("odd: {answer}"))?),
        more => return Err(format!("{} extensions", more.len()).into()),
    };
    let expected = match word(query, "a")? {
        "none" => None,
        spelled => Some(parse(spelled)?),
    };
    same("the answer", &found, &expected)
}

fn word<'q>(query: &'q str, name: &str) -> Result<&'q str> {
    field(query, name).ok_or_else(|| format!("the query has no {name}").into())
}

/// Reads parameters like `sn.s12.c`; `-` for none.
fn parse(spelled: &str) -> Result<DeflateOffer> {
    let mut offer = DeflateOffer::default();
    for each in spelled.split('.').filter(|each| *each != "-") {
        match (each, each.split_at_checked(1)) {
            ("sn", _) => offer.server_no_context_takeover = true,
            ("cn", _) => offer.client_no_context_takeover = true,
            ("c", _) => offer.client_max_window_bits = Some(WindowHint::Any),
            (_, Some(("c", bits))) => {
                offer.client_max_window_bits = Some(WindowHint::AtMost(bits.parse()?));
            }
            (_, Some(("s", bits))) => offer.server_max_window_bits = Some(bits.parse()?),
            _ => return Err(format!("{each} is no parameter").into()),
        }
    }
    Ok(offer)
}

/// What a client is ready for that makes this offer.
fn wishes(offer: &DeflateOffer) -> Compression {
    let mut ours = Compression::default();
    ours.send = Direction {
        context_takeover: !offer.client_no_context_takeover,
        window_bits: limit(offer.client_max_window_bits),
    };
    ours.receive = Direction {
        context_takeover: !offer.server_no_context_takeover,
        window_bits: offer.server_max_window_bits.unwrap_or(MAX_BITS),
    };
    ours
}

fn limit(hint: Option<WindowHint>) -> u8 {
    match hint {
        Some(WindowHint::AtMost(bits)) => bits,
        _ => MAX_BITS,
    }
}
