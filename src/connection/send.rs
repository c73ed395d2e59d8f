//! From messages to bytes: framing, masking, backpressure, pings and pongs.

use bytes::Bytes;

use super::Connection;
use super::stats::count;
use crate::buffer::SPLICE;
use crate::error::SendError;
use crate::frame::{self, Header, MAX_CONTROL_PAYLOAD, OpCode};
use crate::message::{Compress, Kind, Outgoing, Prepared};

/// What is known of what goes out.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The message that a writer has begun.
    pub(super) open: Option<Open>,
}

/// A message that is being sent in pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) kind: Kind,
    /// Whether its first frame has been queued.
    pub(super) begun: bool,
    /// Whether it is compressed, which its first frame says.
    #[cfg(feature = "deflate")]
    pub(super) compressed: bool,
}

/// Pongs join the queue while it is shorter than this. Above, only the answer to the latest ping is kept
/// (RFC 6455 section 5.5.3), so a peer that pings and does not read costs 125 bytes.
const PONG_ROOM: usize = 16 * 1024;

impl Connection {
    /// Queues a message.
    ///
    /// Payloads of 4 KiB or more are queued by pointer: a server never copies them, a client only where
    /// others share them, since it has to mask them.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`], [`SendError::Closed`] or [`SendError::Unfinished`], with the message in it.
    pub fn send(&mut self, message: impl Into<Outgoing>) -> Result<(), SendError> {
        let outgoing = message.into();
        if let Err(error) = self.check_send() {
            return Err(error.map(|()| outgoing.message));
        }
        self.queue(outgoing);
        Ok(())
    }

    /// Queues a message that [`check_send`](Self::check_send) has nothing against.
    #[inline(always)]
    pub(crate) fn queue(&mut self, outgoing: Outgoing) {
        let Outgoing { message, compress } = outgoing;
        let kind = message.kind();
        let payload = message.into_bytes();
        if payload.len() < SPLICE || self.compresses(payload.len(), compress) {
            self.queue_message(kind, &payload, compress);
        } else {
            self.note_message(payload.len());
            self.queue_by_pointer(kind.opcode(), payload);
        }
    }

    /// Queues a copy of `text` as a message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), without the message.
    #[inline]
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError<()>> {
        self.check_send()?;
        self.queue_message(Kind::Text, text.as_bytes(), Compress::Auto);
        Ok(())
    }

    /// Queues a copy of `data` as a message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), without the message.
    #[inline]
    pub fn send_binary(&mut self, data: &[u8]) -> Result<(), SendError<()>> {
        self.check_send()?;
        self.queue_message(Kind::Binary, data, Compress::Auto);
        Ok(())
    }

