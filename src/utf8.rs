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
pub fn check(bytes: &[u8]) -> Result<usize, InvalidUtf8> {
    match core::str::from_utf8(bytes) {
        Ok(_) => Ok(bytes.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(error) => Err(InvalidUtf8 { valid_up_to: error.valid_up_to() }),
    }
}
