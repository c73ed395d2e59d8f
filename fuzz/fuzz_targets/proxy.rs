//! A proxy's answers are judged the same however they are cut, and as a second reading of RFC 1928 and RFC 9110 judges
//! them; what follows the last of them is handed on.
#![no_main]

mod shared;

use hybi::RecvBuf;
use hybi::handshake::Progress;
use hybi::proxy::{Proxy, ProxyError, Tunnel};
use libfuzzer_sys::fuzz_target;
use shared::opening::{Head, Went};
use shared::{Cuts, SINGLE, pieces};

fuzz_target!(|input: (u8, Cuts, &[u8])| {
    let (knobs, cuts, bytes) = input;
    let (socks, password) = (knobs & 1 != 0, knobs & 2 != 0);
    let url = match (socks, password) {
        (true, true) => "socks5h://user:secret@proxy.example",
        (true, false) => "socks5h://proxy.example",
        (false, true) => "http://user:secret@proxy.example",
        (false, false) => "http://proxy.example",
    };
    let proxy: Proxy = url.parse().expect("the URL is good");
    let whole = ask(&proxy, [bytes].into_iter());
    for cuts in [SINGLE, cuts] {
        assert_eq!(brief(&ask(&proxy, pieces(bytes, cuts))), brief(&whole));
    }
    match &whole {
        Went::Done((), left) => {
            assert!(bytes.ends_with(left), "what follows is handed on");
            let answers = &bytes[..bytes.len() - left.len()];
            if socks {
                assert_eq!(socks_len(bytes, password), Some(answers.len()), "{answers:?}");
            } else {
                let heads = String::from_utf8_lossy(answers).into_owned();
                let start = heads.trim_end().rfind("\r\n\r\n").map_or(0, |end| end + 4);
                let head = Head::read(heads[start..].as_bytes());
                let (version, status) = head.first.split_at(9);
                assert!(["HTTP/1.0 ", "HTTP/1.1 "].contains(&version), "{head:?}");
                assert!(status.starts_with('2'), "{head:?}");
            }
        }
        Went::Failed(ProxyError::Refused(response)) => {
            assert!(!socks && !response.status().is_success());
            assert!(response.body().len() <= 64 * 1024);
        }
        Went::Failed(error) => {
            assert!(!socks || socks_len(bytes, password).is_none(), "{error}: {bytes:?}");
        }
        Went::Waiting => assert!(!socks || socks_len(bytes, password).is_none(), "{bytes:?}"),
    }
});

fn ask<'b>(proxy: &Proxy, mut pieces: impl Iterator<Item = &'b [u8]>) -> Went<(), ProxyError> {
    let mut tunnel = Tunnel::new(proxy, "server.example", 443).expect("the name is short");
    let (mut rx, mut tx) = (RecvBuf::new(), Vec::new());
    while let Some(piece) = pieces.next() {
        rx.extend_from_slice(piece);
        match tunnel.advance(&mut rx, &mut tx) {
            Ok(Progress::Continue(next)) => tunnel = next,
            Ok(Progress::Done(())) => {
                let left = pieces.fold(rx.unread().to_vec(), |left, piece| [&left, piece].concat());
                return Went::Done((), left);
            }
            Err(error) => return Went::Failed(error),
        }
        assert!(tx.len() < 300, "a conversation is short");
    }
    Went::Waiting
}

/// How long answers are that open a way, read a field after the other.
fn socks_len(bytes: &[u8], password: bool) -> Option<usize> {
    let at = match bytes {
        [5, 0, ..] => 2,
        [5, 2, 1, 0, ..] if password => 4,
        _ => return None,
    };
    let reply = &bytes[at..];
    let [5, 0, _, kind, ..] = reply else { return None };
    let len = match kind {
        1 => 10,
        4 => 22,
        3 => 7 + usize::from(*reply.get(4)?),
        _ => return None,
    };
    (reply.len() >= len).then_some(at + len)
}

fn brief(went: &Went<(), ProxyError>) -> String {
    match went {
        Went::Waiting => "waiting".to_owned(),
        Went::Done((), left) => format!("done, then {left:?}"),
        Went::Failed(error) => format!("{error:?}"),
    }
}
