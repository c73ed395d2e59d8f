//! The end of a server.

use std::fmt;
use std::time::Duration;

use crate::frame::CloseCode;
use crate::message::Utf8Bytes;

/// How a [`Server`](super::Server) is shut down.
///
/// ```
/// use hybi::CloseCode;
/// use hybi::tokio::Shutdown;
/// use std::time::Duration;
///
/// let mut shutdown = Shutdown::default();
/// shutdown.code = CloseCode::SERVICE_RESTART; // come back: another process is there
/// shutdown.spread = Duration::from_secs(3); // but not all at once
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shutdown {
    /// What clients are told: 1001, the server goes away. With 1012, the service restarts, clients come back soon.
    pub code: CloseCode,
    /// And why: nothing. At most 123 bytes are sent.
    pub reason: Utf8Bytes,
    /// How long clients and handlers may take to end: 10 s. Then what is left is dropped.
    pub deadline: Duration,
    /// Over which part of that time the closing is spread, so that clients do not all come back in one moment: none.
    pub spread: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            code: CloseCode::GOING_AWAY,
            reason: Utf8Bytes::default(),
            deadline: Duration::from_secs(10),
            spread: Duration::ZERO,
        }
    }
}

/// What became of the connections at a shutdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Connections that ended in order, with a Close frame each way.
    pub closed: usize,
    /// Connections that ended in another way before the deadline: lost, or dropped by the application.
    pub lost: usize,
    /// Connections that were left at the deadline, and dropped.
    pub dropped: usize,
    /// Handshakes that came to no connection: answered with status 503, or left at the deadline.
    pub handshakes_abandoned: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { closed, lost, dropped, handshakes_abandoned } = self;
        write!(
            f,
            "{closed} closed in order, {lost} lost, {dropped} dropped at the deadline, \
             {handshakes_abandoned} handshakes abandoned"
        )
    }
}
