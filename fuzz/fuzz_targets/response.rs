//! A response is judged the same however it is cut; what is accepted is a 101 that answers this very request
//! and chooses nothing that it does not offer.
#![no_main]

mod shared;

use hybi::handshake::{HandshakeError, Request};
use libfuzzer_sys::fuzz_target;
use shared::extensions::offer;
use shared::heads::answers;
use shared::opening::{KEY, Went, ask};
use shared::{Cuts, SINGLE, pieces};

fuzz_target!(|input: (u8, Cuts, &[u8])| {
    let (knobs, cuts, bytes) = input;
    let names = ["chat", "superchat", "v2"].into_iter();
    let names: Vec<&str> = names.filter(|name| knobs as usize & name.len() != 0).collect();
    let offer = offer(knobs);
    let request = || {
        let plain = Request::new("ws://example.com/chat").expect("the URL is good");
        let plain = offer.into_iter().fold(plain, Request::offer);
        names.iter().fold(plain, |request, name| request.subprotocol(name).expect("it is a token"))
    };
    let whole = ask(request(), [bytes].into_iter());
    for cuts in [SINGLE, cuts] {
        let cut = ask(request(), pieces(bytes, cuts));
        assert_eq!(cut.brief(|done| format!("{done:?}")), whole.brief(|done| format!("{done:?}")));
    }
    match whole {
        Went::Done(established, left) => {
            assert!(bytes.ends_with(&left), "what follows is handed on");
            answers(&bytes[..bytes.len() - left.len()], KEY, (&names, offer), &established);
        }
        Went::Failed(HandshakeError::Refused(response)) => {
            assert!(response.body().len() <= 64 * 1024);
        }
        _ => {}
    }
});
