//! UTF-8 that arrives in pieces (RFC 3629, as RFC 6455 section 8.1 asks for it).
//!
//! Messages are assembled contiguously, so no decoder state is carried from piece to piece: the caller
//! remembers how far the text has been checked and asks again from there. An unfinished character is at
//! most three bytes long, which bounds what is looked at twice.

use core::fmt;

/// Bytes that no continuation can turn into UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8 {
    /// How many bytes before the offending character are valid.
    pub valid_up_to: usize,
}

impl fmt::Display for InvalidUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid UTF-8 after {} bytes", self.valid_up_to)
    }
}

impl core::error::Error for InvalidUtf8 {}

/// Checks as much of `bytes` as can be decided and returns how many bytes are whole, valid characters.
///
/// What follows them, at most three bytes, is the beginning of a character that may still become
/// valid. The first byte that makes the text impossible is an error, whether or not the character it
/// stands in is complete: surrogates, overlong forms and values above U+10FFFF fail at their second
/// byte.
///
/// ```
/// use hybi::utf8::check;
///
/// assert_eq!(check("h\u{e9}".as_bytes()), Ok(3));
/// assert_eq!(check(b"h\xc3"), Ok(1));                      // one byte of two
/// assert_eq!(check(b"h\xed\xa0").unwrap_err().valid_up_to, 1); // a surrogate, whatever follows
/// ```
///
/// # Errors
///
/// [`InvalidUtf8`], with the length of the valid text before the offence.
#[inline]
pub fn check(bytes: &[u8]) -> Result<usize, InvalidUtf8> {
    #[cfg(feature = "simd")]
    if bytes.len() >= SIMD_FROM {
        let (whole, begun) = bytes.split_at(bytes.len().saturating_sub(begun(bytes)));
        if simdutf8::basic::from_utf8(whole).is_ok() && check_in_turn(begun) == Ok(0) {
            return Ok(whole.len());
        }
        // It is not said where: that is looked for below.
    }
    if bytes.is_ascii() {
        return Ok(bytes.len());
    }
    check_in_turn(bytes)
}

/// Checks `bytes` as whole characters.
#[inline]
pub(crate) fn check_whole(bytes: &[u8]) -> Result<(), InvalidUtf8> {
    if bytes.len() < LOOK_FOR_LETTERS && is_ascii(bytes) {
        return Ok(());
    }
    check_letters(bytes)
}

/// Below this length it pays to look for ASCII before anything is called that knows letters.
const LOOK_FOR_LETTERS: usize = 512;

/// As the standard library's, without its last steps of one byte each.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().fold(0, |all, byte| all | byte) < 0x80;
    };
    let words = bytes.chunks_exact(8).filter_map(|bytes| bytes.first_chunk::<8>());
    // The last overlaps the one before it.
    words.fold(word(last), |all, bytes| all | word(bytes)) & 0x8080_8080_8080_8080 == 0
}

#[inline(never)]
fn check_letters(bytes: &[u8]) -> Result<(), InvalidUtf8> {
    #[cfg(feature = "simd")]
    if bytes.len() >= SIMD_FROM && simdutf8::basic::from_utf8(bytes).is_ok() {
        return Ok(());
    }
    let valid_up_to = check_in_turn(bytes)?;
    if valid_up_to < bytes.len() { Err(InvalidUtf8 { valid_up_to }) } else { Ok(()) }
}

fn check_in_turn(bytes: &[u8]) -> Result<usize, InvalidUtf8> {
    match core::str::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(error) => Err(InvalidUtf8 { valid_up_to: error.valid_up_to() }),
    }
}

/// From this length on vector instructions pay.
#[cfg(feature = "simd")]
const SIMD_FROM: usize = 64;

/// How many bytes at the end begin a character and do not finish it, by its first byte.
#[cfg(feature = "simd")]
fn begun(bytes: &[u8]) -> usize {
    let first = |byte: &u8| !(0x80..0xc0).contains(byte);
    let Some((after, byte)) = bytes.iter().rev().take(3).enumerate().find(|(_, byte)| first(byte))
    else {
        return 0;
    };
    let length = match byte {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
        _ => 1,
    };
    let there = after.saturating_add(1);
    if there < length { there } else { 0 }
}

#[cfg(all(test, feature = "simd"))]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Text of characters of every length, cut anywhere, with a byte changed or not.
        #[test]
        fn wide_instructions_decide_as_one_byte_after_the_other(
            text in proptest::collection::vec(any::<char>(), 10..200),
            cut in any::<proptest::sample::Index>(),
            change in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
        ) {
            let text: String = text.into_iter().collect();
            let mut bytes = Vec::from(text);
            bytes.truncate(cut.index(bytes.len() + 1));
            if let Some((at, byte)) = change.filter(|_| !bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            prop_assert_eq!(check(&bytes), check_in_turn(&bytes));
            prop_assert_eq!(check_whole(&bytes).is_ok(), core::str::from_utf8(&bytes).is_ok());
        }
    }
}