    /// Queues a message that was encoded once for many peers.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), without the message.
    pub fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), SendError<()>> {
        self.check_send()?;
        let message = prepared.message();
        #[cfg(feature = "deflate")]
        if let Some(payload) = self.prepared_window().and_then(|bits| prepared.compressed_for(bits))
        {
            self.note_message(message.len());
            // Our compressor has not seen it, the peer's window has: they start anew together.
            self.forget_context();
            let mask = self.next_key();
            let opcode = message.kind().opcode();
            let header = Header { fin: true, rsv1: true, opcode, mask, len: payload.len() as u64 };
            self.queue_payload(header, payload.clone());
            return Ok(());
        }
        let (kind, mask) = (message.kind(), self.next_key());
        self.note_message(message.len());
        match prepared.flat().filter(|_| mask.is_none()) {
            Some(flat) => {
                count(&mut self.stats.frames_sent, 1);
                self.out.tx().put_slice(flat);
            }
            None => {
                let payload = message.clone().into_bytes();
                let len = payload.len() as u64;
                let header = Header { fin: true, rsv1: false, opcode: kind.opcode(), mask, len };
                self.queue_payload(header, payload);
            }
        }
        Ok(())
    }

    /// Queues a ping. The answer comes as [`Event::Pong`](super::Event::Pong).
    ///
    /// # Errors
    ///
    /// [`SendError::ControlTooLong`] over 125 bytes; [`SendError::Full`] and [`SendError::Closed`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError<()>> {
        self.control(OpCode::Ping, payload)
    }

    /// Queues a pong that answers nothing, as a heartbeat in one direction (RFC 6455 section 5.5.3). Pings
    /// are answered without it.
    ///
    /// # Errors
    ///
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError<()>> {
        self.control(OpCode::Pong, payload)
    }

    fn control(&mut self, opcode: OpCode, payload: &[u8]) -> Result<(), SendError<()>> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendError::ControlTooLong);
        }
        if self.is_closing() {
            return Err(SendError::Closed(()));
        }
        if self.out.len() >= self.config.high_water() {
            return Err(SendError::Full(()));
        }
        self.queue_frame(opcode, true, payload);
        Ok(())
    }

    /// Whether a message can be queued.
    #[inline]
    pub(crate) fn check_send(&self) -> Result<(), SendError<()>> {
        if self.is_closing() {
            Err(SendError::Closed(()))
        } else if self.send.open.is_some() {
            Err(SendError::Unfinished(()))
        } else if self.out.len() >= self.config.high_water() {
            Err(SendError::Full(()))
        } else {
            Ok(())
        }
    }

    /// Without the feature nothing is compressed.
    #[cfg(not(feature = "deflate"))]
    fn compresses(&self, _len: usize, _wish: Compress) -> bool {
        false
    }

    #[inline(always)]
    pub(super) fn queue_message(&mut self, kind: Kind, payload: &[u8], compress: Compress) {
        #[cfg(feature = "deflate")]
        if self.compresses(payload.len(), compress) {
            return self.queue_compressed(kind, payload);
        }
        let _ = compress;
        self.note_message(payload.len());
        self.queue_frame(kind.opcode(), true, payload);
    }

    #[inline]
    pub(super) fn note_message(&mut self, len: usize) {
        count(&mut self.stats.messages_sent, 1);
        count(&mut self.stats.payload_sent, len as u64);
        self.timers.note_message();
    }

    /// Queues a frame with a copy of its payload.
    #[inline(always)]
    pub(super) fn queue_frame(&mut self, opcode: OpCode, fin: bool, payload: &[u8]) {
        if self.mask_keys.is_some() {
            return self.queue_masked(opcode, fin, payload);
        }
        let header = Header { fin, rsv1: false, opcode, mask: None, len: payload.len() as u64 };
        count(&mut self.stats.frames_sent, 1);
        self.out.tx().put_frame(&header, payload);
    }

    /// Apart, so that a server's frames pass no code for masks.
    #[inline(never)]
    fn queue_masked(&mut self, opcode: OpCode, fin: bool, payload: &[u8]) {
        let mask = self.next_key();
        let header = Header { fin, rsv1: false, opcode, mask, len: payload.len() as u64 };
        count(&mut self.stats.frames_sent, 1);
        self.out.tx().put_frame(&header, payload);
    }

    /// Queues a frame with the payload itself, masked where it lies if nobody else holds it.
    fn queue_by_pointer(&mut self, opcode: OpCode, payload: Bytes) {
        let mask = self.next_key();
        let header = Header { fin: true, rsv1: false, opcode, mask, len: payload.len() as u64 };
        let Some(key) = mask else { return self.queue_payload(header, payload) };
        match payload.try_into_mut() {
            Ok(mut unique) => {
                frame::mask(&mut unique, key);
                count(&mut self.stats.frames_sent, 1);
                self.out.tx().put_frame_bytes(&header, unique.freeze());
            }
            Err(shared) => self.queue_payload(header, shared),
        }
    }

    /// Queues a frame with a payload that others hold as well: by pointer if it is large and not masked.
    fn queue_payload(&mut self, header: Header, payload: Bytes) {
        count(&mut self.stats.frames_sent, 1);
        if header.mask.is_none() && payload.len() >= SPLICE {
            self.out.tx().put_frame_bytes(&header, payload);
        } else {
            self.out.tx().put_frame(&header, &payload);
        }
    }

    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        self.mask_keys.as_mut().map(|keys| keys.next_key())
    }

    /// Answers a ping: at once while the queue is short, else when it has become so.
    pub(super) fn answer_ping(&mut self, payload: &[u8]) {
        if self.out.len() < PONG_ROOM {
            self.out.begin().pong = None;
            self.queue_frame(OpCode::Pong, true, payload);
        } else {
            self.out.begin().pong = Some(payload.into());
        }
    }

    /// Lets the pong that waits join the queue when it has become short.
    #[inline]
    pub(super) fn queue_waiting_pong(&mut self) {
        if self.out.sending().is_some_and(|sending| sending.pong.is_some()) {
            self.queue_late_pong();
        }
    }

    #[cold]
    fn queue_late_pong(&mut self) {
        if self.out.len() < PONG_ROOM {
            if let Some(payload) = self.out.begin().pong.take() {
                self.queue_frame(OpCode::Pong, true, &payload);
            }
        }
    }
}
