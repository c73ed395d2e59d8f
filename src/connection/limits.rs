//! What a frame's header alone decides: how large, how many.

use super::Connection;
#[cfg(feature = "deflate")]
use super::compression::wire_limit;
use crate::buffer::{Incoming, RecvBuf};
use crate::error::Error;
use crate::frame::{ClosePayloadError, Header, OpCode};
use crate::message::Kind;

impl Connection {
    /// Applies the limits that a header alone decides.
    #[inline]
    pub(super) fn check_limits(&self, rx: &RecvBuf, header: &Header) -> Result<(), Error> {
        match header.opcode {
            OpCode::Ping | OpCode::Pong if self.receive.control_credit == 0 => {
                return Err(Error::TooManyControlFrames { limit: self.config.control_frame_burst });
            }
            OpCode::Close if header.len == 1 => return Err(ClosePayloadError::Length.into()),
            OpCode::Ping | OpCode::Pong | OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary | OpCode::Continuation => {}
        }
        let config = &*self.config;
        if header.len > config.max_frame_size {
            return Err(Error::FrameTooLarge { len: header.len, limit: config.max_frame_size });
        }
        let message = rx.incoming.as_ref();
        let limit = config.max_message_size;
        #[cfg(feature = "deflate")]
        let compressed = message.map_or(header.rsv1, |message| message.compressed);
        #[cfg(feature = "deflate")]
        let allowed = if compressed { wire_limit(limit) } else { limit };
        #[cfg(not(feature = "deflate"))]
        let allowed = limit;
        // By subtraction: the sum of two lengths from the wire could overflow.
        let before = message.map_or(0, |message| message.len);
        if header.len > allowed.saturating_sub(before) {
            return Err(Error::MessageTooLarge { len: before.saturating_add(header.len), limit });
        }
        if header.fin && header.opcode != OpCode::Continuation {
            return Ok(());
        }
        let (all, empty) =
            message.map_or((0, 0), |message| (message.fragments, message.empty_fragments));
        if header.len == 0 && empty >= config.max_empty_fragments {
            return Err(Error::TooManyEmptyFragments { limit: config.max_empty_fragments });
        }
        // An empty one that ends the message costs nothing more.
        let ends_it = header.fin && header.len == 0;
        if all >= config.max_fragments && !ends_it {
            return Err(Error::TooManyFragments { limit: config.max_fragments });
        }
        Ok(())
    }

    /// Counts a frame that keeps within the limits, and opens the message that it begins.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "the sums have been compared with limits")]
    pub(super) fn count_header(&mut self, rx: &mut RecvBuf, header: &Header) {
        if header.opcode.is_control() {
            self.receive.control_credit = self.receive.control_credit.saturating_sub(1);
            return;
        }
        let kind = if header.opcode == OpCode::Text { Kind::Text } else { Kind::Binary };
        let message = rx.incoming.get_or_insert(Incoming {
            kind,
            len: 0,
            fragments: 0,
            empty_fragments: 0,
            begun: false,
            #[cfg(feature = "deflate")]
            compressed: header.rsv1,
        });
        message.len += header.len;
        message.fragments = message.fragments.saturating_add(1);
        if header.len == 0 {
            message.empty_fragments += 1;
        }
    }
}
