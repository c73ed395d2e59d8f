//! A client that stays connected, in one task: no lock, no channel, no task of its own.
//!
//! All state lies in the [`Reconnecting`], the dial that is under way included, none in a future: dropping a future at
//! any point loses nothing.

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::time::{self, Sleep};
use futures_core::Stream;

use super::{AnyStream, Error, WebSocket};
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
/// (RFC 6455 section 4.1). So go on calling `next`, or drop it.
///
/// ```no_run
/// use hybi::reconnect::Event;
/// use hybi::tokio::Reconnecting;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = Reconnecting::to("ws://127.0.0.1:9001/feed", Default::default())?
///     .fallback("ws://127.0.0.1:9002/feed")?
///     .greet(|mut ws| async move {
///         ws.send("subscribe").await?; // on every connection, before anything else
///         Ok(ws)
///     });
/// client.send("kept until a connection takes it")?;
/// while let Some(event) = client.next().await {
///     match event {
///         Event::Message(message) => println!("{message:?}"),
///         Event::InDoubt(messages) => client.requeue(messages), // the peer may get them twice
///         other => println!("{other:?}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a client does nothing unless it is driven"]
pub struct Reconnecting<S> {
    plan: Plan,
    link: Link<S>,
    dial: Dial<S>,
    greet: Option<Greet<S>>,
    /// The origin of the client's clock.
    epoch: time::Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Until when `close` waits for the queue to empty, once it was called.
    drain: Option<Instant>,
}

type Opening<S> = Pin<Box<dyn Future<Output = Result<WebSocket<S>, Error>> + Send>>;
type Dial<S> = Box<dyn FnMut(Url) -> Opening<S> + Send>;
type Greet<S> = Box<dyn FnMut(WebSocket<S>) -> Opening<S> + Send>;

