//! What holds for every sequence of bytes: no panic, no difference by how it arrives, one answer.
#![cfg(feature = "handshake")]

use hybi::RecvBuf;
use hybi::handshake::{
    Accept, ClientHandshake, Incoming, Key, OriginPolicy, Progress, Request, ServerHandshake,
    ServerOptions, accept_key, parse_extensions, verify,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

proptest! {
    #[test]
    fn any_pieces_of_a_request_come_to_the_same(bytes in hostile(REQUEST), cuts in cuts()) {
        prop_assert_eq!(serve(&[&bytes]), serve(&pieces(&bytes, &cuts)));
        let single: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(serve(&[&bytes]), serve(&single));
    }

    #[test]
    fn any_pieces_of_a_response_come_to_the_same(bytes in hostile(RESPONSE), cuts in cuts()) {
        prop_assert_eq!(ask(&[&bytes]), ask(&pieces(&bytes, &cuts)));
        let single: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(ask(&[&bytes]), ask(&single));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        serve(&[&bytes]);
        ask(&[&bytes]);
        let _ = Key::parse(&bytes);
        let _ = parse_extensions([&bytes[..]]);
        let _ = String::from_utf8_lossy(&bytes).parse::<hybi::handshake::Url>();
    }

    /// Whatever is wrong with a request, its answer is one whole response with a body of the length it says.
    #[test]
    fn a_refusal_is_one_response(bytes in hostile(REQUEST)) {
        if let Outcome::Refused(_, response) = serve(&[&bytes]) {
            let text = String::from_utf8(response).expect("a response of ours is ASCII");
            let (head, body) = text.split_once("\r\n\r\n").expect("the head ends");
            prop_assert!(head.starts_with("HTTP/1.1 4") || head.starts_with("HTTP/1.1 505 "));
            let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
            prop_assert_eq!(length.and_then(|length| length.parse().ok()), Some(body.len()));
            prop_assert!(!body.contains("HTTP/1.1"));
        }
    }

    /// What a server accepts, looked at again without the code that has read it.
    #[test]
    fn an_accepted_request_keeps_every_must(bytes in hostile(REQUEST)) {
        if let Outcome::Done(left, _) = serve(&[&bytes]) {
            let head = String::from_utf8_lossy(&bytes[..bytes.len() - left]).into_owned();
            let lines: Vec<_> = head.trim_start_matches("\r\n").split("\r\n").collect();
            let version = lines[0].trim_end_matches(|c| matches!(c, '1'..='9'));
            prop_assert!(lines[0].starts_with("GET ") && version.ends_with(" HTTP/1."));
            let values = |name: &str| -> Vec<String> {
                let fields = lines[1..].iter().filter_map(|line| line.split_once(':'));
                let wanted = fields.filter(|field| field.0.eq_ignore_ascii_case(name));
                wanted.map(|field| field.1.trim_matches([' ', '\t']).to_owned()).collect()
            };
            let has = |name: &str, token: &str| {
                values(name).iter().flat_map(|value| value.split(',')).any(|element| {
                    element.trim_matches([' ', '\t']).eq_ignore_ascii_case(token)
                })
            };
            prop_assert_eq!(values("host").len(), 1);
            prop_assert!(has("upgrade", "websocket") && has("connection", "upgrade"));
            prop_assert_eq!(values("sec-websocket-version"), ["13"]);
            let keys = values("sec-websocket-key");
            prop_assert!(keys.len() == 1 && keys[0].len() == 24 && keys[0].ends_with("=="));
        }
    }

    #[test]
    fn every_nonce_is_a_key_and_every_key_has_its_own_answer(a: [u8; 16], b: [u8; 16]) {
        let (a_key, b_key) = (Key::from_nonce(a), Key::from_nonce(b));
        prop_assert_eq!(Key::parse(a_key.as_bytes()), Some(a_key));
        prop_assert_eq!(a_key.accept(), accept_key(a_key.as_bytes()));
        prop_assert_eq!(a_key.accept() == b_key.accept(), a == b);
    }

    #[test]
    fn what_a_client_asks_a_server_understands_and_the_other_way_round(
        nonce: [u8; 16],
        resource in "/[a-zA-Z0-9/_.~%]{0,40}(\\?[a-z=&]{0,20})?",
        offered in prop::collection::btree_set("[a-z!#$%&'*+.^_`|~-]{1,12}", 0..5),
        chosen: Index,
    ) {
        let Ok(mut request) = Request::new(&format!("ws://example.com{resource}")) else {
            return Ok(()); // a percent sign without its digits
        };
        for name in &offered {
            request = request.subprotocol(name).expect("it is a token");
        }
        let key = Key::from_nonce(nonce);
        let asked = request.to_http(&key);
        let incoming = Incoming::from_request(&asked, &OriginPolicy::SameHost);
        let incoming = incoming.expect("a request of ours");
        // A query of nothing is left out (RFC 6455 section 3).
        prop_assert_eq!(incoming.target(), resource.strip_suffix('?').unwrap_or(&resource));
        prop_assert!(incoming.subprotocols().eq(offered.iter()));
        let chosen = incoming.subprotocols().nth(chosen.index(offered.len().max(1)));
        let accept = chosen.map_or(Accept::new(), |name| Accept::new().subprotocol(name));
        let (response, _) = incoming.accept(&accept).expect("it was offered").into_response();
        let verified = verify(&response, &request, &key).expect("an answer of ours");
        prop_assert_eq!(verified.subprotocol.as_deref(), chosen);
    }
}

/// What a run came to: how many bytes were left over, or the error and what is answered.
#[derive(Debug, PartialEq)]
enum Outcome {
    Waiting,
    Done(usize, String),
    Refused(String, Vec<u8>),
}

const REQUEST: &[&str] = &[
    "GET /chat HTTP/1.1",
    "Host: example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];
const RESPONSE: &[&str] = &[
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];
const FURTHER: &[&str] = &[
    "Origin: http://example.com",
    "Origin: null",
    "Sec-WebSocket-Protocol: chat",
    "Sec-WebSocket-Protocol: chat, superchat",
    "Sec-WebSocket-Extensions: foo; a=\"b\", bar",
    "Sec-WebSocket-Version: 8",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Host: other.example",
    "Upgrade: h2c",
    "Connection: close",
    " folded",
    "X: y",
    "no colon",
    "",
];
const NOISE: &[u8] = b"\r\n \t:,;=\"\\\0\x7f\xff0aAH/";

/// A good head, now and then with a line more, a line less, some bytes changed, and something behind it.
fn hostile(lines: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let further = prop::collection::vec((any::<Index>(), select(FURTHER)), 0..3);
    let missing = prop::option::weighted(0.2, any::<Index>());
    let noise = prop::collection::vec((any::<Index>(), select(NOISE)), 0..3);
    let status = select(&["101", "101", "101", "100", "204", "302", "404"][..]);
    let tail = prop::collection::vec(any::<u8>(), 0..40);
    (further, missing, noise, status, tail).prop_map(
        move |(further, missing, noise, status, tail)| {
            let mut lines = lines.to_vec();
            if let Some(missing) = missing {
                lines.remove(missing.index(lines.len()));
            }
            for (at, line) in further {
                lines.insert(at.index(lines.len() + 1), line);
            }
            let head =
                format!("{}\r\n\r\n", lines.join("\r\n")).replace(" 101 ", &format!(" {status} "));
            let mut bytes = head.into_bytes();
            for (at, byte) in noise {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.extend(tail);
            bytes
        },
    )
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..8)
}

fn pieces<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, end)| &bytes[start..*end]).collect()
}

