//! Connecting by URL.

use std::io::ErrorKind;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Instant;

#[cfg(feature = "tls")]
use super::TlsStream;
#[cfg(unix)]
use super::dial::{Places, within};
use super::dial::{dial, left, race, resolve};
use super::handshake::{open, read, write};
use super::{AnyStream, Transport, WebSocket};
use crate::adapter::{
    ConnectError, ConnectFailure, ConnectStep, check_tls, deadline, may_fare_better, no_tunnel,
    no_tunnels,
};
#[cfg(feature = "tls")]
use crate::adapter::{authority, needs_tls, tls::ClientTls};
use crate::handshake::{Limits, Progress};
use crate::proxy::{Proxy, ProxyError, Tunnel};
use crate::{Config, Connect, RecvBuf};

/// Connects to a `ws:` URL, to a `wss:` one (feature `tls`), on Unix also to a `ws+unix:` one.
///
/// Takes a URL, a [`Request`](crate::handshake::Request) with headers and subprotocols, or a [`Connect`], which says more of the
/// way. A host's addresses race (RFC 8305), so that a dead one costs 250 ms. Bounded by 20 s in all.
///
/// What cannot be interrupted goes on in threads of its own: attempts that lost the race, 31 at most, until the time is over;
/// the system's name resolution for as long as it takes. 64 resolutions may hang in a process, further ones wait until one of them
/// ends, or for their time; and so may 64 attempts to connect to sockets in the file system, where nobody accepts.
///
/// ```no_run
/// let mut ws = hybi::blocking::connect("ws://example.com/feed")?;
/// ws.send("Hello")?;
/// # Ok::<(), hybi::blocking::Error>(())
/// ```
///
/// # Errors
///
/// [`ConnectError`] says in which step it failed, and carries the response of a server that refused.
pub fn connect<R>(to: R) -> Result<WebSocket<AnyStream>, ConnectError>
where
    R: TryInto<Connect>,
    ConnectError: From<R::Error>,
{
    establish(to.try_into()?)
}

/// Connects with limits and timeouts of one's own: short for [`Connect::config`].
///
/// # Errors
///
/// As [`connect`].
pub fn connect_with<R>(
    to: R,
    config: impl Into<Arc<Config>>,
) -> Result<WebSocket<AnyStream>, ConnectError>
where
    R: TryInto<Connect>,
    ConnectError: From<R::Error>,
{
    establish(to.try_into()?.config(config))
}

fn establish(mut connect: Connect) -> Result<WebSocket<AnyStream>, ConnectError> {
    let deadline = deadline(Instant::now(), connect.limits.timeout);
    loop {
        check_tls(&connect)?;
        let (io, rx) = reach(&connect, deadline)?;
        #[cfg(feature = "tls")]
        let io = match needs_tls(&connect, &rx)? {
            true => {
                let url = connect.request.url();
                secure(io, &connect.server_tls()?, (url.host(), url.port()), deadline)?
            }
            false => io,
        };
        let limits = Limits { timeout: left(deadline), ..connect.limits };
        let (request, config) = (connect.request.clone(), connect.config.clone());
        match open(io, rx, request, limits, config) {
            Ok(ws) => return Ok(ws),
            Err(error) => connect = connect.redirected(error)?,
        }
    }
}

/// Who waits for a socket in the file system, where nobody may accept.
#[cfg(unix)]
static KNOCKERS: Places = Places::new(64);

/// A stream to the server, and what came through it already.
fn reach(connect: &Connect, deadline: Instant) -> Result<(AnyStream, RecvBuf), ConnectError> {
    #[cfg(unix)]
    if let Some(path) = &connect.socket {
        let socket = path.clone();
        return within(&KNOCKERS, deadline, "connect", || UnixStream::connect(socket))
            .map(|stream| (AnyStream::Unix(stream), RecvBuf::new()))
            .map_err(|failure| ConnectError::new(ConnectStep::Transport, path, failure));
    }
    let url = connect.request.url();
    if let Some(proxy) = connect.proxies.proxy_for(url.host(), url.port()) {
        return through(proxy, connect, deadline);
    }
    let addresses = addresses(connect, deadline)?;
    let server = (url.host(), url.port());
    let tcp = dial(server, addresses, &connect.tcp, deadline)?;
    Ok((AnyStream::Tcp(tcp), RecvBuf::new()))
}

