//! WebSocket by hand, at its least: no fragments, no control frames, no checks.

/// Where a masked frame lies in a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The byte with the opcode.
    pub first: u8,
    /// What its payload is masked with.
    pub key: [u8; 4],
    /// Where the payload starts.
    pub start: usize,
    /// Where the payload ends.
    pub end: usize,
}

impl Frame {
    /// The frame that begins here, if all of it is there.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let frame = Self::parse_header(bytes)?;
        (frame.end <= bytes.len()).then_some(frame)
    }

    #[inline]
    fn parse_header(bytes: &[u8]) -> Option<Self> {
        let (header, len) = match bytes.get(1)? & 0x7f {
            126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into()),
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
            len => (2, len.into()),
        };
        let key = bytes.get(header..header + 4)?.try_into().ok()?;
        Some(Self { first: bytes[0], key, start: header + 4, end: header + 4 + len })
    }

    /// How many bytes of a frame that has begun are still to come.
    pub fn missing(bytes: &[u8]) -> usize {
        Self::parse_header(bytes).map_or(0, |frame| frame.end.saturating_sub(bytes.len()))
    }
}

/// Appends the header of a server's frame.
#[inline]
pub fn put_header(tx: &mut Vec<u8>, first: u8, len: usize) {
    match len {
        ..126 => tx.extend_from_slice(&[first, len as u8]),
        126..65_536 => {
            let [a, b] = (len as u16).to_be_bytes();
            tx.extend_from_slice(&[first, 126, a, b]);
        }
        _ => {
            tx.extend_from_slice(&[first, 127]);
            tx.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Masks eight bytes at a time, from which the compiler makes what the processor at hand is sure to have.
#[inline(always)]
pub fn mask_u64(data: &mut [u8], [a, b, c, d]: [u8; 4]) {
    let key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = data.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.to_ne_bytes()) {
        *byte ^= key;
    }
}
