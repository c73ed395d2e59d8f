//! What a server takes on.

use std::sync::Arc;
use std::time::Duration;

use crate::Config;
use crate::adapter::default_config;
use crate::handshake::ServerOptions;
use crate::rate::Rate;

/// Limits of a [`Server`](super::Server) and of its connections.
///
/// ```
/// use hybi::rate::Rate;
/// use hybi::tokio::ServeOptions;
///
/// let mut options = ServeOptions::default();
/// options.max_connections = Some(10_000);
/// options.messages.per_connection = Some(Rate::per_second(50).burst(200));
/// options.handshakes_per_address = Some(Rate::per_minute(60));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// TLS on every connection: none. It takes its own time, at most [`ServerTls::timeout`], before the handshake's.
    ///
    /// [`ServerTls::timeout`]: crate::tls::ServerTls::timeout
    #[cfg(feature = "tls")]
    pub tls: Option<crate::tls::ServerTls>,
    /// What a handshake may cost and which pages may connect.
    pub handshake: ServerOptions,
    /// Limits and timeouts of each connection.
    pub config: Arc<Config>,
    /// How many handshakes may go on at once: 256. Further connections wait in the operating system's queue, so that a
    /// crowd, or slow clients, take bounded memory. No handshake waits for another. Zero counts as one.
    pub max_handshakes: usize,
    /// How many connections may be open at once, handshakes among them: no limit but the operating system's.
    pub max_connections: Option<usize>,
    /// What becomes of who comes when that many are open: they wait.
    pub when_full: WhenFull,
    /// How long the hook of [`Server::authorize`](super::Server::authorize) may take: 10 s. Then the client is answered
    /// with status 503.
    pub authorize_timeout: Duration,
    /// How often one address may begin a handshake: no limit. Who comes more often finds the connection closed
    /// without an answer, which costs us least. Who has no address, as over a Unix socket, is not limited.
    pub handshakes_per_address: Option<Rate>,
    /// How many messages may come: no limit.
    pub messages: MessageLimits,
    /// How many addresses are remembered for the two limits that go by address: 65,536, about 100 bytes each. See
    /// [`KeyedBuckets`](crate::rate::KeyedBuckets).
    ///
    /// IPv6 addresses count by their first 64 bits, which are what one subscriber has.
    pub max_addresses: usize,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            #[cfg(feature = "tls")]
            tls: None,
            handshake: ServerOptions::default(),
            config: default_config(),
            max_handshakes: 256,
            max_connections: None,
            when_full: WhenFull::Wait,
            authorize_timeout: Duration::from_secs(10),
            handshakes_per_address: None,
            messages: MessageLimits::default(),
            max_addresses: 65_536,
        }
    }
}

/// What becomes of connections over [`ServeOptions::max_connections`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// They wait in the operating system's queue until another one ends.
    #[default]
    Wait,
    /// They are answered with status 503, so that a load balancer or a client tries another server.
    Refuse,
}

/// How many messages may come.
///
/// Messages are counted when all that a read has brought has been handed out, not one by one: a peer may be ahead by
/// what fits in one buffer, and then waits for longer, so that on average the limit holds. No message costs more for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageLimits {
    /// On each connection.
    pub per_connection: Option<Rate>,
    /// On all connections of an address together.
    pub per_address: Option<Rate>,
    /// What becomes of a connection that is over a limit: it waits.
    pub when_too_fast: WhenTooFast,
}

/// What becomes of a connection over one of the [`MessageLimits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenTooFast {
    /// It is not read until the rate allows more, so that the client has to wait, as by any slow reader.
    #[default]
    Wait,
    /// It is closed with 1008.
    Close,
}
