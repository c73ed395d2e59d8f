//! An open connection over a tokio stream.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite};

use super::driver::Driver;
use super::{Error, Receiver, Sender, split};
use crate::adapter::connection;
use crate::handshake::Negotiated;
use crate::{
    CloseCode, Closed, Config, Connection, Event, Message, Outgoing, Prepared, RecvBuf, Role,
    RoundTrips, SendError, Stats,
};

/// A WebSocket over any tokio stream.
///
/// Keep calling [`recv`](Self::recv) or [`next_event`](Self::next_event): that is what answers pings, minds
/// timeouts and finishes the closing handshake.
#[derive(Debug)]
#[must_use = "a connection does nothing unless it is driven"]
pub struct WebSocket<S> {
    pub(super) driver: Driver<S>,
    /// Absent where that is nothing, as on most connections.
    agreed: Option<Box<Agreed>>,
}

/// What is left of the opening handshake.
#[derive(Debug)]
struct Agreed {
    negotiated: Negotiated,
    response: Option<http::Response<()>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Takes over a stream on which the opening handshake is done, by this library or another one.
    ///
    /// `leftover` is what was read after the handshake's head: the first frames may be in it.
    pub fn from_upgraded(
        io: S,
        role: Role,
        leftover: &[u8],
        negotiated: Negotiated,
        config: impl Into<Arc<Config>>,
    ) -> Self {
        let mut rx = RecvBuf::new();
        rx.extend_from_slice(leftover);
        let conn = connection(role, config.into(), &negotiated);
        Self::new(Driver::new(io, conn, rx), negotiated)
    }

    pub(super) fn new(mut driver: Driver<S>, negotiated: Negotiated) -> Self {
        driver.conn.open(&negotiated);
        let is_worth_it = negotiated != Negotiated::NOTHING;
        let agreed = is_worth_it.then(|| Box::new(Agreed { negotiated, response: None }));
        Self { driver, agreed }
    }

    pub(super) fn with_response(mut self, response: http::Response<()>) -> Self {
        let nothing = || Box::new(Agreed { negotiated: Negotiated::NOTHING, response: None });
        self.agreed.get_or_insert_with(nothing).response = Some(response);
        self
    }

    /// The next message, or `None` when the connection has been closed by both ends.
    ///
    /// Pings are answered on the way. The end of the transport is waited for, so that the last frames
    /// arrive: at most [`Config::close_timeout`].
    ///
    /// Cancel safe: no message is lost.
    ///
    /// A message of 16 KiB or more may keep the memory that it came into. A server's thread then holds on to it, too, to use it
    /// again once the message has been dropped: [`Bytes::is_unique`](bytes::Bytes::is_unique) is false there.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] where the connection ended in another way, after the peer has been told why;
    /// [`Error::Io`]. The call after an error returns `None`.
    pub fn recv(&mut self) -> impl Future<Output = Result<Option<Message>, Error>> {
        Inlined(|cx: &mut Context<'_>| self.driver.poll_recv(cx))
    }

    /// The next event, its payload borrowed from the receive buffer: nothing is allocated or copied.
    ///
    /// Whoever wants to answer while looking at the event uses [`readable`](Self::readable) and
    /// [`parts`](Self::parts).
    ///
    /// Cancel safe: no event is lost.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        let found = poll_fn(|cx| self.driver.poll_event(cx)).await?;
        Ok(if found { self.driver.conn.next_event(&mut self.driver.rx) } else { None })
    }

    /// Waits until there is an event to take from [`parts`](Self::parts); `false` after the last.
    ///
    /// Cancel safe.
    ///
    /// ```no_run
    /// # async fn serve(mut ws: hybi::tokio::WebSocket<tokio::net::TcpStream>) -> Result<(), hybi::tokio::Error> {
    /// while ws.readable().await? {
    ///     let (conn, rx) = ws.parts();
    ///     while let Some(event) = conn.next_event(rx) {
    ///         if let hybi::Event::Text(text) = event {
    ///             conn.send_text(text)?; // sent when `readable` waits
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn readable(&mut self) -> Result<bool, Error> {
        poll_fn(|cx| self.driver.poll_event(cx)).await
    }

    /// The connection and its receive buffer, to be used as without an adapter.
    pub fn parts(&mut self) -> (&mut Connection, &mut RecvBuf) {
        (&mut self.driver.conn, &mut self.driver.rx)
    }

