//! A client that stays connected, in one task: no lock, no channel, no task of its own.
//!
//! All state lies in the [`Reconnecting`], the dial that is under way included, none in a future: dropping a future at
//! any point loses nothing. What it is asked for stands here, what moves it in `drive`.

mod drive;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::time::{self, Sleep};
use futures_core::Stream;

use super::{AnyStream, Error, WebSocket};
use crate::adapter::ConnectError;
use crate::adapter::reconnect::{Lost, Plan};
use crate::connection::check_close;
use crate::handshake::{Url, UrlError};
use crate::reconnect::{Decision, Event, MessageId, NotQueued, Options, Queued, Reconnect, Taken};
use crate::{CloseCode, Connect, Outgoing, SendError};
use drive::{Ending, Link};

/// A client that stays connected: it dials again when the connection is lost, and keeps what could not be sent.
///
/// [`next`](Self::next) drives it: nothing moves unless it is called. What happens comes as [`Event`]s, what is sent waits
/// in a bounded queue. [`crate::reconnect`] tells the rules.
///
/// While it dials it holds its turn at the host: others of this process that want to dial the same host wait for it
/// (RFC 6455 section 4.1), until the dial is done or [`Options::dial_timeout`] has passed. So go on calling `next`, or
/// drop it.
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
    /// Before the plan, so that a dial is dropped before its turn is.
    link: Link<S>,
    plan: Plan,
    dial: Dial<S>,
    greet: Option<Greet<S>>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// How far `close` has come, once it was called.
    ending: Option<Ending>,
}

type Opening<S> = Pin<Box<dyn Future<Output = Result<WebSocket<S>, Error>> + Send>>;
type Dial<S> = Box<dyn FnMut(Url) -> Opening<S> + Send>;
type Greet<S> = Box<dyn FnMut(WebSocket<S>) -> Opening<S> + Send>;

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
        let mut client = Self::dialing(url, options, move |url| {
            let connect = connect.clone().for_url(url);
            Box::pin(async move { Ok(super::connect(connect).await?) })
        });
        client.plan.set_socket(socket);
        client
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
            link: Link::None,
            plan: Plan::new(url, options, time::Instant::now().into_std()),
            dial: Box::new(dial),
            greet: None,
            sleep: None,
            ending: None,
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

    /// Asks `decide` what to do about each loss; it is handed what the library would do (see
    /// [`Decision`]).
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
    /// [`take_unsent`](Self::take_unsent) hands out what was never sent. Cancel safe: calling it again goes on. Calling
    /// `next` instead takes it back while it waits for the queue, and ends the connection after that.
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
        poll_fn(|cx| self.poll_close(cx, code, reason)).await
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
