//! Our client: every conversation, verified to the end.

use http::header::{HeaderName, HeaderValue};
use hybi::blocking::Error;
use hybi::handshake::Request;
use hybi::{Cause, CloseCode, Config, Message};

use crate::Result;
use crate::compression;
use crate::server::{
    fails_peer, farewell, hears_farewell, is_failed_by_peer, is_lost, send_raw, until_end,
};
use crate::socket::{Socket, Told, send_in_pieces};
use crate::words::{BETWEEN, from_hex, numbered, report, same, same_close, to_hex};

/// Close frames to send and to receive: name, code, reason.
const CLOSES: [(&str, Option<u16>, &str); 5] = [
    ("1000", Some(1000), ""),
    ("1001", Some(1001), "going away"),
    ("3000", Some(3000), ""),
    ("4999", Some(4999), "bis später 👋"),
    ("empty", None, ""),
];

/// What breaks the protocol: name, the code it deserves, bytes from a client and from a server.
const VIOLATIONS: [(&str, u16, &str, &str); 5] = [
    ("opcode", 1002, "838000000000", "8300"),
    ("mask", 1002, "8100", "818000000000"),
    ("close", 1002, "88820000000003ed", "880203ed"),
    ("utf8", 1007, "818200000000c328", "8102c328"),
    ("size", 1009, "82ff000000000100000100000000", "827f0000000001000001"),
];

const MIB: usize = 1024 * 1024;

/// Holds all conversations with the server at `url`, `cases` being queries of `/deflate`, and returns how many failed.
pub(crate) async fn run<S: Socket>(url: &str, cases: &str) -> usize {
    let mut failed = 0;
    // A name behind a dash is that of a conversation to leave out.
    let left_out = |name: &str| cases.lines().any(|line| line.strip_prefix('-') == Some(name));
    macro_rules! note {
        ($name:expr, $conversation:expr) => {
            if !left_out($name) {
                failed += usize::from(report($name, $conversation));
            }
        };
    }
    note!("text", echoes::<S>(url, texts()).await);
    note!("binary", echoes::<S>(url, binaries()).await);
    note!("large", echoes::<S>(url, large()).await);
    note!("pipelined", pipelined::<S>(url).await);
    note!("stream", stream::<S>(url).await);
    note!("fragments sent", fragments_sent::<S>(url).await);
    note!("fragments received", fragments_received::<S>(url).await);
    note!("ping sent", ping_sent::<S>(url).await);
    note!("ping received", ping_received::<S>(url).await);
    note!(
        "subprotocol",
        subprotocol::<S>(url, &["chat.v1", "chat.v2", "chat.v3"], "chat.v2").await
    );
    note!("subprotocol unknown", subprotocol::<S>(url, &["chat.v1"], "none").await);
    note!("subprotocol absent", subprotocol::<S>(url, &[], "none").await);
    note!("headers", headers::<S>(url).await);
    note!("refused", refused::<S>(url).await);
    note!("extensions", extensions::<S>(url).await);
    note!("farewell sent", farewell_sent::<S>(url).await);
    note!("farewell received", farewell_received::<S>(url).await);
    note!("loss sent", loss_sent::<S>(url).await);
    note!("loss received", loss_received::<S>(url).await);
    for (name, code, reason) in CLOSES {
        let code = code.map(CloseCode);
        note!(&format!("close sent {name}"), close_sent::<S>(url, code, reason).await);
        note!(&format!("close received {name}"), close_received::<S>(url, code, reason).await);
    }
    for (name, code, ours, theirs) in VIOLATIONS {
        note!(&format!("violation sent {name}"), violation_sent::<S>(url, code, ours).await);
        note!(
            &format!("violation received {name}"),
            violation_received::<S>(url, code, theirs).await
        );
    }
    for query in cases.lines().filter(|line| !line.starts_with('-')) {
        note!(&format!("deflate {query}"), compression::as_client::<S>(url, query).await);
    }
    failed
}

/// Each message must come back before the next is sent.
async fn echoes<S: Socket>(url: &str, messages: Vec<Message>) -> Result<()> {
    let mut ws = connect::<S>(url, "/echo").await?;
    for message in messages {
        ws.feed(message.clone()).await?;
        same("the echo", &ws.recv().await?, &Some(message))?;
    }
    goodbye(ws).await
}

