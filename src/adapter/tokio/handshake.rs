//! The opening handshake over a tokio stream.
//!
//! Each public function returns its work in a box: what the handshake needs would else be part of every task that makes
//! one, for as long as the connection lives.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use ::tokio::time::{Instant, timeout, timeout_at};

use super::driver::Driver;
use super::{Error, WebSocket};
#[cfg(feature = "tracing")]
use crate::adapter::authority;
use crate::adapter::{
    complete_accept, complete_request, connection, deadline, default_config, entropy, refused,
    trace,
};
use crate::handshake::{
    self, Accept, ClientHandshake, HandshakeError, Limits, Progress, Rejection, Request,
    ServerHandshake, ServerOptions,
};
use crate::{Config, RecvBuf, Role};

/// How long a refusal may take to leave, and the client to close after it.
const FAREWELL: Duration = Duration::from_secs(1);

/// What nearly all requests fit in: more than that is not held for a client that says nothing.
const REQUEST: usize = 2 * 1024;

/// How much input is read and dropped after a refusal, so that it is not destroyed by a reset.
const MAX_DRAINED: usize = 64 * 1024;

/// Accepts a WebSocket from a browser page of the same host or from any other program.
///
/// Bounded by [`Limits`](handshake::Limits): 10 s, 16 KiB. Dropping the future drops the stream; hand in
/// `&mut stream` to keep it.
///
/// # Errors
///
/// [`Error::Handshake`], after the request has been answered with the status it deserves.
pub fn accept<S>(io: S) -> impl Future<Output = Result<WebSocket<S>, Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    accept_with(io, ServerOptions::default(), default_config())
}

/// Accepts a WebSocket with options of one's own, without looking at the request.
///
/// # Errors
///
/// As [`accept`].
pub fn accept_with<S>(
    io: S,
    options: ServerOptions,
    config: impl Into<Arc<Config>>,
) -> impl Future<Output = Result<WebSocket<S>, Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = config.into();
    Box::pin(async move { read_request(io, options).await?.respond(&Accept::new(), config).await })
}

/// Reads a request, to be accepted or rejected after any work of the application's own.
///
/// ```no_run
/// # async fn is_allowed(_: Option<&str>) -> bool { true }
/// # async fn serve(stream: tokio::net::TcpStream) -> Result<(), hybi::tokio::Error> {
/// use hybi::handshake::Accept;
///
/// let incoming = hybi::tokio::receive_request(stream, Default::default()).await?;
/// if !is_allowed(incoming.header("authorization")).await {
///     return incoming.reject(http::StatusCode::UNAUTHORIZED).await;
/// }
/// let mut ws = incoming.accept(&Accept::new(), hybi::Config::default()).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`accept`].
pub fn receive_request<S>(
    io: S,
    options: ServerOptions,
) -> impl Future<Output = Result<Incoming<S>, Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    Box::pin(read_request(io, options))
}

async fn read_request<S>(mut io: S, options: ServerOptions) -> Result<Incoming<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deadline(Instant::now(), options.limits.timeout);
    let mut rx = RecvBuf::new();
    rx.lend_memory(Vec::with_capacity(REQUEST));
    let mut server = ServerHandshake::new(options);
    let refusal = loop {
        match server.advance(&mut rx) {
            Ok(Progress::Done(request)) => {
                return Ok(Incoming { io, rx, request: Arc::new(request) });
            }
            Ok(Progress::Continue(next)) => server = next,
            Err(refusal) => break refusal,
        }
        match timeout_at(deadline, read(&mut io, &mut rx)).await {
            Ok(Ok(0)) => return Err(server.handle_eof().into()),
            Ok(read) => read?,
            Err(_) => break handshake::timed_out(),
        };
    };
    farewell(&mut io, &refusal.response).await;
    Err(refused(refusal))
}

/// A request that has come and has not been answered.
#[derive(Debug)]
pub struct Incoming<S> {
    io: S,
    rx: RecvBuf,
    request: Arc<handshake::Incoming>,
}

