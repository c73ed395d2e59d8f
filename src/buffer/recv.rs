//! The receive buffer: one contiguous piece of memory in which frames are parsed, unmasked and joined.
//!
//! ```text
//!   0        message.start    message.end      start            end          capacity
//!   | free   | message so far |  gap           | not yet parsed | free space  |
//! ```
//!
//! A payload is unmasked where it lies. The payload of a further fragment is moved down to the end of the
//! message so far, over the header that stood between them, so a message ends up contiguous after at most
//! one move of each byte and no second buffer exists. Memory is reclaimed in [`RecvBuf::space`] and
//! [`RecvBuf::spare`] only; the borrow checker forbids both while an event points into the buffer.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use bytes::BufMut;

use super::incoming::{Frame, Incoming};
#[cfg(feature = "deflate")]
use super::plain::Plain;
use super::rough::Rough;

/// Bytes that have come from the peer.
///
/// The caller owns it and fills it from whatever transport there is, in one of two ways: [`space`] and
/// [`filled`] for transports that read into a slice, [`spare`] for those that fill a [`BufMut`] without
/// having it zeroed first. It owns no memory until it is first asked for room.
///
/// Bytes received after the opening handshake simply stay here for the connection, whose buffer this is for its
/// whole life.
///
/// [`space`]: Self::space
/// [`filled`]: Self::filled
/// [`spare`]: Self::spare
#[derive(Default)]
pub struct RecvBuf {
    pub(super) buf: Vec<u8>,
    /// Bytes at the end of `buf` that are initialised but not received.
    pub(super) zeroed: usize,
    /// The first byte not yet parsed.
    pub(super) start: usize,
    /// The frame that comes in, from the end of its header to the end of its payload.
    pub(crate) frame: Option<Frame>,
    /// What is known of the message that comes in, from its first header to its end.
    pub(crate) incoming: Option<Incoming>,
    /// The message that is being put together: a part of `buf`, or of `plain` where it is compressed.
    pub(super) message: Range<usize>,
    /// Whether the message is being inflated.
    #[cfg(feature = "deflate")]
    pub(super) in_plain: bool,
    /// Where messages are inflated to.
    #[cfg(feature = "deflate")]
    pub(super) plain: Option<Box<Plain>>,
    /// Whether `held` is a part of `plain`.
    #[cfg(feature = "deflate")]
    pub(super) held_in_plain: bool,
    /// How many bytes of the message are known to be valid UTF-8.
    pub(super) checked: usize,
    /// The payload of an event that has been found and not yet told.
    pub(super) held: Range<usize>,
    /// Whether `held` has been checked as UTF-8 in full.
    pub(super) held_is_text: bool,
    /// Where the bytes end that the connection has counted, or before `start`: what was parsed without that belongs to the
    /// opening handshake.
    pub(super) counted: usize,
    /// How many bytes the frame that comes in still lacks, when the connection last looked, up to `u32::MAX`.
    pub(super) lacking: u32,
    /// What large messages have filled: so much may be had at once for the next where the memory is gone.
    pub(super) justified: Rough,
}

