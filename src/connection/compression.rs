//! Compressed messages (RFC 7692): which codec serves which message, and what they cost.
//!
//! Nothing is allocated before the first compressed message. Without context takeover a codec belongs to the
//! connection for one message only; between messages it waits in the pool.

use alloc::vec::Vec;

use super::Connection;
use super::receive::{Frame, Incoming, Step};
use super::stats::count;
use crate::buffer::RecvBuf;
use crate::config::{Config, Delivery, Role};
use crate::deflate::{
    CodecPool, Compression, Compressor, Decompressor, Direction, InflateError, Params, compressor,
    decompressor,
};
use crate::error::Error;
use crate::frame::{Header, OpCode, Whole};
use crate::message::{Compress, Kind};
use crate::time::Instant;

/// Compression as it was agreed on.
#[derive(Debug)]
pub(super) struct State {
    pool: Option<&'static dyn CodecPool>,
    compressor: Option<Compressor>,
    decompressor: Option<Decompressor>,
    /// What the message that comes in has been inflated to so far.
    inflated: u64,
    /// When a message was last compressed.
    used: Option<Instant>,
    send: Direction,
    receive: Direction,
    /// Whether one has been since time last came in.
    noted: bool,
}

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

/// How large a compressed message may be on the wire whose inflated size is limited: what DEFLATE adds to data that it
/// cannot make smaller is less than an eighth, and small limits leave room for a header.
pub(super) const fn wire_limit(limit: u64) -> u64 {
    limit.saturating_add(limit / 8).saturating_add(1024)
}

impl Connection {
    /// Compresses and inflates messages as was agreed on, with the settings of
    /// [`Config::compression`](crate::Config::compression) or their defaults.
    ///
    /// `pool` is where codecs wait between messages; without one they are made anew for each message that
    /// takes no context over.
    pub fn with_compression(
        mut self,
        params: Params,
        pool: Option<&'static dyn CodecPool>,
    ) -> Self {
        let (send, receive) = match self.role() {
            Role::Server => (params.server, params.client),
            Role::Client => (params.client, params.server),
        };
        self.compression = Some(alloc::boxed::Box::new(State {
            pool,
            compressor: None,
            decompressor: None,
            inflated: 0,
            used: None,
            send,
            receive,
            noted: false,
        }));
        self
    }

    /// Whether messages may be compressed.
    #[must_use]
    pub fn has_compression(&self) -> bool {
        self.compression.is_some()
    }

    /// Whether a message of this length is to be compressed.
    #[inline]
    pub(super) fn compresses(&self, len: usize, wish: Compress) -> bool {
        match (&self.compression, wish) {
            (None, _) | (_, Compress::Never) => false,
            (Some(_), Compress::Always) => true,
            (Some(_), Compress::Auto) => len >= settings(&self.config).min_size,
        }
    }

    /// Queues a message compressed; as it is where that is smaller and no context has to be kept.
    pub(super) fn queue_compressed(&mut self, kind: Kind, payload: &[u8]) {
        self.note_message(payload.len());
        let Some(state) = &mut self.compression else { return };
        let keeps_context = state.send.context_takeover;
        let compressor = state.compressor(&self.config);
        let mask = self.mask_keys.as_mut().map(|keys| keys.next_key());
        let (opcode, len) = (kind.opcode(), payload.len() as u64);
        let header = Header { fin: true, rsv1: true, opcode, mask, len };
        let queued = self.tx.put_built(header, |out: &mut Vec<u8>| {
            let start = out.len();
            compressor.finish(payload, keeps_context, out);
            let len = out.len().saturating_sub(start);
            keeps_context || len < payload.len() || payload.is_empty()
        });
        state.finish_compressing();
        if queued {
            count(&mut self.stats.frames_sent, 1);
        } else {
            self.queue_frame(kind.opcode(), true, payload);
        }
    }

