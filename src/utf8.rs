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
    if is_short_ascii(bytes) { Ok(bytes.len()) } else { check_letters(bytes) }
}

/// Checks `bytes` as whole characters.
#[inline]
pub(crate) fn check_whole(bytes: &[u8]) -> Result<(), InvalidUtf8> {
    if is_short_ascii(bytes) {
        return Ok(());
    }
    let valid_up_to = check_letters(bytes)?;
    if valid_up_to < bytes.len() { Err(InvalidUtf8 { valid_up_to }) } else { Ok(()) }
}

#[inline]
fn is_short_ascii(bytes: &[u8]) -> bool {
    // What is not ASCII shows at an end more often than not: then it is not looked for.
    let may_be_ascii = [bytes.first(), bytes.last()].into_iter().flatten().all(u8::is_ascii);
    let is_short = bytes.len() < 2 * BLOCK || cfg!(not(feature = "simd"));
    is_short && may_be_ascii && is_ascii(bytes)
}

/// Whether all of a text is ASCII: eight bytes at a time, the last eight whatever has been looked at of them. The
/// standard library's looks at up to 31 bytes at the end one by one.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else { return bytes.is_ascii() };
    let words = bytes.chunks_exact(8).filter_map(|word| word.first_chunk());
    let any = words.fold(u64::from_ne_bytes(*last), |any, word| any | u64::from_ne_bytes(*word));
    any & 0x8080_8080_8080_8080 == 0
}

fn check_letters(bytes: &[u8]) -> Result<usize, InvalidUtf8> {
    #[cfg(feature = "simd")]
    match bytes.len() {
        BLOCK.. => return check_wide(bytes, |whole| simdutf8::basic::from_utf8(whole).is_ok()),
        PADDED_FROM.. => return check_wide(bytes, is_valid_padded),
        _ => {}
    }
    check_in_turn(bytes)
}

fn check_in_turn(bytes: &[u8]) -> Result<usize, InvalidUtf8> {
    match core::str::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(error) => Err(InvalidUtf8 { valid_up_to: error.valid_up_to() }),
    }
}

/// What vector instructions take at once.
const BLOCK: usize = 64;

/// From this length on, text that is not all ASCII is checked faster in a block that zeros fill up.
#[cfg(feature = "simd")]
const PADDED_FROM: usize = 32;

/// Whether less than a block is valid, decided on a whole one.
#[cfg(feature = "simd")]
fn is_valid_padded(bytes: &[u8]) -> bool {
    let mut block = [0; BLOCK];
    block.get_mut(..bytes.len()).unwrap_or_default().copy_from_slice(bytes);
    simdutf8::basic::from_utf8(&block).is_ok()
}

/// Checks with vector instructions, which do not say where an error is: that is looked for then.
#[cfg(feature = "simd")]
#[inline]
fn check_wide(bytes: &[u8], is_valid: impl FnOnce(&[u8]) -> bool) -> Result<usize, InvalidUtf8> {
    let (whole, begun) = bytes.split_at(bytes.len().saturating_sub(begun(bytes)));
    if is_valid(whole) && (begun.is_empty() || check_in_turn(begun) == Ok(0)) {
        return Ok(whole.len());
    }
    check_in_turn(bytes)
}

/// How many bytes at the end begin a character and do not finish it, by its first byte.
#[cfg(feature = "simd")]
#[inline]
fn begun(bytes: &[u8]) -> usize {
    let Some(&[third, second, last]) = bytes.last_chunk() else { return 0 };
    match (third, second, last) {
        (_, _, 0xc0..) => 1,
        (_, 0xe0.., 0x80..) => 2,
        (0xf0.., 0x80..=0xbf, 0x80..) => 3,
        _ => 0,
    }
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
            text in prop_oneof![
                proptest::collection::vec(any::<char>(), 1..200),
                proptest::collection::vec(proptest::char::range(' ', '~'), 1..200),
            ],
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
