//! Bytes on the wire, in hex and as frames.

use std::fmt;
use std::ops::Deref;

use hybi::frame::{Expect, Header, HeaderError, Masking, mask, rotate};

/// The masking key of the examples in RFC 6455 section 5.7.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Bytes on the wire; they print as hex.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Wire(pub(crate) Vec<u8>);

/// Bytes from hex; spaces mark the boundaries of fields.
pub(crate) fn wire(hex: &str) -> Wire {
    let digits: Vec<u8> = hex
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("a hex digit") as u8)
        .collect();
    assert_eq!(digits.len() % 2, 0, "half a byte in {hex:?}");
    Wire(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// An unmasked frame: its first byte, the shortest length, the payload.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Wire {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(len as u8),
        len @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    Wire(bytes)
}

/// An unmasked Close frame.
pub(crate) fn close_frame(code: u16, reason: &str) -> Wire {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason.as_bytes());
    frame(0x88, &payload)
}

/// Unmasked frames as a client sends them, with `key` in each, and the key as it stands after the last
/// byte. The bytes begin with a frame and may end inside one.
pub(crate) fn masked(frames: &[u8], key: [u8; 4]) -> (Wire, [u8; 4]) {
    let mut out = Vec::new();
    let mut rest = frames;
    let mut key_now = key;
    while let Some((&first, after)) = rest.split_first() {
        out.push(first);
        let Some((&second, after)) = after.split_first() else { break };
        out.push(second | 0x80);
        let extra = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if after.len() < extra {
            out.extend(after);
            break;
        }
        let (length, after) = after.split_at(extra);
        out.extend(length);
        out.extend(key);
        let len = match extra {
            0 => u64::from(second & 0x7f),
            _ => length.iter().fold(0, |len, &byte| len << 8 | u64::from(byte)),
        };
        let (payload, after) =
            after.split_at(usize::try_from(len).map_or(after.len(), |len| len.min(after.len())));
        let start = out.len();
        out.extend(payload);
        mask(&mut out[start..], key);
        key_now = rotate(key, payload.len());
        rest = after;
    }
    (Wire(out), key_now)
}

/// Reads whole frames strictly and unmasks them.
pub(crate) fn parse_frames(
    bytes: &[u8],
    masking: Masking,
    in_message: &mut bool,
) -> Result<Vec<(Header, Vec<u8>)>, HeaderError> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let expect = Expect { masking, rsv1: false, in_message: *in_message };
        let (header, used) = Header::parse(rest, expect)?.expect("a whole header");
        let end = used + usize::try_from(header.len).expect("a length of this machine");
        let mut payload = rest.get(used..end).expect("a whole payload").to_vec();
        if let Some(key) = header.mask {
            mask(&mut payload, key);
        }
        if !header.opcode.is_control() {
            *in_message = !header.fin;
        }
        frames.push((header, payload));
        rest = &rest[end..];
    }
    Ok(frames)
}

impl Deref for Wire {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Wire {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len() > 400 {
            return write!(f, "<{} bytes from {:02x?}>", self.len(), &self[..24]);
        }
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
