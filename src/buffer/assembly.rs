//! Putting messages together in the receive buffer, and telling them: what the connection does with the bytes.

use alloc::boxed::Box;
use core::ops::Range;

use bytes::{Buf, Bytes};

use super::RecvBuf;
use super::room::KEEP;
use super::rough::Rough;
use crate::frame::{self, MAX_HEADER, Masking, Whole};
use crate::message::Utf8Bytes;
use crate::unchecked::as_checked_str;
use crate::utf8::{self, InvalidUtf8};

/// Payloads from this size on are handed out with the memory they lie in, if they fill more than half of it;
/// smaller ones are copied, so that keeping one never pins a larger buffer.
const STEAL: usize = 16 * 1024;

impl RecvBuf {
    /// Drops everything received, also what is told or being put together.
    pub(crate) fn discard(&mut self) {
        self.start = self.end();
        (self.frame, self.incoming) = (None, None);
        self.begin_message();
        self.let_go();
    }

    /// Notes how many bytes the frame that comes in still lacks.
    #[inline]
    pub(crate) fn note_lacking(&mut self, bytes: u64) {
        self.lacking = u32::try_from(bytes).unwrap_or(u32::MAX);
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
    #[expect(clippy::arithmetic_side_effects, reason = "the message ends at `start` or before it")]
    pub(crate) fn absorb(&mut self, len: usize, key: Option<[u8; 4]>) {
        if self.is_inflating() {
            // Another connection's message was being inflated here: none of it is this one's.
            self.begin_message();
        }
        let new = self.take(len, key);
        if self.message.is_empty() {
            self.message = new.start..new.start;
        } else if self.message.end != new.start {
            self.buf.copy_within(new, self.message.end);
        }
        self.message.end += len;
    }

    /// Takes `len` unparsed bytes, unmasked with `key` if there is one, and tells where they lie.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "no index into `buf` passes `isize::MAX`")]
    #[expect(clippy::indexing_slicing, reason = "`start + len <= end`; `get` costs 3 % a message")]
    fn take(&mut self, len: usize, key: Option<[u8; 4]>) -> Range<usize> {
        let taken = self.start..self.start + len;
        if let Some(key) = key {
            frame::mask(&mut self.buf[taken.clone()], key);
        }
        self.start = taken.end;
        taken
    }

    /// Checks what has been added to the message as UTF-8.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "what is checked is part of the message")]
    pub(crate) fn check_text(&mut self) -> Result<(), InvalidUtf8> {
        let new = self.checked_end()..self.message.end;
        let valid = utf8::check(self.memory().get(new).unwrap_or_default())?;
        self.checked += valid;
        Ok(())
    }

    /// Where the part of the message ends that has been checked as UTF-8.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "what is checked is part of the message")]
    fn checked_end(&self) -> usize {
        self.message.start + self.checked
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

    /// Makes a whole message that is the next frame the payload of the next event.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "the frame lies before `end`")]
    #[expect(clippy::indexing_slicing, reason = "the frame lies before `end`")]
    pub(crate) fn hold_whole(&mut self, whole: Whole, masking: Masking) {
        self.held_is_text = false;
        let payload = self.start + whole.header;
        let end = payload + whole.len;
        let (header, rest) = self.buf[..end].split_at_mut(payload);
        if let (Masking::Required, Some(key)) = (masking, header.last_chunk::<4>()) {
            frame::mask(rest, *key);
        }
        self.held = payload..end;
        self.start = end;
        self.begin_message();
        #[cfg(feature = "deflate")]
        {
            self.held_in_plain = false;
        }
    }

    /// Checks the payload of the next event as text in full.
    #[inline]
    pub(crate) fn check_held(&mut self) -> Result<(), InvalidUtf8> {
        utf8::check_whole(self.buf.get(self.held.clone()).unwrap_or_default())?;
        self.held_is_text = true;
        Ok(())
    }

    /// Makes the whole characters of the message so far the payload of the next event and keeps the
    /// beginning of an unfinished one, to be told with what follows.
    pub(crate) fn hold_whole_text(&mut self) {
        self.hold(self.message.start..self.checked_end());
        self.held_is_text = true;
        self.message.start = self.held.end;
        self.checked = 0;
    }

    /// Makes `len` unparsed bytes, unmasked with `key` if there is one, the payload of the next event.
    pub(crate) fn hold_control(&mut self, len: usize, key: Option<[u8; 4]>) {
        self.held = self.take(len, key);
        self.held_is_text = false;
        #[cfg(feature = "deflate")]
        {
            self.held_in_plain = false;
        }
    }

    /// Drops an event that was not told.
    #[inline]
    pub(crate) fn let_go(&mut self) {
        self.held = 0..0;
        self.held_is_text = false;
    }

    /// Looks at the payload of the next event.
    pub(crate) fn held(&self) -> &[u8] {
        self.held_memory().get(self.held.clone()).unwrap_or_default()
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
        // An empty payload may have been left behind by a move: where it lies does not matter.
        self.held_memory().get(held).unwrap_or_default()
    }

    /// The payload of the next event, which is told by this and lies where it came.
    #[inline]
    pub(crate) fn tell_whole(&mut self) -> &[u8] {
        let held = core::mem::replace(&mut self.held, 0..0);
        self.buf.get(held).unwrap_or_default()
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
    #[inline]
    pub(crate) fn tell_owned(&mut self) -> Bytes {
        let held = self.held.clone();
        #[cfg(feature = "deflate")]
        if self.held_in_plain {
            let whole = self.held_memory().len();
            if held.len() < STEAL || held.len() < whole / 2 {
                return copy(self.tell());
            }
            self.held = 0..0;
            self.message = 0..0;
            return self.plain.take().unwrap_or_default().into_bytes().slice(held);
        }
        if held.len() < STEAL || held.len() <= self.buf.capacity() / 2 || !self.message.is_empty() {
            return copy(self.tell());
        }
        let unread = self.unread().to_vec();
        self.counted = self.counted.saturating_sub(self.start);
        self.start = 0;
        self.zeroed = 0;
        self.message = 0..0;
        self.held = 0..0;
        let filled = Rough::at_least(held.end.saturating_add(MAX_HEADER));
        let is_less = held.end <= KEEP && self.justified.size() > KEEP;
        self.justified = if is_less { filled } else { self.justified.max(filled) };
        let mut memory = core::mem::replace(&mut self.buf, unread);
        memory.truncate(held.end);
        let mut payload = Bytes::from(memory);
        payload.advance(held.start);
        payload
    }
}

/// A copy in memory of its own. [`Bytes::copy_from_slice`] goes by way of a vector, which costs as much as the allocation.
#[inline]
fn copy(bytes: &[u8]) -> Bytes {
    Bytes::from(Box::<[u8]>::from(bytes))
}
