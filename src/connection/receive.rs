//! From bytes to events: frames, fragments, limits, text.

use super::event::Ready;
use super::stats::count;
use super::{Chunk, ChunkData, Connection, Event, Phase, Received};
use crate::buffer::{Frame, Incoming, RecvBuf};
use crate::config::{Config, Delivery};
use crate::error::Error;
use crate::frame::{self, Expect, Header, HeaderError, Masking, OpCode};
use crate::message::{Kind, Message};

/// What of receiving outlives a message; the rest lies in the receive buffer.
#[derive(Debug)]
pub(super) struct State {
    /// An event that has been found and not yet told.
    ready: Option<Ready>,
    /// How many control frames may come before data or time allows more.
    pub(super) control_credit: u32,
}

/// What to do after a piece of a frame.
pub(super) enum Step {
    Tell(Ready),
    Continue,
    NeedBytes,
}

impl State {
    pub(super) fn new(config: &Config) -> Self {
        Self { ready: None, control_credit: config.control_frame_burst }
    }
}

impl Connection {
    /// The next thing that the peer sent, if all of it is there.
    ///
    /// Call it after each read until it returns `None`, then send what is queued. Payloads point into `rx`
    /// and stay valid until the next call; the connection itself is free, so an event can be answered
    /// while it is looked at. A data message is told without an allocation. `rx` is this connection's for its whole
    /// life; only its memory may be lent elsewhere ([`RecvBuf::take_memory`]).
    ///
    /// A violation by the peer is no error here: the Close frame that tells it is queued, and the event is
    /// [`Event::Closed`], which every connection ends with, exactly once.
    #[inline]
    pub fn next_event<'b>(&mut self, rx: &'b mut RecvBuf) -> Option<Event<'b>> {
        match self.find_message(rx) {
            Some(Kind::Text) => Some(Event::Text(rx.tell_text())),
            Some(Kind::Binary) => Some(Event::Binary(rx.tell_whole())),
            None => self.next_of_others(rx),
        }
    }

    /// The next event, where it is not a whole message in one frame.
    #[inline(never)]
    fn next_of_others<'b>(&mut self, rx: &'b mut RecvBuf) -> Option<Event<'b>> {
        Some(match self.find_other(rx)? {
            Ready::Message(Kind::Text) => Event::Text(rx.tell_text()),
            Ready::Message(Kind::Binary) => Event::Binary(rx.tell()),
            Ready::Chunk { kind, first, last } => {
                let data = match kind {
                    Kind::Text => ChunkData::Text(rx.tell_text()),
                    Kind::Binary => ChunkData::Binary(rx.tell()),
                };
                Event::Chunk(Chunk { data, first, last })
            }
            Ready::Ping => Event::Ping(rx.tell()),
            Ready::Pong => Event::Pong(rx.tell()),
            Ready::Closed => Event::Closed(self.tell_closed()),
        })
    }

    /// The next message as a value of its own, or the end of the connection; pings, pongs and chunks are
    /// passed over.
    ///
    /// One allocation a message, for a copy. A payload of 16 KiB or more that fills more than half the buffer is not copied: it
    /// keeps the memory it lies in, and the buffer gets new memory when it needs some: for a message like those before it
    /// in one or two steps.
    pub fn next_message(&mut self, rx: &mut RecvBuf) -> Option<Received> {
        Some(match self.next_or_end(rx)? {
            Some(message) => Received::Message(message),
            None => Received::Closed(self.tell_closed()),
        })
    }

    /// The next message, or `Some(None)` where the end is to be told next: smaller than [`Received`], for the adapters.
    #[inline(always)]
    pub(crate) fn next_or_end(&mut self, rx: &mut RecvBuf) -> Option<Option<Message>> {
        match self.find_message(rx) {
            Some(Kind::Text) => Some(Some(Message::Text(rx.tell_owned_text()))),
            Some(Kind::Binary) => Some(Some(Message::Binary(rx.tell_owned()))),
            None => self.next_of_other_messages(rx),
        }
    }

    /// The next message or the end, where it is not a whole message in one frame that is to be told next.
    #[inline(never)]
    fn next_of_other_messages(&mut self, rx: &mut RecvBuf) -> Option<Option<Message>> {
        let mut found = self.find_other(rx);
        loop {
            return Some(match found? {
                Ready::Message(Kind::Text) => Some(Message::Text(rx.tell_owned_text())),
                Ready::Message(Kind::Binary) => Some(Message::Binary(rx.tell_owned())),
                Ready::Closed => None,
                Ready::Chunk { .. } | Ready::Ping | Ready::Pong => {
                    found = self.find_event(rx);
                    continue;
                }
            });
        }
    }

    /// Whether [`next_event`](Self::next_event) has something to tell.
    #[inline]
    pub fn has_event(&mut self, rx: &mut RecvBuf) -> bool {
        self.receive.ready = self.find_event(rx);
        self.receive.ready.is_some()
    }

    /// Whether the next event is a whole message.
    pub(crate) fn next_is_message(&self) -> bool {
        matches!(self.receive.ready, Some(Ready::Message(_)))
    }

    /// Whether the next event is the end of the connection.
    #[cfg(feature = "handshake")]
    pub(crate) fn next_is_closed(&self) -> bool {
        self.receive.ready == Some(Ready::Closed)
    }

    #[inline]
    fn find_event(&mut self, rx: &mut RecvBuf) -> Option<Ready> {
        match self.find_message(rx) {
            Some(kind) => Some(Ready::Message(kind)),
            None => self.find_other(rx),
        }
    }

    /// Finds a whole message in one frame, unless an event has been found already.
    #[inline(never)]
    fn find_message(&mut self, rx: &mut RecvBuf) -> Option<Kind> {
        if self.receive.ready.is_some() {
            return None;
        }
        self.note_arrival(rx);
        self.take_whole(rx)
    }

    /// Finds an event where [`find_message`](Self::find_message) found none.
    fn find_other(&mut self, rx: &mut RecvBuf) -> Option<Ready> {
        if let Some(ready) = self.receive.ready.take() {
            return Some(ready);
        }
        // Whatever another connection may have left to be told here: from now on memory is written to.
        rx.let_go();
        rx.note_lacking(0);
        let waits = rx.frame.is_none() && rx.unread().is_empty();
        if waits && self.phase < Phase::Ended && !self.has_eof() {
            return None;
        }
        #[cfg(feature = "deflate")]
        match self.take_compressed(rx) {
            Ok(Some(kind)) => return Some(Ready::Message(kind)),
            Ok(None) => {}
            Err(error) => self.fail(error),
        }
        self.find_in_steps(rx)
    }

    /// How many bytes of the frame that comes in have not come and will be kept together.
    fn lacking(&self, rx: &RecvBuf) -> u64 {
        match (self.config.delivery, rx.frame) {
            (Delivery::Messages, Some(frame)) if !rx.is_inflating() => {
                frame.remaining.saturating_sub(rx.unread().len() as u64)
            }
            _ => 0,
        }
    }

    /// Finds what is not a whole message in one frame.
    fn find_in_steps(&mut self, rx: &mut RecvBuf) -> Option<Ready> {
        loop {
            if self.phase >= Phase::Ended {
                rx.discard();
                return self.has_closed_to_tell().then_some(Ready::Closed);
            }
            match self.step(rx) {
                Ok(Step::Tell(ready)) => return Some(ready),
                Ok(Step::Continue) => {}
                Ok(Step::NeedBytes) if self.has_eof() => self.handle_loss(),
                Ok(Step::NeedBytes) => {
                    rx.note_lacking(self.lacking(rx));
                    return None;
                }
                Err(error) => self.fail(error),
            }
        }
    }

    /// Sees that bytes have come, which is all that time needs to know of them.
    #[inline]
    fn note_arrival(&mut self, rx: &mut RecvBuf) {
        if rx.has_new() {
            self.note_new(rx);
        }
    }

    #[inline(never)]
    fn note_new(&mut self, rx: &mut RecvBuf) {
        let new = rx.count_new() as u64;
        if new > 0 {
            count(&mut self.stats.bytes_received, new);
            self.timers.note_arrival();
            self.note_drained(new);
        }
    }

    /// How the peer's frames have to be masked: a client's are, a server's are not (RFC 6455 section 5.1).
    #[inline]
    pub(super) const fn incoming_masking(&self) -> Masking {
        if self.mask_keys.is_some() { Masking::Forbidden } else { Masking::Required }
    }

    fn step(&mut self, rx: &mut RecvBuf) -> Result<Step, Error> {
        let frame = match rx.frame {
            Some(frame) => frame,
            None => match self.read_header(rx)? {
                Some(frame) => frame,
                None => return Ok(Step::NeedBytes),
            },
        };
        if frame.opcode.is_control() {
            self.read_control(rx, frame)
        } else {
            self.read_data(rx, frame)
        }
    }

    #[inline]
    fn read_header(&mut self, rx: &mut RecvBuf) -> Result<Option<Frame>, Error> {
        let expect = Expect {
            masking: self.incoming_masking(),
            #[cfg(feature = "deflate")]
            rsv1: self.compression.is_some(),
            #[cfg(not(feature = "deflate"))]
            rsv1: false,
            in_message: rx.incoming.is_some(),
        };
        let unread = rx.unread();
        let Some((header, used)) = Header::parse_unkeyed(unread, expect)? else { return Ok(None) };
        // Before the masking key is waited for: limits do not depend on it.
        self.check_limits(rx, &header)?;
        let Some((header, used)) = header.with_key(unread, used, expect.masking) else {
            return Ok(None);
        };
        rx.consume(used);
        self.count_header(rx, &header);
        count(&mut self.stats.frames_received, 1);
        match header.opcode {
            #[cfg(feature = "deflate")]
            OpCode::Text | OpCode::Binary if header.rsv1 => rx.begin_inflated(),
            OpCode::Text | OpCode::Binary => rx.begin_message(),
            _ => {}
        }
        let frame = Frame {
            opcode: header.opcode,
            fin: header.fin,
            key: header.mask,
            remaining: header.len,
            #[cfg(feature = "deflate")]
            clear: 0,
        };
        rx.frame = Some(frame);
        Ok(Some(frame))
    }

    /// Takes what has come of a data frame's payload.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "no more is taken than remains")]
    fn read_data(&mut self, rx: &mut RecvBuf, frame: Frame) -> Result<Step, Error> {
        let Some(message) = rx.incoming else {
            // A data frame opens a message with its header.
            return Err(HeaderError::UnexpectedContinuation.into());
        };
        // Without compression it is another connection's, of which a buffer was handed in.
        #[cfg(feature = "deflate")]
        if message.compressed && self.compression.is_some() {
            return self.read_compressed(rx, frame, message);
        }
        let unread = rx.unread().len();
        let now = usize::try_from(frame.remaining).map_or(unread, |left| left.min(unread));
        if now > 0 {
            rx.absorb(now, frame.key);
            count(&mut self.stats.payload_received, now as u64);
            self.receive.control_credit = self.config.control_frame_burst;
            if message.kind == Kind::Text {
                rx.check_text().map_err(|_| Error::InvalidUtf8)?;
            }
        }
        let remaining = frame.remaining - now as u64;
        rx.frame = (remaining > 0).then(|| Frame {
            remaining,
            key: frame.key.map(|key| frame::rotate(key, now)),
            ..frame
        });
        if remaining == 0 && frame.fin {
            return self.end_message(rx, message);
        }
        if self.config.delivery == Delivery::Chunks {
            if let Some(step) = self.tell_chunk(rx, message, false) {
                return Ok(step);
            }
        }
        Ok(if remaining == 0 { Step::Continue } else { Step::NeedBytes })
    }

    /// Tells a message that has come to its end.
    #[inline]
    pub(super) fn end_message(
        &mut self,
        rx: &mut RecvBuf,
        message: Incoming,
    ) -> Result<Step, Error> {
        if message.kind == Kind::Text && !rx.is_whole_text() {
            return Err(Error::InvalidUtf8);
        }
        rx.incoming = None;
        count(&mut self.stats.messages_received, 1);
        self.timers.note_message();
        if self.config.delivery == Delivery::Chunks {
            return Ok(self.tell_chunk(rx, message, true).unwrap_or(Step::Continue));
        }
        rx.hold_message();
        Ok(Step::Tell(Ready::Message(message.kind)))
    }

    /// Tells what has come of a message, where it is delivered in pieces.
    pub(super) fn tell_chunk(
        &self,
        rx: &mut RecvBuf,
        message: Incoming,
        last: bool,
    ) -> Option<Step> {
        match message.kind {
            Kind::Text => rx.hold_whole_text(),
            Kind::Binary => rx.hold_message(),
        }
        if rx.held().is_empty() && !last {
            return None;
        }
        if let Some(message) = &mut rx.incoming {
            message.begun = true;
        }
        Some(Step::Tell(Ready::Chunk { kind: message.kind, first: !message.begun, last }))
    }

    /// Takes a control frame once all of it is there: 125 bytes at most.
    fn read_control(&mut self, rx: &mut RecvBuf, frame: Frame) -> Result<Step, Error> {
        let len = usize::try_from(frame.remaining).unwrap_or(usize::MAX);
        if rx.unread().len() < len {
            return Ok(Step::NeedBytes);
        }
        rx.frame = None;
        rx.hold_control(len, frame.key);
        Ok(match frame.opcode {
            OpCode::Ping => {
                count(&mut self.stats.pings_received, 1);
                self.answer_ping(rx.held());
                Step::Tell(Ready::Ping)
            }
            OpCode::Pong => {
                count(&mut self.stats.pongs_received, 1);
                if self
                    .keepalive
                    .as_ref()
                    .is_some_and(|keepalive| keepalive.is_answered_by(rx.held()))
                {
                    self.timers.note_answer();
                }
                Step::Tell(Ready::Pong)
            }
            _ => {
                let close = frame::parse_close(rx.held())?;
                self.handle_close(close);
                Step::Continue
            }
        })
    }
}
