//! A request is judged the same however it is cut; what is accepted keeps every MUST of RFC 6455 section 4.2.1; what
//! is refused is answered with one whole response.
#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;
use shared::heads::{is_one_refusal, keeps_section_4_2};
use shared::opening::{Went, serve};
use shared::{Cuts, SINGLE, pieces};

fuzz_target!(|input: (Cuts, &[u8])| {
    let (cuts, bytes) = input;
    let whole = serve([bytes].into_iter());
    for cuts in [SINGLE, cuts] {
        let cut = serve(pieces(bytes, cuts));
        assert_eq!(cut.brief(|done| done.to_http()), whole.brief(|done| done.to_http()));
    }
    match whole {
        Went::Waiting => {}
        Went::Done(incoming, left) => {
            assert!(bytes.ends_with(&left), "what follows is handed on");
            keeps_section_4_2(&bytes[..bytes.len() - left.len()], incoming);
        }
        Went::Failed(refusal) => is_one_refusal(&refusal.response),
    }
});
