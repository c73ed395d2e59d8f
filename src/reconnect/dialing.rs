//! From one dial to the next: what is due, what has opened, what a loss leads to.

use super::decision::{Decision, Loss, Verdict, Why};
use super::event::{Event, count};
use super::{Reconnect, State, backoff};
use crate::connection::Connection;
use crate::time::Instant;

/// When to dial and whom.
impl Reconnect {
    /// When the next dial is due, or when the one under way or the wait for its turn has taken too long; `None` where
    /// nothing is.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until, .. } => Some(until),
            State::Queued { since, .. } | State::Connecting { since, .. } => {
                Some(since + self.options.dial_timeout)
            }
            State::Open { .. } | State::Over => None,
        }
    }

    /// The endpoint to dial next, once that is due: dial it with [`begin_dial`](Self::begin_dial) unless others of this
    /// process are dialing its host, then [`queue`](Self::queue).
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<usize> {
        match self.state {
            State::Waiting { until, endpoint } if now >= until => Some(endpoint),
            State::Queued { endpoint, .. } => Some(endpoint),
            _ => None,
        }
    }

    /// The dial that is due has to wait for its turn. Calling it again changes nothing.
    pub fn queue(&mut self, now: Instant) {
        if let (State::Waiting { .. }, Some(endpoint)) = (self.state, self.due(now)) {
            self.state = State::Queued { since: now, endpoint };
            self.events.push_back(Event::Queued { endpoint });
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

    /// What the dial that is under way or waits for its turn is lost by, once it has taken too long: drop it and report
    /// that.
    #[must_use]
    pub fn overdue(&self, now: Instant) -> Option<Loss> {
        let (since, loss) = match self.state {
            State::Queued { since, .. } => (since, Loss::NoTurn),
            State::Connecting { since, .. } => (since, Loss::TimedOut),
            _ => return None,
        };
        (now >= since + self.options.dial_timeout).then_some(loss)
    }

    /// The connection is open, and greeted.
    pub fn handle_open(&mut self, now: Instant) {
        if let State::Connecting { endpoint, .. } = self.state {
            self.state = State::Open { since: now, endpoint };
            self.endpoints.note_open(endpoint);
            count(&mut self.counters.opened, 1);
            self.events.push_back(Event::Open { endpoint });
        }
    }

    /// What the library would do about `loss`, of the endpoint that it deals with now: see [`Decision`].
    #[must_use]
    pub fn propose(&self, loss: &Loss) -> Decision {
        let past = self.endpoint().map(|endpoint| self.endpoints.past(endpoint));
        Decision::about(loss, past.unwrap_or_default(), &self.options)
    }

    /// The dial failed, or the connection ended: `conn` is the connection that messages were handed to, if there was one.
    ///
    /// `decision` is what was [proposed](Self::propose), or the application's own.
    pub fn handle_loss(
        &mut self,
        now: Instant,
        conn: Option<&mut Connection>,
        loss: Loss,
        decision: Decision,
    ) {
        let (endpoint, opened) = match self.state {
            State::Queued { endpoint, .. } | State::Connecting { endpoint, .. } => (endpoint, None),
            State::Open { since, endpoint } => (endpoint, Some(since)),
            State::Waiting { .. } | State::Over => return,
        };
        let uptime = opened.map(|since| now - since);
        if uptime.is_some_and(|uptime| uptime >= self.options.stable_after) {
            self.losses = 0;
            self.endpoints.note_success(endpoint);
        } else {
            self.endpoints.note_failure(endpoint, now, &self.options);
        }
        self.losses = self.losses.saturating_add(1);
        count(&mut self.counters.losses, 1);
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

    const fn endpoint(&self) -> Option<usize> {
        match self.state {
            State::Waiting { endpoint, .. }
            | State::Queued { endpoint, .. }
            | State::Connecting { endpoint, .. }
            | State::Open { endpoint, .. } => Some(endpoint),
            State::Over => None,
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