fn serve(pieces: &[&[u8]]) -> Outcome {
    let mut server = ServerHandshake::new(ServerOptions::default());
    let mut rx = RecvBuf::new();
    for (i, piece) in pieces.iter().enumerate() {
        rx.extend_from_slice(piece);
        match server.advance(&mut rx) {
            Ok(Progress::Continue(next)) => server = next,
            Ok(Progress::Done(incoming)) => {
                let left = rx.unread().len() + pieces[i + 1..].concat().len();
                return Outcome::Done(left, format!("{:?}", incoming.to_http()));
            }
            Err(refusal) => {
                return Outcome::Refused(format!("{:?}", refusal.error), refusal.response.to_vec());
            }
        }
    }
    Outcome::Waiting
}

fn ask(pieces: &[&[u8]]) -> Outcome {
    let request = Request::new("ws://example.com/chat").expect("the URL is good");
    let request = request.subprotocol("chat").expect("it is a token");
    let (mut client, _) = ClientHandshake::new(request, *b"the sample nonce");
    let mut rx = RecvBuf::new();
    for (i, piece) in pieces.iter().enumerate() {
        rx.extend_from_slice(piece);
        match client.advance(&mut rx) {
            Ok(Progress::Continue(next)) => client = next,
            Ok(Progress::Done(established)) => {
                let left = rx.unread().len() + pieces[i + 1..].concat().len();
                return Outcome::Done(left, format!("{established:?}"));
            }
            Err(error) => return Outcome::Refused(format!("{error:?}"), Vec::new()),
        }
    }
    Outcome::Waiting
}
