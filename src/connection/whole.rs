//! The way of nearly all traffic: a message in one frame, all of it there.
//!
//! It comes to the same as the steps of `receive`, which are taken for everything else and see what is wrong with it.

use super::stats::count;
use super::{Connection, Phase};
use crate::buffer::RecvBuf;
use crate::config::Delivery;
use crate::error::Error;
use crate::frame::{OpCode, Whole};
use crate::message::Kind;

impl Connection {
    /// Takes the message that the unparsed bytes begin with, if it is of that kind.
    #[inline]
    pub(super) fn take_whole(&mut self, rx: &mut RecvBuf) -> Result<Option<Kind>, Error> {
        let between = self.receive.is_between_messages() && self.phase < Phase::Ended;
        if !between || self.config.delivery == Delivery::Chunks {
            return Ok(None);
        }
        let masking = self.incoming_masking();
        let Some(whole) = Whole::find(rx.unread(), masking) else { return Ok(None) };
        let config = &*self.config;
        if whole.len as u64 > config.max_frame_size.min(config.max_message_size) {
            return Ok(None);
        }
        if whole.compressed {
            #[cfg(feature = "deflate")]
            return self.take_compressed(rx, whole);
            #[cfg(not(feature = "deflate"))]
            return Ok(None);
        }
        if whole.len > 0 {
            self.receive.control_credit = config.control_frame_burst;
        }
        count(&mut self.stats.frames_received, 1);
        count(&mut self.stats.payload_received, whole.len as u64);
        let kind = if whole.opcode == OpCode::Text { Kind::Text } else { Kind::Binary };
        rx.hold_whole(whole, masking, kind).map_err(|_| Error::InvalidUtf8)?;
        count(&mut self.stats.messages_received, 1);
        self.timers.note_message();
        Ok(Some(kind))
    }
}
