//! A proxy's answers are judged the same however they are cut, and as a second reading of RFC 1928 and RFC 9110 judges
//! them; what follows the last of them is handed on.
#![no_main]

mod shared;

use hybi::proxy::{Proxy, ProxyError};
use libfuzzer_sys::fuzz_target;
use shared::heads::Head;
use shared::opening::Went;
use shared::tunnel::{ask, socks_len};
use shared::{Cuts, SINGLE, pieces};

fuzz_target!(|input: (u8, Cuts, &[u8])| {
    let (knobs, cuts, bytes) = input;
    let (socks, password) = (knobs & 1 != 0, knobs & 2 != 0);
    let scheme = if socks { "socks5h" } else { "http" };
    let user = if password { "user:secret@" } else { "" };
    let proxy: Proxy = format!("{scheme}://{user}proxy.example").parse().expect("the URL is good");
    let whole = ask(&proxy, [bytes].into_iter());
    for cuts in [SINGLE, cuts] {
        assert_eq!(ask(&proxy, pieces(bytes, cuts)).brief(|_| ""), whole.brief(|_| ""));
    }
    match &whole {
        Went::Done((), left) => {
            assert!(bytes.ends_with(left), "what follows is handed on");
            let answers = &bytes[..bytes.len() - left.len()];
            if socks {
                assert_eq!(socks_len(bytes, password), Some(answers.len()), "{answers:?}");
            } else {
                assert_eq!(Head::read_last(answers).status(), Some('2'), "{answers:?}");
            }
        }
        Went::Failed(ProxyError::Refused(response)) => {
            assert!(!socks && !response.status().is_success());
            assert!(response.body().len() <= 64 * 1024);
        }
        _ => assert!(!socks || socks_len(bytes, password).is_none(), "{bytes:?}"),
    }
});
