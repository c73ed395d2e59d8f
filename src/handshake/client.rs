//! The client's steps: sending a request, reading the answer.

use core::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::reply::Reply;
use super::{HandshakeError, Key, Limits, Negotiated, Progress, Request, verify};
use crate::buffer::RecvBuf;
use crate::time::Instant;

/// How long a client waits for the whole handshake, unless [`Limits::timeout`] says otherwise.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// A client's end of a connection on which a request has been sent.
///
/// ```
/// use hybi::handshake::{ClientHandshake, Progress, Request};
/// use hybi::RecvBuf;
///
/// let request = Request::new("ws://example.com/chat")?;
/// let nonce = *b"the sample nonce"; // 16 random bytes in earnest
/// let (client, bytes) = ClientHandshake::new(request, nonce);
/// assert!(bytes.starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
///
/// let mut rx = RecvBuf::new();
/// rx.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
/// let Progress::Done(established) = client.advance(&mut rx)? else { panic!("it is whole") };
/// assert_eq!(established.negotiated.subprotocol, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientHandshake {
    request: Request,
    key: Key,
    limits: Limits,
    reply: Reply,
    deadline: Option<Instant>,
}

/// A handshake that the server has accepted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Established {
    /// What has been agreed on.
    pub negotiated: Negotiated,
    /// The server's response, for its headers.
    pub response: http::Response<()>,
}

impl ClientHandshake {
    /// Makes the request's bytes, to be sent first. `nonce` is 16 random bytes (RFC 6455 section 4.1, item 7).
    #[must_use]
    pub fn new(request: Request, nonce: [u8; 16]) -> (Self, Bytes) {
        let key = Key::from_nonce(nonce);
        let bytes = request.to_bytes(&key);
        let limits = Limits { timeout: TIMEOUT, ..Limits::default() };
        let client = Self { request, key, limits, reply: Reply::new(), deadline: None };
        (client, bytes)
    }

    /// Sets what the handshake may cost; the default is [`Limits::default`] and 20 s.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads on in `rx`. Bytes that follow the response stay there: they are the first frames.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] with status, headers and the beginning of the body where the server does
    /// not answer 101, else the rule that the response breaks.
    pub fn advance(
        mut self,
        rx: &mut RecvBuf,
    ) -> Result<Progress<Self, Established>, HandshakeError> {
        let awaited = |status| status == StatusCode::SWITCHING_PROTOCOLS;
        let Some(response) = self.reply.advance(rx, &self.limits, awaited)? else {
            return Ok(Progress::Continue(self));
        };
        let negotiated = verify(&response, &self.request, &self.key)?;
        Ok(Progress::Done(Established { negotiated, response }))
    }

    /// The transport ended: the server's refusal, if its head had come.
    #[must_use]
    pub fn handle_eof(mut self) -> HandshakeError {
        self.reply.handle_eof()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called. The first call starts the clock; no
    /// progress extends it.
    pub fn poll_timeout(&mut self, now: Instant) -> Instant {
        *self.deadline.get_or_insert(now + self.limits.timeout)
    }

    /// # Errors
    ///
    /// [`HandshakeError::Timeout`] if the handshake has taken too long, or the server's refusal if only its
    /// body has not come to an end.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), HandshakeError> {
        if now < self.poll_timeout(now) {
            return Ok(());
        }
        Err(self.take_refusal().unwrap_or(HandshakeError::Timeout))
    }

    /// What is known of a refusal whose body has not come to an end.
    pub(crate) fn take_refusal(&mut self) -> Option<HandshakeError> {
        self.reply.take_refusal()
    }
}
