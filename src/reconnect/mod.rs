//! A client that stays connected, without I/O: when to dial, whom, and what becomes of each message.
//!
//! ```text
//!              dial                        opened
//!   Waiting ------------> Connecting ---------------> Open
//!      ^  |                 ^     |                     |
//!      |  +---> Queued -----+     |                     |
//!      |          |               |                     |
//!      +-- lost --+----- lost ----+-------- lost -------+-----> Over (gave up, stopped)
//! ```
//!
//! [`Reconnect`] reads no clock, draws no randomness and owns no connection: time and a seed come in, [`Event`]s come out.
//! `blocking::Reconnecting` and `tokio::Reconnecting` drive it.
//!
//! # When
//!
//! After the first loss it waits for a random time up to [`first_delay`](Options::first_delay), after the `n`-th in a
//! row up to `base_delay` times 2 to the power of `n - 1`, at most [`max_delay`](Options::max_delay) ("full jitter"). A
//! connection that lived for [`stable_after`](Options::stable_after) begins a new row. A server that asks for more
//! (`Retry-After`, 1012, 1013) gets it. [`Decision`] lists which losses are retried, and how.
//!
//! One client of the process dials a host at a time (RFC 6455 section 4.1); that is the adapters' matter. One that waits
//! for its turn is [`Phase::Queued`], for [`dial_timeout`](Options::dial_timeout) at most; then that counts as a loss.
//!
//! # Whom
//!
//! The first endpoint in the list; one that has failed [`breaker_failures`](Options::breaker_failures) times in a row is
//! passed over for [`breaker_rest`](Options::breaker_rest) where there is another.
//!
//! # What becomes of a message
//!
//! | it is | when |
//! |---|---|
//! | waiting | no connection has taken it |
//! | unsent, so it waits again | the connection was lost and none of its bytes had been handed to the transport |
//! | in doubt, reported once, the application's again | some of its bytes had, and nothing confirmed it |
//! | confirmed, forgotten | a pong came to a ping that followed it, or the application acknowledged it |
//!
//! Messages that wait leave in the order in which they were queued. A closing handshake confirms nothing: Close frames
//! can cross on the way, and a peer that has sent its own may drop what comes before ours.

mod backoff;
mod decision;
mod dialing;
mod endpoints;
mod event;
mod messages;
mod options;
mod outbox;
mod retry_after;

use alloc::collections::VecDeque;

use crate::time::Instant;

pub use decision::{Decision, Loss, Verdict, Why};
pub use event::{Counters, Event, Phase};
pub use options::{Confirm, Options, WhenFull};
pub use outbox::{MessageId, NotQueued, Queued, Taken};
pub use retry_after::retry_after;

/// The state machine of a client that stays connected.
///
/// ```
/// use hybi::Instant;
/// use hybi::reconnect::{Decision, Loss, Reconnect};
/// use std::time::Duration;
///
/// let mut client = Reconnect::new(Default::default(), 42);
/// let start = Instant::ORIGIN;
/// assert_eq!(client.begin_dial(start), Some(0)); // the first dial waits for nothing
/// client.handle_loss(start, None, Loss::Transport, Decision::retry());
/// assert_eq!(client.begin_dial(start), None);
/// let due = client.poll_timeout().expect("it waits for the next dial");
/// assert!(due <= start + Duration::from_secs(1));
/// assert_eq!(client.begin_dial(due), Some(0));
/// ```
#[derive(Debug)]
pub struct Reconnect {
    options: Options,
    state: State,
    /// Losses in a row.
    losses: u32,
    endpoints: endpoints::Endpoints,
    outbox: outbox::Outbox,
    jitter: backoff::Jitter,
    events: VecDeque<Event>,
    counters: Counters,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Waiting { until: Instant, endpoint: usize },
    Queued { since: Instant, endpoint: usize },
    Connecting { since: Instant, endpoint: usize },
    Open { since: Instant, endpoint: usize },
    Over,
}

impl Reconnect {
    /// A client of one endpoint, number 0, that is to be dialed at once.
    ///
    /// Give each client a `seed` of its own from a good source: it is what spreads them in time.
    #[must_use]
    pub fn new(options: Options, seed: u64) -> Self {
        Self {
            options,
            state: State::Waiting { until: Instant::ORIGIN, endpoint: 0 },
            losses: 0,
            endpoints: endpoints::Endpoints::default(),
            outbox: outbox::Outbox::default(),
            jitter: backoff::Jitter::new(seed),
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Adds an endpoint to fall back to; its number.
    pub fn add_endpoint(&mut self) -> usize {
        self.endpoints.add()
    }
}

/// What there is to see.
impl Reconnect {
    /// What happened next, if anything did.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether there is an event.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Waiting { .. } => Phase::Waiting,
            State::Queued { .. } => Phase::Queued,
            State::Connecting { .. } => Phase::Connecting,
            State::Open { .. } => Phase::Open,
            State::Over => Phase::Over,
        }
    }

    /// How many messages wait for a connection to take them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.outbox.waiting()
    }

    /// How many messages the connection has taken that are not confirmed.
    #[must_use]
    pub const fn unconfirmed(&self) -> usize {
        self.outbox.unconfirmed()
    }

    /// What has happened so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The options in force.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }
}
