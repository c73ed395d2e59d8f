//! A client that stays connected, without I/O: when to dial, whom, and what becomes of each message.
//!
//! ```text
//!              dial                    opened
//!   Waiting ----------> Connecting ------------> Open
//!      ^                     |                     |
//!      +------- lost --------+-------- lost -------+-----> Over (gave up, stopped)
//! ```
//!
//! [`Reconnect`] reads no clock, draws no randomness and owns no connection: time and a seed come in, [`Event`]s come out.
//! `blocking::Reconnecting` and `tokio::Reconnecting` drive it.
//!
//! # When
//!
//! After the first loss it waits for a random time up to [`first_delay`](Options::first_delay), after the `n`-th in a
//! row up to `base_delay` times 2 to the power of `n - 1`, at most [`max_delay`](Options::max_delay) ("full jitter"). A
//! connection that lived for [`stable_after`](Options::stable_after) begins a new row. What a server asks for
//! (`Retry-After`, 1012, 1013) is honoured on top. [`Decision::about`] lists which losses are retried.
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
mod endpoints;
mod event;
mod options;
mod outbox;
mod retry_after;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::buffer::RecvBuf;
use crate::connection::{self, Connection, Received};
use crate::message::{Message, Outgoing};
use crate::time::Instant;

use event::count;

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
    Connecting { since: Instant, endpoint: usize },
    Open { since: Instant, endpoint: usize },
    Over,
}

/// When to dial and whom.
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

    /// When the next dial is due, or when the one under way has taken too long; `None` where nothing is.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until, .. } => Some(until),
            State::Connecting { since, .. } => Some(since + self.options.dial_timeout),
            State::Open { .. } | State::Over => None,
        }
    }

    /// The endpoint to dial next, once that is due. It may have to wait for its turn: see
    /// [`begin_dial`](Self::begin_dial).
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<usize> {
        match self.state {
            State::Waiting { until, endpoint } if now >= until => Some(endpoint),
            _ => None,
        }
    }

    /// The endpoint to dial now, if that is due. Then comes [`handle_open`](Self::handle_open) or
    /// [`handle_loss`](Self::handle_loss).
    pub fn begin_dial(&mut self, now: Instant) -> Option<usize> {
        let endpoint = self.due(now)?;
        self.state = State::Connecting { since: now, endpoint };
        count(&mut self.counters.dials, 1);
        let attempt = self.losses.saturating_add(1);
        self.events.push_back(Event::Connecting { endpoint, attempt });
        Some(endpoint)
    }

    /// Whether the dial that is under way has taken too long: drop it and report [`Loss::TimedOut`].
    #[must_use]
    pub fn is_overdue(&self, now: Instant) -> bool {
        match self.state {
            State::Connecting { since, .. } => now >= since + self.options.dial_timeout,
            _ => false,
        }
    }

    /// The connection is open, and greeted.
    pub fn handle_open(&mut self, now: Instant) {
        if let State::Connecting { endpoint, .. } = self.state {
            self.state = State::Open { since: now, endpoint };
            count(&mut self.counters.opened, 1);
            self.events.push_back(Event::Open { endpoint });
        }
    }

    /// The dial failed, or the connection ended: `conn` is the connection that messages were handed to, if there was one.
    ///
    /// `decision` is [`Decision::about`] the loss, or the application's own.
    pub fn handle_loss(
        &mut self,
        now: Instant,
        conn: Option<&mut Connection>,
        loss: Loss,
        decision: Decision,
    ) {
        let (endpoint, opened) = match self.state {
            State::Connecting { endpoint, .. } => (endpoint, None),
            State::Open { since, endpoint } => (endpoint, Some(since)),
            State::Waiting { .. } | State::Over => return,
        };
        let uptime = opened.map(|since| now - since);
        if uptime.is_some_and(|uptime| uptime >= self.options.stable_after) {
            self.losses = 0;
            self.endpoints.note_success(endpoint);
        }
        self.losses = self.losses.saturating_add(1);
        count(&mut self.counters.losses, 1);
        self.endpoints.note_failure(endpoint, now, &self.options);
        self.events.push_back(Event::Lost { endpoint, loss, uptime, decision });
        self.settle(conn);
        match decision.verdict {
            Verdict::Retry => {}
            Verdict::RetryAfter { at_least, spread } => {
                self.endpoints.hold(endpoint, now + at_least + self.jitter.up_to(spread));
            }
            Verdict::Retire => self.endpoints.retire(endpoint),
            Verdict::GiveUp => return self.give_up(decision.why),
        }
        if self.options.max_losses.is_some_and(|most| self.losses >= most) {
            return self.give_up(Why::Exhausted);
        }
        let delay = self.jitter.up_to(backoff::ceiling(&self.options, self.losses));
        match self.endpoints.choose(now + delay) {
            None => self.give_up(decision.why),
            Some((endpoint, until)) => {
                self.state = State::Waiting { until, endpoint };
                self.events.push_back(Event::Waiting { wait: until - now, endpoint });
            }
        }
    }

    /// Stops: no dial will follow. `conn` is the connection that messages were handed to, if there is one.
    pub fn stop(&mut self, conn: Option<&mut Connection>) {
        if !matches!(self.state, State::Over) {
            self.settle(conn);
            self.give_up(Why::Stopped);
        }
    }

    fn give_up(&mut self, why: Why) {
        self.state = State::Over;
        self.events.push_back(Event::GaveUp { why });
    }

    /// Decides what became of the messages that a lost connection had taken.
    fn settle(&mut self, conn: Option<&mut Connection>) {
        let Some(conn) = conn else { return };
        let in_doubt = self.outbox.lose(conn, &mut self.counters);
        if !in_doubt.is_empty() {
            self.events.push_back(Event::InDoubt(in_doubt));
        }
    }
}

