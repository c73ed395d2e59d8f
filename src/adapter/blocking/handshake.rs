//! The opening handshake over a blocking stream.

use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use super::driver::{Driver, SHORTEST, is_idle};
use super::{Error, Transport, WebSocket};
use crate::adapter::{
    complete_accept, complete_request, connection, default_config, entropy, refused, trace,
};
use crate::handshake::{
    self, Accept, ClientHandshake, HandshakeError, Limits, Progress, Rejection, Request,
    ServerHandshake, ServerOptions,
};
use crate::{Config, Instant, RecvBuf, Role};

/// How long the client may take to close after a refusal.
const FAREWELL: Duration = Duration::from_secs(1);

/// How much input is read and dropped after a refusal, so that it is not destroyed by a reset.
const MAX_DRAINED: usize = 64 * 1024;

/// Accepts a WebSocket from a browser page of the same host or from any other program.
///
/// Bounded by [`Limits`](handshake::Limits): 10 s, 16 KiB.
///
/// # Errors
///
/// [`Error::Handshake`], after the request has been answered with the status it deserves.
pub fn accept<S: Transport>(io: S) -> Result<WebSocket<S>, Error> {
    accept_with(io, ServerOptions::default(), default_config())
}

/// Accepts a WebSocket with options of one's own, without looking at the request.
///
/// # Errors
///
/// As [`accept`].
pub fn accept_with<S: Transport>(
    io: S,
    options: ServerOptions,
    config: impl Into<Arc<Config>>,
) -> Result<WebSocket<S>, Error> {
    receive_request(io, options)?.accept(&Accept::new(), config)
}

/// Reads a request, to be accepted or rejected after any work of the application's own.
///
/// ```no_run
/// # fn is_allowed(_: Option<&str>) -> bool { true }
/// # fn serve(stream: std::net::TcpStream) -> Result<(), hybi::blocking::Error> {
/// use hybi::handshake::Accept;
///
/// let incoming = hybi::blocking::receive_request(stream, Default::default())?;
/// if !is_allowed(incoming.header("authorization")) {
///     return incoming.reject(http::StatusCode::UNAUTHORIZED);
/// }
/// let mut ws = incoming.accept(&Accept::new(), hybi::Config::default())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`accept`].
pub fn receive_request<S: Transport>(
    mut io: S,
    options: ServerOptions,
) -> Result<Incoming<S>, Error> {
    let own = io.read_bound()?;
    let clock = Clock::now();
    let mut rx = RecvBuf::new();
    let mut server = ServerHandshake::new(options);
    let refusal = loop {
        match server.advance(&mut rx) {
            Ok(Progress::Done(request)) => return Ok(Incoming { io, rx, own, request }),
            Ok(Progress::Continue(next)) => server = next,
            Err(refusal) => break refusal,
        }
        let now = Instant::from_origin(clock.elapsed());
        let due = server.poll_timeout(now);
        if let Err(refusal) = server.handle_timeout(now) {
            break refusal;
        }
        if read(&mut io, &mut rx, due - now)? == Some(0) {
            return Err(server.handle_eof().into());
        }
    };
    farewell(&mut io, &refusal.response);
    Err(refused(refusal))
}

/// A request that has come and has not been answered.
#[derive(Debug)]
pub struct Incoming<S> {
    io: S,
    rx: RecvBuf,
    /// The bound on reads that the caller had set.
    own: Option<Duration>,
    request: handshake::Incoming,
}

impl<S: Transport> Incoming<S> {
    /// Accepts the request and sends the response.
    ///
    /// # Errors
    ///
    /// [`Error::Accept`] where `accept` asks for what RFC 6455 forbids, [`Error::Io`].
    pub fn accept(
        self,
        accept: &Accept,
        config: impl Into<Arc<Config>>,
    ) -> Result<WebSocket<S>, Error> {
        let config = config.into();
        let accepted = self.request.accept(&complete_accept(accept, &config))?;
        let mut conn = connection(Role::Server, config, accepted.negotiated());
        conn.transmit().put_slice(&accepted.to_bytes());
        let driver = Driver::new(self.io, conn, self.rx, self.own)?;
        let mut ws = WebSocket::new(driver, accepted.into_negotiated());
        ws.flush()?;
        Ok(ws)
    }

