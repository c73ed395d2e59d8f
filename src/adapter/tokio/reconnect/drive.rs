//! How the client that stays connected moves: one poll at a time, one step in each.
//!
//! ```text
//!   None ---> Dialing ---> Greeting ---> Open ---> None
//!                |            |
//!                +------------+------> None (failed, overdue)
//! ```

use std::mem;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::time;

use super::{Opening, Reconnecting};
use crate::adapter::tokio::{Error, WebSocket};
use crate::reconnect::{Event, Loss, Phase};
use crate::{CloseCode, Instant, Message, SendError};

/// What there is of a connection.
pub(super) enum Link<S> {
    /// Nothing: a dial is to come, or waits for its turn.
    None,
    Dialing(Opening<S>),
    Greeting(Opening<S>),
    Open(Box<WebSocket<S>>),
}

/// How far `close` has come.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// What is queued may leave until then.
    Draining(Instant),
    /// The Close frame is queued: there is no way back.
    Closing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Reconnecting<S> {
    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        // A close that was dropped while it waited for the queue is taken back.
        self.ending = self.ending.filter(|ending| matches!(ending, Ending::Closing));
        loop {
            if let Some(event) = self.plan.machine.next_event() {
                return Poll::Ready(Some(event));
            }
            if self.plan.machine.phase() == Phase::Over {
                return Poll::Ready(None);
            }
            if self.ending.is_some() {
                ready!(self.poll_closing(cx));
                continue;
            }
            if let Some(message) = ready!(self.poll_step(cx)) {
                return Poll::Ready(Some(Event::Message(message)));
            }
        }
    }

    /// One step towards a connection, or one message from it; `None` where something else may have happened.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let now = self.now();
        if self.plan.machine.overdue(now).is_some() {
            // Dropped before the next may have its turn; what comes of it is told below.
            self.link = Link::None;
        }
        // What panics while it is polled is gone: no future is polled again after that.
        match mem::replace(&mut self.link, Link::None) {
            Link::None => match self.plan.begin_dial(now, cx.waker()) {
                Ok(url) => self.link = Link::Dialing((self.dial)(url)),
                // It tells first that it waits for its turn, or that something has taken too long.
                Err(_) if self.plan.machine.has_event() => {}
                Err(until) => ready!(self.poll_until(cx, until)),
            },
            Link::Dialing(mut opening) => match opening.as_mut().poll(cx) {
                Poll::Ready(opened) => {
                    self.plan.end_dial();
                    match (opened, &mut self.greet) {
                        (Ok(ws), Some(greet)) => self.link = Link::Greeting(greet(ws)),
                        (opened, _) => self.finish(opened),
                    }
                }
                Poll::Pending => {
                    self.link = Link::Dialing(opening);
                    ready!(self.poll_bound(cx));
                }
            },
            Link::Greeting(mut opening) => match opening.as_mut().poll(cx) {
                Poll::Ready(greeted) => self.finish(greeted),
                Poll::Pending => {
                    self.link = Link::Greeting(opening);
                    ready!(self.poll_bound(cx));
                }
            },
            open @ Link::Open(_) => {
                self.link = open;
                return self.poll_open(cx);
            }
        }
        Poll::Ready(None)
    }

    fn finish(&mut self, opened: Result<WebSocket<S>, Error>) {
        let now = self.now();
        match opened {
            Ok(ws) => {
                self.link = Link::Open(Box::new(ws));
                self.plan.machine.handle_open(now);
            }
            Err(error) => {
                self.link = Link::None;
                self.plan.fail(now, error);
            }
        }
    }

    /// The next message of the open connection; `None` where something else may have happened.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let Link::Open(ws) = &mut self.link else { return Poll::Ready(None) };
        let (driver, machine) = (&mut ws.driver, &mut self.plan.machine);
        let confirmed = machine.counters().confirmed;
        let kept = driver.rx.take_message().map(|message| *message);
        let message = kept.or_else(|| machine.next_message(&mut driver.conn, &mut driver.rx));
        if message.is_some() || machine.counters().confirmed > confirmed {
            return Poll::Ready(message);
        }
        if driver.conn.has_told_closed() {
            ready!(driver.poll_end(cx));
            let error = driver.report().err();
            self.lose(error);
            return Poll::Ready(None);
        }
        // Whatever makes room lets more follow: nobody wakes a task that has written all and has more to write.
        loop {
            let _ = driver.poll_send(cx);
            let end = driver.conn.queue_end();
            machine.transfer(&mut driver.conn);
            if driver.conn.queue_end() > end {
                continue;
            }
            let left = driver.conn.queued();
            if driver.poll_wait(cx).is_ready() {
                return Poll::Ready(None);
            }
            if driver.conn.queued() == left {
                return Poll::Pending;
            }
        }
    }

    fn lose(&mut self, error: Option<Error>) {
        let now = self.now();
        if let Link::Open(ws) = &mut self.link {
            let loss = ws.closed().map_or(Loss::Transport, Loss::Closed);
            // The application may panic when it is asked: then it is asked again.
            self.plan.lose(now, Some(&mut ws.driver.conn), loss, error);
        }
        self.link = Link::None;
    }

    pub(super) fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        code: Option<CloseCode>,
        reason: &str,
    ) -> Poll<Result<(), SendError<()>>> {
        let deadline = match self.ending {
            Some(Ending::Draining(deadline)) => deadline,
            Some(Ending::Closing) => return self.poll_closing(cx).map(Ok),
            None => self.now() + self.plan.machine.options().drain_timeout,
        };
        self.ending = Some(Ending::Draining(deadline));
        while matches!(self.link, Link::Open(_)) && self.plan.undelivered() > 0 {
            if self.now() >= deadline {
                break;
            }
            if self.poll_open(cx).is_pending() {
                ready!(self.poll_until(cx, deadline));
            }
        }
        if let Link::Open(ws) = &mut self.link {
            ws.start_close(code, reason)?;
        }
        self.ending = Some(Ending::Closing);
        self.poll_closing(cx).map(Ok)
    }

    /// Ready when it is over.
    fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Link::Open(ws) = &mut self.link {
            ready!(ws.driver.poll_end(cx));
            self.plan.stop(Some(&mut ws.driver.conn));
        }
        self.link = Link::None;
        self.plan.stop(None);
        self.ending = None;
        Poll::Ready(())
    }

    /// Ready when the dial or the greeting has taken too long.
    fn poll_bound(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.plan.machine.poll_timeout() {
            Some(until) => self.poll_until(cx, until),
            None => Poll::Pending,
        }
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        let due = time::Instant::from_std(self.plan.clock(until));
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(cx)
    }

    fn now(&self) -> Instant {
        self.plan.instant(time::Instant::now().into_std())
    }
}
