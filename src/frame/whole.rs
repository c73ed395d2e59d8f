//! A short look for what most traffic is: a whole message in one frame.

use super::OpCode;
use super::header::{MASKED, Masking};

/// Where a message lies that is one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    /// Text or binary.
    pub(crate) opcode: OpCode,
    /// The length of the header; the masking key, if frames have one, is its end.
    pub(crate) header: usize,
    /// The length of the payload.
    pub(crate) len: usize,
    /// Whether it is compressed, which the caller knows whether to expect.
    pub(crate) compressed: bool,
}

/// FIN and no other bit, with the opcode.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
/// RSV1, which marks what is compressed.
const COMPRESSED: u8 = 0x40;

/// The longest payload whose length is one byte.
const SHORT: u8 = 125;
/// Says that the length is the next two bytes.
const TWO_BYTES: u8 = SHORT + 1;

impl Whole {
    /// Finds a valid frame of up to 65,535 bytes at the beginning of `bytes` that is a whole message and has
    /// come in full. None is no verdict: it is [`Header::parse`](super::Header::parse) that tells why.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "a header has eight bytes at most")]
    pub(crate) fn find(bytes: &[u8], masking: Masking) -> Option<Self> {
        let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
        let opcode = match first & !COMPRESSED {
            TEXT => OpCode::Text,
            BINARY => OpCode::Binary,
            _ => return None,
        };
        let (bit, key) = match masking {
            Masking::Required => (MASKED, 4),
            Masking::Forbidden => (0, 0),
        };
        let (header, len) = match second ^ bit {
            short @ ..=SHORT => (2 + key, usize::from(short)),
            TWO_BYTES => (4 + key, usize::from(u16::from_be_bytes(*rest.first_chunk::<2>()?))),
            _ => return None,
        };
        // In its shortest form, and all there.
        let is_shortest = header == 2 + key || len > usize::from(SHORT);
        let compressed = first & COMPRESSED != 0;
        let found = Self { opcode, header, len, compressed };
        (is_shortest && bytes.len() >= header + len).then_some(found)
    }

    /// The masking key, if frames have one: the end of the header that `bytes` begin with.
    #[cfg(feature = "deflate")]
    pub(crate) fn key(&self, bytes: &[u8], masking: Masking) -> Option<[u8; 4]> {
        match masking {
            Masking::Required => bytes.get(..self.header)?.last_chunk::<4>().copied(),
            Masking::Forbidden => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Expect, Header};
    use super::*;
    use alloc::vec;

    /// Every first two bytes, every length that could come next, whole and one byte short.
    #[test]
    fn what_is_found_is_what_the_header_says() {
        for masking in [Masking::Required, Masking::Forbidden] {
            let expect = Expect { masking, rsv1: true, in_message: false };
            for head in 0..=u16::MAX {
                for len in [0_u16, 125, 126, 300] {
                    let mut bytes = vec![0x5a; 400];
                    bytes[..2].copy_from_slice(&head.to_be_bytes());
                    bytes[2..4].copy_from_slice(&len.to_be_bytes());
                    let parsed = Header::parse(&bytes, expect).ok().flatten();
                    let whole = parsed.filter(|(header, used)| {
                        let data = matches!(header.opcode, OpCode::Text | OpCode::Binary);
                        data && header.fin && *used as u64 + header.len <= 400
                    });
                    let expected =
                        whole.map(|(header, used)| (header.opcode, header.rsv1, used, header.len));
                    let all = expected.map_or(400, |(_, _, used, len)| used + len as usize);
                    let find = |bytes: &[u8]| {
                        let whole = Whole::find(bytes, masking);
                        whole.map(|it| (it.opcode, it.compressed, it.header, it.len as u64))
                    };
                    assert_eq!(find(&bytes[..all]), expected, "{head:04x} {len}");
                    assert!(expected.is_none() || find(&bytes[..all - 1]).is_none());
                }
            }
        }
    }
}
