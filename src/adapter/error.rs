//! What the adapters' calls fail with.

use std::{fmt, io};

use super::ConnectError;
#[cfg(feature = "tls")]
use super::tls::TlsError;
use crate::connection::Closed;
use crate::error::SendError;
use crate::handshake::{AcceptError, HandshakeError, RequestError, UrlError};

/// Why a call of an adapter failed. A clean end of the connection is none.
///
/// Its text has all of it, what the error within says included; [`source`](std::error::Error::source) is what lies behind
/// that, so that nobody who prints a chain of sources reads it twice.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The transport failed.
    Io(io::Error),
    /// The opening handshake failed: the peer is at fault.
    Handshake(HandshakeError),
    /// No connection came about.
    Connect(ConnectError),
    /// The request cannot be made: the caller is at fault.
    Request(Box<RequestError>),
    /// The request cannot be accepted in this way: the caller is at fault.
    Accept(Box<AcceptError>),
    /// The message cannot be sent: the caller is at fault, or the connection is closing.
    Send(SendError<()>),
    /// TLS could not be begun. What goes wrong in it later is of [`Io`](Self::Io).
    #[cfg(feature = "tls")]
    Tls(TlsError),
    /// The connection ended in another way than by a closing handshake.
    Closed(Box<Closed>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if is_late(error) => write!(f, "nothing came or left in time: {error}"),
            Self::Io(error) => write!(f, "the transport failed: {error}"),
            Self::Handshake(error) => fmt::Display::fmt(error, f),
            Self::Connect(error) => fmt::Display::fmt(error, f),
            Self::Request(error) => fmt::Display::fmt(error, f),
            Self::Accept(error) => fmt::Display::fmt(error, f),
            Self::Send(error) => fmt::Display::fmt(error, f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => fmt::Display::fmt(error, f),
            Self::Closed(closed) => fmt::Display::fmt(closed, f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Connect(error) => error.source(),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.source(),
            Self::Handshake(_)
            | Self::Request(_)
            | Self::Accept(_)
            | Self::Send(_)
            | Self::Closed(_) => None,
        }
    }
}

/// Whether a bound of the caller's passed, rather than one of the network's.
fn is_late(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::WouldBlock => true,
        io::ErrorKind::TimedOut => error.raw_os_error().is_none(),
        _ => false,
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(feature = "tls")]
impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::Request(error.into())
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        RequestError::from(error).into()
    }
}

impl From<AcceptError> for Error {
    fn from(error: AcceptError) -> Self {
        Self::Accept(error.into())
    }
}

impl<M> From<SendError<M>> for Error {
    fn from(error: SendError<M>) -> Self {
        Self::Send(error.without_message())
    }
}
