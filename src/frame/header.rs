//! Frame headers (RFC 6455 section 5.2): two to fourteen bytes.
//!
//! ```text
//!  byte 0           byte 1
//!  F R R R opcode   M length7   [16 or 64 bits of length]   [4 bytes of masking key]
//! ```

use core::fmt;

use super::OpCode;

/// The longest header: two bytes, a 64-bit length and a masking key.
pub const MAX_HEADER: usize = 14;

/// The longest payload of a control frame (RFC 6455 section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV23: u8 = 0x30;
pub(super) const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether the frame is the last of its message.
    pub fin: bool,
    /// The first reserved bit, which marks a compressed message (RFC 7692 section 6).
    pub rsv1: bool,
    /// What the frame carries.
    pub opcode: OpCode,
    /// The masking key, present in every frame from a client and in none from a server.
    pub mask: Option<[u8; 4]>,
    /// How many bytes of payload follow.
    pub len: u64,
}

/// Which way frames travel decides whether they are masked (RFC 6455 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masking {
    /// Frames come from a client: each must be masked.
    Required,
    /// Frames come from a server: none may be masked.
    Forbidden,
}

/// What a receiver expects of the next header, so that every violation shows at its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Whether frames must be masked.
    pub masking: Masking,
    /// Whether an extension gives RSV1 a meaning on the first frame of a data message.
    pub rsv1: bool,
    /// Whether a fragmented message is open: then a data frame must continue it, else it must not.
    pub in_message: bool,
}

impl Header {
    /// Reads a header from the beginning of `bytes`.
    ///
    /// `Ok(None)` means that more bytes are needed, never more than [`MAX_HEADER`] in all. Each check is
    /// made on the first byte that allows it, so a peer that breaks the protocol is found out before the
    /// rest of its header, let alone its payload, has arrived. The second value is the header's length.
    ///
    /// ```
    /// use hybi::frame::{Expect, Header, Masking, OpCode};
    ///
    /// let expect = Expect { masking: Masking::Forbidden, rsv1: false, in_message: false };
    /// let (header, used) = Header::parse(b"\x81\x05Hello", expect).unwrap().unwrap();
    /// assert_eq!((header.opcode, header.len, used), (OpCode::Text, 5, 2));
    /// ```
    ///
    /// # Errors
    ///
    /// The rule of section 5 that the header breaks.
    #[inline]
    pub fn parse(bytes: &[u8], expect: Expect) -> Result<Option<(Self, usize)>, HeaderError> {
        let unkeyed = Self::parse_unkeyed(bytes, expect)?;
        Ok(unkeyed.and_then(|(header, used)| header.with_key(bytes, used, expect.masking)))
    }

    /// Reads a header as far as its length, without the masking key that follows: to refuse a payload before four more
    /// bytes are waited for. `mask` is `None` and the second value is the length of what was read, ten bytes at most;
    /// otherwise as [`parse`](Self::parse).
    ///
    /// ```
    /// use hybi::frame::{Expect, Header, Masking};
    ///
    /// let expect = Expect { masking: Masking::Required, rsv1: false, in_message: false };
    /// let (header, used) = Header::parse_unkeyed(b"\x82\xfe\xff\xff", expect).unwrap().unwrap();
    /// assert_eq!((header.len, used), (65_535, 4));
    /// ```
    ///
    /// # Errors
    ///
    /// All those of [`parse`](Self::parse): no rule depends on the key.
    #[inline]
    pub fn parse_unkeyed(
        bytes: &[u8],
        expect: Expect,
    ) -> Result<Option<(Self, usize)>, HeaderError> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let opcode = check_first(first, expect)?;
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let len7 = check_second(second, opcode, expect.masking)?;

