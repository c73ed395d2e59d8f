//! Why no connection came about, and how far it had come.

use std::net::SocketAddr;
use std::{fmt, io};

use bytes::Bytes;

use super::Error;
#[cfg(feature = "tls")]
use super::tls::TlsError;
use crate::connect::RedirectError;
use crate::handshake::{Brief, HandshakeError, Refused, RequestError, UrlError};
use crate::proxy::ProxyError;

/// Why `connect` failed, and in which step.
///
/// Its text names the hosts that were dealt with, never the resource: there may be secrets in that. It has all of it, what
/// the error within says included; [`source`](std::error::Error::source) is what lies behind that. `Debug` tells of a
/// response its status and how long its body is.
#[derive(Debug)]
pub struct ConnectError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    step: ConnectStep,
    peer: String,
    failure: ConnectFailure,
}

/// A step on the way to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectStep {
    /// The request was looked at; nothing has been sent.
    Request,
    /// The address of a host's name was asked for.
    Resolve,
    /// A connection to the host, or to the socket in the file system, was asked for.
    Transport,
    /// A proxy, to which there is a connection, was asked for a way to the server.
    Proxy,
    /// TLS was begun, with the server or with a proxy.
    Tls,
    /// The opening handshake (RFC 6455 section 4) was made.
    Handshake,
    /// The server sent us on, and the redirect was looked at.
    Redirect,
}

/// What went wrong in a step.
#[non_exhaustive]
pub enum ConnectFailure {
    /// The request cannot be made: the caller is at fault.
    Request(RequestError),
    /// The operating system's word.
    Io(io::Error),
    /// No address of the host took a connection; each with what went wrong,
    /// [`TimedOut`](io::ErrorKind::TimedOut) where nobody answered in time.
    Addresses(Vec<(SocketAddr, io::Error)>),
    /// The proxy opened no way to the server.
    Proxy(ProxyError),
    /// TLS could not be begun.
    #[cfg(feature = "tls")]
    Tls(TlsError),
    /// The opening handshake failed.
    Handshake(HandshakeError),
    /// A redirect that must not be followed.
    Redirect {
        /// Why not.
        error: RedirectError,
        /// What the server answered.
        response: Box<http::Response<Bytes>>,
    },
    /// The time for all steps together is over.
    Timeout,
}

/// How many addresses a message lists.
const LISTED: usize = 4;

impl ConnectError {
    pub(super) fn new(
        step: ConnectStep,
        peer: impl Into<String>,
        failure: impl Into<ConnectFailure>,
    ) -> Self {
        Self(Box::new(Parts { step, peer: peer.into(), failure: failure.into() }))
    }

    /// The step that failed.
    #[must_use]
    pub fn step(&self) -> ConnectStep {
        self.0.step
    }

    /// Whom the step dealt with: a host, most often with its port, or a path.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.0.peer
    }

    /// What went wrong.
    #[must_use]
    pub fn failure(&self) -> &ConnectFailure {
        &self.0.failure
    }

    /// What went wrong, to keep.
    #[must_use]
    pub fn into_failure(self) -> ConnectFailure {
        self.0.failure
    }

    /// Whether the time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self.failure() {
            ConnectFailure::Timeout | ConnectFailure::Handshake(HandshakeError::Timeout) => true,
            ConnectFailure::Addresses(each) => {
                each.iter().any(|(_, error)| error.kind() == io::ErrorKind::TimedOut)
            }
            _ => false,
        }
    }

    /// The response of a server that refused, or of a proxy: status, headers and the first 64 KiB of the body.
    #[must_use]
    pub fn response(&self) -> Option<&http::Response<Bytes>> {
        match self.failure() {
            ConnectFailure::Handshake(HandshakeError::Refused(response))
            | ConnectFailure::Proxy(ProxyError::Refused(response))
            | ConnectFailure::Redirect { response, .. } => Some(response),
            _ => None,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { step, peer, failure } = &*self.0;
        // A redirect may have chosen it.
        let peer = Brief(peer);
        match step {
            ConnectStep::Request => return fmt::Display::fmt(failure, f),
            ConnectStep::Resolve => write!(f, "cannot resolve {peer}: ")?,
            ConnectStep::Transport => write!(f, "cannot connect to {peer}: ")?,
            ConnectStep::Proxy => write!(f, "no way to {peer}: ")?,
            ConnectStep::Tls => write!(f, "no TLS with {peer}: ")?,
            ConnectStep::Redirect => write!(f, "{peer} sends us on, which is not followed: ")?,
            ConnectStep::Handshake => write!(f, "opening handshake with {peer} failed: ")?,
        }
        fmt::Display::fmt(failure, f)
    }
}

