//! Text is judged as RFC 3629 does, at the first byte that makes it impossible, however it is cut into fragments.
#![no_main]

mod shared;

use hybi::utf8::{InvalidUtf8, check};
use hybi::{Error, Role};
use libfuzzer_sys::fuzz_target;
use shared::common::{End, Told, failure, frame};
use shared::rfc3629::judge;
use shared::{Cuts, pieces};

fuzz_target!(|input: (Cuts, &[u8])| {
    let (cuts, bytes) = input;
    let judged = judge(bytes);
    match (&judged, std::str::from_utf8(bytes)) {
        (Ok(whole), Ok(_)) => assert_eq!(*whole, bytes.len()),
        (Ok(whole), Err(error)) => {
            assert_eq!((*whole, None), (error.valid_up_to(), error.error_len()))
        }
        (Err(_), whole) => assert!(whole.is_err()),
    }
    assert_eq!(check(bytes), judged.map_err(|(valid_up_to, _)| InvalidUtf8 { valid_up_to }));

    let mut end = End::of(Role::Client, Default::default());
    let (mut first, mut heard) = (0x01, 0);
    for piece in pieces(bytes, cuts) {
        let told = end.hear_bytes(&frame(first, piece));
        (first, heard) = (0, heard + piece.len());
        match judged {
            Err((_, at)) if at < heard => return assert_eq!(failure(&told), Error::InvalidUtf8),
            _ => assert_eq!(told, []),
        }
    }
    let told = end.hear_bytes(&frame(first | 0x80, b""));
    match std::str::from_utf8(bytes) {
        Ok(text) => assert_eq!(told, [Told::text(text)]),
        Err(_) => assert_eq!(failure(&told), Error::InvalidUtf8),
    }
});