        let (len, used) = match len7 {
            LENGTH_16 => {
                let Some(be) = rest.first_chunk::<2>() else { return Ok(None) };
                let len = u64::from(u16::from_be_bytes(*be));
                if len < u64::from(LENGTH_16) {
                    return Err(HeaderError::NonMinimalLength);
                }
                (len, 4)
            }
            LENGTH_64 => {
                let Some(be) = rest.first_chunk::<8>() else {
                    return match rest {
                        [top, ..] if top & 0x80 != 0 => Err(HeaderError::LengthTopBit),
                        [0, 0, 0, 0, 0, 0, ..] => Err(HeaderError::NonMinimalLength),
                        _ => Ok(None),
                    };
                };
                let len = u64::from_be_bytes(*be);
                if len >> 63 != 0 {
                    return Err(HeaderError::LengthTopBit);
                }
                if len <= u64::from(u16::MAX) {
                    return Err(HeaderError::NonMinimalLength);
                }
                (len, 10)
            }
            short => (u64::from(short), 2),
        };
        let (fin, rsv1) = (first & FIN != 0, first & RSV1 != 0);
        Ok(Some((Self { fin, rsv1, opcode, mask: None, len }, used)))
    }

    /// Adds the masking key, if frames have one, to what [`parse_unkeyed`](Self::parse_unkeyed) has read of `bytes`.
    #[inline]
    pub(crate) fn with_key(
        self,
        bytes: &[u8],
        unkeyed: usize,
        masking: Masking,
    ) -> Option<(Self, usize)> {
        match masking {
            Masking::Forbidden => Some((self, unkeyed)),
            Masking::Required => {
                let key = bytes.get(unkeyed..)?.first_chunk::<4>()?;
                Some((Self { mask: Some(*key), ..self }, unkeyed.saturating_add(key.len())))
            }
        }
    }

    /// The header in its shortest form, but for the masking key.
    #[inline]
    pub(crate) fn encode_unkeyed(&self) -> Unkeyed {
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        let two = |length: u8| u16::from(self.first()) << 8 | u16::from(masked | length);
        match (u8::try_from(self.len), u16::try_from(self.len)) {
            (Ok(len @ ..LENGTH_16), _) => Unkeyed::Short(two(len)),
            (_, Ok(len)) => Unkeyed::Medium(u32::from(two(LENGTH_16)) << 16 | u32::from(len)),
            _ => Unkeyed::Long(two(LENGTH_64), self.len),
        }
    }

    /// How many bytes the header is.
    #[cfg(feature = "deflate")]
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "ten and four are fourteen")]
    pub(crate) const fn encoded_len(&self) -> usize {
        let key = if self.mask.is_some() { 4 } else { 0 };
        let unkeyed = match self.len {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        };
        unkeyed + key
    }

    /// The first byte: FIN, RSV1 and the opcode.
    #[inline]
    const fn first(&self) -> u8 {
        self.opcode as u8 | if self.fin { FIN } else { 0 } | if self.rsv1 { RSV1 } else { 0 }
    }

    /// Writes the header in its shortest form.
    #[inline]
    #[must_use]
    pub fn encode(&self) -> HeaderBytes {
        let mut header = HeaderBytes { bytes: [0; MAX_HEADER], used: 0 };
        match self.encode_unkeyed() {
            Unkeyed::Short(two) => header.put(&two.to_be_bytes()),
            Unkeyed::Medium(four) => header.put(&four.to_be_bytes()),
            Unkeyed::Long(two, len) => {
                header.put(&two.to_be_bytes());
                header.put(&len.to_be_bytes());
            }
        }
        if let Some(key) = self.mask {
            header.put(&key);
        }
        header
    }
}

/// A header without its masking key, in one of its three lengths, to be written with the most significant byte first.
///
/// Numbers rather than bytes: bytes that are put together in memory and read from there as one make the processor wait, for
/// longer than all the rest of a short frame takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unkeyed {
    /// A payload of up to 125 bytes.
    Short(u16),
    /// A payload of up to 65,535 bytes.
    Medium(u32),
    /// Any payload, with its length.
    Long(u16, u64),
}

