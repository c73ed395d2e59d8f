//! The frame and the message that are coming in: it stands beside the bytes, so that an idle connection has none of it.

#[cfg(feature = "deflate")]
use crate::frame;
use crate::frame::OpCode;
use crate::message::Kind;

/// A frame whose header has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) opcode: OpCode,
    pub(crate) fin: bool,
    /// The masking key, rotated to the next byte of the payload.
    pub(crate) key: Option<[u8; 4]>,
    /// Payload bytes that have not been taken yet.
    pub(crate) remaining: u64,
    /// How many of them have come and been unmasked where they lie.
    #[cfg(feature = "deflate")]
    pub(crate) clear: usize,
}

/// A message that is being put together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming {
    pub(crate) kind: Kind,
    /// The length that its headers have announced.
    pub(crate) len: u64,
    pub(crate) fragments: u32,
    pub(crate) empty_fragments: u32,
    /// Whether a chunk of it has been told.
    pub(crate) begun: bool,
    /// Whether it is compressed.
    #[cfg(feature = "deflate")]
    pub(crate) compressed: bool,
}

#[cfg(feature = "deflate")]
impl Frame {
    /// Takes `count` bytes of payload.
    pub(crate) fn advance(&mut self, count: usize) {
        self.remaining = self.remaining.saturating_sub(count as u64);
        self.clear = self.clear.saturating_sub(count);
        self.key = self.key.map(|key| frame::rotate(key, count));
    }
}
