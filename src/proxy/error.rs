//! What goes wrong with proxies.

use alloc::boxed::Box;
use core::fmt;

use bytes::Bytes;

use crate::handshake::{self, HandshakeError, UrlError};

/// Why a proxy opened no way to the server. The proxy is at fault, or the network.
///
/// `Debug` tells of a [`Refused`](Self::Refused) its status and how long its body is.
#[derive(Clone)]
#[non_exhaustive]
pub enum ProxyError {
    /// An HTTP proxy answered with another status than 2xx: its whole response, up to 64 KiB of body.
    Refused(Box<http::Response<Bytes>>),
    /// What an HTTP proxy answered breaks the rules of HTTP, or a limit.
    Http(HandshakeError),
    /// The answer is not one of SOCKS 5.
    NotSocks5,
    /// The answer breaks RFC 1928 or RFC 1929.
    Malformed,
    /// The proxy takes none of the ways of authentication that were offered.
    NoMethod,
    /// The proxy does not know user and password.
    Credentials,
    /// The proxy could not or would not connect to the server: the reply code of RFC 1928 section 6.
    Reply(u8),
    /// A host name that SOCKS cannot carry: over 255 bytes.
    HostTooLong,
    /// Bytes came through the tunnel before anything had been sent: no server of TLS speaks first.
    EarlyBytes,
    /// The transport ended before the proxy had answered.
    Incomplete,
}

impl ProxyError {
    /// Whether the proxy's answer is about the server's address, so that another of its addresses may fare better.
    #[must_use]
    pub const fn is_about_address(&self) -> bool {
        // Network or host unreachable, refused, TTL expired, address type not supported.
        matches!(self, Self::Reply(3..=6 | 8))
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(response) => {
                write!(f, "the proxy answered {}", handshake::Status(response.status()))?;
                let wants_credentials =
                    response.status() == http::StatusCode::PROXY_AUTHENTICATION_REQUIRED;
                let hint = ": it wants a user and a password, or others";
                f.write_str(if wants_credentials { hint } else { "" })
            }
            Self::Http(error) => write!(f, "the proxy's answer is no good: {error}"),
            Self::NotSocks5 => {
                f.write_str("the proxy does not speak SOCKS 5: is it one for http:?")
            }
            Self::Malformed => f.write_str("the proxy's answer breaks the rules of SOCKS 5"),
            Self::NoMethod => {
                f.write_str("the proxy wants another authentication: give it a user and a password")
            }
            Self::Credentials => f.write_str("the proxy does not take the user and password"),
            Self::Reply(code) => match reply_text(*code) {
                Some(text) => write!(f, "the proxy answered: {text}"),
                None => write!(f, "the proxy answered with the unknown code {code}"),
            },
            Self::HostTooLong => {
                f.write_str("the host name is too long for SOCKS 5: it may have 255 bytes")
            }
            Self::EarlyBytes => {
                f.write_str("bytes came through the proxy before anything was sent to the server")
            }
            Self::Incomplete => f.write_str("the transport ended before the proxy had answered"),
        }
    }
}

impl fmt::Debug for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(response) => return fmt::Debug::fmt(&handshake::Refused(response), f),
            Self::Http(error) => return f.debug_tuple("Http").field(error).finish(),
            Self::Reply(code) => return f.debug_tuple("Reply").field(code).finish(),
            Self::NotSocks5 => "NotSocks5",
            Self::Malformed => "Malformed",
            Self::NoMethod => "NoMethod",
            Self::Credentials => "Credentials",
            Self::HostTooLong => "HostTooLong",
            Self::EarlyBytes => "EarlyBytes",
            Self::Incomplete => "Incomplete",
        })
    }
}

impl core::error::Error for ProxyError {}

/// RFC 1928 section 6.
const fn reply_text(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "general failure",
        2 => "connection not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => return None,
    })
}

/// What is wrong with the URL of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// Neither `http:`, `https:`, `socks5:` nor `socks5h:`.
    Scheme,
    /// User or password that are not percent-encoded, or that the protocol cannot carry.
    Credentials,
    /// A path, a query or a fragment.
    Resource,
    /// Not a URL, or one with characters that must be percent-encoded.
    Syntax,
    /// Host or port.
    Url(UrlError),
}

impl From<UrlError> for ProxyUrlError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl fmt::Display for ProxyUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "proxy URL scheme is none of http, https, socks5, socks5h",
            Self::Credentials => {
                "proxy URL has a bad user or password: percent-encode them, without controls and not too long"
            }
            Self::Resource => "proxy URL has more than host and port",
            Self::Syntax => "not a proxy URL: write http://host:port",
            Self::Url(error) => return fmt::Display::fmt(error, f),
        })
    }
}

impl core::error::Error for ProxyUrlError {}

/// An environment variable that names no proxy. Its value, which may hold a password, is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyVariableError {
    /// The name of the variable.
    pub variable: &'static str,
    /// What is wrong with its value.
    pub error: ProxyUrlError,
}

impl fmt::Display for ProxyVariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "environment variable {}: {}", self.variable, self.error)
    }
}

impl core::error::Error for ProxyVariableError {}
