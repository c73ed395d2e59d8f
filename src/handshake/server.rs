//! The server's first step: reading a request from bytes.

use core::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};

use super::head::{Kind, MAX_HEADERS, Scanner};
use super::shown::mark_secrets;
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
    scanner: Scanner,
    deadline: Option<Instant>,
}

impl ServerHandshake {
    /// Expects a request.
    #[must_use]
    pub fn new(options: ServerOptions) -> Self {
        Self { options, scanner: Scanner::new(Kind::Request), deadline: None }
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
        let request = parse_request(rx.unread().get(..len).unwrap_or_default())?;
        rx.consume(len);
        Ok(Progress::Done(Incoming::check(request, &self.options.origins)?))
    }
}

fn parse_request(head: &[u8]) -> Result<http::Request<()>, HandshakeError> {
    let head = Bytes::copy_from_slice(head);
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    let version = match parsed.parse_with_uninit_headers(&head, &mut fields) {
        Ok(httparse::Status::Complete(_)) => parsed.version,
        Ok(httparse::Status::Partial) => return Err(HandshakeError::Malformed),
        Err(error) => return Err(error.into()),
    };
    if version != Some(1) {
        return Err(HandshakeError::HttpVersion);
    }
    let target = parsed.path.ok_or(HandshakeError::Malformed)?;
    // `Uri` would drop a fragment without a word.
    if target.contains('#') {
        return Err(HandshakeError::Malformed);
    }
    let method = parsed.method.ok_or(HandshakeError::Malformed)?;
    let mut request = http::Request::new(());
    *request.method_mut() =
        Method::from_bytes(method.as_bytes()).map_err(|_| HandshakeError::Malformed)?;
    *request.uri_mut() = Uri::try_from(target).map_err(|_| HandshakeError::Malformed)?;
    *request.headers_mut() = map_of(&head, parsed.headers)?;
    Ok(request)
}

/// Puts the header fields parsed from `head` into a map, every line of a repeated field. Their values are parts of
/// `head`, not copies. Secrets are marked.
pub(super) fn map_of(
    head: &Bytes,
    parsed: &[httparse::Header<'_>],
) -> Result<HeaderMap, HandshakeError> {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for field in parsed {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| HandshakeError::Malformed)?;
        let value = match field.value.iter().any(|b| matches!(b, b'\r' | b'\n')) {
            false => HeaderValue::from_maybe_shared(head.slice_ref(field.value)),
            // A folded line is one line with spaces in it (RFC 9112 section 5.2).
            true => {
                let unfold = |b: &u8| if matches!(b, b'\r' | b'\n') { b' ' } else { *b };
                HeaderValue::from_maybe_shared(field.value.iter().map(unfold).collect::<Bytes>())
            }
        };
        headers.append(name, value.map_err(|_| HandshakeError::Malformed)?);
    }
    mark_secrets(&mut headers);
    Ok(headers)
}

impl From<httparse::Error> for HandshakeError {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::Version => Self::HttpVersion,
            httparse::Error::TooManyHeaders => Self::TooManyHeaders,
            _ => Self::Malformed,
        }
    }
}
