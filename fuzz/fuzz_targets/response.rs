//! A response is judged the same however it is cut; what is accepted is a 101 that answers this very request.
#![no_main]

mod shared;

use hybi::handshake::{HandshakeError, Request};
use libfuzzer_sys::fuzz_target;
use shared::heads::answers;
use shared::opening::{KEY, Went, ask};
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
        let cut = ask(request(), pieces(bytes, cuts));
        assert_eq!(cut.brief(|done| format!("{done:?}")), whole.brief(|done| format!("{done:?}")));
    }
    match whole {
        Went::Done(established, left) => {
            assert!(bytes.ends_with(&left), "what follows is handed on");
            answers(&bytes[..bytes.len() - left.len()], KEY, &offered, &established);
        }
        Went::Failed(HandshakeError::Refused(response)) => {
            assert!(response.body().len() <= 64 * 1024);
        }
        _ => {}
    }
});
