//! Reading the answer to a request: a server's, or that of a proxy that was asked for a tunnel.

use alloc::boxed::Box;
use core::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Version};

use super::body::Body;
use super::head::{MAX_HEADERS, Scanner};
use super::parts::ResponseParts;
use super::shown::mark_secrets;
use super::{HandshakeError, Limits};
use crate::buffer::RecvBuf;

/// How many interim responses (1xx) are passed over.
const MAX_INTERIM: u8 = 8;

/// A response that is being read.
#[derive(Debug)]
pub(crate) struct Reply {
    scanner: Scanner<ResponseParts>,
    interim: u8,
    /// A response with another status than those that are waited for; its body is being read.
    refused: Option<Box<(http::Response<()>, Body)>>,
}

impl Reply {
    pub(crate) fn new() -> Self {
        Self { scanner: Scanner::new(), interim: 0, refused: None }
    }

    /// Reads on in `rx` until there is a response with a status that is waited for. What follows its head stays there.
    ///
    /// A response with another status is a [`HandshakeError::Refused`], with the beginning of its body.
    pub(crate) fn advance(
        &mut self,
        rx: &mut RecvBuf,
        limits: &Limits,
        is_awaited: impl Fn(StatusCode) -> bool,
    ) -> Result<Option<http::Response<()>>, HandshakeError> {
        loop {
            if let Some(refused) = &mut self.refused {
                return match refused.1.advance(rx) {
                    true => Err(self.handle_eof()),
                    false => Ok(None),
                };
            }
            let Some(len) = self.scanner.scan(rx.unread(), limits)? else { return Ok(None) };
            let response = parse_response(rx.unread().get(..len).unwrap_or_default())?;
            rx.consume(len);
            let status = response.status();
            if is_awaited(status) {
                return Ok(Some(response));
            }
            if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                self.interim = self.interim.saturating_add(1);
                if self.interim > MAX_INTERIM {
                    return Err(HandshakeError::TooManyInterim);
                }
                self.scanner = Scanner::new();
                continue;
            }
            let body = Body::new(status, response.headers());
            self.refused = Some(Box::new((response, body)));
        }
    }

    /// The transport ended: the refusal, if its head had come.
    pub(crate) fn handle_eof(&mut self) -> HandshakeError {
        self.take_refusal().unwrap_or(HandshakeError::Incomplete)
    }

    /// What is known of a refusal whose body has not come to an end.
    pub(crate) fn take_refusal(&mut self) -> Option<HandshakeError> {
        let (response, body) = *self.refused.take()?;
        Some(HandshakeError::Refused(Box::new(response.map(|()| body.into_bytes()))))
    }
}

fn parse_response(head: &[u8]) -> Result<http::Response<()>, HandshakeError> {
    let head = Bytes::copy_from_slice(head);
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let mut parser = httparse::ParserConfig::default();
    parser.allow_obsolete_multiline_headers_in_responses(true);
    match parser.parse_response_with_uninit_headers(&mut parsed, &head, &mut fields) {
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
    *response.headers_mut() = map_of(&head, parsed.headers)?;
    Ok(response)
}

/// Puts the header fields parsed from `head` into a map, every line of a repeated field. Their values are parts of
/// `head`, not copies. Secrets are marked.
fn map_of(head: &Bytes, parsed: &[httparse::Header<'_>]) -> Result<HeaderMap, HandshakeError> {
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
            httparse::Error::TooManyHeaders => Self::TooManyHeaders { limit: MAX_HEADERS },
            _ => Self::Malformed,
        }
    }
}