/// Messages.
impl Reconnect {
    /// Queues a message, connected or not.
    ///
    /// # Errors
    ///
    /// [`NotQueued`], with the message in it.
    pub fn send(&mut self, message: impl Into<Outgoing>) -> Result<Taken, NotQueued> {
        let outgoing = message.into();
        match self.state {
            State::Over => Err(NotQueued::Over(outgoing)),
            _ => self.outbox.push(outgoing, &self.options, &mut self.counters),
        }
    }

    /// Puts messages back that were [in doubt](Event::InDoubt), in the order given, before all that wait. They are sent
    /// again, so the peer may get them twice.
    ///
    /// They keep their numbers, and may exceed the bounds of the queue.
    pub fn requeue(&mut self, messages: impl IntoIterator<Item = Queued>) {
        self.outbox.requeue(messages);
    }

    /// Forgets a message that the application knows to have arrived; whether a connection had taken it and nothing had
    /// been reported of it.
    pub fn acknowledge(&mut self, id: MessageId) -> bool {
        self.outbox.acknowledge(id, &mut self.counters)
    }

    /// Hands waiting messages to the open connection, as many as it takes. Call it before each wait.
    pub fn transfer(&mut self, conn: &mut Connection) {
        if matches!(self.state, State::Open { .. }) {
            self.outbox.transfer(conn, self.options.confirm, &mut self.counters);
        }
    }

    /// The next message from the peer, if all of it is there. It looks at pongs on the way: use it in place of
    /// [`Connection::next_message`].
    pub fn next_message(&mut self, conn: &mut Connection, rx: &mut RecvBuf) -> Option<Message> {
        while conn.has_event(rx) {
            if conn.next_is_message() {
                match conn.next_message(rx) {
                    Some(Received::Message(message)) => return Some(message),
                    _ => return None,
                }
            }
            match conn.next_event(rx) {
                Some(connection::Event::Pong(payload)) => {
                    if let Some(through) = self.outbox.confirm(payload, &mut self.counters) {
                        self.events.push_back(Event::Confirmed { through });
                    }
                }
                Some(connection::Event::Closed(_)) | None => return None,
                Some(_) => {}
            }
        }
        None
    }

    /// Takes out what waits, once it is over: messages that were never sent.
    pub fn take_unsent(&mut self) -> Vec<Queued> {
        match self.state {
            State::Over => self.outbox.drain(),
            _ => Vec::new(),
        }
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
