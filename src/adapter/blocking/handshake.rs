//! The opening handshake over a blocking stream.

use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use super::driver::Driver;
use super::waits::{SHORTEST, is_idle};
use super::{Error, Transport, WebSocket};
#[cfg(feature = "tracing")]
use crate::adapter::authority;
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
    #[cfg(feature = "tracing")]
    let peer = authority(request.url().host(), request.url().port());
    let (client, bytes) =
        ClientHandshake::new(complete_request(request, &config), entropy::nonce());
    let mut client = client.with_limits(limits);
    // The time of the request counts as well.
    client.poll_timeout(Instant::from_origin(clock.elapsed()));
    write(&mut io, &bytes, limits.timeout).map_err(|error| match error.kind() {
        ErrorKind::TimedOut => HandshakeError::Timeout.into(),
        _ => Error::from(error),
    })?;
    loop {
        match client.advance(&mut rx)? {
            Progress::Done(done) => {
                let conn = connection(Role::Client, config, &done.negotiated);
                let driver = Driver::new(io, conn, rx, own)?;
                let ws = WebSocket::new(driver, done.negotiated);
                #[cfg(feature = "tracing")]
                ws.driver.conn.peer(peer);
                return Ok(ws.with_response(done.response));
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

/// Writes and flushes all of `bytes`, for about `limit` in all where the stream can be bounded; then it fails with
/// [`TimedOut`](ErrorKind::TimedOut). A peer that takes a byte now and then does not extend it.
pub(super) fn write<S: Transport>(io: &mut S, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let bounded = io.bound_writes(limit.max(SHORTEST))?;
    let begun = Clock::now();
    loop {
        let written = match bytes {
            [] => io.flush().map(|()| None),
            _ => io.write(bytes).map(Some),
        };
        match written {
            Ok(None) => return Ok(()),
            Ok(Some(0)) => return Err(ErrorKind::WriteZero.into()),
            Ok(Some(count)) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if bounded && is_idle(&error) => return Err(ErrorKind::TimedOut.into()),
            Err(error) => return Err(error),
        }
        if bounded && !bytes.is_empty() {
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            io.bound_writes(left.max(SHORTEST))?;
        }
    }
}

/// Sends a last response and ends the stream so that it arrives: no unread input turns the end into a reset.
fn farewell<S: Transport>(io: &mut S, response: &[u8]) {
    let mut say = || {
        let bounded = io.bound_reads(FAREWELL)?;
        write(io, response, FAREWELL)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a byte at a time.
    struct Drip {
        taken: Vec<u8>,
        is_bounded: bool,
    }

    impl io::Read for Drip {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }

    impl io::Write for Drip {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.taken.extend(bytes.first());
            Ok(bytes.len().min(1))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Transport for Drip {
        fn bound_writes(&mut self, _: Duration) -> io::Result<bool> {
            Ok(self.is_bounded)
        }
    }

    #[test]
    fn a_peer_that_takes_a_byte_now_and_then_does_not_extend_the_time() {
        let day = Duration::from_secs(24 * 3600);
        for (is_bounded, limit, taken) in [
            (true, Duration::ZERO, "r"),
            (true, day, "refusal"),
            (false, Duration::ZERO, "refusal"),
        ] {
            let mut io = Drip { taken: Vec::new(), is_bounded };
            let written = write(&mut io, b"refusal", limit);
            assert_eq!(io.taken, taken.as_bytes());
            let late = taken.len() == 1;
            assert_eq!(
                written.map_err(|error| error.kind()),
                if late { Err(ErrorKind::TimedOut) } else { Ok(()) }
            );
        }
    }
}
