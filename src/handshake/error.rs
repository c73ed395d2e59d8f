//! What goes wrong before a connection exists.

use alloc::boxed::Box;
use core::fmt;

use bytes::Bytes;
use http::StatusCode;

use super::shown;

/// Why a handshake failed. The peer is at fault, or the network.
///
/// `Debug` tells of a [`Refused`](Self::Refused) its status and how long its body is.
#[derive(Clone)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not HTTP/1.1 as RFC 9112 writes it.
    Malformed,
    /// Another version of HTTP than 1.1 and those of HTTP/1 after it.
    HttpVersion,
    /// Another method than GET.
    Method,
    /// More bytes than [`Limits::max_size`](super::Limits::max_size).
    HeadTooLarge,
    /// A request line longer than half of that.
    TargetTooLong,
    /// More header lines than [`Limits::max_headers`](super::Limits::max_headers).
    TooManyHeaders,
    /// A header that must be there is missing.
    MissingHeader(&'static str),
    /// A header that may stand once stands more than once.
    DuplicateHeader(&'static str),
    /// A header's value breaks its grammar or is not the one that is needed.
    InvalidHeader(&'static str),
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    BadKey,
    /// Another `Sec-WebSocket-Version` than 13.
    UnsupportedVersion,
    /// A request to upgrade that carries a body.
    BodyNotAllowed,
    /// The `Origin` is not one that the server takes.
    OriginRejected,
    /// The server answered with another status than 101: its whole response, up to 64 KiB of body.
    Refused(Box<http::Response<Bytes>>),
    /// More than eight interim responses.
    TooManyInterim,
    /// `Sec-WebSocket-Accept` does not answer the key.
    AcceptMismatch,
    /// The server chose a subprotocol that was not offered.
    UnexpectedSubprotocol,
    /// The server chose an extension that was not offered.
    UnexpectedExtension,
    /// The server answered the offer of an extension with parameters that it may not have.
    InvalidExtension,
    /// The transport ended inside the handshake.
    Incomplete,
    /// The handshake took too long.
    Timeout,
}

impl HandshakeError {
    /// The status with which a server answers; `None` where no answer is owed.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        Some(match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::HttpVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::HeadTooLarge | Self::TooManyHeaders => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedVersion | Self::MissingHeader("Upgrade") => {
                StatusCode::UPGRADE_REQUIRED
            }
            Self::OriginRejected => StatusCode::FORBIDDEN,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed
            | Self::MissingHeader(_)
            | Self::DuplicateHeader(_)
            | Self::InvalidHeader(_)
            | Self::BadKey
            | Self::BodyNotAllowed => StatusCode::BAD_REQUEST,
            _ => return None,
        })
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not HTTP/1.1"),
            Self::HttpVersion => f.write_str("HTTP version is not 1.1"),
            Self::Method => f.write_str("method is not GET"),
            Self::HeadTooLarge => f.write_str("headers larger than the limit"),
            Self::TargetTooLong => f.write_str("request target larger than the limit"),
            Self::TooManyHeaders => f.write_str("more headers than the limit"),
            Self::MissingHeader(name) => write!(f, "no {name} header"),
            Self::DuplicateHeader(name) => write!(f, "more than one {name} header"),
            Self::InvalidHeader(name) => write!(f, "invalid {name} header"),
            Self::BadKey => f.write_str("Sec-WebSocket-Key is not 16 bytes in base64"),
            Self::UnsupportedVersion => f.write_str("Sec-WebSocket-Version is not 13"),
            Self::BodyNotAllowed => f.write_str("request to upgrade carries a body"),
            Self::OriginRejected => f.write_str("Origin is not allowed"),
            Self::Refused(response) => write!(f, "server answered {}", response.status()),
            Self::TooManyInterim => f.write_str("more than eight interim responses"),
            Self::AcceptMismatch => f.write_str("Sec-WebSocket-Accept does not match the key"),
            Self::UnexpectedSubprotocol => {
                f.write_str("server chose a subprotocol that was not offered")
            }
            Self::UnexpectedExtension => {
                f.write_str("server chose an extension that was not offered")
            }
            Self::InvalidExtension => f.write_str("server chose invalid extension parameters"),
            Self::Incomplete => f.write_str("transport ended inside the opening handshake"),
            Self::Timeout => f.write_str("opening handshake took too long"),
        }
    }
}