    /// Queues a message and sends all that is queued.
    ///
    /// Cancel safe: once [`ready`](Self::ready) has returned, the message is queued by the first poll and will
    /// leave whole; while the queue is full it is not queued at all.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] on a connection that is closing, [`Error::Io`].
    pub fn send(
        &mut self,
        message: impl Into<Outgoing>,
    ) -> impl Future<Output = Result<(), Error>> {
        let mut message = Some(message.into());
        poll_fn(move |cx| {
            ready!(self.driver.poll_feed(cx, &mut message))?;
            self.driver.poll_flush(cx)
        })
    }

    /// Queues a message. It is sent by [`flush`](Self::flush), or when any method waits.
    ///
    /// Waits only while more than [`Config::write_high_water`] bytes are queued. Cancel safe, as
    /// [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed(
        &mut self,
        message: impl Into<Outgoing>,
    ) -> impl Future<Output = Result<(), Error>> {
        // Not an `async fn`: its future would hold the message twice, and so would each task.
        let mut message = Some(message.into());
        Inlined(move |cx: &mut Context<'_>| self.driver.poll_feed(cx, &mut message))
    }

    /// Waits until a message can be queued. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn ready(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.driver.poll_room(cx)).await
    }

    /// Queues a message without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] and [`SendError::Closed`] hand the message back.
    pub fn try_send(&mut self, message: impl Into<Outgoing>) -> Result<(), SendError> {
        self.driver.conn.send(message)
    }

    /// Queues a message that was encoded once for many peers. Cancel safe, as [`feed`](Self::feed).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn feed_prepared(&mut self, prepared: &Prepared) -> Result<(), Error> {
        self.ready().await?;
        Ok(self.driver.conn.send_prepared(prepared)?)
    }

    /// Sends all that is queued. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.driver.poll_flush(cx)).await
    }

    /// Sends a ping; the answer is an [`Event::Pong`]. The library pings by itself when the peer is silent
    /// ([`Config::ping_interval`]).
    ///
    /// Cancel safe, as [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] for a payload over 125 bytes or on a connection that is closing, [`Error::Io`].
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.ready().await?;
        self.driver.conn.ping(payload)?;
        self.flush().await
    }

    /// Closes the connection: sends a Close frame, waits for the peer's, ends the transport. Messages that
    /// still come are dropped; who wants them calls [`start_close`](Self::start_close) and goes on receiving.
    ///
    /// Takes at most [`Config::close_timeout`]. Cancel safe: calling it again goes on.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv) and [`Connection::close`].
    pub async fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), Error> {
        self.start_close(code, reason)?;
        poll_fn(|cx| self.driver.poll_end(cx)).await;
        self.driver.report()
    }

    /// Begins to close: the Close frame is queued, messages go on coming until the peer's.
    ///
    /// # Errors
    ///
    /// As [`Connection::close`].
    pub fn start_close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), SendError<()>> {
        self.driver.conn.close(code, reason)
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.driver.conn.closed()
    }

    /// The subprotocol that was agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.negotiated().subprotocol.as_deref()
    }

    /// All that was agreed on.
    #[must_use]
    pub fn negotiated(&self) -> &Negotiated {
        const NOTHING: &Negotiated = &Negotiated::NOTHING;
        self.agreed.as_ref().map_or(NOTHING, |agreed| &agreed.negotiated)
    }

    /// The server's response, in a client that made the opening handshake itself.
    #[must_use]
    pub fn response(&self) -> Option<&http::Response<()>> {
        self.agreed.as_ref()?.response.as_ref()
    }

    /// What has passed through the connection.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        self.driver.conn.stats()
    }

    /// How long the answers to keepalive pings took.
    #[must_use]
    pub fn round_trips(&self) -> &RoundTrips {
        self.driver.conn.round_trips()
    }

    /// The stream.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.driver.io
    }

    /// Two halves that can live in different tasks.
    pub fn split(self) -> (Sender<S>, Receiver<S>) {
        split::split(self)
    }
}

/// As [`poll_fn`], for calls that are made for each message: their code becomes part of the caller's, who then finds the message
/// where it was made.
struct Inlined<F>(F);

impl<T, F: FnMut(&mut Context<'_>) -> Poll<T> + Unpin> Future for Inlined<F> {
    type Output = T;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        (self.0)(cx)
    }
}
