//! An open connection over a blocking stream.

use std::io;
use std::sync::Arc;

use super::driver::Driver;
use super::{Error, Receiver, Sender, Transport, split};
use crate::adapter::connection;
use crate::handshake::Negotiated;
use crate::{
    CloseCode, Closed, Config, Connection, Event, Message, Outgoing, Prepared, RecvBuf, Role,
    RoundTrips, SendError, Stats,
};

/// A WebSocket over any blocking stream.
///
/// Keep calling [`recv`](Self::recv) or [`next_event`](Self::next_event): that is what answers pings, minds
/// timeouts and finishes the closing handshake. An error of kind `WouldBlock` or `TimedOut`, from a stream that
/// does not block or that the caller has bounded, loses nothing that has come or is queued: call `recv` again, or
/// [`flush`](Self::flush). Over a stream that does not block, queue with [`try_send`](Self::try_send): after such an error,
/// [`send`](Self::send) and [`feed`](Self::feed) do not say whether the message was queued before it.
#[derive(Debug)]
#[must_use = "a connection does nothing unless it is driven"]
pub struct WebSocket<S> {
    pub(super) driver: Driver<S>,
    negotiated: Negotiated,
    response: Option<Box<http::Response<()>>>,
}

impl<S: Transport> WebSocket<S> {
    /// Takes over a stream on which the opening handshake is done, by this library or another one.
    ///
    /// `leftover` is what was read after the handshake's head: the first frames may be in it.
    ///
    /// # Errors
    ///
    /// Those of the stream when its bounds are set.
    pub fn from_upgraded(
        io: S,
        role: Role,
        leftover: &[u8],
        negotiated: Negotiated,
        config: impl Into<Arc<Config>>,
    ) -> io::Result<Self> {
        let mut rx = RecvBuf::new();
        rx.extend_from_slice(leftover);
        let conn = connection(role, config.into(), &negotiated);
        let own = io.read_bound()?;
        Ok(Self::new(Driver::new(io, conn, rx, own)?, negotiated))
    }

    pub(super) fn new(mut driver: Driver<S>, negotiated: Negotiated) -> Self {
        driver.conn.open(&negotiated);
        Self { driver, negotiated, response: None }
    }

    pub(super) fn with_response(mut self, response: http::Response<()>) -> Self {
        self.response = Some(Box::new(response));
        self
    }

    /// The next message, or `None` when the connection has been closed by both ends.
    ///
    /// Pings are answered on the way. The end of the transport is waited for, so that the last frames
    /// arrive: at most [`Config::close_timeout`].
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] where the connection ended in another way, after the peer has been told why;
    /// [`Error::Io`]. The call after such an error returns `None`.
    pub fn recv(&mut self) -> Result<Option<Message>, Error> {
        self.driver.recv()
    }

    /// The next event, its payload borrowed from the receive buffer: nothing is allocated or copied.
    ///
    /// Whoever wants to answer while looking at the event uses [`readable`](Self::readable) and
    /// [`parts`](Self::parts).
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        let found = self.driver.find_event()?;
        Ok(if found { self.driver.conn.next_event(&mut self.driver.rx) } else { None })
    }

    /// Waits until there is an event to take from [`parts`](Self::parts); `false` after the last.
    ///
    /// ```no_run
    /// # fn serve(mut ws: hybi::blocking::WebSocket<std::net::TcpStream>) -> Result<(), hybi::blocking::Error> {
    /// while ws.readable()? {
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
    pub fn readable(&mut self) -> Result<bool, Error> {
        self.driver.find_event()
    }

    /// The connection and its receive buffer, to be used as without an adapter.
    pub fn parts(&mut self) -> (&mut Connection, &mut RecvBuf) {
        (&mut self.driver.conn, &mut self.driver.rx)
    }

    /// Queues a message and sends all that is queued.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] on a connection that is closing, [`Error::Io`].
    pub fn send(&mut self, message: impl Into<Outgoing>) -> Result<(), Error> {
        self.feed(message)?;
        self.flush()
    }

    /// Queues a message. It is sent by [`flush`](Self::flush), or when any method waits; at once if more than
    /// [`Config::write_high_water`] bytes are queued.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed(&mut self, message: impl Into<Outgoing>) -> Result<(), Error> {
        self.make_room()?;
        Ok(self.driver.conn.send(message)?)
    }

    /// Queues a message without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] and [`SendError::Closed`] hand the message back.
    pub fn try_send(&mut self, message: impl Into<Outgoing>) -> Result<(), SendError> {
        self.driver.conn.send(message)
    }

    /// Queues a message that was encoded once for many peers, as [`feed`](Self::feed) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn feed_prepared(&mut self, prepared: &Prepared) -> Result<(), Error> {
        self.make_room()?;
        Ok(self.driver.conn.send_prepared(prepared)?)
    }

    /// Sends all that is queued.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.driver.flush()
    }

    /// Sends a ping; the answer is an [`Event::Pong`]. The library pings by itself when the peer is silent
    /// ([`Config::ping_interval`]).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] for a payload over 125 bytes or on a connection that is closing, [`Error::Io`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.make_room()?;
        self.driver.conn.ping(payload)?;
        self.flush()
    }

    /// Closes the connection: sends a Close frame, waits for the peer's, ends the transport. Messages that
    /// still come are dropped; who wants them calls [`start_close`](Self::start_close) and goes on receiving.
    ///
    /// Takes at most [`Config::close_timeout`].
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv) and [`Connection::close`].
    pub fn close(&mut self, code: impl Into<Option<CloseCode>>, reason: &str) -> Result<(), Error> {
        self.start_close(code, reason)?;
        self.driver.end()
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
        self.negotiated.subprotocol.as_deref()
    }

    /// All that was agreed on.
    #[must_use]
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    /// The server's response, in a client that made the opening handshake itself.
    #[must_use]
    pub fn response(&self) -> Option<&http::Response<()>> {
        self.response.as_deref()
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

    /// Two halves that can live in different threads.
    ///
    /// # Errors
    ///
    /// Those of [`Transport::second_handle`].
    pub fn split(self) -> io::Result<(Sender<S>, Receiver<S>)> {
        split::split(self.driver)
    }

    fn make_room(&mut self) -> Result<(), Error> {
        if self.driver.conn.transmit().len() >= self.driver.conn.config().high_water() {
            self.flush()?;
        }
        Ok(())
    }
}
