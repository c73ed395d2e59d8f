//! Where bytes meet sockets: the only floor that knows I/O, clocks, wakers and randomness.
//!
//! An adapter moves bytes and waits; all that is protocol lies below. Both follow the same rule: what is
//! queued is sent before anything is waited for.

pub mod blocking;
mod entropy;
mod error;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use entropy::OsMaskKeys;
pub use error::Error;

use crate::connection::Closed;
use crate::handshake::{Negotiated, Refusal};

/// What the application has decided about a request: see `reject` of the adapters.
pub(crate) fn refused(refusal: Refusal) -> Error {
    Error::Handshake(refusal.error)
}

/// How a connection's end looks to the caller of `recv`: a clean end is none.
pub(crate) fn outcome(closed: Closed, error: Option<std::io::Error>) -> Result<(), Error> {
    match error {
        _ if closed.is_clean() => Ok(()),
        Some(error) => Err(Error::Io(error)),
        None => Err(Error::Closed(closed)),
    }
}

/// The connection of a finished handshake.
pub(crate) fn connection(
    role: crate::Role,
    config: std::sync::Arc<crate::Config>,
    _negotiated: &Negotiated,
) -> crate::Connection {
    let conn = match role {
        crate::Role::Server => crate::Connection::server(config),
        crate::Role::Client => crate::Connection::client(config, OsMaskKeys),
    };
    if conn.config().max_lifetime.is_some() {
        return conn.with_jitter(entropy::random_u32());
    }
    conn
}