/// All that the first byte decides: reserved bits, opcode, fragmentation.
#[inline]
fn check_first(first: u8, expect: Expect) -> Result<OpCode, HeaderError> {
    if first & RSV23 != 0 || (first & RSV1 != 0 && !expect.rsv1) {
        return Err(HeaderError::ReservedBits);
    }
    let opcode = OpCode::from_bits(first).ok_or(HeaderError::ReservedOpcode)?;
    if opcode.is_control() {
        if first & FIN == 0 {
            return Err(HeaderError::ControlFragmented);
        }
        if first & RSV1 != 0 {
            return Err(HeaderError::ReservedBits);
        }
        return Ok(opcode);
    }
    match (opcode, expect.in_message) {
        (OpCode::Continuation, true) if first & RSV1 != 0 => Err(HeaderError::ReservedBits),
        (OpCode::Continuation, false) => Err(HeaderError::UnexpectedContinuation),
        (OpCode::Text | OpCode::Binary, true) => Err(HeaderError::ExpectedContinuation),
        _ => Ok(opcode),
    }
}

/// All that the second byte decides: the mask's direction and a control frame's length.
#[inline]
fn check_second(second: u8, opcode: OpCode, masking: Masking) -> Result<u8, HeaderError> {
    let len7 = second & 0x7F;
    if opcode.is_control() && usize::from(len7) > MAX_CONTROL_PAYLOAD {
        return Err(HeaderError::ControlTooLong);
    }
    match masking {
        Masking::Required if second & MASKED == 0 => Err(HeaderError::Unmasked),
        Masking::Forbidden if second & MASKED != 0 => Err(HeaderError::Masked),
        _ => Ok(len7),
    }
}

/// An encoded header, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBytes {
    bytes: [u8; MAX_HEADER],
    used: usize,
}

impl HeaderBytes {
    /// Appends a part of the header.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "ten and four are fourteen")]
    #[expect(clippy::indexing_slicing, reason = "fourteen bytes hold ten and a key of four")]
    fn put<const N: usize>(&mut self, part: &[u8; N]) {
        self.bytes[self.used..self.used + N].copy_from_slice(part);
        self.used += N;
    }
}

impl core::ops::Deref for HeaderBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }
}

/// A header that breaks RFC 6455 section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// A reserved bit is set that no negotiated extension gives a meaning (section 5.2).
    ReservedBits,
    /// Opcodes 3 to 7 and 11 to 15 have no meaning (section 5.2).
    ReservedOpcode,
    /// A control frame without FIN (section 5.5).
    ControlFragmented,
    /// A control frame of more than 125 bytes (section 5.5).
    ControlTooLong,
    /// A frame from a client without a mask (section 5.1).
    Unmasked,
    /// A frame from a server with a mask (section 5.1).
    Masked,
    /// A length that would have fitted a shorter form (section 5.2).
    NonMinimalLength,
    /// A 64-bit length with its most significant bit set (section 5.2).
    LengthTopBit,
    /// A continuation frame while no message is open (section 5.4).
    UnexpectedContinuation,
    /// A new message before the open one was finished (section 5.4).
    ExpectedContinuation,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a frame with a reserved bit that no negotiated extension uses",
            Self::ReservedOpcode => "a frame with a reserved opcode",
            Self::ControlFragmented => "a fragmented control frame",
            Self::ControlTooLong => "a control frame longer than 125 bytes",
            Self::Unmasked => "an unmasked frame as a client",
            Self::Masked => "a masked frame as a server",
            Self::NonMinimalLength => "a frame whose length is not in its shortest form",
            Self::LengthTopBit => "a frame whose length has its top bit set",
            Self::UnexpectedContinuation => "a continuation frame without a message to continue",
            Self::ExpectedContinuation => "a new message inside an unfinished one",
        })
    }
}

impl core::error::Error for HeaderError {}
