//! Every way to end (RFC 6455 section 7): we first, they first, both at once, a failure, the end of the
//! transport, a timeout.

use super::event::CloseFrame;
use super::{Cause, Closed, Connection, Phase};
use crate::config::Role;
use crate::error::{Error, SendError};
use crate::frame::{CloseCode, MAX_CLOSE_REASON, MAX_CONTROL_PAYLOAD, OpCode, encode_close};
use crate::message::Utf8Bytes;
use crate::time::Instant;

/// How far the end has come.
#[derive(Debug, Default)]
pub(super) struct State {
    sent: Option<CloseFrame>,
    received: Option<CloseFrame>,
    /// Why we began to close, if we did.
    local: Option<Cause>,
    /// Why it ended.
    cause: Option<Cause>,
    told: bool,
    /// Whether the write side of the transport has been shut down.
    shut_down: bool,
    /// Whether the transport has no more bytes.
    eof: bool,
    /// Whether the transport takes no more bytes.
    broken: bool,
    /// Bytes read and dropped since the end.
    drained: u64,
    /// When it began.
    pub(super) since: Option<Instant>,
}

/// Whether a Close frame may carry them.
pub(crate) fn check_close(code: Option<CloseCode>, reason: &str) -> Result<(), SendError<()>> {
    match code {
        Some(code) if !code.is_sendable() => Err(SendError::InvalidCloseCode(code)),
        _ if reason.len() > MAX_CLOSE_REASON => Err(SendError::ReasonTooLong),
        _ => Ok(()),
    }
}

/// How much input is read and dropped after the end, so that the transport ends without a reset.
const MAX_DRAINED: u64 = 64 * 1024;

