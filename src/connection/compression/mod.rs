//! Compressed messages (RFC 7692): which codec serves which message, and what they cost. How those that come in are
//! inflated stands in `incoming`.
//!
//! Nothing is allocated before the first compressed message. Without context takeover a codec belongs to the
//! connection for one message only; between messages it waits in the pool.

mod incoming;

use alloc::vec::Vec;

use super::Connection;
use super::stats::count;
use crate::config::{Config, Role};
use crate::deflate::{
    CodecPool, Compression, Compressor, Decompressor, Direction, InflateError, Params, compressor,
};
use crate::error::Error;
use crate::frame::{Header, OpCode};
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
        let queued = self.out.tx().put_built(header, |out: &mut Vec<u8>| {
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
        self.out.tx().put_built(header, |out: &mut Vec<u8>| {
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
