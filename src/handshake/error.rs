//! What goes wrong before a connection exists.

use alloc::boxed::Box;
use core::fmt;

use bytes::Bytes;
use http::StatusCode;

use super::fields::name;
use super::shown;

/// Why a handshake failed. The peer is at fault, or the network.
///
/// `Debug` tells of a [`Refused`](Self::Refused) its status and how long its body is.
#[derive(Clone)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not HTTP/1.1 as RFC 9112 writes it.
    Malformed,
    /// Another version of HTTP than 1.1.
    HttpVersion,
    /// Another method than GET.
    Method,
    /// More bytes than [`Limits::max_size`](super::Limits::max_size).
    HeadTooLarge {
        /// The limit.
        limit: usize,
    },
    /// A request line longer than half of that.
    TargetTooLong {
        /// The limit.
        limit: usize,
    },
    /// More header lines than [`Limits::max_headers`](super::Limits::max_headers).
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
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
    /// The `Origin` is not one that the server takes: its first 100 bytes, with `..` behind them if there are more; what is
    /// no printable ASCII is escaped.
    OriginRejected(Box<str>),
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
            Self::HeadTooLarge { .. } | Self::TooManyHeaders { .. } => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::TargetTooLong { .. } => StatusCode::URI_TOO_LONG,
            Self::UnsupportedVersion | Self::MissingHeader("Upgrade") => {
                StatusCode::UPGRADE_REQUIRED
            }
            Self::OriginRejected(_) => StatusCode::FORBIDDEN,
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
            Self::Malformed => {
                f.write_str("the peer sent no valid HTTP/1.1: does it speak TLS, or another protocol?")
            }
            Self::HttpVersion => f.write_str("the peer speaks another version of HTTP than 1.1"),
            Self::Method => f.write_str("the request's method is not GET"),
            Self::HeadTooLarge { limit } => {
                write!(f, "the peer sent headers of more than {limit} bytes (Limits::max_size)")
            }
            Self::TargetTooLong { limit } => write!(
                f,
                "the request line is longer than {limit} bytes (half of Limits::max_size)"
            ),
            Self::TooManyHeaders { limit } => {
                write!(f, "the peer sent more than {limit} headers (Limits::max_headers)")
            }
            Self::MissingHeader(name) => {
                write!(f, "the peer sent no {name} header")?;
                hint_at_proxy(name, f)
            }
            Self::DuplicateHeader(name) => {
                write!(f, "the peer sent more than one {name} header")
            }
            Self::InvalidHeader(name) => {
                write!(f, "the peer sent an invalid {name} header")?;
                hint_at_proxy(name, f)
            }
            Self::BadKey => {
                f.write_str("the request's Sec-WebSocket-Key is not 16 bytes in base64")
            }
            Self::UnsupportedVersion => {
                f.write_str("the request's Sec-WebSocket-Version is not 13")
            }
            Self::BodyNotAllowed => f.write_str("the request to upgrade carries a body"),
            Self::OriginRejected(origin) => write!(
                f,
                "a page of \"{origin}\" may not connect: allow its origin in ServerOptions::origins"
            ),
            Self::Refused(response) => {
                write!(f, "the server answered {}", shown::Status(response.status()))?;
                let redirects = response.status().is_redirection()
                    && response.headers().contains_key(http::header::LOCATION);
                let hint = ": redirects are followed where Connect::follow_redirects says so";
                f.write_str(if redirects { hint } else { "" })
            }
            Self::TooManyInterim => {
                f.write_str("the peer sent more than eight interim responses (1xx)")
            }
            Self::AcceptMismatch => f.write_str(
                "the server's Sec-WebSocket-Accept does not match our key: it does not speak WebSocket, \
                 or a cache answered in its place",
            ),
            Self::UnexpectedSubprotocol => {
                f.write_str("the server chose a subprotocol that was not offered")
            }
            Self::UnexpectedExtension => {
                f.write_str("the server chose an extension that was not offered")
            }
            Self::InvalidExtension => {
                f.write_str("the server chose parameters of an extension that it may not choose")
            }
            Self::Incomplete => f.write_str("the transport ended inside the opening handshake"),
            Self::Timeout => {
                f.write_str("the opening handshake was not done in time (Limits::timeout)")
            }
        }
    }
}

/// What most often takes these headers away.
fn hint_at_proxy(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match name {
        name::UPGRADE | name::CONNECTION => {
            f.write_str(": it speaks no WebSocket, or a proxy in between must be told to")
        }
        _ => Ok(()),
    }
}

impl fmt::Debug for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limited = |f: &mut fmt::Formatter<'_>, name, limit| {
            f.debug_struct(name).field("limit", limit).finish()
        };
        let (name, header) = match self {
            Self::Refused(response) => return fmt::Debug::fmt(&shown::Refused(response), f),
            Self::HeadTooLarge { limit } => return limited(f, "HeadTooLarge", limit),
            Self::TargetTooLong { limit } => return limited(f, "TargetTooLong", limit),
            Self::TooManyHeaders { limit } => return limited(f, "TooManyHeaders", limit),
            Self::OriginRejected(origin) => {
                return f.debug_tuple("OriginRejected").field(origin).finish();
            }
            Self::MissingHeader(header) => ("MissingHeader", Some(header)),
            Self::DuplicateHeader(header) => ("DuplicateHeader", Some(header)),
            Self::InvalidHeader(header) => ("InvalidHeader", Some(header)),
            Self::Malformed => ("Malformed", None),
            Self::HttpVersion => ("HttpVersion", None),
            Self::Method => ("Method", None),
            Self::BadKey => ("BadKey", None),
            Self::UnsupportedVersion => ("UnsupportedVersion", None),
            Self::BodyNotAllowed => ("BodyNotAllowed", None),
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
            Self::SubprotocolNotOffered => f.write_str(
                "the chosen subprotocol was not offered by the client: take it from \
                 Incoming::choose_subprotocol",
            ),
            Self::ReservedHeader(name) => reserved(name, f),
        }
    }
}

impl core::error::Error for AcceptError {}

fn reserved(name: &http::HeaderName, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "the header {name} is set by the handshake itself: leave it out")
}

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
            Self::ReservedHeader(name) => reserved(name, f),
            Self::InvalidSubprotocol => f.write_str(
                "a subprotocol is named twice, or is no token: take letters, digits, dots and dashes",
            ),
            Self::InvalidHeader(name) => {
                write!(f, "the value given for the header {name} cannot stand in it")
            }
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
            Self::Scheme => "URL scheme is neither ws nor wss: write ws for http, wss for https",
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
