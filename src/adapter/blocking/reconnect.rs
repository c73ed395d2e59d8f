//! A client that stays connected, in the thread that calls it.

use std::fmt;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant as Clock};

use super::driver::Driver;
use super::{AnyStream, Error, Transport, WebSocket};
use crate::adapter::ConnectError;
use crate::adapter::reconnect::{Lost, Plan};
use crate::adapter::turns::Turn;
use crate::connection::check_close;
use crate::handshake::{Url, UrlError};
use crate::reconnect::{
    Confirm, Decision, Event, Loss, MessageId, NotQueued, Options, Phase, Queued, Reconnect, Taken,
};
use crate::{CloseCode, Connect, Instant, Message, Outgoing, SendError};

/// A client that stays connected: it dials again when the connection is lost, and keeps what could not be sent.
///
/// [`next`](Self::next) drives it: nothing moves unless it is called. What happens comes as [`Event`]s, what is sent waits
/// in a bounded queue. [`crate::reconnect`] tells the rules.
///
/// While it dials it holds its turn at the host: others of this process that want to dial the same host wait for it
/// (RFC 6455 section 4.1). The stream must block and be bounded in time, as `TcpStream` is.
///
/// ```no_run
/// use hybi::blocking::Reconnecting;
/// use hybi::reconnect::Event;
///
/// let mut client = Reconnecting::to("ws://127.0.0.1:9001/feed", Default::default())?
///     .fallback("ws://127.0.0.1:9002/feed")?
///     .greet(|ws| ws.send("subscribe")); // on every connection, before anything else
/// client.send("kept until a connection takes it")?;
/// while let Some(event) = client.next() {
///     match event {
///         Event::Message(message) => println!("{message:?}"),
///         Event::InDoubt(messages) => client.requeue(messages), // the peer may get them twice
///         other => println!("{other:?}"),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a client does nothing unless it is driven"]
pub struct Reconnecting<S> {
    plan: Plan,
    link: Link<S>,
    dial: Dial<S>,
    greet: Option<Greet<S>>,
    /// The origin of the client's clock.
    epoch: Clock,
    /// How many more reads come before the next write, once a write stalled.
    reads: u8,
}

/// How long a write may wait before what has come is read: a peer that answers as it reads may wait for that.
const STALL: Duration = Duration::from_millis(20);

/// How long writing goes on before what has come is read.
const WRITING: Duration = Duration::from_millis(100);

/// How long a read may wait then.
const GLANCE: Duration = Duration::from_millis(1);

/// The most such reads before it writes again.
const READS: u8 = 16;

type Dial<S> = Box<dyn FnMut(Url) -> Result<WebSocket<S>, Error> + Send>;
type Greet<S> = Box<dyn FnMut(&mut WebSocket<S>) -> Result<(), Error> + Send>;

/// What there is of a connection.
enum Link<S> {
    None,
    /// A dial is due and waits for its turn.
    Queued(Turn),
    Open(Box<WebSocket<S>>),
}

impl Reconnecting<AnyStream> {
    /// A client that connects as [`connect`](super::connect) does, in the way that a URL, a
    /// [`Request`](crate::handshake::Request) or a [`Connect`] describes: headers, proxies, timeouts. It does so for every
    /// [`fallback`](Self::fallback) too, credentials included; addresses of one's own are for the first URL alone.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL.
    pub fn to<R>(to: R, options: Options) -> Result<Self, ConnectError>
    where
        R: TryInto<Connect>,
        ConnectError: From<R::Error>,
    {
        Ok(Self::connecting(to.try_into()?, options))
    }

    fn connecting(connect: Connect, options: Options) -> Self {
        let url = connect.request().url().clone();
        let connect = connect.at_most(options.dial_timeout);
        Self::dialing(url, options, move |url| Ok(super::connect(connect.clone().for_url(url))?))
    }
}

impl<S: Transport> Reconnecting<S> {
    /// A client that dials with `dial`: any function from a URL to an open connection, with headers, TLS or a proxy of
    /// one's own. It bounds itself in time, as [`connect`](super::connect) does: a thread cannot be called back.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL.
    pub fn new(
        url: &str,
        options: Options,
        dial: impl FnMut(Url) -> Result<WebSocket<S>, Error> + Send + 'static,
    ) -> Result<Self, UrlError> {
        Ok(Self::dialing(url.parse()?, options, dial))
    }