/// The server's addresses.
fn addresses(connect: &Connect, deadline: Instant) -> Result<Vec<SocketAddr>, ConnectError> {
    let url = connect.request.url();
    match &connect.addresses {
        Some(addresses) => Ok(addresses.clone()),
        None => resolve((url.host(), url.port()), deadline),
    }
}

/// A stream to the server through a proxy. Where that does not resolve names, tunnels to the server's addresses race as
/// connections to them do.
fn through(
    proxy: &Proxy,
    connect: &Connect,
    deadline: Instant,
) -> Result<(AnyStream, RecvBuf), ConnectError> {
    let (url, server) = (connect.request.url(), (proxy.host(), proxy.port()));
    if proxy.resolves_names() {
        let addresses = resolve(server, deadline)?;
        let io = AnyStream::Tcp(dial(server, addresses, &connect.tcp, deadline)?);
        #[cfg(feature = "tls")]
        let io = match proxy.is_tls() {
            true => secure(io, &connect.proxys_tls(proxy)?, server, deadline)?,
            false => io,
        };
        let target = (url.host(), url.port());
        let tunnel = tunnel(io, proxy, target, connect.limits, deadline);
        return tunnel.map_err(|failure| no_tunnel(connect, proxy, failure));
    }
    let targets = addresses(connect, deadline)?;
    // The first connection also finds out which of the proxy's own addresses takes the others.
    let first = dial(server, resolve(server, deadline)?, &connect.tcp, deadline)?;
    let place = first.peer_addr().map_err(|error| no_tunnel(connect, proxy, error))?;
    let mut first = Some(first);
    let begin = |target: SocketAddr| {
        let (first, proxy, tcp) = (first.take(), proxy.clone(), connect.tcp.clone());
        let limits = connect.limits;
        move || {
            let server = (proxy.host(), proxy.port());
            let stream = match first {
                Some(stream) => stream,
                None => {
                    let stream = dial(server, vec![place], &tcp, deadline);
                    stream.map_err(ConnectError::into_failure)?
                }
            };
            let (ip, port) = (target.ip().to_string(), target.port());
            tunnel(stream.into(), &proxy, (&ip, port), limits, deadline)
        }
    };
    let tunnels = race(targets, deadline, begin, may_fare_better);
    tunnels.map_err(|each| no_tunnels(connect, proxy, each))
}

/// Puts TLS over a stream to a host.
#[cfg(feature = "tls")]
fn secure(
    io: AnyStream,
    tls: &ClientTls,
    (host, port): (&str, u16),
    deadline: Instant,
) -> Result<AnyStream, ConnectError> {
    TlsStream::connect_within(io, tls, host, left(deadline))
        .map(AnyStream::from)
        .map_err(|error| ConnectError::new(ConnectStep::Tls, authority(host, port), error))
}

/// Opens a tunnel to a host.
fn tunnel(
    io: AnyStream,
    proxy: &Proxy,
    (host, port): (&str, u16),
    limits: Limits,
    deadline: Instant,
) -> Result<(AnyStream, RecvBuf), ConnectFailure> {
    let tunnel = Tunnel::new(proxy, host, port)?.with_limits(limits);
    converse(io, tunnel, deadline)
}

/// Holds the conversation with a proxy.
fn converse<S: Transport>(
    mut io: S,
    mut tunnel: Tunnel,
    deadline: Instant,
) -> Result<(S, RecvBuf), ConnectFailure> {
    let (mut rx, mut tx) = (RecvBuf::new(), Vec::new());
    loop {
        match tunnel.advance(&mut rx, &mut tx)? {
            Progress::Done(()) => return Ok((io, rx)),
            Progress::Continue(next) => tunnel = next,
        }
        let exchange = write(&mut io, &tx, left(deadline))
            .and_then(|()| read(&mut io, &mut rx, left(deadline)));
        let failure = match exchange {
            Ok(Some(0)) => return Err(tunnel.handle_eof().into()),
            Ok(_) if !left(deadline).is_zero() => {
                tx.clear();
                continue;
            }
            Ok(_) => ConnectFailure::Timeout,
            Err(error) if error.kind() == ErrorKind::TimedOut => ConnectFailure::Timeout,
            Err(error) => error.into(),
        };
        // A refusal is worth more than the way in which its body broke off.
        return Err(match tunnel.handle_eof() {
            ProxyError::Incomplete => failure,
            error => error.into(),
        });
    }
}