impl<S> Incoming<S> {
    /// The request, for those who look at it beyond the answer.
    pub(super) fn request(&self) -> Arc<handshake::Incoming> {
        self.request.clone()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Incoming<S> {
    /// Accepts the request and sends the response.
    ///
    /// # Errors
    ///
    /// [`Error::Accept`] where `accept` asks for what RFC 6455 forbids, [`Error::Io`].
    pub fn accept(
        self,
        accept: &Accept,
        config: impl Into<Arc<Config>>,
    ) -> impl Future<Output = Result<WebSocket<S>, Error>> {
        Box::pin(self.respond(accept, config.into()))
    }

    async fn respond(self, accept: &Accept, config: Arc<Config>) -> Result<WebSocket<S>, Error> {
        let accepted = self.request.accept(&complete_accept(accept, &config))?;
        let mut conn = connection(Role::Server, config, accepted.negotiated());
        conn.transmit().put_slice(&accepted.to_bytes());
        let driver = Driver::new(self.io, conn, self.rx);
        let mut ws = WebSocket::new(driver, accepted.into_negotiated());
        ws.flush().await?;
        Ok(ws)
    }

    /// Rejects the request with a status, or with a whole response, and closes the stream.
    ///
    /// # Errors
    ///
    /// None today; the client may have gone, which does not matter to a rejection.
    pub fn reject(
        mut self,
        rejection: impl Into<Rejection>,
    ) -> impl Future<Output = Result<(), Error>> {
        let response = self.request.reject(rejection);
        trace::rejected(&response);
        Box::pin(async move {
            farewell(&mut self.io, &response).await;
            Ok(())
        })
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
/// Bounded by 20 s. Dropping the future drops the stream; hand in `&mut stream` to keep it.
///
/// # Errors
///
/// [`Error::Handshake`], among others [`HandshakeError::Refused`] with the server's whole response.
pub fn connect_over<S, R>(
    io: S,
    request: R,
    config: impl Into<Arc<Config>>,
) -> impl Future<Output = Result<WebSocket<S>, Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: TryInto<Request>,
    Error: From<R::Error>,
{
    let (request, config) = (request.try_into().map_err(Error::from), config.into());
    let limits = Limits { timeout: handshake::CLIENT_TIMEOUT, ..Limits::default() };
    Box::pin(async move { open(io, RecvBuf::new(), request?, limits, config).await })
}

/// Makes the opening handshake. `rx` holds what has come through the stream before.
pub(super) async fn open<S>(
    mut io: S,
    mut rx: RecvBuf,
    request: Request,
    limits: Limits,
    config: Arc<Config>,
) -> Result<WebSocket<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deadline(Instant::now(), limits.timeout);
    #[cfg(feature = "tracing")]
    let peer = authority(request.url().host(), request.url().port());
    let (client, bytes) =
        ClientHandshake::new(complete_request(request, &config), entropy::nonce());
    let mut client = client.with_limits(limits);
    let written = timeout_at(deadline, write(&mut io, &bytes)).await;
    written.map_err(|_| HandshakeError::Timeout)??;
    loop {
        match client.advance(&mut rx)? {
            Progress::Done(done) => {
                let conn = connection(Role::Client, config, &done.negotiated);
                let driver = Driver::new(io, conn, rx);
                let ws = WebSocket::new(driver, done.negotiated);
                #[cfg(feature = "tracing")]
                ws.driver.conn.peer(peer);
                return Ok(ws.with_response(done.response));
            }
            Progress::Continue(next) => client = next,
        }
        let error = match timeout_at(deadline, read(&mut io, &mut rx)).await {
            Ok(Ok(0)) => return Err(client.handle_eof().into()),
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.into(),
            Err(_) => HandshakeError::Timeout.into(),
        };
        // A refusal is worth more than the way in which its body broke off.
        return Err(client.take_refusal().map_or(error, Error::from));
    }
}

/// Reads once.
pub(super) async fn read<S: AsyncRead + Unpin>(io: &mut S, rx: &mut RecvBuf) -> io::Result<usize> {
    loop {
        match io.read_buf(&mut rx.spare()).await {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // TLS without `close_notify`.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
            read => return read,
        }
    }
}

/// Writes and flushes all of `bytes`.
pub(super) async fn write<S: AsyncWrite + Unpin>(io: &mut S, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        let written = match bytes {
            [] => io.flush().await.map(|()| None),
            _ => io.write(bytes).await.map(Some),
        };
        match written {
            Ok(None) => return Ok(()),
            Ok(Some(0)) => return Err(ErrorKind::WriteZero.into()),
            Ok(Some(count)) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sends a last response and ends the stream so that it arrives: no unread input turns the end into a reset.
async fn farewell<S: AsyncRead + AsyncWrite + Unpin>(io: &mut S, response: &[u8]) {
    let say = async {
        write(io, response).await?;
        io.shutdown().await?;
        // Not in the future itself: it would lie in that of each handshake, refused or not.
        let mut scrap = Vec::with_capacity(4096);
        let mut drained = 0;
        while drained < MAX_DRAINED {
            scrap.clear();
            match io.read_buf(&mut scrap).await {
                Ok(0) => break,
                Ok(count) => drained += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        io::Result::Ok(())
    };
    // The client may be gone or slow: its loss.
    let _ = timeout(FAREWELL, say).await;
}