    /// Queues a fragment of a message that is compressed.
    pub(super) fn queue_compressed_fragment(&mut self, opcode: OpCode, fin: bool, piece: &[u8]) {
        let Some(state) = &mut self.compression else { return };
        let keeps_context = state.send.context_takeover;
        // The compressor stays with the message until its last fragment.
        let compressor = state.compressor(&self.config);
        let mask = self.mask_keys.as_mut().map(|keys| keys.next_key());
        let rsv1 = opcode != OpCode::Continuation;
        let header = Header { fin, rsv1, opcode, mask, len: piece.len() as u64 };
        self.tx.put_built(header, |out: &mut Vec<u8>| {
            if fin {
                compressor.finish(piece, keeps_context, out);
            } else if !piece.is_empty() {
                compressor.compress(piece, out);
            }
            true
        });
        if fin {
            state.finish_compressing();
        }
        count(&mut self.stats.frames_sent, 1);
    }

    /// The window that a message prepared for many peers has to keep to, if it may be sent compressed.
    pub(super) fn prepared_window(&self) -> Option<u8> {
        self.compression.as_ref().map(|state| state.send.window_bits)
    }

    /// Forgets the context of what was sent: the peer is sent something that was not compressed here.
    pub(super) fn forget_context(&mut self) {
        if let Some(compressor) = self.compression.as_mut().and_then(|c| c.compressor.as_mut()) {
            compressor.reset();
        }
    }

    /// Gives a compressor up that keeps its context.
    pub(super) fn release_compressor(&mut self) {
        let Some(state) = &mut self.compression else { return };
        if let (Some(compressor), Some(pool)) = (state.compressor.take(), state.pool) {
            pool.give_compressor(compressor);
        }
    }

    /// Takes a compressed message that the unread bytes begin with, one frame, all of it there: nothing where no message
    /// may be compressed.
    pub(super) fn take_compressed(
        &mut self,
        rx: &mut RecvBuf,
        whole: Whole,
    ) -> Result<Option<Kind>, Error> {
        if self.compression.is_none() {
            return Ok(None);
        }
        count(&mut self.stats.frames_received, 1);
        let kind = if whole.opcode == OpCode::Text { Kind::Text } else { Kind::Binary };
        let key = whole.key(rx.unread(), self.incoming_masking());
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
    pub(super) fn read_compressed(
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
            self.receive.frame = Some(frame);
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
        self.receive.frame = None;
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
            _ => Error::MessageTooLarge { limit },
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

    /// Dates what has been compressed.
    pub(super) fn date_compression(&mut self, now: Instant) {
        if let Some(state) = &mut self.compression {
            if core::mem::take(&mut state.noted) {
                state.used = Some(now);
            }
        }
    }

    /// When a compressor that keeps its context is released, if none is used before.
    pub(super) fn release_at(&self) -> Option<Instant> {
        let state = self.compression.as_ref()?;
        let kept = state.compressor.is_some() && self.send.open.is_none();
        Some(state.used? + settings(&self.config).release_after.filter(|_| kept)?)
    }
}

/// How messages are compressed and inflated.
fn settings(config: &Config) -> &Compression {
    static DEFAULT: Compression = Compression::DEFAULT;
    config.compression.as_ref().unwrap_or(&DEFAULT)
}

impl State {
    /// The compressor of the message that goes out.
    fn compressor(&mut self, config: &Config) -> &mut Compressor {
        let Self { compressor: kept, pool, send, .. } = self;
        kept.get_or_insert_with(|| compressor(*pool, settings(config).settings(send.window_bits)))
    }

    /// Without context to keep, the compressor goes back to the pool.
    fn finish_compressing(&mut self) {
        self.noted = true;
        if !self.send.context_takeover {
            if let (Some(compressor), Some(pool)) = (self.compressor.take(), self.pool) {
                pool.give_compressor(compressor);
            }
        }
    }
}

impl From<InflateError> for Error {
    fn from(error: InflateError) -> Self {
        Self::Inflate(error)
    }
}
