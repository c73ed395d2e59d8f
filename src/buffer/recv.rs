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

use bytes::buf::Limit;
use bytes::{BufMut, Bytes};

#[cfg(feature = "deflate")]
use super::plain::Plain;
use crate::frame;
use crate::message::Utf8Bytes;
use crate::unchecked::as_checked_str;
use crate::utf8::{self, InvalidUtf8};

/// Bytes that have come from the peer.
///
/// The caller owns it and fills it from whatever transport there is, in one of two ways: [`space`] and
/// [`filled`] for transports that read into a slice, [`spare`] for those that fill a [`BufMut`] without
/// having it zeroed first. It owns no memory until it is first asked for room.
///
/// Bytes received after the opening handshake simply stay here for the connection.
///
/// [`space`]: Self::space
/// [`filled`]: Self::filled
/// [`spare`]: Self::spare
#[derive(Default)]
pub struct RecvBuf {
    buf: Vec<u8>,
    /// Bytes at the end of `buf` that are initialised but not received.
    zeroed: usize,
    /// The first byte not yet parsed.
    start: usize,
    /// The message that is being put together: a part of `buf`, or of `plain` where it is compressed.
    message: Range<usize>,
    /// Whether the message is being inflated.
    #[cfg(feature = "deflate")]
    in_plain: bool,
    /// Where messages are inflated to.
    #[cfg(feature = "deflate")]
    plain: Option<Box<Plain>>,
    /// Whether `held` is a part of `plain`.
    #[cfg(feature = "deflate")]
    held_in_plain: bool,
    /// How many bytes of the message are known to be valid UTF-8.
    checked: usize,
    /// The payload of an event that has been found and not yet told.
    held: Range<usize>,
    /// Whether `held` has been checked as UTF-8 in full.
    held_is_text: bool,
    /// How many received bytes have been moved out of the buffer since it was made.
    removed: u64,
}

/// The size of the first allocation.
const CHUNK: usize = 8 * 1024;

/// Room for less than this is not worth a read: it is compacted or grown first.
const MIN_ROOM: usize = 2 * 1024;

/// Payloads from this size on are handed out with the memory they lie in, if they fill half of it;
/// smaller ones are copied, so that keeping one never pins a larger buffer.
const STEAL: usize = 32 * 1024;