    fn dialing(
        url: Url,
        options: Options,
        dial: impl FnMut(Url) -> Result<WebSocket<S>, Error> + Send + 'static,
    ) -> Self {
        Self {
            plan: Plan::new(url, options),
            link: Link::None,
            dial: Box::new(dial),
            greet: None,
            epoch: Clock::now(),
            reads: 0,
        }
    }

    /// Adds a URL to fall back to when those before it fail; call it once for each.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL.
    pub fn fallback(mut self, url: &str) -> Result<Self, UrlError> {
        self.plan.add(url.parse()?);
        Ok(self)
    }

    /// Calls `greet` with every new connection before anything else is sent on it: to authenticate, to subscribe. An
    /// error is a loss like any other. It counts towards [`Options::dial_timeout`]: what still waits for the peer then
    /// fails.
    pub fn greet(
        mut self,
        greet: impl FnMut(&mut WebSocket<S>) -> Result<(), Error> + Send + 'static,
    ) -> Self {
        self.greet = Some(Box::new(greet));
        self
    }

    /// Asks `decide` what to do about each loss; it is handed what the library would do ([`Decision::about`]).
    pub fn decide(
        mut self,
        decide: impl FnMut(&Lost<'_>, Decision) -> Decision + Send + 'static,
    ) -> Self {
        self.plan.set_decide(Box::new(decide));
        self
    }

    /// What happens next; `None` after [`Event::GaveUp`]. Blocks until then.
    #[expect(clippy::should_implement_trait, reason = "the client is used between its events")]
    pub fn next(&mut self) -> Option<Event> {
        loop {
            if let Poll::Ready(event) = self.next_before(None) {
                return event;
            }
        }
    }

    /// What happens next within `limit`, as [`next`](Self::next); [`Poll::Pending`] where nothing does. A dial takes the
    /// time it takes.
    pub fn next_within(&mut self, limit: Duration) -> Poll<Option<Event>> {
        let give_up = self.now() + limit;
        self.next_before(Some(give_up))
    }

    /// Queues a message, connected or not. It leaves while [`next`](Self::next) waits, after those before it.
    ///
    /// # Errors
    ///
    /// [`NotQueued`], with the message in it.
    pub fn send(&mut self, message: impl Into<Outgoing>) -> Result<Taken, NotQueued> {
        self.plan.machine.send(message)
    }

    /// Puts messages back that were [in doubt](Event::InDoubt): see [`Reconnect::requeue`].
    pub fn requeue(&mut self, messages: impl IntoIterator<Item = Queued>) {
        self.plan.machine.requeue(messages);
    }

    /// Forgets a message that the application knows to have arrived: see [`Reconnect::acknowledge`].
    pub fn acknowledge(&mut self, id: MessageId) -> bool {
        self.plan.machine.acknowledge(id)
    }

    /// Stops. What is queued is sent and confirmed first if the connection is open, for at most
    /// [`Options::drain_timeout`]; then the connection is closed. Messages that still come are dropped.
    ///
    /// Afterwards [`next`](Self::next) tells what is in doubt and that it is over, and
    /// [`take_unsent`](Self::take_unsent) hands out what was never sent.
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidCloseCode`], [`SendError::ReasonTooLong`]: nothing has happened then.
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), SendError<()>> {
        let code = code.into();
        check_close(code, reason)?;
        let deadline = self.now() + self.plan.machine.options().drain_timeout;
        while self.now() < deadline && self.is_draining() {
            // What comes is dropped.
            let _ = self.step_open(Some(deadline));
        }
        let conn = match &mut self.link {
            Link::Open(ws) => {
                ws.start_close(code, reason)?;
                // However it ends, it is over.
                let _ = ws.driver.end();
                Some(&mut *ws.driver.conn)
            }
            _ => None,
        };
        self.plan.machine.stop(conn);
        self.link = Link::None;
        Ok(())
    }

    /// What was never sent, once it is over.
    pub fn take_unsent(&mut self) -> Vec<Queued> {
        self.plan.machine.take_unsent()
    }

    /// The state machine: where it stands, what it counts.
    #[must_use]
    pub const fn machine(&self) -> &Reconnect {
        &self.plan.machine
    }

    /// The connection, while it is open.
    #[must_use]
    pub const fn connection(&self) -> Option<&WebSocket<S>> {
        match &self.link {
            Link::Open(ws) => Some(ws),
            _ => None,
        }
    }

    /// The URL that was dialed last, or is to be dialed first.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.plan.url()
    }

    /// The error behind the last loss, where there was one.
    #[must_use]
    pub const fn last_error(&self) -> Option<&Error> {
        self.plan.error()
    }

    fn next_before(&mut self, give_up: Option<Instant>) -> Poll<Option<Event>> {
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
        let now = self.now();
        match &mut self.link {
            Link::None => match self.plan.due(now) {
                Some(url) => self.link = Link::Queued(Turn::queue(url)),
                None => {
                    let due = self.plan.machine.poll_timeout().unwrap_or(now);
                    thread::sleep(give_up.map_or(due, |give_up| give_up.min(due)) - now);
                }
            },
            Link::Queued(turn) => {
                let limit = give_up.map(|at| self.epoch + at.since(Instant::ORIGIN));
                if turn.wait(limit) {
                    self.dial();
                }
            }
            Link::Open(_) => return self.step_open(give_up),
        }
        None
    }

    fn dial(&mut self) {
        let began = self.now();
        let Some(url) = self.plan.begin_dial(began) else { return };
        let opening = (self.dial)(url);
        // The dial is done: others may.
        self.link = Link::None;
        let opened = opening.and_then(|mut ws| {
            ws.driver.bound_writes(STALL)?;
            let Some(greet) = &mut self.greet else { return Ok(ws) };
            let due = began + self.plan.machine.options().dial_timeout;
            let left = due - Instant::from_origin(self.epoch.elapsed());
            ws.driver.waits.deadline = Some(ws.driver.waits.now() + left);
            greet(&mut ws)?;
            ws.driver.waits.deadline = None;
            Ok(ws)
        });
        let now = self.now();
        match opened {
            Ok(ws) => {
                self.link = Link::Open(Box::new(ws));
                self.reads = 0;
                self.plan.machine.handle_open(now);
            }
            Err(error) => self.plan.fail(now, error),
        }
    }

    /// The next message of the open connection; `None` where something else may have happened.
    fn step_open(&mut self, give_up: Option<Instant>) -> Option<Message> {
        let now = self.now();
        let Link::Open(ws) = &mut self.link else { return None };
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
        if self.reads == 0 && !Self::write(driver, machine, give_up.map(|at| at - now)) {
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

    /// Writes what waits; false where some is left because the stream stalled or the time is over.
    fn write(driver: &mut Driver<S>, machine: &mut Reconnect, limit: Option<Duration>) -> bool {
        let until = driver.waits.now() + limit.map_or(WRITING, |limit| limit.min(WRITING));
        loop {
            // The connection takes no more than its bound at once.
            machine.transfer(&mut driver.conn);
            match driver.write_until(until) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => driver.fail(error),
            }
            let end = driver.conn.transmit().end();
            machine.transfer(&mut driver.conn);
            if driver.conn.transmit().end() == end {
                return true;
            }
            if driver.waits.now() >= until {
                return false;
            }
        }
    }

    fn lose(&mut self, error: Option<Error>) {
        let now = self.now();
        if let Link::Open(mut ws) = std::mem::replace(&mut self.link, Link::None) {
            let loss = ws.closed().map_or(Loss::Transport, Loss::Closed);
            self.plan.lose(now, Some(&mut ws.driver.conn), loss, error);
        }
    }

    /// Whether the open connection has yet to take or to confirm something.
    fn is_draining(&self) -> bool {
        let machine = &self.plan.machine;
        let unconfirmed = match machine.options().confirm {
            Confirm::Pong => machine.unconfirmed(),
            // What the peer says is dropped, so the application hears of nothing.
            Confirm::Application => 0,
        };
        matches!(self.link, Link::Open(_)) && machine.waiting() + unconfirmed > 0
    }

    fn now(&self) -> Instant {
        Instant::from_origin(self.epoch.elapsed())
    }
}

impl<S> fmt::Debug for Reconnecting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("plan", &self.plan).finish_non_exhaustive()
    }
}
