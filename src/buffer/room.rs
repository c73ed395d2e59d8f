//! Room in the receive buffer: when it is made, by moving what is needed to the front or by growing, and when memory is given up.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::BufMut;

use super::RecvBuf;
use super::rough::Rough;
use crate::frame::MAX_HEADER;

/// The size of the first allocation.
const CHUNK: usize = 8 * 1024;

/// Room for less than this is not worth a read: it is compacted or grown first.
const MIN_ROOM: usize = 2 * 1024;

/// A frame of this size or more is read to its end and no further: what it fills then begins and ends with it, and no
/// beginning of another one has to be moved, which costs about as much as the read that it takes.
const ALONE: usize = 16 * 1024;

/// A larger buffer is given up the first time that less goes through it, and so is the right to have as much at once.
/// A payload of 64 KiB fits with its header.
pub(crate) const KEEP: usize = 64 * 1024 + MAX_HEADER;

impl RecvBuf {
    /// How many bytes fit behind those that came.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.buf.capacity().saturating_sub(self.end())
    }

    /// How many bytes the frame that comes in still lacks, which will be kept together.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn lacking(&self) -> usize {
        self.lacking as usize
    }

    /// How many bytes one read may bring, at least one.
    pub(super) fn room_for_a_read(&self) -> usize {
        if self.is_large() { self.room().min(self.lacking as usize) } else { self.room() }
    }

    /// Whether the rest of a large frame comes next.
    fn is_large(&self) -> bool {
        let lacking = self.lacking as usize;
        lacking > 0 && lacking.saturating_add(self.message.len()) >= ALONE
    }

    /// The next `room` bytes of memory behind those that came, as they are.
    pub(super) fn uninitialised(&mut self, room: usize) -> impl BufMut + '_ {
        self.buf.truncate(self.end());
        self.zeroed = 0;
        (&mut self.buf).limit(room)
    }

    /// Sees to it that there is room for a read.
    #[inline]
    pub(super) fn make_room(&mut self) {
        let is_new = self.end() == 0 && self.buf.capacity() >= MIN_ROOM;
        if !is_new {
            self.make_room_behind();
        }
    }

    #[inline(never)]
    fn make_room_behind(&mut self) {
        if self.holds_no_bytes() {
            self.forget_all();
        } else if self.room() < self.wanted() || self.is_cheap_to_compact() {
            self.compact();
        }
        if self.room() < self.wanted() {
            let end = self.end();
            self.buf.truncate(end);
            self.zeroed = 0;
            self.buf.reserve_exact(self.growth(end));
        }
    }

    /// How much memory to add behind the `end` bytes that are there.
    fn growth(&self, end: usize) -> usize {
        let justified = self.justified.size();
        let whole = end.saturating_add(self.lacking as usize);
        if self.buf.capacity() == 0 && (CHUNK..=KEEP).contains(&justified) {
            justified
        } else if self.is_large() && whole <= justified {
            // Twice as much at least: else each frame of a message in many would move all that came before it.
            end.saturating_mul(2).clamp(whole, justified).saturating_sub(end)
        } else if self.is_large() && whole <= KEEP {
            // To no more than is kept.
            end.max(CHUNK).min(KEEP.saturating_sub(end))
        } else {
            end.max(CHUNK)
        }
    }

    /// The room that makes a read worth it.
    fn wanted(&self) -> usize {
        // The rest of a frame is, however short.
        match self.lacking as usize {
            lacking @ 1..MIN_ROOM => lacking,
            _ => MIN_ROOM,
        }
    }

    /// Whether what is still needed is little beside what is not: then all reads go to the same few pages, which stay in the
    /// nearest cache.
    fn is_cheap_to_compact(&self) -> bool {
        let first = if self.message.is_empty() { self.start } else { self.message.start };
        let first = if self.held.is_empty() { first } else { first.min(self.held.start) };
        !self.is_inflating() && self.end().saturating_sub(first) <= first / 4
    }

    /// Starts again at the front: nothing in the buffer is needed any more.
    pub(super) fn forget_all(&mut self) {
        let end = self.end();
        if end > KEEP {
            self.justified = self.justified.max(Rough::at_least(end));
        } else if end > 0 {
            // It was not needed so large this time.
            if self.is_between_messages() {
                self.justified = Rough::NONE;
            }
            if self.buf.capacity() > KEEP {
                self.buf = Vec::new();
                #[cfg(feature = "deflate")]
                {
                    self.plain = None;
                }
            }
        }
        self.zeroed = self.buf.len();
        self.start = 0;
        self.counted = 0;
        self.message = 0..0;
        self.checked = 0;
        self.held = 0..0;
    }

    /// Moves what is still needed to the front, without the gap before the unparsed bytes.
    pub(super) fn compact(&mut self) {
        if self.is_inflating() {
            // The message lies elsewhere; a control frame's payload may wait to be told here.
            let waiting = !self.held.is_empty() && !self.is_held_elsewhere();
            let base = if waiting { self.held.start } else { self.start };
            if waiting {
                self.held = 0..self.held.len();
            }
            self.move_down(base, 0);
            return;
        }
        if self.held.is_empty() {
            self.held = 0..0;
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
    #[expect(clippy::arithmetic_side_effects, reason = "`to <= from <= start <= end <= buf.len()`")]
    fn move_down(&mut self, from: usize, to: usize) {
        let end = self.end();
        let gone = from - to;
        if gone > 0 {
            self.buf.copy_within(from..end, to);
            self.start -= gone;
            self.zeroed += gone;
            self.counted = self.counted.saturating_sub(gone);
        }
    }
}
