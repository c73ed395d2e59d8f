//! Text is judged as RFC 3629 does, at the first byte that makes it impossible, however it is cut into fragments.
#![no_main]

mod shared;

use hybi::utf8::{InvalidUtf8, check};
use hybi::{Error, Role};
use libfuzzer_sys::fuzz_target;
use shared::common::{End, Told, failure, frame};
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

/// The table of RFC 3629 section 4, a byte at a time: how many bytes are whole characters, or that number and
/// the place of the byte that cannot be.
fn judge(bytes: &[u8]) -> Result<usize, (usize, usize)> {
    let (mut whole, mut missing, mut range) = (0, 0, 0x80..=0xbf);
    for (at, &byte) in bytes.iter().enumerate() {
        if missing > 0 {
            if !range.contains(&byte) {
                return Err((whole, at));
            }
            (missing, range) = (missing - 1, 0x80..=0xbf);
        } else {
            (missing, range) = match byte {
                0..=0x7f => (0, 0x80..=0xbf),
                0xc2..=0xdf => (1, 0x80..=0xbf),
                0xe0 => (2, 0xa0..=0xbf),
                0xed => (2, 0x80..=0x9f),
                0xe1..=0xef => (2, 0x80..=0xbf),
                0xf0 => (3, 0x90..=0xbf),
                0xf1..=0xf3 => (3, 0x80..=0xbf),
                0xf4 => (3, 0x80..=0x8f),
                _ => return Err((whole, at)),
            };
        }
        if missing == 0 {
            whole = at + 1;
        }
    }
    Ok(whole)
}
