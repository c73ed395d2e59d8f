//! How long to wait, how much to keep, when to take another endpoint.

use core::time::Duration;

/// How a client stays connected. Every bound is on by default.
///
/// ```
/// use hybi::reconnect::{Options, WhenFull};
/// use std::time::Duration;
///
/// let mut options = Options::default();
/// options.max_delay = Duration::from_secs(20); // a client whose users wait
/// options.when_full = WhenFull::DropOldest; // old prices are worth nothing
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The dial after the first loss in a row waits for a random time up to this: 1 s. It spreads the clients of a server
    /// that has just gone (RFC 6455 section 7.2.3).
    pub first_delay: Duration,
    /// The dial after the `n`-th loss in a row, from the second on, waits for a random time up to `base_delay` times 2 to
    /// the power of `n - 1`: 1 s.
    pub base_delay: Duration,
    /// Neither random time is ever longer than this: 60 s. It is also how long an endpoint is left alone that once was
    /// open and refuses now: see [`Decision`](super::Decision).
    pub max_delay: Duration,
    /// A connection that has lived this long was a success: 60 s. One that ends earlier counts as one more failure in
    /// a row, so a server that accepts and drops at once is not dialed in a circle.
    pub stable_after: Duration,
    /// How long a dial may take, the opening handshake and the application's greeting included: 30 s. So long it waits
    /// for its turn before, too, where others of this process are dialing the host.
    pub dial_timeout: Duration,
    /// How long `close` waits for what is queued to leave and to be confirmed: 5 s.
    pub drain_timeout: Duration,
    /// This many losses in a row make it give up: no number does.
    pub max_losses: Option<u32>,
    /// How long a server's `Retry-After` is believed: 10 minutes. A longer one counts as this. Up to a quarter, or
    /// `first_delay` if that is longer, comes on top, at random.
    pub max_retry_after: Duration,
    /// An endpoint is passed over after this many failures in a row, if there are others: 3. A failure is what
    /// `stable_after` calls one.
    pub breaker_failures: u32,
    /// For how long: 60 s. The next dial after that tries it; one more failure passes it over again.
    pub breaker_rest: Duration,
    /// How many messages are kept that have not been confirmed, sent or not: 10,000. Only `requeue` may exceed it.
    pub max_messages: usize,
    /// How many bytes of payload: 16 MiB. Only `requeue` may exceed it.
    pub max_bytes: usize,
    /// What happens to a message beyond these bounds: it is refused.
    pub when_full: WhenFull,
    /// What confirms a message: a pong.
    pub confirm: Confirm,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(1),
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            stable_after: Duration::from_secs(60),
            dial_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
            max_losses: None,
            max_retry_after: Duration::from_secs(600),
            breaker_failures: 3,
            breaker_rest: Duration::from_secs(60),
            max_messages: 10_000,
            max_bytes: 16 * 1024 * 1024,
            when_full: WhenFull::Refuse,
            confirm: Confirm::Pong,
        }
    }
}

/// What happens to a message for which the queue has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It is handed back as an error.
    #[default]
    Refuse,
    /// Those that have waited longest make room. What the connection has taken already is not dropped: where nothing
    /// else is left, the message is refused.
    DropOldest,
    /// It is dropped itself.
    DropNewest,
}

/// What confirms that the peer has a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirm {
    /// A pong to a ping that followed the message: the peer's WebSocket layer has read everything before that ping
    /// (RFC 6455 section 5.5.3, and TCP keeps the order). One such ping is under way at a time, or up to four where the
    /// peer answers other pings in their place. A peer that answers none, against section 5.5.2, confirms nothing: the
    /// queue fills up.
    #[default]
    Pong,
    /// The application alone, with `acknowledge`: it knows what the peer has done with the message.
    Application,
}
