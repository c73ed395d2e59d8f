//! The server's first step: reading a request from bytes.

use bytes::Bytes;

use super::head::Scanner;
use super::parts::RequestParts;
use super::{HandshakeError, Incoming, Limits, OriginPolicy, Progress, Refusal, response};
use crate::buffer::RecvBuf;
use crate::time::Instant;

/// What a server takes in a handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerOptions {
    /// What the handshake may cost.
    pub limits: Limits,
    /// Which web pages may connect: by default those of the same host.
    pub origins: OriginPolicy,
}

/// A server's end of a connection on which a request is expected.
///
/// ```
/// use hybi::handshake::{Accept, Progress, ServerHandshake};
/// use hybi::{Connection, RecvBuf};
///
/// let mut rx = RecvBuf::new();
/// rx.extend_from_slice(b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
/// let server = ServerHandshake::new(Default::default());
/// let Progress::Done(incoming) = server.advance(&mut rx)? else { panic!("the request is whole") };
/// assert_eq!(incoming.path(), "/chat");
///
/// let accepted = incoming.accept(&Accept::new())?;
/// let mut conn = Connection::server(Default::default());
/// conn.transmit().put_slice(&accepted.to_bytes()); // leaves before the first frame
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ServerHandshake {
    options: ServerOptions,
    scanner: Scanner<RequestParts>,
    deadline: Option<Instant>,
}

impl ServerHandshake {
    /// Expects a request.
    #[must_use]
    pub fn new(options: ServerOptions) -> Self {
        Self { options, scanner: Scanner::new(), deadline: None }
    }

    /// Reads on in `rx`. Bytes that follow the request stay there: they are the first frames.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], with the response to send before the transport is closed.
    pub fn advance(self, rx: &mut RecvBuf) -> Result<Progress<Self, Incoming>, Refusal> {
        self.read(rx).map_err(response::refuse)
    }

    /// The transport ended: nobody is there to be answered.
    #[must_use]
    pub fn handle_eof(self) -> HandshakeError {
        HandshakeError::Incomplete
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called. The first call starts the clock; no
    /// progress extends it.
    pub fn poll_timeout(&mut self, now: Instant) -> Instant {
        *self.deadline.get_or_insert(now + self.options.limits.timeout)
    }

    /// # Errors
    ///
    /// A [`Refusal`] with status 408 if the handshake has taken too long.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Refusal> {
        if now >= self.poll_timeout(now) {
            return Err(response::refuse(HandshakeError::Timeout));
        }
        Ok(())
    }

    fn read(mut self, rx: &mut RecvBuf) -> Result<Progress<Self, Incoming>, HandshakeError> {
        let Some(len) = self.scanner.scan(rx.unread(), &self.options.limits)? else {
            return Ok(Progress::Continue(self));
        };
        let head = Bytes::copy_from_slice(rx.unread().get(..len).unwrap_or_default());
        rx.consume(len);
        let parts = self.scanner.into_parts();
        Ok(Progress::Done(Incoming::read_bytes(head, &parts, &self.options.origins)?))
    }
}