impl RecvBuf {
    /// An empty buffer that owns no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buf: Vec::new(),
            zeroed: 0,
            start: 0,
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
            removed: 0,
        }
    }

    /// Room to read into, never empty; follow it with [`filled`](Self::filled).
    ///
    /// Memory is zeroed once when it is allocated, not before each read. It grows by doubling, so it never
    /// exceeds twice what has arrived plus 8 KiB, whatever length the peer has announced.
    pub fn space(&mut self) -> &mut [u8] {
        self.make_room();
        let end = self.end();
        let capacity = self.buf.capacity();
        self.buf.resize(capacity, 0);
        self.zeroed = capacity - end;
        &mut self.buf[end..]
    }

    /// Takes the first `len` bytes of [`space`](Self::space) as received.
    ///
    /// # Panics
    ///
    /// If `len` exceeds the space that was handed out.
    pub fn filled(&mut self, len: usize) {
        assert!(len <= self.zeroed, "more bytes filled in than there was space");
        self.zeroed -= len;
    }

    /// Room to read into as a [`BufMut`]: bytes written to it are received, nothing is zeroed.
    ///
    /// ```
    /// use bytes::BufMut;
    ///
    /// let mut rx = hybi::RecvBuf::new();
    /// rx.spare().put_slice(b"\x81\x02hi");
    /// assert_eq!(rx.unread(), b"\x81\x02hi");
    /// ```
    pub fn spare(&mut self) -> Limit<&mut Vec<u8>> {
        self.make_room();
        self.buf.truncate(self.end());
        self.zeroed = 0;
        let room = self.buf.capacity() - self.buf.len();
        (&mut self.buf).limit(room)
    }

    /// Appends a copy of `bytes`, growing as far as needed.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut spare = self.spare();
            let (now, later) = rest.split_at(rest.len().min(spare.remaining_mut()));
            spare.put_slice(now);
            rest = later;
        }
    }

    /// The bytes that have not been parsed yet.
    #[inline]
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.buf[self.start..self.end()]
    }

    /// Takes the first `len` unread bytes as dealt with.
    ///
    /// # Panics
    ///
    /// If fewer bytes are unread.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        assert!(len <= self.end() - self.start, "more bytes consumed than are unread");
        self.start += len;
    }

    /// Whether the buffer holds nothing that is still needed, so that its memory can be lent elsewhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end() && self.message.is_empty() && self.held.is_empty()
    }

    /// The memory the buffer owns, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Gives the memory back where the buffer is [empty](Self::is_empty), for a pool or for good.
    pub fn take_memory(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() || self.buf.capacity() == 0 {
            return None;
        }
        self.forget_all();
        self.zeroed = 0;
        #[cfg(feature = "deflate")]
        {
            self.plain = None;
        }
        Some(core::mem::take(&mut self.buf))
    }

    /// Lends memory to a buffer that owns none; otherwise the memory is dropped.
    pub fn lend_memory(&mut self, memory: Vec<u8>) {
        if self.buf.capacity() == 0 {
            self.zeroed = memory.len();
            self.buf = memory;
        }
    }

    /// How many bytes have been received in all.
    pub(crate) fn total(&self) -> u64 {
        self.removed + self.end() as u64
    }

    fn end(&self) -> usize {
        self.buf.len() - self.zeroed
    }

    fn make_room(&mut self) {
        if self.is_empty() {
            self.forget_all();
        } else if self.buf.capacity() - self.end() < MIN_ROOM {
            self.compact();
        }
        let end = self.end();
        if self.buf.capacity() - end < MIN_ROOM {
            self.buf.truncate(end);
            self.zeroed = 0;
            self.buf.reserve_exact(end.max(CHUNK));
        }
    }

    /// Starts again at the front: nothing in the buffer is needed any more.
    fn forget_all(&mut self) {
        let end = self.end();
        self.removed += end as u64;
        self.zeroed = self.buf.len();
        self.start = 0;
        self.message = 0..0;
        self.held = 0..0;
    }

    /// Moves what is still needed to the front, without the gap before the unparsed bytes.
    fn compact(&mut self) {
        if self.is_inflating() {
            // Message and payload lie elsewhere: only the unparsed bytes are needed.
            self.move_down(self.start, 0);
            return;
        }
        if self.held.is_empty() {
            // Only the unparsed bytes move: a partial header or control frame, 139 bytes at most once
            // all events have been taken.
            self.move_down(self.start, self.message.end);
        }
        let base = if self.held.is_empty() {
            self.message.start
        } else {
            self.message.start.min(self.held.start)
        };
        let shift =
            |range: &Range<usize>| range.start.saturating_sub(base)..range.end.saturating_sub(base);
        self.message = shift(&self.message);
        self.held = shift(&self.held);
        self.move_down(base, 0);
    }

    /// Moves all bytes from `from` on down to `to`; what lay between is gone.
    fn move_down(&mut self, from: usize, to: usize) {
        let end = self.end();
        let gone = from - to;
        if gone > 0 {
            self.buf.copy_within(from..end, to);
            self.start -= gone;
            self.zeroed += gone;
            self.removed += gone as u64;
        }
    }

    #[cfg(feature = "deflate")]
    fn is_inflating(&self) -> bool {
        self.in_plain
    }

    #[cfg(not(feature = "deflate"))]
    fn is_inflating(&self) -> bool {
        false
    }

    /// The memory in which the message lies.
    fn memory(&self) -> &[u8] {
        #[cfg(feature = "deflate")]
        if self.in_plain {
            return self.plain.as_ref().map_or(&[], |plain| plain.bytes());
        }
        &self.buf
    }
}

/// What the connection does with the bytes.
impl RecvBuf {
    /// Drops everything received, also what is told or being put together.
    pub(crate) fn discard(&mut self) {
        self.start = self.end();
        self.message = self.start..self.start;
        self.held = 0..0;
    }

    /// Begins a message at the first unparsed byte.
    #[inline]
    pub(crate) fn begin_message(&mut self) {
        #[cfg(feature = "deflate")]
        {
            self.in_plain = false;
        }
        self.message = self.start..self.start;
        self.checked = 0;
    }

    /// Adds `len` unparsed bytes to the message, unmasked with `key` if there is one.
    #[inline]
    pub(crate) fn absorb(&mut self, len: usize, key: Option<[u8; 4]>) {
        let from = self.start..self.start + len;
        if let Some(key) = key {
            frame::mask(&mut self.buf[from.clone()], key);
        }
        if self.message.is_empty() {
            self.message = from.start..from.start;
        } else if self.message.end != from.start {
            self.buf.copy_within(from, self.message.end);
        }
        self.start += len;
        self.message.end += len;
    }

    /// Checks what has been added to the message as UTF-8.
    #[inline]
    pub(crate) fn check_text(&mut self) -> Result<(), InvalidUtf8> {
        let new = self.message.start + self.checked..self.message.end;
        self.checked += utf8::check(&self.memory()[new])?;
        Ok(())
    }

    /// Whether the message so far is whole characters.
    #[inline]
    pub(crate) fn is_whole_text(&self) -> bool {
        self.checked == self.message.len()
    }

    /// Makes the message the payload of the next event.
    #[inline]
    pub(crate) fn hold_message(&mut self) {
        self.hold(self.message.clone());
        self.held_is_text = self.is_whole_text();
        self.message.start = self.message.end;
        self.checked = 0;
    }

