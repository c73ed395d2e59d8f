//! Compressed messages that come in: inflated step by step, within limits, told as any other.

use super::super::Connection;
use super::super::receive::Step;
use super::super::stats::count;
use super::settings;
use crate::buffer::{Frame, Incoming, RecvBuf};
use crate::config::Delivery;
use crate::deflate::{Direction, decompressor};
use crate::error::Error;
use crate::frame::OpCode;
use crate::message::Kind;

/// How far a step came.
#[derive(Default)]
struct Inflated {
    consumed: usize,
    /// Whether there may be more output without more input.
    full: bool,
}

/// How much is inflated in one step.
const STEP: usize = 16 * 1024;

/// The ratio limit does not look at messages smaller than this: one may consist of one long run.
const RATIO_FLOOR: u64 = 1024;

impl Connection {
    /// Takes a compressed message that the unread bytes begin with, one frame, all of it there, and holds it to be told:
    /// nothing where no message may be compressed.
    pub(in super::super) fn take_compressed(
        &mut self,
        rx: &mut RecvBuf,
    ) -> Result<Option<Kind>, Error> {
        let masking = self.incoming_masking();
        if self.compression.is_none() {
            return Ok(None);
        }
        let Some(whole) = self.find_whole(rx, masking).filter(|whole| whole.compressed) else {
            return Ok(None);
        };
        count(&mut self.stats.frames_received, 1);
        let kind = if whole.opcode == OpCode::Text { Kind::Text } else { Kind::Binary };
        let key = whole.key(rx.unread(), masking);
        rx.consume(whole.header);
        rx.begin_inflated();
        if let Some(key) = key {
            rx.unmask(0, whole.len, key);
        }
        let mut left = whole.len;
        loop {
            let done = self.inflate(rx, left, whole.len as u64, kind)?;
            left = left.saturating_sub(done.consumed);
            if !done.full {
                break;
            }
        }
        self.finish_inflating(rx, whole.len as u64)?;
        if kind == Kind::Text && !rx.is_whole_text() {
            return Err(Error::InvalidUtf8);
        }
        count(&mut self.stats.messages_received, 1);
        self.timers.note_message();
        rx.hold_message();
        Ok(Some(kind))
    }

    /// Takes what has come of a compressed message's frame.
    pub(in super::super) fn read_compressed(
        &mut self,
        rx: &mut RecvBuf,
        mut frame: Frame,
        message: Incoming,
    ) -> Result<Step, Error> {
        loop {
            let unread = rx.unread().len();
            let now = usize::try_from(frame.remaining).map_or(unread, |left| left.min(unread));
            if let Some(key) = frame.key {
                if frame.clear < now {
                    rx.unmask(frame.clear, now, crate::frame::rotate(key, frame.clear));
                    frame.clear = now;
                }
            }
            // Once something has been made there may be more of it without more input.
            if now == 0 && frame.remaining > 0 && self.inflated() == 0 {
                return Ok(Step::NeedBytes);
            }
            let done = self.inflate(rx, now, message.len, message.kind)?;
            frame.advance(done.consumed);
            rx.frame = Some(frame);
            if self.config.delivery == Delivery::Chunks && !rx.inflated().is_empty() {
                if let Some(step) = self.tell_chunk(rx, message, false) {
                    return Ok(step);
                }
            }
            if !done.full && done.consumed == now {
                break;
            }
        }
        if frame.remaining > 0 {
            return Ok(Step::NeedBytes);
        }
        rx.frame = None;
        if !frame.fin {
            return Ok(Step::Continue);
        }
        self.finish_inflating(rx, message.len)?;
        self.end_message(rx, message)
    }

    /// Inflates up to one step of output of a message whose frames so far have announced `wire` bytes, and one byte
    /// more than it may come to: that shows that the limit is passed.
    fn inflate(
        &mut self,
        rx: &mut RecvBuf,
        len: usize,
        wire: u64,
        kind: Kind,
    ) -> Result<Inflated, Error> {
        let allowed = self.inflated_limit(wire);
        let Some(state) = &mut self.compression else { return Ok(Inflated::default()) };
        let Direction { context_takeover, window_bits } = state.receive;
        let history = context_takeover || self.config.delivery == Delivery::Chunks;
        let codec = state
            .decompressor
            .get_or_insert_with(|| decompressor(state.pool, window_bits, history));
        let left = usize::try_from(allowed.saturating_sub(state.inflated)).unwrap_or(usize::MAX);
        let (input, out, so_far) = rx.inflation(len, left.saturating_add(1).min(STEP));
        let room = out.len();
        let done = codec.decompress(input, out, so_far);
        rx.note_inflated(done.consumed, done.produced);
        state.inflated = state.inflated.saturating_add(done.produced as u64);
        let exceeds = state.inflated > allowed;
        count(&mut self.stats.inflated_received, done.produced as u64);
        count(&mut self.stats.payload_received, done.consumed as u64);
        if done.consumed > 0 {
            self.receive.control_credit = self.config.control_frame_burst;
        }
        // What was made is looked at before what stopped it: however the bytes were cut, the same is found
        // first.
        if kind == Kind::Text {
            rx.check_text().map_err(|_| Error::InvalidUtf8)?;
        }
        if exceeds {
            return Err(self.beyond(allowed));
        }
        match done.error {
            Some(error) => Err(error.into()),
            None => Ok(Inflated { consumed: done.consumed, full: done.produced == room }),
        }
    }

    /// What the message that comes in has been inflated to so far.
    fn inflated(&self) -> u64 {
        self.compression.as_ref().map_or(0, |state| state.inflated)
    }

    /// What a message may come to whose frames so far have announced `wire` bytes. Measured against what has arrived of
    /// them, the ratio would depend on how they were cut.
    fn inflated_limit(&self, wire: u64) -> u64 {
        let limit = self.config.max_message_size;
        match settings(&self.config).max_ratio {
            Some(ratio) => wire.saturating_mul(ratio.into()).max(RATIO_FLOOR).min(limit),
            None => limit,
        }
    }

    /// What a message breaks that comes to more than is allowed.
    #[cold]
    fn beyond(&self, allowed: u64) -> Error {
        let limit = self.config.max_message_size;
        match settings(&self.config).max_ratio {
            Some(ratio) if allowed < limit => Error::RatioTooLarge { limit: ratio },
            _ => Error::MessageTooLarge { len: limit.saturating_add(1), limit },
        }
    }

    fn finish_inflating(&mut self, rx: &RecvBuf, wire: u64) -> Result<(), Error> {
        let Some(state) = &mut self.compression else { return Ok(()) };
        if let Some(codec) = &mut state.decompressor {
            // A frame without payload is no compressed message to zlib: it would wait for more of a block.
            if wire > 0 {
                codec.finish(rx.inflated())?;
            }
        }
        state.inflated = 0;
        if !state.receive.context_takeover {
            if let (Some(codec), Some(pool)) = (state.decompressor.take(), state.pool) {
                pool.give_decompressor(codec);
            }
        }
        Ok(())
    }
}