/// What there is of a connection.
enum Link<S> {
    None,
    /// A dial is due and waits for its turn.
    Queued(Turn),
    /// The turn is held until the connection is established.
    Dialing {
        _turn: Turn,
        opening: Opening<S>,
    },
    Greeting(Opening<S>),
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
        Self::dialing(url, options, move |url| {
            let connect = connect.clone().for_url(url);
            Box::pin(async move { Ok(super::connect(connect).await?) })
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Reconnecting<S> {
    /// A client that dials with `dial`: any function from a URL to an open connection, with headers, TLS or a proxy of
    /// one's own. It is dropped after [`Options::dial_timeout`].
    ///
    /// ```
    /// # use hybi::handshake::{Request, Url};
    /// # use http::header::{AUTHORIZATION, HeaderValue};
    /// # let options = Default::default();
    /// let client = hybi::tokio::Reconnecting::new("ws://example.com/", options, |url: Url| async move {
    ///     let token = HeaderValue::from_static("Bearer 1234"); // a new one for each dial, perhaps
    ///     let request = Request::from(url).header(AUTHORIZATION, token)?;
    ///     Ok(hybi::tokio::connect(request).await?)
    /// })?;
    /// # Ok::<(), hybi::handshake::UrlError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What is wrong with the URL.
    pub fn new<F>(
        url: &str,
        options: Options,
        mut dial: impl FnMut(Url) -> F + Send + 'static,
    ) -> Result<Self, UrlError>
    where
        F: Future<Output = Result<WebSocket<S>, Error>> + Send + 'static,
    {
        Ok(Self::dialing(url.parse()?, options, move |url| Box::pin(dial(url))))
    }

    fn dialing(
        url: Url,
        options: Options,
        dial: impl FnMut(Url) -> Opening<S> + Send + 'static,
    ) -> Self {
        Self {
            plan: Plan::new(url, options),
            link: Link::None,
            dial: Box::new(dial),
            greet: None,
            epoch: time::Instant::now(),
            sleep: None,
            drain: None,
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

    /// Calls `greet` with every new connection before anything else is sent on it: to authenticate, to subscribe. It
    /// hands the connection back; an error is a loss like any other. It counts towards [`Options::dial_timeout`].
    pub fn greet<F>(mut self, mut greet: impl FnMut(WebSocket<S>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<WebSocket<S>, Error>> + Send + 'static,
    {
        self.greet = Some(Box::new(move |ws| Box::pin(greet(ws))));
        self
    }

    /// Asks `decide` what to do about each loss; it is handed what the library would do ([`Decision::about`]).
    ///
    /// ```
    /// # use hybi::reconnect::{Decision, Loss, Verdict};
    /// # let client = hybi::tokio::Reconnecting::to("ws://example.com/", Default::default())?;
    /// let client = client.decide(|lost, proposed| match lost.loss {
    ///     // This server means "come back" by 4000.
    ///     Loss::Closed(closed) if closed.code().0 == 4000 => Decision::retry(),
    ///     _ => proposed,
    /// });
    /// # Ok::<(), hybi::ConnectError>(())
    /// ```
    pub fn decide(
        mut self,
        decide: impl FnMut(&Lost<'_>, Decision) -> Decision + Send + 'static,
    ) -> Self {
        self.plan.set_decide(Box::new(decide));
        self
    }

    /// What happens next; `None` after [`Event::GaveUp`].
    ///
    /// Dials, greets, sends what is queued, receives, waits. Cancel safe: nothing is lost, a dial that is under way goes
    /// on with the next call.
    pub async fn next(&mut self) -> Option<Event> {
        // A close that was dropped is over.
        self.drain = None;
        poll_fn(|cx| self.poll_event(cx)).await
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
    /// [`take_unsent`](Self::take_unsent) hands out what was never sent. Cancel safe: calling it again goes on,
    /// calling `next` takes it back while the Close frame has not been queued.
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidCloseCode`], [`SendError::ReasonTooLong`]: nothing has happened then.
    pub async fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), SendError<()>> {
        let code = code.into();
        check_close(code, reason)?;
        let closed = poll_fn(|cx| self.poll_close(cx, code, reason)).await;
        self.drain = None;
        closed
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

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if let Some(event) = self.plan.machine.next_event() {
                return Poll::Ready(Some(event));
            }
            if self.plan.machine.phase() == Phase::Over {
                return Poll::Ready(None);
            }
            if let Some(message) = ready!(self.poll_step(cx)) {
                return Poll::Ready(Some(Event::Message(message)));
            }
        }
    }

    /// One step towards a connection, or one message from it.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let now = self.now();
        if self.plan.machine.is_overdue(now) {
            self.link = Link::None;
            self.plan.lose(now, None, Loss::TimedOut, None);
            return Poll::Ready(None);
        }
        match &mut self.link {
            Link::None => match self.plan.due(now) {
                Some(url) => self.link = Link::Queued(Turn::queue(url)),
                None => ready!(self.poll_time(cx)),
            },
            Link::Queued(turn) => {
                ready!(turn.poll(cx));
                let Some(url) = self.plan.begin_dial(now) else { return Poll::Ready(None) };
                if let Link::Queued(turn) = mem::replace(&mut self.link, Link::None) {
                    self.link = Link::Dialing { _turn: turn, opening: (self.dial)(url) };
                }
            }
            Link::Dialing { opening, .. } => match opening.as_mut().poll(cx) {
                Poll::Ready(Ok(ws)) => match &mut self.greet {
                    Some(greet) => self.link = Link::Greeting(greet(ws)),
                    None => self.open(ws),
                },
                Poll::Ready(Err(error)) => self.fail(error),
                Poll::Pending => ready!(self.poll_time(cx)),
            },
            Link::Greeting(opening) => match opening.as_mut().poll(cx) {
                Poll::Ready(Ok(ws)) => self.open(ws),
                Poll::Ready(Err(error)) => self.fail(error),
                Poll::Pending => ready!(self.poll_time(cx)),
            },
            Link::Open(_) => return self.poll_open(cx),
        }
        Poll::Ready(None)
    }

    fn open(&mut self, ws: WebSocket<S>) {
        self.link = Link::Open(Box::new(ws));
        self.plan.machine.handle_open(self.now());
    }

    fn fail(&mut self, error: Error) {
        self.link = Link::None;
        self.plan.fail(self.now(), error);
    }

    /// The next message of the open connection; `None` where something else may have happened.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let Link::Open(ws) = &mut self.link else { return Poll::Ready(None) };
        let (driver, machine) = (&mut ws.driver, &mut self.plan.machine);
        let confirmed = machine.counters().confirmed;
        let kept = driver.inbox.take().map(|message| *message);
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
            let end = driver.conn.transmit().end();
            machine.transfer(&mut driver.conn);
            if driver.conn.transmit().end() > end {
                continue;
            }
            let left = driver.conn.transmit().len();
            if driver.poll_wait(cx).is_ready() {
                return Poll::Ready(None);
            }
            if driver.conn.transmit().len() == left {
                return Poll::Pending;
            }
        }
    }

    fn lose(&mut self, error: Option<Error>) {
        let now = self.now();
        if let Link::Open(mut ws) = mem::replace(&mut self.link, Link::None) {
            let loss = ws.closed().map_or(Loss::Transport, Loss::Closed);
            self.plan.lose(now, Some(&mut ws.driver.conn), loss, error);
        }
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        code: Option<CloseCode>,
        reason: &str,
    ) -> Poll<Result<(), SendError<()>>> {
        let now = self.now();
        let drained = now + self.plan.machine.options().drain_timeout;
        let deadline = *self.drain.get_or_insert(drained);
        while self.now() < deadline && self.is_draining() {
            if self.poll_open(cx).is_pending() {
                ready!(self.poll_until(cx, deadline));
            }
        }
        let conn = match &mut self.link {
            Link::Open(ws) => {
                ws.start_close(code, reason)?;
                ready!(ws.driver.poll_end(cx));
                Some(&mut **ws.driver.conn)
            }
            _ => None,
        };
        self.plan.machine.stop(conn);
        self.link = Link::None;
        Poll::Ready(Ok(()))
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

    /// Ready when the machine has something to do.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.plan.machine.poll_timeout() {
            Some(until) => self.poll_until(cx, until),
            None => Poll::Pending,
        }
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        let due = self.epoch + until.since(Instant::ORIGIN);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(cx)
    }

    fn now(&self) -> Instant {
        Instant::from_origin(time::Instant::now() - self.epoch)
    }
}

/// Events until it is over.
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Reconnecting<S> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_event(cx)
    }
}

impl<S> fmt::Debug for Reconnecting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("plan", &self.plan).finish_non_exhaustive()
    }
}
