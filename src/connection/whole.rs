//! The way of nearly all traffic: a message in one frame, all of it there.
//!
//! It comes to the same as the steps of `receive`, which are taken for everything else and see what is wrong with it.

use super::stats::count;
use super::{Connection, Phase};
use crate::buffer::RecvBuf;
use crate::config::Delivery;
use crate::error::Error;
use crate::frame::{Masking, OpCode, Whole};
use crate::message::Kind;

impl Connection {
    /// Takes the message that the unparsed bytes begin with, if it is of that kind and not compressed, and holds it to be
    /// told.
    #[inline]
    pub(super) fn take_whole(&mut self, rx: &mut RecvBuf) -> Option<Kind> {
        let masking = self.incoming_masking();
        let whole = self.find_whole(rx, masking).filter(|whole| !whole.compressed)?;
        if whole.len > 0 {
            self.receive.control_credit = self.config.control_frame_burst;
        }
        count(&mut self.stats.frames_received, 1);
        count(&mut self.stats.payload_received, whole.len as u64);
        rx.hold_whole(whole, masking);
        if whole.opcode == OpCode::Text && rx.check_held().is_err() {
            self.fail(Error::InvalidUtf8);
            return None;
        }
        count(&mut self.stats.messages_received, 1);
        self.timers.note_message();
        Some(if whole.opcode == OpCode::Text { Kind::Text } else { Kind::Binary })
    }

    /// The message that the unparsed bytes begin with, if it is of that kind and within the limits.
    #[inline(always)]
    pub(super) fn find_whole(&self, rx: &RecvBuf, masking: Masking) -> Option<Whole> {
        let between = rx.is_between_messages() && self.phase < Phase::Ended;
        if !between || self.config.delivery == Delivery::Chunks {
            return None;
        }
        let whole = Whole::find(rx.unread(), masking)?;
        let most = self.config.max_frame_size.min(self.config.max_message_size);
        (whole.len as u64 <= most).then_some(whole)
    }
}