fn texts() -> Vec<Message> {
    let lengths = [125, 126, 127, 65_535, 65_536].map(|length| "x".repeat(length));
    let short = ["Hello", "", "Grüße, 世界 🌍", "\0"].map(String::from);
    short.into_iter().chain(lengths).map(Message::from).collect()
}

fn binaries() -> Vec<Message> {
    [0, 1, 125, 126, 127, 65_535, 65_536].map(pattern).to_vec()
}

/// The last is as large as a frame may be by default.
fn large() -> Vec<Message> {
    vec!["€".repeat(MIB / 3).into(), pattern(MIB), pattern(16 * MIB)]
}

fn pattern(length: usize) -> Message {
    // A prime, so that no power of two hides a shift.
    (0..length).map(|at| (at % 251) as u8).collect::<Vec<_>>().into()
}

/// All messages leave before the first answer is read.
async fn pipelined<S: Socket>(url: &str) -> Result<()> {
    let mut ws = connect::<S>(url, "/echo").await?;
    let messages = || (0..100).map(|number| Message::from(format!("message {number}")));
    for message in messages() {
        ws.feed(message).await?;
    }
    for message in messages() {
        same("the echo", &ws.recv().await?, &Some(message))?;
    }
    goodbye(ws).await
}

async fn stream<S: Socket>(url: &str) -> Result<()> {
    let ws = connect::<S>(url, "/stream").await?;
    let messages = || numbered().map(Message::from).collect();
    same("the stream", &ws.stream(messages()).await?, &messages())
}

async fn fragments_sent<S: Socket>(url: &str) -> Result<()> {
    let mut ws = connect::<S>(url, "/echo").await?;
    for message in ["in pieces: 世界".into(), pattern(70_000)] {
        send_in_pieces(&mut ws, &message, BETWEEN).await?;
        same("the pong", &ws.next_event().await?, &Told::Pong(BETWEEN.to_vec()))?;
        same("the echo", &ws.next_event().await?, &Told::Message(message))?;
    }
    goodbye(ws).await
}

async fn fragments_received<S: Socket>(url: &str) -> Result<()> {
    let mut ws = connect::<S>(url, "/fragments").await?;
    for message in ["in pieces: 世界".into(), pattern(70_000)] {
        ws.feed(message.clone()).await?;
        same("the ping", &ws.next_event().await?, &Told::Ping(BETWEEN.to_vec()))?;
        same("the message", &ws.next_event().await?, &Told::Message(message))?;
    }
    goodbye(ws).await
}

async fn ping_sent<S: Socket>(url: &str) -> Result<()> {
    let mut ws = connect::<S>(url, "/echo").await?;
    for payload in [&b""[..], b"are you there?", &[0xff; 125]] {
        ws.ping(payload).await?;
        same("the pong", &ws.next_event().await?, &Told::Pong(payload.to_vec()))?;
    }
    goodbye(ws).await
}

async fn ping_received<S: Socket>(url: &str) -> Result<()> {
    for payload in [&b""[..], b"are you there?", &[0xff; 125]] {
        let mut ws = connect::<S>(url, &format!("/ping?payload={}", to_hex(payload))).await?;
        same("the ping", &ws.next_event().await?, &Told::Ping(payload.to_vec()))?;
        same("the answer", &ws.recv().await?, &Some("the pong came".into()))?;
        goodbye(ws).await?;
    }
    Ok(())
}

/// The server takes the first it knows in the client's order: `chat.v2` or `chat.v3`.
async fn subprotocol<S: Socket>(url: &str, offers: &[&str], chosen: &str) -> Result<()> {
    let mut request = Request::new(&format!("{url}/subprotocol"))?;
    for offer in offers {
        request = request.subprotocol(offer)?;
    }
    let mut ws = S::connect(request, Config::default()).await?;
    let agreed = ws.negotiated().subprotocol.clone();
    same("the subprotocol", &agreed.as_deref().unwrap_or("none"), &chosen)?;
    same("the server's view", &ws.recv().await?, &Some(chosen.into()))?;
    goodbye(ws).await
}

