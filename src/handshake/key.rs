//! `Sec-WebSocket-Key` and its answer (RFC 6455 sections 4.1 and 4.2.2).

use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::block_api::compress;
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
        let [digits @ .., b'=', b'='] = &text else { return None };
        // All of them are looked at, many at a time.
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        let fits = digits.iter().fold(true, |fits, b| fits & is_base64(*b));
        fits.then_some(Self { text })
    }

    /// The key as it stands in the header.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The value of `Sec-WebSocket-Accept` that answers this key.
    #[must_use]
    pub fn accept(&self) -> String {
        String::from_utf8_lossy(&self.answer()).into_owned()
    }

    /// The same without memory of its own.
    pub(super) fn answer(&self) -> [u8; 28] {
        // Key and GUID are 60 bytes: one block with the first of the padding, and one with the rest of it.
        let mut blocks = PADDED;
        let [first, _] = &mut blocks;
        if let Some(room) = first.first_chunk_mut() {
            *room = self.text;
        }
        let mut state = INITIAL;
        compress(&mut state, &blocks);
        let mut digest = [0; 20];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        let mut answer = [0; 28];
        let encoded = STANDARD.encode_slice(digest, &mut answer);
        debug_assert_eq!(encoded, Ok(28), "20 bytes are 28 characters of base64");
        answer
    }
}

/// The state that SHA-1 begins with (FIPS 180-4 section 5.3.1).
const INITIAL: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

/// Room for a key, the GUID and the padding of SHA-1 (FIPS 180-4 section 5.1.1): a bit that is one, then zeros, then
/// the length in bits.
#[expect(clippy::indexing_slicing, reason = "the compiler has tried it")]
const PADDED: [[u8; 64]; 2] = {
    let (mut first, mut last) = ([0; 64], [0; 64]);
    let mut i = 0;
    while i < GUID.len() {
        first[24 + i] = GUID[i];
        i += 1;
    }
    first[60] = 0x80;
    let bits: u16 = 60 * 8;
    [last[62], last[63]] = bits.to_be_bytes();
    [first, last]
};

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