    /// Makes the whole characters of the message so far the payload of the next event and keeps the
    /// beginning of an unfinished one, to be told with what follows.
    pub(crate) fn hold_whole_text(&mut self) {
        self.hold(self.message.start..self.message.start + self.checked);
        self.held_is_text = true;
        self.message.start = self.held.end;
        self.checked = 0;
    }

    /// Makes `len` unparsed bytes, unmasked with `key` if there is one, the payload of the next event.
    pub(crate) fn hold_control(&mut self, len: usize, key: Option<[u8; 4]>) {
        let range = self.start..self.start + len;
        if let Some(key) = key {
            frame::mask(&mut self.buf[range.clone()], key);
        }
        self.start += len;
        self.held = range;
        self.held_is_text = false;
        #[cfg(feature = "deflate")]
        {
            self.held_in_plain = false;
        }
    }

    /// Looks at the payload of the next event.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held_memory()[self.held.clone()]
    }

    /// The memory in which the payload of the next event lies.
    #[inline]
    fn held_memory(&self) -> &[u8] {
        #[cfg(feature = "deflate")]
        if self.held_in_plain {
            return self.plain.as_ref().map_or(&[], |plain| plain.bytes());
        }
        &self.buf
    }

    /// The payload of the next event lies where its message does.
    #[inline]
    fn hold(&mut self, range: Range<usize>) {
        self.held = range;
        #[cfg(feature = "deflate")]
        {
            self.held_in_plain = self.in_plain;
        }
    }

    /// The payload of the next event, which is told by this.
    #[inline]
    pub(crate) fn tell(&mut self) -> &[u8] {
        let held = core::mem::replace(&mut self.held, 0..0);
        &self.held_memory()[held]
    }

    /// The text of the next event, which is told by this; empty where the payload is not text.
    #[inline]
    pub(crate) fn tell_text(&mut self) -> &str {
        let is_text = core::mem::take(&mut self.held_is_text);
        let bytes = self.tell();
        if is_text { as_checked_str(bytes) } else { "" }
    }

    /// The text of the next event as a value of its own, which is told by this.
    pub(crate) fn tell_owned_text(&mut self) -> Utf8Bytes {
        let is_text = core::mem::take(&mut self.held_is_text);
        let bytes = self.tell_owned();
        if is_text { Utf8Bytes::from_checked(bytes) } else { Utf8Bytes::default() }
    }

    /// The payload of the next event as a value of its own, which is told by this.
    ///
    /// Large ones take the memory they lie in with them; what was received after them moves to new memory.
    pub(crate) fn tell_owned(&mut self) -> Bytes {
        let held = self.held.clone();
        #[cfg(feature = "deflate")]
        if self.held_in_plain {
            let whole = self.held_memory().len();
            if held.len() < STEAL || held.len() < whole / 2 {
                return Bytes::copy_from_slice(self.tell());
            }
            self.held = 0..0;
            self.message = 0..0;
            return self.plain.take().unwrap_or_default().into_bytes().slice(held);
        }
        if held.len() < STEAL || held.len() < self.buf.capacity() / 2 || !self.message.is_empty() {
            return Bytes::copy_from_slice(self.tell());
        }
        let end = self.end();
        let unread = self.buf[self.start..end].to_vec();
        self.removed += self.start as u64;
        self.start = 0;
        self.zeroed = 0;
        self.message = 0..0;
        self.held = 0..0;
        let mut memory = core::mem::replace(&mut self.buf, unread);
        memory.truncate(held.end);
        Bytes::from(memory).slice(held.start..)
    }
}

/// What the connection does with a compressed message: its bytes stay where they came, what they inflate to is put
/// together elsewhere.
#[cfg(feature = "deflate")]
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
        frame::mask(&mut self.buf[self.start + from..self.start + to], key);
    }

    /// The first `len` unparsed bytes, room for up to `room` bytes of output, and the message so far.
    pub(crate) fn inflation(&mut self, len: usize, room: usize) -> (&[u8], &mut [u8], &[u8]) {
        if self.held.is_empty() && self.message.start > 0 {
            // A chunk has been told: what is left is at most the beginning of a character.
            if let Some(plain) = &mut self.plain {
                plain.move_down(self.message.clone());
            }
            self.message = 0..self.message.len();
        }
        let plain = self.plain.get_or_insert_default();
        let (message, out) = plain.room(self.message.clone(), room);
        (&self.buf[self.start..self.start + len], out, message)
    }

    /// Takes `consumed` bytes as inflated to `produced` bytes of the message.
    pub(crate) fn note_inflated(&mut self, consumed: usize, produced: usize) {
        self.start += consumed;
        self.message.end += produced;
    }

    /// How long the inflated message is so far, without what has been told of it.
    pub(crate) fn inflated(&self) -> &[u8] {
        &self.memory()[self.message.clone()]
    }
}

impl fmt::Debug for RecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBuf")
            .field("unread", &(self.end() - self.start))
            .field("message", &self.message.len())
            .field("capacity", &self.buf.capacity())
            .finish()
    }
}
