//! A request is judged the same however it is cut; what is accepted keeps every MUST of RFC 6455 section 4.2.1; what
//! is refused is answered with one whole response.
#![no_main]

mod shared;

use hybi::handshake::{Accept, Incoming, Refusal, accept_key};
use libfuzzer_sys::fuzz_target;
use shared::opening::{Head, Went, serve};
use shared::{Cuts, SINGLE, pieces};

fuzz_target!(|input: (Cuts, &[u8])| {
    let (cuts, bytes) = input;
    let whole = serve([bytes].into_iter());
    for cuts in [SINGLE, cuts] {
        assert_eq!(brief(&serve(pieces(bytes, cuts))), brief(&whole));
    }
    match whole {
        Went::Waiting => {}
        Went::Done(incoming, left) => {
            assert!(bytes.ends_with(&left), "what follows is handed on");
            let head = Head::read(&bytes[..bytes.len() - left.len()]);
            let version = head.first.trim_end_matches(|c| matches!(c, '1'..='9'));
            assert!(head.first.starts_with("GET ") && version.ends_with(" HTTP/1."));
            assert_eq!(head.first.len(), version.len() + 1, "{}", head.first);
            assert_eq!(head.first.matches(' ').count(), 2);
            assert_eq!(head.values("host").len(), 1);
            assert!(head.has("upgrade", "websocket") && head.has("connection", "upgrade"));
            assert_eq!(head.values("sec-websocket-version"), ["13"]);
            assert!(head.values("transfer-encoding").is_empty());
            assert!(head.first.split(' ').nth(1).is_some_and(|target| target == incoming.target()));
            let request = incoming.to_http();
            assert_eq!(incoming.path(), request.uri().path());
            assert_eq!(incoming.query(), request.uri().query());
            assert_eq!(request.headers().len(), incoming.headers().count());
            for (name, value) in incoming.headers() {
                let value: String = value.iter().map(|&byte| char::from(byte)).collect();
                assert!(head.values(&name.to_ascii_lowercase()).contains(&&*value));
            }
            let [key] = head.values("sec-websocket-key")[..] else { panic!("one key") };
            assert!(key.len() == 24 && key.ends_with("=="));
            let offered = head.elements("sec-websocket-protocol");
            assert!(incoming.subprotocols().all(|name| offered.iter().any(|known| known == name)));
            let answer = incoming.accept(&Accept::new()).expect("nothing is asked for").to_bytes();
            let answer = Head::read(&answer);
            assert_eq!(answer.first, "HTTP/1.1 101 Switching Protocols");
            assert_eq!(answer.values("sec-websocket-accept"), [accept_key(key.as_bytes())]);
        }
        Went::Failed(refusal) => {
            let response = String::from_utf8(refusal.response.to_vec()).expect("ours is ASCII");
            let (head, body) = response.split_once("\r\n\r\n").expect("the head ends");
            let head = Head::read(format!("{head}\r\n\r\n").as_bytes());
            assert!(
                head.first.starts_with("HTTP/1.1 4") || head.first.starts_with("HTTP/1.1 505 ")
            );
            assert_eq!(head.values("content-length"), [body.len().to_string()]);
            assert!(!body.contains("HTTP/1.1") && head.has("connection", "close"));
        }
    }
});

fn brief(went: &Went<Incoming, Refusal>) -> String {
    match went {
        Went::Waiting => "waiting".to_owned(),
        Went::Done(done, left) => format!("{:?} {left:?}", done.to_http()),
        Went::Failed(error) => format!("{error:?}"),
    }
}
