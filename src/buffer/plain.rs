//! Where compressed messages are inflated to: memory that is zeroed once, when it is allocated.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

/// What a connection may keep between messages.
const KEEP: usize = 64 * 1024;

/// The size of the first allocation.
const FIRST: usize = 4 * 1024;

#[derive(Default)]
pub(super) struct Plain {
    buf: Vec<u8>,
}

impl Plain {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Whether the memory is too large to be kept for the next message.
    pub(super) fn is_large(&self) -> bool {
        self.buf.len() > KEEP
    }

    /// Hands the memory over.
    pub(super) fn into_bytes(self) -> Bytes {
        self.buf.into()
    }

    /// Moves a part to the front.
    pub(super) fn move_down(&mut self, part: Range<usize>) {
        self.buf.copy_within(part, 0);
    }

    /// The message so far and room for up to `room` bytes behind it, at least one. It grows by doubling.
    pub(super) fn room(&mut self, message: Range<usize>, room: usize) -> (&[u8], &mut [u8]) {
        if self.buf.len() == message.end {
            let len = (2 * self.buf.len()).max(FIRST);
            self.buf.resize(len, 0);
        }
        let (so_far, free) = self.buf.split_at_mut(message.end);
        let room = free.len().min(room.max(1));
        (&so_far[message.start..], &mut free[..room])
    }
}
