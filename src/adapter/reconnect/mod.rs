//! What both adapters' reconnecting clients share: the state machine, the URLs, the turn at a host, the application's say.

mod loss;

use std::fmt;
use std::task::Waker;
use std::time::Instant as Clock;

use super::turns::Turn;
use super::{Error, entropy};
use crate::handshake::Url;
use crate::reconnect::{Confirm, Decision, Loss, Options, Reconnect};
use crate::{Connection, Instant};

/// A loss, to be decided on by the application.
#[derive(Debug)]
#[non_exhaustive]
pub struct Lost<'a> {
    /// What it is to the library.
    pub loss: &'a Loss,
    /// The error behind it, where there is one.
    pub error: Option<&'a Error>,
    /// Whom it dialed.
    pub url: &'a Url,
}

pub(super) type Decide = Box<dyn FnMut(&Lost<'_>, Decision) -> Decision + Send>;

/// Everything of a client but its connection.
pub(super) struct Plan {
    pub(super) machine: Reconnect,
    urls: Vec<Url>,
    /// The path of the socket in the file system at which the first URL is reached.
    socket: Option<String>,
    decide: Option<Decide>,
    /// What the last loss came from.
    error: Option<Error>,
    /// The endpoint that was dialed last, or waits for its turn.
    endpoint: usize,
    /// The turn at its host, or a place in the queue.
    turn: Option<Turn>,
    /// The origin of the client's clock.
    epoch: Clock,
}

impl Plan {
    pub(super) fn new(url: Url, options: Options, epoch: Clock) -> Self {
        let seed = u64::from(entropy::random_u32()) << 32 | u64::from(entropy::random_u32());
        let machine = Reconnect::new(options, seed);
        Self {
            machine,
            urls: vec![url],
            socket: None,
            decide: None,
            error: None,
            endpoint: 0,
            turn: None,
            epoch,
        }
    }

    pub(super) fn add(&mut self, url: Url) {
        self.machine.add_endpoint();
        self.urls.push(url);
    }

    pub(super) fn set_socket(&mut self, socket: Option<String>) {
        self.socket = socket;
    }

    pub(super) fn set_decide(&mut self, decide: Decide) {
        self.decide = Some(decide);
    }

    /// The URL to dial now, once that is due and it is our turn at the host.
    ///
    /// # Errors
    ///
    /// There is nothing to dial before that time, unless `waker` is woken. There may be an event: that it waits for its
    /// turn, or that this or a dial that was dropped has taken too long.
    pub(super) fn begin_dial(&mut self, now: Instant, waker: &Waker) -> Result<Url, Instant> {
        let mut until = None;
        if let Some(endpoint) = self.machine.due(now) {
            match self.ask_for_turn(endpoint, now, waker) {
                Ok(()) => {
                    self.machine.begin_dial(now);
                    return Ok(self.urls[endpoint].clone());
                }
                Err(again) => until = Some(again),
            }
            self.machine.queue(now);
        }
        if let Some(loss) = self.machine.overdue(now) {
            self.lose(now, None, loss, None);
        }
        Err(until.into_iter().chain(self.machine.poll_timeout()).min().unwrap_or(now))
    }

    fn ask_for_turn(
        &mut self,
        endpoint: usize,
        now: Instant,
        waker: &Waker,
    ) -> Result<(), Instant> {
        self.endpoint = endpoint;
        let until = self.clock(now + self.machine.options().dial_timeout);
        let now = self.clock(now);
        let turn = self.turn.get_or_insert_with(|| {
            let url = &self.urls[endpoint];
            let socket = self.socket.as_deref().filter(|_| *url == self.urls[0]);
            Turn::queue(url, socket)
        });
        turn.ask(now, until, waker).map_err(|again| self.instant(again))
    }

    /// The dial is done: others may have their turn.
    pub(super) fn end_dial(&mut self) {
        self.turn = None;
    }

    /// The dial failed.
    pub(super) fn fail(&mut self, now: Instant, error: Error) {
        self.lose(now, None, Loss::from(&error), Some(error));
    }

    /// The dial failed, or the connection ended.
    pub(super) fn lose(
        &mut self,
        now: Instant,
        conn: Option<&mut Connection>,
        loss: Loss,
        error: Option<Error>,
    ) {
        self.turn = None;
        self.error = error;
        let proposed = self.machine.propose(&loss);
        let lost = Lost { loss: &loss, error: self.error.as_ref(), url: &self.urls[self.endpoint] };
        let decision = match &mut self.decide {
            Some(decide) => decide(&lost, proposed),
            None => proposed,
        };
        self.machine.handle_loss(now, conn, loss, decision);
    }

    /// No dial will follow.
    pub(super) fn stop(&mut self, conn: Option<&mut Connection>) {
        self.turn = None;
        self.machine.stop(conn);
    }

    /// How many messages are worth waiting for before a connection is closed.
    pub(super) fn undelivered(&self) -> usize {
        let unconfirmed = match self.machine.options().confirm {
            Confirm::Pong => self.machine.unconfirmed(),
            // What the peer says is dropped by then, so the application hears of nothing.
            Confirm::Application => 0,
        };
        self.machine.waiting() + unconfirmed
    }

    pub(super) const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    pub(super) fn url(&self) -> &Url {
        &self.urls[self.endpoint]
    }

    /// A point on the client's clock, on the system's.
    pub(super) fn clock(&self, at: Instant) -> Clock {
        self.epoch + (at - Instant::ORIGIN)
    }

    /// A point on the system's clock, on the client's.
    pub(super) fn instant(&self, at: Clock) -> Instant {
        Instant::from_origin(at.saturating_duration_since(self.epoch))
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("machine", &self.machine)
            .field("urls", &self.urls)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