    /// Rejects the request with a status, or with a whole response, and closes the stream.
    ///
    /// # Errors
    ///
    /// None today; the client may have gone, which does not matter to a rejection.
    pub fn reject(mut self, rejection: impl Into<Rejection>) -> Result<(), Error> {
        let response = self.request.reject(rejection);
        trace::rejected(&response);
        farewell(&mut self.io, &response);
        Ok(())
    }
}

impl<S> Deref for Incoming<S> {
    type Target = handshake::Incoming;

    fn deref(&self) -> &handshake::Incoming {
        &self.request
    }
}

/// Makes the opening handshake as a client over any stream: TCP, TLS, a proxy's tunnel, memory.
///
/// Bounded by 20 s where the stream can be.
///
/// # Errors
///
/// [`Error::Handshake`], among others [`Refused`](handshake::HandshakeError::Refused) with the server's whole response.
pub fn connect_over<S, R>(
    io: S,
    request: R,
    config: impl Into<Arc<Config>>,
) -> Result<WebSocket<S>, Error>
where
    S: Transport,
    R: TryInto<Request>,
    Error: From<R::Error>,
{
    let limits = Limits { timeout: handshake::CLIENT_TIMEOUT, ..Limits::default() };
    open(io, RecvBuf::new(), request.try_into()?, limits, config.into())
}

/// Makes the opening handshake. `rx` holds what has come through the stream before.
pub(super) fn open<S: Transport>(
    mut io: S,
    mut rx: RecvBuf,
    request: Request,
    limits: Limits,
    config: Arc<Config>,
) -> Result<WebSocket<S>, Error> {
    let own = io.read_bound()?;
    let clock = Clock::now();
    let (client, bytes) =
        ClientHandshake::new(complete_request(request, &config), entropy::nonce());
    let mut client = client.with_limits(limits);
    let bounded = io.bound_writes(limits.timeout.max(SHORTEST))?;
    write(&mut io, &bytes).map_err(|error| match error {
        error if bounded && is_idle(&error) => Error::from(HandshakeError::Timeout),
        error => error.into(),
    })?;
    loop {
        match client.advance(&mut rx)? {
            Progress::Done(done) => {
                let conn = connection(Role::Client, config, &done.negotiated);
                let driver = Driver::new(io, conn, rx, own)?;
                return Ok(WebSocket::new(driver, done.negotiated).with_response(done.response));
            }
            Progress::Continue(next) => client = next,
        }
        let now = Instant::from_origin(clock.elapsed());
        let due = client.poll_timeout(now);
        client.handle_timeout(now)?;
        match read(&mut io, &mut rx, due - now) {
            Ok(Some(0)) => return Err(client.handle_eof().into()),
            Ok(_) => {}
            // A refusal is worth more than the way in which its body broke off.
            Err(error) => return Err(client.take_refusal().map_or(error.into(), Error::from)),
        }
    }
}

/// Reads once, for at most `limit` where the stream can be bounded; `None` if nothing came.
pub(super) fn read<S: Transport>(
    io: &mut S,
    rx: &mut RecvBuf,
    limit: Duration,
) -> io::Result<Option<usize>> {
    let bounded = io.bound_reads(limit.max(SHORTEST))?;
    match io.read(rx.space()) {
        Ok(count) => {
            rx.filled(count);
            Ok(Some(count))
        }
        // TLS without `close_notify`.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Some(0)),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
        Err(error) if bounded && is_idle(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes and flushes all of `bytes`.
pub(super) fn write<S: Transport>(io: &mut S, bytes: &[u8]) -> io::Result<()> {
    io.write_all(bytes)?;
    loop {
        match io.flush() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            flushed => return flushed,
        }
    }
}

/// Sends a last response and ends the stream so that it arrives: no unread input turns the end into a reset.
fn farewell<S: Transport>(io: &mut S, response: &[u8]) {
    let mut say = || {
        let bounded = io.bound_writes(FAREWELL)? && io.bound_reads(FAREWELL)?;
        write(io, response)?;
        io.shut_down()?;
        let deadline = Clock::now() + FAREWELL;
        let mut scrap = [0; 4096];
        let mut drained = 0;
        while bounded && drained < MAX_DRAINED && Clock::now() < deadline {
            match io.read(&mut scrap) {
                Ok(0) => break,
                Ok(count) => drained += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        io::Result::Ok(())
    };
    // The client may be gone or slow: its loss.
    let _ = say();
}