impl Connection {
    /// Begins the closing handshake with a code and a reason, or with neither: a reason without a code cannot be
    /// sent and is left out.
    ///
    /// Messages queued before are sent, later ones are refused. Events go on coming until the peer's Close
    /// frame, then [`Event::Closed`](super::Event::Closed) is told. Calling it again does nothing.
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidCloseCode`] for a code that may not be sent, [`SendError::ReasonTooLong`] for a
    /// reason over 123 bytes; nothing has happened then.
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), SendError<()>> {
        let code = code.into();
        check_close(code, reason)?;
        self.close_because(Cause::Local, code, reason);
        Ok(())
    }

    /// The transport has no more bytes: end of file.
    ///
    /// Events of the bytes that came before are told first. If the peer's Close frame is not among them, the
    /// connection is lost.
    pub fn handle_eof(&mut self) {
        self.closing().eof = true;
    }

    /// The transport has failed: nothing more can be read or written.
    pub fn handle_transport_error(&mut self) {
        self.handle_eof();
        self.closing().broken = true;
        self.out.discard();
        if self.phase == Phase::Ended {
            self.abandon();
        }
    }

    /// Whether the transport's write side is to be shut down; then call
    /// [`handle_shutdown`](Self::handle_shutdown).
    ///
    /// The server ends the transport first (RFC 6455 section 7.1.1), and so does whoever fails the
    /// connection; a client that has closed in order waits for the server.
    #[must_use]
    pub fn wants_shutdown(&self) -> bool {
        let Some(closing) = &self.closing else { return false };
        let first = self.role() == Role::Server
            || closing.eof
            || closing.sent.is_none()
            || closing.received.is_none();
        self.phase == Phase::Ended && !self.wants_write() && !closing.shut_down && first
    }

    /// The transport's write side has been shut down.
    pub fn handle_shutdown(&mut self) {
        if self.phase == Phase::Ended {
            self.closing().shut_down = true;
        }
    }

    /// Whether all is over: told, sent and the transport at its end. Drop the transport.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let Some(closing) = &self.closing else { return false };
        let over = closing.eof || closing.drained >= MAX_DRAINED;
        closing.told
            && (self.phase == Phase::Abandoned
                || (self.phase == Phase::Ended && !self.wants_write() && over))
    }

    /// Whether the connection has begun to end: messages are refused from then on.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        let closing = self.closing.as_ref()?;
        Some(Closed {
            cause: closing.cause?,
            sent: closing.sent.clone(),
            received: closing.received.clone(),
        })
    }

    /// Begins the closing handshake for a reason of our own.
    pub(super) fn close_because(&mut self, cause: Cause, code: Option<CloseCode>, reason: &str) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
            self.closing().local = Some(cause);
            self.queue_close(code, reason);
        }
    }

    /// Fails the connection: the peer is told why, nothing more of it is looked at (section 7.1.7).
    pub(super) fn fail(&mut self, error: Error) {
        self.out.drop_waiting_pong();
        self.queue_close(Some(error.close_code()), error.close_reason());
        self.end(Cause::Failed(error));
    }

    /// Takes the peer's Close frame: it is answered with the same code, unless ours is on its way.
    pub(super) fn handle_close(&mut self, frame: Option<(CloseCode, &str)>) {
        let (code, reason) = frame.unwrap_or((CloseCode::NO_STATUS, ""));
        // No ping needs an answer after a Close frame (section 5.5.2).
        self.out.drop_waiting_pong();
        self.queue_close(frame.map(|(code, _)| code), "");
        let closing = self.closing();
        closing.received = Some(CloseFrame { code, reason: reason.into() });
        let cause = closing.local.unwrap_or(Cause::Remote);
        self.end(cause);
    }

    /// Ends without any further exchange: the transport is useless.
    pub(super) fn give_up(&mut self, cause: Cause) {
        self.end(cause);
        self.abandon();
    }

    /// Stops waiting for the transport to end.
    pub(super) fn abandon(&mut self) {
        self.phase = Phase::Abandoned;
        self.out.discard();
    }

    /// Whether the end has been told.
    #[cfg(feature = "handshake")]
    pub(crate) fn has_told_closed(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.told)
    }

    /// Whether the transport has been given up, with what was queued.
    #[cfg(feature = "handshake")]
    pub(crate) fn is_abandoned(&self) -> bool {
        self.phase == Phase::Abandoned || !self.can_write()
    }

    /// Whether there is something to tell without further bytes.
    #[cfg(feature = "handshake")]
    pub(crate) fn has_news(&self) -> bool {
        self.has_closed_to_tell() || (self.has_eof() && self.phase < Phase::Ended)
    }

    pub(super) fn has_closed_to_tell(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.cause.is_some() && !closing.told)
    }

    /// Whether no more bytes will come.
    pub(super) fn has_eof(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.eof)
    }

    /// All bytes have been looked at and no Close frame was among them.
    pub(super) fn handle_loss(&mut self) {
        // A peer that answers our Close frame with the end of its transport does not change why we closed.
        let ours = self.closing().local.filter(|cause| matches!(cause, Cause::Timeout(_)));
        self.end(ours.unwrap_or(Cause::Lost));
    }

    /// Whether the transport takes bytes.
    pub(super) fn can_write(&self) -> bool {
        self.closing.as_ref().is_none_or(|closing| !closing.broken)
    }

    pub(crate) fn tell_closed(&mut self) -> Closed {
        let closing = self.closing();
        closing.told = true;
        Closed {
            cause: closing.cause.unwrap_or(Cause::Lost),
            sent: closing.sent.clone(),
            received: closing.received.clone(),
        }
    }

    pub(super) fn wants_drain(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| !closing.eof && closing.drained < MAX_DRAINED)
    }

    pub(super) fn note_drained(&mut self, bytes: u64) {
        if self.phase == Phase::Ended {
            let closing = self.closing();
            closing.drained = closing.drained.saturating_add(bytes);
        }
    }

    fn end(&mut self, cause: Cause) {
        if self.phase < Phase::Ended {
            self.phase = Phase::Ended;
            self.closing().cause = Some(cause);
            if !self.can_write() {
                self.abandon();
            }
        }
    }

    /// Queues our Close frame, once.
    fn queue_close(&mut self, code: Option<CloseCode>, reason: &str) {
        if self.closing().sent.is_some() {
            return;
        }
        let mut buf = [0; MAX_CONTROL_PAYLOAD];
        let payload = code.map_or(&[][..], |code| encode_close(code, reason, &mut buf));
        self.queue_frame(OpCode::Close, true, payload);
        let reason = if code.is_some() { reason.into() } else { Utf8Bytes::default() };
        let code = code.unwrap_or(CloseCode::NO_STATUS);
        self.closing().sent = Some(CloseFrame { code, reason });
    }

    fn closing(&mut self) -> &mut State {
        self.closing.get_or_insert_default()
    }
}
