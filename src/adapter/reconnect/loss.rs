//! What an error is to a client that stays connected.

use std::io;

use bytes::Bytes;

#[cfg(feature = "tls")]
use crate::adapter::tls::TlsError;
use crate::adapter::{ConnectError, ConnectFailure, Error};
use crate::handshake::HandshakeError;
use crate::proxy::ProxyError;
use crate::reconnect::{self, Loss};
use crate::{Closed, SendError};

impl From<&Error> for Loss {
    fn from(error: &Error) -> Self {
        match error {
            Error::Io(error) => of_io(error),
            Error::Handshake(error) => of_handshake(error),
            Error::Connect(error) => of_connect(error),
            #[cfg(feature = "tls")]
            Error::Tls(error) => of_tls(error),
            Error::Closed(closed) => Self::Closed(Closed::clone(closed)),
            // A greeting came too late.
            Error::Send(SendError::Closed(())) => Self::Transport,
            Error::Request(_) | Error::Accept(_) | Error::Send(_) => Self::Request,
        }
    }
}

fn of_io(error: &io::Error) -> Loss {
    match error.kind() {
        io::ErrorKind::TimedOut => Loss::TimedOut,
        _ => Loss::Transport,
    }
}

fn of_handshake(error: &HandshakeError) -> Loss {
    match error {
        HandshakeError::Refused(response) => of_refusal(response),
        HandshakeError::Incomplete => Loss::Transport,
        HandshakeError::Timeout => Loss::TimedOut,
        _ => Loss::Handshake,
    }
}

fn of_refusal(response: &http::Response<Bytes>) -> Loss {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let date = text(http::header::DATE);
    let retry_after = text(http::header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| reconnect::retry_after(value, date));
    Loss::Refused { status: response.status().as_u16(), retry_after }
}

fn of_connect(error: &ConnectError) -> Loss {
    match error.failure() {
        ConnectFailure::Request(_) => Loss::Request,
        ConnectFailure::Handshake(error) => of_handshake(error),
        ConnectFailure::Proxy(ProxyError::Refused(response))
        | ConnectFailure::Redirect { response, .. } => of_refusal(response),
        ConnectFailure::Timeout => Loss::TimedOut,
        ConnectFailure::Proxy(
            ProxyError::NotSocks5
            | ProxyError::Malformed
            | ProxyError::NoMethod
            | ProxyError::Credentials
            | ProxyError::HostTooLong,
        ) => Loss::Request,
        ConnectFailure::Io(error) => of_io(error),
        #[cfg(feature = "tls")]
        ConnectFailure::Tls(error) => of_tls(error),
        ConnectFailure::Addresses(_) if error.is_timeout() => Loss::TimedOut,
        ConnectFailure::Addresses(_) | ConnectFailure::Proxy(_) => Loss::Transport,
    }
}

#[cfg(feature = "tls")]
fn of_tls(error: &TlsError) -> Loss {
    match error {
        TlsError::Handshake(error) => match **error {
            rustls::Error::InvalidCertificate(_) => Loss::Untrusted,
            _ => Loss::Tls,
        },
        TlsError::NotTls | TlsError::Protocol(_) => Loss::Tls,
        TlsError::Ended => Loss::Transport,
        TlsError::Timeout => Loss::TimedOut,
        // There is no configuration to begin with.
        _ => Loss::Request,
    }
}
