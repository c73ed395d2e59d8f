//! Where compressed messages are inflated to: memory that is zeroed once, when it is allocated.
//!
//! A compressed message's bytes stay where they came; what they inflate to is put together here.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::RecvBuf;
use crate::frame;

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

    pub(super) fn capacity(&self) -> usize {
        self.buf.capacity()
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
    #[inline]
    pub(super) fn room(&mut self, message: Range<usize>, room: usize) -> (&[u8], &mut [u8]) {
        if self.buf.len() == message.end {
            self.grow(room);
        }
        let (so_far, free) = self.buf.split_at_mut(message.end);
        let room = free.len().min(room.max(1));
        let so_far = so_far.get(message.start..).unwrap_or_default();
        (so_far, free.get_mut(..room).unwrap_or_default())
    }

    #[cold]
    fn grow(&mut self, room: usize) {
        let len = self.buf.len();
        self.buf.resize(len.saturating_add(len.max(FIRST).min(room.max(1))), 0);
    }
}

impl RecvBuf {
    /// Begins a message that is inflated.
    pub(crate) fn begin_inflated(&mut self) {
        self.plain.take_if(|plain| plain.is_large());
        self.in_plain = true;
        self.message = 0..0;
        self.checked = 0;
    }

    /// Unmasks the unparsed bytes from `from` to `to` where they lie.
    pub(crate) fn unmask(&mut self, from: usize, to: usize, key: [u8; 4]) {
        let end = self.end();
        let unread = self.buf.get_mut(self.start..end).unwrap_or_default();
        frame::mask(unread.get_mut(from..to).unwrap_or_default(), key);
    }

    /// The first `len` unparsed bytes, room for up to `room` bytes of output, and the message so far.
    #[inline]
    pub(crate) fn inflation(&mut self, len: usize, room: usize) -> (&[u8], &mut [u8], &[u8]) {
        if !self.in_plain || self.message.start > 0 {
            self.go_on_inflating();
        }
        let end = self.end();
        let unread = self.buf.get(self.start..end).unwrap_or_default();
        let plain = self.plain.get_or_insert_default();
        let (message, out) = plain.room(self.message.clone(), room);
        (unread.get(..len).unwrap_or_default(), out, message)
    }

    #[cold]
    fn go_on_inflating(&mut self) {
        if !self.in_plain {
            // Another connection's message was being put together here: none of it is this one's.
            self.begin_inflated();
        }
        if self.held.is_empty() && self.message.start > 0 {
            // A chunk has been told: what is left is at most the beginning of a character.
            if let Some(plain) = &mut self.plain {
                plain.move_down(self.message.clone());
            }
            self.message = 0..self.message.len();
        }
    }

    /// Takes `consumed` bytes as inflated to `produced` bytes of the message.
    #[expect(clippy::arithmetic_side_effects, reason = "no index into memory passes `isize::MAX`")]
    pub(crate) fn note_inflated(&mut self, consumed: usize, produced: usize) {
        self.start += consumed;
        self.message.end += produced;
    }

    /// What the inflated message has come to, without what has been told of it.
    pub(crate) fn inflated(&self) -> &[u8] {
        self.memory().get(self.message.clone()).unwrap_or_default()
    }
}
