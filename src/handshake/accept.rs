//! How a request is answered: accepted or rejected.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::fields::value_of;
use super::shown::{Refused, mark_secrets};
use super::{Negotiated, response};
#[cfg(feature = "deflate")]
use crate::deflate::Compression;

/// How a request is accepted.
#[derive(Clone, Debug, Default)]
pub struct Accept {
    pub(super) subprotocol: Option<String>,
    pub(super) headers: HeaderMap,
    #[cfg(feature = "deflate")]
    pub(super) compression: Option<Compression>,
    /// Whether the application has decided about compression.
    #[cfg(feature = "deflate")]
    decided: bool,
}

impl Accept {
    /// Without a subprotocol or further headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses a subprotocol among those that the client offered.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: &str) -> Self {
        self.subprotocol = Some(subprotocol.to_owned());
        self
    }

    /// Accepts compression if the client offers it, or declines it with `None`.
    ///
    /// Without this call the adapters take [`Config::compression`](crate::Config::compression). The offer is in
    /// [`Incoming::extensions`](super::Incoming::extensions) and the client's name in its `User-Agent`, for those who know
    /// of clients that compress badly.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compression<'c>(mut self, compression: impl Into<Option<&'c Compression>>) -> Self {
        self.compression = compression.into().cloned();
        self.decided = true;
        self
    }

    /// Takes `compression` where the application has not decided.
    #[cfg(feature = "deflate")]
    pub(crate) fn or_compression(&self, compression: Option<&Compression>) -> Self {
        if self.decided { self.clone() } else { self.clone().compression(compression) }
    }

    /// Adds a header to the response. `http`'s types admit nothing that could end the line. `Set-Cookie` becomes
    /// [sensitive](HeaderValue::is_sensitive): `Debug` does not show it.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        mark_secrets(&mut self.headers);
        self
    }
}

/// An accepted request: the response to send and what it agrees on.
#[derive(Debug)]
pub struct Accepted {
    /// The answer to the key; absent in an answer to an extended CONNECT, which has none.
    pub(super) answer: Option<[u8; 28]>,
    /// What the application adds, if anything.
    pub(super) headers: Option<HeaderMap>,
    pub(super) negotiated: Negotiated,
}

impl Accepted {
    /// What has been agreed on.
    #[must_use]
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    /// The response as it goes over an HTTP/1.1 transport.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        // Without anything further this is its length, and no memory is left over.
        let mut head = Vec::with_capacity(PLAIN_LEN);
        match &self.answer {
            Some(answer) => {
                head.extend_from_slice(BEFORE_ANSWER);
                head.extend_from_slice(answer);
                head.extend_from_slice(b"\r\n");
            }
            None => head.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
        }
        if let Some(subprotocol) = &self.negotiated.subprotocol {
            head.extend_from_slice(b"Sec-WebSocket-Protocol: ");
            head.extend_from_slice(subprotocol.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        for extension in &self.negotiated.extensions {
            head.extend_from_slice(b"Sec-WebSocket-Extensions: ");
            head.extend_from_slice(extension.to_string().as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        if let Some(headers) = &self.headers {
            response::encode_headers(headers, &mut head);
        }
        head.extend_from_slice(b"\r\n");
        head.into()
    }

    /// What has been agreed on, where the response has been sent.
    pub(crate) fn into_negotiated(self) -> Negotiated {
        self.negotiated
    }

    /// The response as a value, for another library to send.
    #[must_use]
    pub fn into_response(self) -> (http::Response<()>, Negotiated) {
        let mut response = http::Response::new(());
        let headers = response.headers_mut();
        if let Some(answer) = &self.answer {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            let answer = core::str::from_utf8(answer).unwrap_or_default();
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, value_of(answer));
        }
        if let Some(subprotocol) = &self.negotiated.subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value_of(subprotocol));
        }
        for extension in &self.negotiated.extensions {
            headers.append(header::SEC_WEBSOCKET_EXTENSIONS, value_of(&extension.to_string()));
        }
        headers.extend(self.headers.unwrap_or_default());
        if self.answer.is_some() {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        (response, self.negotiated)
    }
}

const BEFORE_ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: ";

const PLAIN_LEN: usize = BEFORE_ANSWER.len() + 28 + b"\r\n\r\n".len();

/// A response other than 101.
pub struct Rejection {
    response: http::Response<Bytes>,
}

impl Rejection {
    pub(super) fn into_inner(self) -> http::Response<Bytes> {
        self.response
    }
}

impl From<StatusCode> for Rejection {
    fn from(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        let mut response = http::Response::new(Bytes::from_static(reason.as_bytes()));
        *response.status_mut() = status;
        Self { response }
    }
}

impl From<http::Response<Bytes>> for Rejection {
    fn from(response: http::Response<Bytes>) -> Self {
        Self { response }
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rejection").field(&Refused(&self.response)).finish()
    }
}
