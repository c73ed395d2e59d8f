//! Where bytes meet sockets: the only floor that knows I/O, clocks, wakers and randomness.
//!
//! An adapter moves bytes and waits; all that is protocol lies below. Both follow the same rule: what is
//! queued is sent before anything is waited for.

pub mod blocking;
#[cfg(feature = "deflate")]
mod codecs;
mod connect;
mod connect_error;
mod entropy;
mod error;
mod reconnect;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "tokio")]
pub mod tokio;
mod trace;
mod turns;
mod way;

pub use connect::{Connect, TcpOptions};
pub use connect_error::{ConnectError, ConnectFailure, ConnectStep};
pub use entropy::OsMaskKeys;
pub use error::Error;
pub use reconnect::Lost;
#[cfg(feature = "tls")]
pub(crate) use way::needs_tls;
pub(crate) use way::{
    Failed, authority, check_tls, may_fare_better, no_connection, no_tunnel, no_tunnels,
    set_tcp_options,
};

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::connection::{Closed, Connection};
use crate::handshake::{Accept, Negotiated, Refusal, Request};
use crate::{Config, Role};

/// What the application has decided about a request: see `reject` of the adapters.
pub(crate) fn refused(refusal: Refusal) -> Error {
    trace::refused(&refusal);
    Error::Handshake(refusal.error)
}

/// The configuration of those who bring none: one for all of them.
pub(crate) fn default_config() -> Arc<Config> {
    static DEFAULT: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
    DEFAULT.clone()
}

/// The longest time that is waited for: thirty years. Clocks cannot count to all that a `Duration` can tell.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// When something that begins at `now` is to be over.
pub(crate) fn deadline<T: std::ops::Add<Duration, Output = T>>(now: T, limit: Duration) -> T {
    now + limit.min(LONGEST)
}

/// How a connection's end looks to the caller of `recv`: a clean end is none.
pub(crate) fn outcome(closed: Closed, error: Option<std::io::Error>) -> Result<(), Error> {
    match error {
        _ if closed.is_clean() => Ok(()),
        Some(error) => Err(Error::Io(error)),
        None => Err(Error::Closed(closed.into())),
    }
}

/// The connection of a finished handshake.
pub(crate) fn connection(role: Role, config: Arc<Config>, negotiated: &Negotiated) -> Connection {
    let mut conn = match role {
        Role::Server => Connection::server(config),
        Role::Client => Connection::client(config, OsMaskKeys),
    };
    if conn.config().max_lifetime.is_some() {
        conn = conn.with_jitter(entropy::random_u32());
    }
    #[cfg(feature = "deflate")]
    if let Some(params) = negotiated.compression {
        conn = conn.with_compression(params, Some(&codecs::ThreadCodecs));
    }
    let _ = negotiated;
    conn
}

/// The application's answer, completed by what the configuration says of compression.
pub(crate) fn complete_accept(accept: &Accept, config: &Config) -> Accept {
    #[cfg(feature = "deflate")]
    return accept.or_compression(config.compression.as_ref());
    #[cfg(not(feature = "deflate"))]
    {
        let _ = config;
        accept.clone()
    }
}

/// The application's request, completed by what the configuration says of compression.
pub(crate) fn complete_request(request: Request, config: &Config) -> Request {
    #[cfg(feature = "deflate")]
    if let Some(compression) = &config.compression {
        return match request.offers() {
            [] => request.compression(compression),
            _ => request.with_settings(compression),
        };
    }
    let _ = config;
    request
}