impl fmt::Debug for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, header) = match self {
            Self::Refused(response) => return fmt::Debug::fmt(&shown::Refused(response), f),
            Self::MissingHeader(header) => ("MissingHeader", Some(header)),
            Self::DuplicateHeader(header) => ("DuplicateHeader", Some(header)),
            Self::InvalidHeader(header) => ("InvalidHeader", Some(header)),
            Self::Malformed => ("Malformed", None),
            Self::HttpVersion => ("HttpVersion", None),
            Self::Method => ("Method", None),
            Self::HeadTooLarge => ("HeadTooLarge", None),
            Self::TargetTooLong => ("TargetTooLong", None),
            Self::TooManyHeaders => ("TooManyHeaders", None),
            Self::BadKey => ("BadKey", None),
            Self::UnsupportedVersion => ("UnsupportedVersion", None),
            Self::BodyNotAllowed => ("BodyNotAllowed", None),
            Self::OriginRejected => ("OriginRejected", None),
            Self::TooManyInterim => ("TooManyInterim", None),
            Self::AcceptMismatch => ("AcceptMismatch", None),
            Self::UnexpectedSubprotocol => ("UnexpectedSubprotocol", None),
            Self::UnexpectedExtension => ("UnexpectedExtension", None),
            Self::InvalidExtension => ("InvalidExtension", None),
            Self::Incomplete => ("Incomplete", None),
            Self::Timeout => ("Timeout", None),
        };
        match header {
            Some(header) => f.debug_tuple(name).field(header).finish(),
            None => f.write_str(name),
        }
    }
}

impl core::error::Error for HandshakeError {}

/// A failed handshake and what the server answers to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// What is wrong with the request.
    pub error: HandshakeError,
    /// The response to send before the transport is closed; empty where none is owed.
    pub response: Bytes,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl core::error::Error for Refusal {}

/// Why a request cannot be accepted in the way that was asked for. The caller is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptError {
    /// A subprotocol that the client did not offer.
    SubprotocolNotOffered,
    /// A header that belongs to the handshake itself.
    ReservedHeader(http::HeaderName),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubprotocolNotOffered => f.write_str("subprotocol was not offered by the client"),
            Self::ReservedHeader(name) => write!(f, "{name} is set by the handshake itself"),
        }
    }
}

impl core::error::Error for AcceptError {}

/// Why a request cannot be made. The caller is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The URL is not one of a WebSocket.
    Url(UrlError),
    /// A header that belongs to the handshake itself.
    ReservedHeader(http::HeaderName),
    /// A subprotocol that is not a token (RFC 9110 section 5.6.2), or one named twice.
    InvalidSubprotocol,
    /// A value that cannot stand in the header: control characters, or for credentials more than RFC 7617 or RFC 6750
    /// admits.
    InvalidHeader(http::HeaderName),
    /// A `wss:` URL, or an `https:` proxy, where neither a feature nor the caller provides TLS.
    NeedsTls,
}

impl From<UrlError> for RequestError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => fmt::Display::fmt(error, f),
            Self::ReservedHeader(name) => write!(f, "{name} is set by the handshake itself"),
            Self::InvalidSubprotocol => f.write_str("subprotocol is not a token or named twice"),
            Self::InvalidHeader(name) => write!(f, "value cannot stand in the {name} header"),
            Self::NeedsTls => f.write_str(
                "wss: URLs and https: proxies need TLS: enable a `tls` feature, or hand a TLS stream to \
                 `connect_over`",
            ),
        }
    }
}

impl core::error::Error for RequestError {}

/// What is wrong with a WebSocket URL (RFC 6455 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// Neither `ws:` nor `wss:`.
    Scheme,
    /// A fragment, which the URL of a WebSocket must not have.
    Fragment,
    /// A user name or password: send an `Authorization` header instead.
    UserInfo,
    /// No host, or one that is neither a name nor an address.
    Host,
    /// A host in another script than ASCII, whose form for the domain name system (`xn--`) is needed.
    NonAsciiHost,
    /// A `ws+unix:` URL without the absolute path of a socket.
    SocketPath,
    /// A port that is not a number from 1 to 65535.
    Port,
    /// Not a URL, or one with characters that must be percent-encoded.
    Syntax,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "URL scheme is neither ws nor wss",
            Self::Fragment => "WebSocket URLs have no fragment: encode # as %23",
            Self::UserInfo => "URL carries a user name: send an Authorization header instead",
            Self::Host => "URL has no valid host",
            Self::NonAsciiHost => "URL host is not ASCII: write its xn-- form",
            Self::SocketPath => {
                "URL has no absolute socket path: write ws+unix:/path/to/socket:/resource"
            }
            Self::Port => "URL port is not a number from 1 to 65535",
            Self::Syntax => "not a URL: encode spaces, controls and non-ASCII characters",
        })
    }
}

impl core::error::Error for UrlError {}