impl fmt::Debug for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, field): (_, &dyn fmt::Debug) = match self {
            Self::Request(error) => ("Request", error),
            Self::Io(error) => ("Io", error),
            Self::Addresses(each) => ("Addresses", each),
            Self::Proxy(error) => ("Proxy", error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => ("Tls", error),
            Self::Handshake(error) => ("Handshake", error),
            Self::Redirect { error, response } => {
                let mut shown = f.debug_struct("Redirect");
                return shown.field("error", error).field("response", &Refused(response)).finish();
            }
            Self::Timeout => return f.write_str("Timeout"),
        };
        f.debug_tuple(name).field(field).finish()
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => fmt::Display::fmt(error, f),
            Self::Io(error) => fmt::Display::fmt(error, f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => fmt::Display::fmt(error, f),
            Self::Proxy(error) => fmt::Display::fmt(error, f),
            Self::Handshake(error) => fmt::Display::fmt(error, f),
            Self::Redirect { error, .. } => fmt::Display::fmt(error, f),
            Self::Timeout => f.write_str("it was not done in time (Connect::timeout)"),
            Self::Addresses(each) if each.is_empty() => f.write_str("the host has no address"),
            Self::Addresses(each) => {
                for (at, (address, error)) in each.iter().take(LISTED).enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    match error.kind() {
                        io::ErrorKind::TimedOut => write!(f, "{comma}{address}: no answer")?,
                        _ => write!(f, "{comma}{address}: {error}")?,
                    }
                }
                match each.len() - LISTED.min(each.len()) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.failure() {
            ConnectFailure::Io(error) => error.source(),
            #[cfg(feature = "tls")]
            ConnectFailure::Tls(error) => error.source(),
            ConnectFailure::Request(_)
            | ConnectFailure::Proxy(_)
            | ConnectFailure::Handshake(_)
            | ConnectFailure::Addresses(_)
            | ConnectFailure::Redirect { .. }
            | ConnectFailure::Timeout => None,
        }
    }
}

impl From<io::Error> for ConnectFailure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(feature = "tls")]
impl From<TlsError> for ConnectFailure {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<ProxyError> for ConnectFailure {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}

/// What a handshake over a given stream fails with.
impl From<Error> for ConnectFailure {
    fn from(error: Error) -> Self {
        match error {
            Error::Handshake(HandshakeError::Timeout) => Self::Timeout,
            Error::Handshake(error) => Self::Handshake(error),
            Error::Request(error) => Self::Request(*error),
            #[cfg(feature = "tls")]
            Error::Tls(TlsError::Timeout) => Self::Timeout,
            #[cfg(feature = "tls")]
            Error::Tls(error) => Self::Tls(error),
            Error::Io(error) => Self::Io(error),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

impl From<RequestError> for ConnectError {
    fn from(error: RequestError) -> Self {
        Self::new(ConnectStep::Request, "", ConnectFailure::Request(error))
    }
}

impl From<UrlError> for ConnectError {
    fn from(error: UrlError) -> Self {
        RequestError::from(error).into()
    }
}

impl From<std::convert::Infallible> for ConnectError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
