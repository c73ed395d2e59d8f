//! `Sec-WebSocket-Key` and its answer (RFC 6455 sections 4.1 and 4.2.2).

use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A well-formed `Sec-WebSocket-Key`: 16 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    text: [u8; 24],
}

impl Key {
    /// The key that a client sends for 16 random bytes.
    #[must_use]
    pub fn from_nonce(nonce: [u8; 16]) -> Self {
        let mut text = [0; 24];
        let encoded = STANDARD.encode_slice(nonce, &mut text);
        debug_assert_eq!(encoded, Ok(24), "16 bytes are 24 characters of base64");
        Self { text }
    }

    /// Reads a key: 22 characters of base64 and two of padding, which is exactly 16 bytes.
    ///
    /// The last character's unused bits are not looked at: RFC 6455 itself gives an example
    /// (`AQIDBAUGBwgJCgsMDQ4PEC==`) in which they are not zero.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text: [u8; 24] = value.try_into().ok()?;
        let (digits, padding) = text.split_at(22);
        let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        (padding == b"==" && digits.iter().all(is_base64)).then_some(Self { text })
    }

    /// The key as it stands in the header.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The value of `Sec-WebSocket-Accept` that answers this key.
    #[must_use]
    pub fn accept(&self) -> String {
        accept_key(&self.text)
    }
}

/// The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2).
///
/// ```
/// assert_eq!(
///     hybi::handshake::accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
///     "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
/// );
/// ```
#[must_use]
pub fn accept_key(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    STANDARD.encode(hash.finalize())
}
