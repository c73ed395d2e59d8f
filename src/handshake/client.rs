//! The client's steps: sending a request, reading the answer.

use alloc::boxed::Box;
use core::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Version};

use super::body::Body;
use super::head::{Kind, MAX_HEADERS, Scanner};
use super::server::copy_headers;
use super::{HandshakeError, Key, Limits, Negotiated, Progress, Request, verify};
use crate::buffer::RecvBuf;
use crate::time::Instant;

/// How many interim responses (1xx other than 101) are passed over.
const MAX_INTERIM: u8 = 8;

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
    scanner: Scanner,
    interim: u8,
    /// A response other than 101 whose body is being read.
    refused: Option<Box<(http::Response<()>, Body)>>,
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
        let scanner = Scanner::new(Kind::Response);
        let client =
            Self { request, key, limits, scanner, interim: 0, refused: None, deadline: None };
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
        loop {
            if let Some(refused) = &mut self.refused {
                return match refused.1.advance(rx) {
                    true => Err(self.handle_eof()),
                    false => Ok(Progress::Continue(self)),
                };
            }
            let Some(len) = self.scanner.scan(rx.unread(), &self.limits)? else {
                return Ok(Progress::Continue(self));
            };
            let response = parse_response(rx.unread().get(..len).unwrap_or_default())?;
            rx.consume(len);
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                let negotiated = verify(&response, &self.request, &self.key)?;
                return Ok(Progress::Done(Established { negotiated, response }));
            }
            if response.status().is_informational() {
                self.interim = self.interim.saturating_add(1);
                if self.interim > MAX_INTERIM {
                    return Err(HandshakeError::TooManyInterim);
                }
                self.scanner = Scanner::new(Kind::Response);
                continue;
            }
            let body = Body::new(response.status(), response.headers());
            self.refused = Some(Box::new((response, body)));
        }
    }

    /// The transport ended: the server's refusal, if its head had come.
    #[must_use]
    pub fn handle_eof(mut self) -> HandshakeError {
        self.take_refusal().unwrap_or(HandshakeError::Incomplete)
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
        let (response, body) = *self.refused.take()?;
        Some(HandshakeError::Refused(Box::new(response.map(|()| body.into_bytes()))))
    }
}

fn parse_response(head: &[u8]) -> Result<http::Response<()>, HandshakeError> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut fields);
    let mut parser = httparse::ParserConfig::default();
    parser.allow_obsolete_multiline_headers_in_responses(true);
    match parser.parse_response(&mut parsed, head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(HandshakeError::Malformed),
        Err(error) => return Err(error.into()),
    }
    let mut response = http::Response::new(());
    if parsed.version != Some(1) {
        *response.version_mut() = Version::HTTP_10;
    }
    let code = parsed.code.ok_or(HandshakeError::Malformed)?;
    *response.status_mut() = StatusCode::from_u16(code).map_err(|_| HandshakeError::Malformed)?;
    copy_headers(parsed.headers, response.headers_mut())?;
    Ok(response)
}
