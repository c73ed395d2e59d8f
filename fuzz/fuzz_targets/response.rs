//! A response is judged the same however it is cut; what is accepted is a 101 that answers this very request.
#![no_main]

mod shared;

use hybi::handshake::{HandshakeError, Request, accept_key};
use libfuzzer_sys::fuzz_target;
use shared::opening::{Head, Went, ask};
use shared::{Cuts, SINGLE, pieces};

fuzz_target!(|input: (u8, Cuts, &[u8])| {
    let (offers, cuts, bytes) = input;
    let offered: Vec<&str> = ["chat", "superchat", "v2"]
        .into_iter()
        .filter(|name| offers as usize & name.len() != 0)
        .collect();
    let request = || {
        let url = Request::new("ws://example.com/chat").expect("the URL is good");
        offered.iter().fold(url, |request, name| request.subprotocol(name).expect("it is a token"))
    };
    let whole = ask(request(), [bytes].into_iter());
    for cuts in [SINGLE, cuts] {
        assert_eq!(brief(&ask(request(), pieces(bytes, cuts))), brief(&whole));
    }
    match whole {
        Went::Done(established, left) => {
            assert!(bytes.ends_with(&left), "what follows is handed on");
            let heads = String::from_utf8_lossy(&bytes[..bytes.len() - left.len()]).into_owned();
            // Interim responses come before.
            let start = heads.trim_end().rfind("\r\n\r\n").map_or(0, |end| end + 4);
            let head = Head::read(heads[start..].as_bytes());
            let status = head.first.strip_prefix("HTTP/1.").expect("the version is one of HTTP/1");
            let status = status.strip_prefix(|c| matches!(c, '1'..='9'));
            assert!(status.is_some_and(|status| status.starts_with(" 101")), "{head:?}");
            let key = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
            assert_eq!(head.values("sec-websocket-accept"), [key]);
            assert!(head.values("upgrade")[0].eq_ignore_ascii_case("websocket"));
            assert!(head.has("connection", "upgrade"));
            assert!(head.values("sec-websocket-extensions").is_empty(), "none was offered");
            let chosen = established.negotiated.subprotocol;
            assert_eq!(chosen.as_deref(), head.values("sec-websocket-protocol").first().copied());
            assert!(chosen.is_none_or(|chosen| offered.contains(&&*chosen)));
        }
        Went::Failed(HandshakeError::Refused(response)) => {
            assert!(response.body().len() <= 64 * 1024)
        }
        _ => {}
    }
});

fn brief<T: std::fmt::Debug, E: std::fmt::Debug>(went: &Went<T, E>) -> String {
    match went {
        Went::Waiting => "waiting".to_owned(),
        Went::Done(done, left) => format!("{done:?} {left:?}"),
        Went::Failed(error) => format!("{error:?}"),
    }
}
