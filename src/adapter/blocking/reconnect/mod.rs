//! A client that stays connected, in the thread that calls it: what it is asked for; what moves it stands in `drive`.

mod drive;

use std::fmt;
use std::task::Poll;
use std::time::{Duration, Instant as Clock};

use super::{AnyStream, Error, Transport, WebSocket};
use crate::adapter::ConnectError;
use crate::adapter::reconnect::{Lost, Plan};
use crate::connection::check_close;
use crate::handshake::{Url, UrlError};
use crate::reconnect::{Decision, Event, MessageId, NotQueued, Options, Queued, Reconnect, Taken};
use crate::{CloseCode, Connect, Outgoing, SendError};

/// A client that stays connected: it dials again when the connection is lost, and keeps what could not be sent.
///
/// [`next`](Self::next) drives it: nothing moves unless it is called. What happens comes as [`Event`]s, what is sent waits
/// in a bounded queue. [`crate::reconnect`] tells the rules.
///
/// While it dials it holds its turn at the host: others of this process that want to dial the same host wait for it
/// (RFC 6455 section 4.1), for [`Options::dial_timeout`] at most. The stream must block and be bounded in time, as
/// `TcpStream` is.
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
    /// The connection, while it is open.
    link: Option<Box<WebSocket<S>>>,
    dial: Dial<S>,
    greet: Option<Greet<S>>,
    /// How many more reads come before the next write, once a write stalled.
    reads: u8,
}

type Dial<S> = Box<dyn FnMut(Url) -> Result<WebSocket<S>, Error> + Send>;
type Greet<S> = Box<dyn FnMut(&mut WebSocket<S>) -> Result<(), Error> + Send>;

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
        let (url, socket) = (connect.request().url().clone(), connect.socket.clone());
        let connect = connect.at_most(options.dial_timeout);
        let dial = move |url| Ok(super::connect(connect.clone().for_url(url))?);
        let mut client = Self::dialing(url, options, dial);
        client.plan.set_socket(socket);
        client
    }
}

impl<S: Transport> Reconnecting<S> {
    /// A client that dials with `dial`: any function from a URL to an open connection, with headers, TLS or a proxy of
    /// one's own. It bounds itself in time, as [`connect`](super::connect) does: a thread cannot be called back. Others
    /// who wait for their turn at the host wait for [`Options::dial_timeout`] at most.
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
            plan: Plan::new(url, options, Clock::now()),
            link: None,
            dial: Box::new(dial),
            greet: None,
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

    /// Asks `decide` what to do about each loss; it is handed what the library would do (see
    /// [`Decision`]).
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

    /// What happens next within `limit`, as [`next`](Self::next); [`Poll::Pending`] where nothing does. A dial and the
    /// end of a connection take the time they take.
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
        self.drain();
        if let Some(ws) = &mut self.link {
            ws.start_close(code, reason)?;
            // However it ends, it is over.
            let _ = ws.driver.end();
            self.plan.stop(Some(&mut ws.driver.conn));
        }
        self.plan.stop(None);
        self.link = None;
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
    pub fn connection(&self) -> Option<&WebSocket<S>> {
        self.link.as_deref()
    }

    /// The URL that was dialed last or waits for its turn, or is to be dialed first.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.plan.url()
    }

    /// The error behind the last loss, where there was one.
    #[must_use]
    pub const fn last_error(&self) -> Option<&Error> {
        self.plan.error()
    }
}

impl<S> fmt::Debug for Reconnecting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("plan", &self.plan).finish_non_exhaustive()
    }
}