async fn headers<S: Socket>(url: &str) -> Result<()> {
    let name = HeaderName::from_static("x-client");
    let request = Request::new(&format!("{url}/whoami?q=a%20b%2Fc&r="))?
        .header(name, HeaderValue::from_static("interop; three, four"))?;
    let mut ws = S::connect(request, Config::default()).await?;
    let server = ws.response().and_then(|response| response.headers().get("x-server"));
    same("X-Server", &server, &Some(&HeaderValue::from_static("interop; one, two")))?;
    let seen = "interop; three, four q=a%20b%2Fc&r=";
    same("what the server saw", &ws.recv().await?, &Some(seen.into()))?;
    goodbye(ws).await
}

async fn refused<S: Socket>(url: &str) -> Result<()> {
    let error = match connect::<S>(url, "/refuse").await {
        Err(Error::Connect(error)) => error,
        Err(other) => return Err(other.into()),
        Ok(_) => return Err("the server accepted".into()),
    };
    let response = error.response().ok_or("there is no response")?;
    same("the status", &response.status().as_u16(), &401)?;
    let realm = response.headers().get("www-authenticate");
    same("its header", &realm, &Some(&HeaderValue::from_static("Basic realm=\"interop\"")))?;
    same("its body", &&response.body()[..], &&b"no entry\n"[..])
}

/// We offer none, so none may come.
async fn extensions<S: Socket>(url: &str) -> Result<()> {
    let ws = connect::<S>(url, "/echo").await?;
    same("the extensions", &ws.negotiated().extensions.len(), &0)?;
    goodbye(ws).await
}

async fn farewell_sent<S: Socket>(url: &str) -> Result<()> {
    farewell(&mut connect::<S>(url, "/heard").await?).await
}

async fn farewell_received<S: Socket>(url: &str) -> Result<()> {
    hears_farewell(&mut connect::<S>(url, "/farewell").await?, CloseCode::GOING_AWAY).await
}

async fn loss_sent<S: Socket>(url: &str) -> Result<()> {
    // Dropped at once.
    connect::<S>(url, "/lost").await?;
    Ok(())
}

async fn loss_received<S: Socket>(url: &str) -> Result<()> {
    is_lost(&mut connect::<S>(url, "/leave").await?).await
}

async fn close_sent<S: Socket>(url: &str, code: Option<CloseCode>, reason: &str) -> Result<()> {
    let mut ws = connect::<S>(url, &with_close("/closed", code, reason)).await?;
    ws.close(code, reason).await?;
    let closed = ws.closed().ok_or("the connection has not ended")?;
    same("the cause", &closed.cause, &Cause::Local)?;
    // A peer may give the reason back or not.
    same_close(Some(&closed), code, closed.reason())
}

async fn close_received<S: Socket>(url: &str, code: Option<CloseCode>, reason: &str) -> Result<()> {
    let mut ws = connect::<S>(url, &with_close("/close", code, reason)).await?;
    until_end(&mut ws, Cause::Remote).await?;
    same_close(ws.closed().as_ref(), code, reason)
}

fn with_close(path: &str, code: Option<CloseCode>, reason: &str) -> String {
    match code {
        Some(code) => format!("{path}?code={code}&reason={}", to_hex(reason.as_bytes())),
        None => path.into(),
    }
}

async fn violation_sent<S: Socket>(url: &str, code: u16, bytes: &str) -> Result<()> {
    let query = format!("code={code}");
    let mut ws = connect::<S>(url, &format!("/broken?{query}")).await?;
    send_raw(&mut ws, &from_hex(bytes)?).await?;
    is_failed_by_peer(&mut ws, &query).await
}

async fn violation_received<S: Socket>(url: &str, code: u16, bytes: &str) -> Result<()> {
    let query = format!("code={code}&bytes={bytes}");
    let mut ws = connect::<S>(url, &format!("/breaks?{query}")).await?;
    fails_peer(&mut ws, &query).await
}

async fn connect<S: Socket>(url: &str, path: &str) -> Result<S, Error> {
    S::connect(Request::new(&format!("{url}{path}"))?, Config::default()).await
}

/// Closes with 1000 and wants it back.
async fn goodbye<S: Socket>(mut ws: S) -> Result<()> {
    ws.close(Some(CloseCode::NORMAL), "").await?;
    same_close(ws.closed().as_ref(), Some(CloseCode::NORMAL), "")
}