impl RecvBuf {
    /// An empty buffer that owns no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buf: Vec::new(),
            zeroed: 0,
            start: 0,
            frame: None,
            incoming: None,
            message: 0..0,
            #[cfg(feature = "deflate")]
            in_plain: false,
            #[cfg(feature = "deflate")]
            plain: None,
            #[cfg(feature = "deflate")]
            held_in_plain: false,
            checked: 0,
            held: 0..0,
            held_is_text: false,
            counted: 0,
            lacking: 0,
            justified: Rough::NONE,
        }
    }

    /// Room to read into, never empty; follow it with [`filled`](Self::filled). What it holds is of no meaning.
    ///
    /// Memory is zeroed once when it is allocated, not before each read. It grows by doubling, so it does
    /// not exceed twice what has arrived plus 8 KiB, whatever length the peer has announced, or at once for a frame that
    /// fits into what an earlier message filled. The room may end with a large frame that has begun to come, so that its payload need not be
    /// moved.
    pub fn space(&mut self) -> &mut [u8] {
        self.make_room();
        let end = self.end();
        let room = self.room_for_a_read();
        self.buf.resize(self.buf.capacity(), 0);
        let space = self.buf.get_mut(end..).unwrap_or_default();
        self.zeroed = space.len();
        space.get_mut(..room).unwrap_or_default()
    }

    /// Takes the first `len` bytes of [`space`](Self::space) as received.
    ///
    /// # Panics
    ///
    /// If `len` exceeds what the buffer has space for.
    #[expect(clippy::expect_used, reason = "the caller's mistake, told under Panics")]
    pub fn filled(&mut self, len: usize) {
        let left = self.zeroed.checked_sub(len);
        self.zeroed = left.expect("more bytes filled in than there was space");
    }

    /// Room to read into as a [`BufMut`], as much as [`space`](Self::space) hands out: bytes written to it are received,
    /// nothing is zeroed.
    ///
    /// ```
    /// use bytes::BufMut;
    ///
    /// let mut rx = hybi::RecvBuf::new();
    /// rx.spare().put_slice(b"\x81\x02hi");
    /// assert_eq!(rx.unread(), b"\x81\x02hi");
    /// ```
    pub fn spare(&mut self) -> impl BufMut + '_ {
        self.make_room();
        let room = self.room_for_a_read();
        self.uninitialised(room)
    }

    /// Appends a copy of `bytes`, growing as far as needed.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.make_room();
            let (now, later) = rest.split_at(rest.len().min(self.room()));
            self.uninitialised(now.len()).put_slice(now);
            rest = later;
        }
    }

    /// The bytes that have not been parsed yet.
    #[inline]
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "`start <= end <= buf.len()`")]
    pub fn unread(&self) -> &[u8] {
        &self.buf[self.start..self.end()]
    }

    /// Takes the first `len` unread bytes as dealt with.
    ///
    /// # Panics
    ///
    /// If fewer bytes are unread.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "`start + len <= end <= buf.len()`")]
    pub fn consume(&mut self, len: usize) {
        assert!(len <= self.end() - self.start, "more bytes consumed than are unread");
        self.start += len;
    }

    /// Whether the buffer holds nothing that is still needed, not even what is known of a frame or a message that has
    /// begun to come: a new one would do as well.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holds_no_bytes() && self.is_between_messages()
    }

    /// Whether no bytes of it are needed any more, so that its memory can be lent elsewhere.
    pub(super) fn holds_no_bytes(&self) -> bool {
        self.start == self.end() && self.message.is_empty() && self.held.is_empty()
    }

    /// The memory the buffer owns, in bytes.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        #[cfg(feature = "deflate")]
        let inflated = self.plain.as_ref().map_or(0, |plain| plain.capacity());
        #[cfg(not(feature = "deflate"))]
        let inflated = 0;
        self.buf.capacity().saturating_add(inflated)
    }

    /// Gives the memory back where no bytes in it are needed, for a pool or for good: what is known of a frame that has
    /// begun to come stays.
    pub fn take_memory(&mut self) -> Option<Vec<u8>> {
        if !self.holds_no_bytes() {
            return None;
        }
        self.forget_all();
        self.zeroed = 0;
        #[cfg(feature = "deflate")]
        {
            self.plain = None;
        }
        Some(core::mem::take(&mut self.buf)).filter(|memory| memory.capacity() > 0)
    }

    /// Lends memory to a buffer that owns none; otherwise the memory is dropped.
    pub fn lend_memory(&mut self, memory: Vec<u8>) {
        if self.buf.capacity() == 0 {
            self.zeroed = memory.len();
            self.buf = memory;
        }
    }

    /// Moves everything into other memory, which is larger, and gives back what it lay in.
    #[cfg(feature = "tokio")]
    pub(crate) fn exchange_memory(&mut self, mut memory: Vec<u8>) -> Vec<u8> {
        self.compact();
        memory.clear();
        self.buf.truncate(self.end());
        memory.extend_from_slice(&self.buf);
        self.zeroed = 0;
        core::mem::replace(&mut self.buf, memory)
    }

    /// Whether bytes have come that the connection has not counted.
    #[inline]
    pub(crate) fn has_new(&self) -> bool {
        self.counted != self.end()
    }

    /// Counts the bytes that have come since this was last called.
    pub(crate) fn count_new(&mut self) -> usize {
        let new = self.end().saturating_sub(self.counted.max(self.start));
        self.counted = self.end();
        new
    }

    #[expect(clippy::arithmetic_side_effects, reason = "what is zeroed is the end of `buf`")]
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.buf.len() - self.zeroed
    }

    /// Whether the next byte is a frame's first, and that frame a message's.
    #[inline]
    pub(crate) const fn is_between_messages(&self) -> bool {
        self.frame.is_none() && self.incoming.is_none()
    }

    /// Moves what large messages of the connection justify from where it was kept while nothing came.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn justify(&mut self, kept: &mut Rough) {
        if *kept != Rough::NONE {
            self.justified = core::mem::take(kept);
        }
    }

    /// Makes the idle buffer another connection's: what large messages justify stays with the one it was of.
    #[cfg(feature = "tokio")]
    pub(crate) fn hand_over(&mut self) -> Rough {
        self.forget_all();
        core::mem::take(&mut self.justified)
    }

    #[cfg(feature = "deflate")]
    pub(crate) fn is_inflating(&self) -> bool {
        self.in_plain
    }

    #[cfg(not(feature = "deflate"))]
    pub(crate) fn is_inflating(&self) -> bool {
        false
    }

    #[cfg(feature = "deflate")]
    pub(super) fn is_held_elsewhere(&self) -> bool {
        self.held_in_plain
    }

    #[cfg(not(feature = "deflate"))]
    pub(super) fn is_held_elsewhere(&self) -> bool {
        false
    }

    /// The memory in which the message lies.
    pub(super) fn memory(&self) -> &[u8] {
        #[cfg(feature = "deflate")]
        if self.in_plain {
            return self.plain.as_ref().map_or(&[], |plain| plain.bytes());
        }
        &self.buf
    }
}

impl fmt::Debug for RecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBuf")
            .field("unread", &self.unread().len())
            .field("message", &self.message.len())
            .field("capacity", &self.buf.capacity())
            .finish()
    }
}
