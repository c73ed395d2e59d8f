//! How the client that stays connected moves: one step at a time, each waiting for one thing.

use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant as Clock};

use super::Reconnecting;
use crate::adapter::blocking::driver::Driver;
use crate::adapter::blocking::{Error, Transport, WebSocket};
use crate::handshake::Url;
use crate::reconnect::{Event, Loss, Phase, Reconnect};
use crate::{Instant, Message};

impl<S: Transport> Reconnecting<S> {
    pub(super) fn next_before(&mut self, give_up: Option<Instant>) -> Poll<Option<Event>> {
        loop {
            if let Some(event) = self.plan.machine.next_event() {
                return Poll::Ready(Some(event));
            }
            if self.plan.machine.phase() == Phase::Over {
                return Poll::Ready(None);
            }
            if let Some(message) = self.step(give_up) {
                return Poll::Ready(Some(Event::Message(message)));
            }
            if !self.plan.machine.has_event() && give_up.is_some_and(|at| self.now() >= at) {
                return Poll::Pending;
            }
        }
    }

    /// One step towards a connection, or one message from it. Waits until `give_up` at the latest.
    fn step(&mut self, give_up: Option<Instant>) -> Option<Message> {
        if self.link.is_some() {
            return self.step_open(give_up);
        }
        let now = self.now();
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        match self.plan.begin_dial(now, &waker) {
            Ok(url) => self.dial(now, url),
            // It tells first that it waits for its turn, or that something has taken too long.
            Err(_) if self.plan.machine.has_event() => {}
            Err(until) => thread::park_timeout(give_up.map_or(until, |at| at.min(until)) - now),
        }
        None
    }

    fn dial(&mut self, began: Instant, url: Url) {
        let opened = (self.dial)(url);
        self.plan.end_dial();
        let greeted = opened.and_then(|ws| self.greeted(began, ws));
        let now = self.now();
        match greeted {
            Ok(ws) => {
                self.link = Some(Box::new(ws));
                self.reads = 0;
                self.plan.machine.handle_open(now);
            }
            Err(error) => self.plan.fail(now, error),
        }
    }

    fn greeted(&mut self, began: Instant, mut ws: WebSocket<S>) -> Result<WebSocket<S>, Error> {
        ws.driver.bound_writes(STALL)?;
        if let Some(greet) = &mut self.greet {
            let due = began + self.plan.machine.options().dial_timeout;
            let left = due - self.plan.instant(Clock::now());
            ws.driver.waits.deadline = Some(ws.driver.waits.now() + left);
            greet(&mut ws)?;
            ws.driver.waits.deadline = None;
        }
        Ok(ws)
    }

    /// The next message of the open connection; `None` where something else may have happened.
    fn step_open(&mut self, give_up: Option<Instant>) -> Option<Message> {
        let now = self.now();
        let ws = self.link.as_mut()?;
        let (driver, machine) = (&mut ws.driver, &mut self.plan.machine);
        let confirmed = machine.counters().confirmed;
        let message = machine.next_message(&mut driver.conn, &mut driver.rx);
        if message.is_some() || machine.counters().confirmed > confirmed {
            return message;
        }
        if driver.conn.has_told_closed() {
            let error = driver.end().err();
            self.lose(error);
            return None;
        }
        if self.reads == 0 && !write(driver, machine, give_up.map(|at| at - now)) {
            self.reads = READS;
        }
        let began = driver.waits.now();
        let mut limit = give_up.map(|at| at - now);
        if self.reads > 0 {
            self.reads -= 1;
            limit = Some(limit.map_or(GLANCE, |limit| limit.min(GLANCE)));
        }
        let until = limit.map(|limit| began + limit);
        match driver.listen(until) {
            // Nothing has come: write again.
            Err(_) if until.is_some_and(|at| driver.waits.now() >= at) => self.reads = 0,
            Err(error) => driver.fail(error),
            Ok(()) => {}
        }
        None
    }

    fn lose(&mut self, error: Option<Error>) {
        let now = self.now();
        if let Some(ws) = &mut self.link {
            let loss = ws.closed().map_or(Loss::Transport, Loss::Closed);
            // The application may panic when it is asked: then it is asked again.
            self.plan.lose(now, Some(&mut ws.driver.conn), loss, error);
        }
        self.link = None;
    }

    /// Waits until the open connection has taken and confirmed all, or the time for it is over. What comes is dropped.
    pub(super) fn drain(&mut self) {
        let deadline = self.now() + self.plan.machine.options().drain_timeout;
        while self.link.is_some() && self.plan.undelivered() > 0 && self.now() < deadline {
            let _ = self.step_open(Some(deadline));
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.plan.instant(Clock::now())
    }
}

/// Writes what waits; false where some is left because the stream stalled or the time is over.
fn write<S: Transport>(
    driver: &mut Driver<S>,
    machine: &mut Reconnect,
    limit: Option<Duration>,
) -> bool {
    let until = driver.waits.now() + limit.map_or(WRITING, |limit| limit.min(WRITING));
    loop {
        // The connection takes no more than its bound at once.
        machine.transfer(&mut driver.conn);
        match driver.write_until(until) {
            Ok(true) => {}
            Ok(false) => return false,
            Err(error) => driver.fail(error),
        }
        let end = driver.conn.queue_end();
        machine.transfer(&mut driver.conn);
        if driver.conn.queue_end() == end {
            return true;
        }
        if driver.waits.now() >= until {
            return false;
        }
    }
}

/// Wakes the thread that waits for its turn.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How long a write may wait before what has come is read: a peer that answers as it reads may wait for that.
const STALL: Duration = Duration::from_millis(20);

/// How long writing goes on before what has come is read.
const WRITING: Duration = Duration::from_millis(100);

/// How long a read may wait then.
const GLANCE: Duration = Duration::from_millis(1);

/// The most such reads before it writes again.
const READS: u8 = 16;
