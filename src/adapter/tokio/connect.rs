//! Connecting by URL.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

#[cfg(unix)]
use ::tokio::net::UnixStream;
use ::tokio::time::{Instant, timeout_at};

#[cfg(feature = "tls")]
use super::TlsStream;
use super::dial::{dial, resolve};
use super::handshake::{open, read, write};
use super::{AnyStream, WebSocket};
use crate::adapter::{ConnectError, ConnectFailure, ConnectStep, check_tls, deadline, peer, share};
#[cfg(feature = "tls")]
use crate::adapter::{authority, tls::ClientTls};
use crate::connect::interleave;
use crate::handshake::{Limits, Progress};
use crate::proxy::{Proxy, ProxyError, Tunnel};
use crate::{Config, Connect, RecvBuf};

/// Connects to a `ws:` URL, to a `wss:` one (feature `tls`), on Unix also to a `ws+unix:` one.
///
/// Takes a URL, a [`Request`](crate::handshake::Request) with headers and subprotocols, or a [`Connect`], which says more of the
/// way. A host's addresses race (RFC 8305), so that a dead one costs 250 ms. Bounded by 20 s in all, name resolution
/// included. Dropping the future ends every attempt.
///
/// ```no_run
/// # async fn f() -> Result<(), hybi::tokio::Error> {
/// let mut ws = hybi::tokio::connect("ws://example.com/feed").await?;
/// ws.send("Hello").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ConnectError`] says in which step it failed, and carries the response of a server that refused.
pub fn connect<R>(to: R) -> impl Future<Output = Result<WebSocket<AnyStream>, ConnectError>>
where
    R: TryInto<Connect>,
    ConnectError: From<R::Error>,
{
    let connect = to.try_into().map_err(ConnectError::from);
    Box::pin(async move { establish(connect?).await })
}

/// Connects with limits and timeouts of one's own: short for [`Connect::config`].
///
/// # Errors
///
/// As [`connect`].
pub fn connect_with<R>(
    to: R,
    config: impl Into<Arc<Config>>,
) -> impl Future<Output = Result<WebSocket<AnyStream>, ConnectError>>
where
    R: TryInto<Connect>,
    ConnectError: From<R::Error>,
{
    let (connect, config) = (to.try_into().map_err(ConnectError::from), config.into());
    Box::pin(async move { establish(connect?.config(config)).await })
}

async fn establish(mut connect: Connect) -> Result<WebSocket<AnyStream>, ConnectError> {
    let deadline = deadline(Instant::now(), connect.limits.timeout);
    loop {
        check_tls(&connect)?;
        let (io, rx) = reach(&connect, deadline).await?;
        #[cfg(feature = "tls")]
        let io = match connect.request.url() {
            url if url.is_tls() && rx.unread().is_empty() => {
                secure(io, &connect.server_tls()?, (url.host(), url.port()), deadline).await?
            }
            url if url.is_tls() => {
                return Err(ConnectError::new(
                    ConnectStep::Proxy,
                    peer(&connect),
                    ProxyError::EarlyBytes,
                ));
            }
            _ => io,
        };
        let limits = Limits { timeout: left(deadline), ..connect.limits };
        let (request, config) = (connect.request.clone(), connect.config.clone());
        match open(io, rx, request, limits, config).await {
            Ok(ws) => return Ok(ws),
            Err(error) => connect = connect.redirected(error)?,
        }
    }
}

/// A stream to the server, and what came through it already.
async fn reach(connect: &Connect, deadline: Instant) -> Result<(AnyStream, RecvBuf), ConnectError> {
    #[cfg(unix)]
    if let Some(path) = &connect.socket {
        let failure = match timeout_at(deadline, UnixStream::connect(path)).await {
            Ok(Ok(stream)) => return Ok((AnyStream::Unix(stream), RecvBuf::new())),
            Ok(Err(error)) => error.into(),
            Err(_) => ConnectFailure::Timeout,
        };
        return Err(ConnectError::new(ConnectStep::Transport, path, failure));
    }
    let url = connect.request.url();
    if let Some(proxy) = connect.proxies.proxy_for(url.host(), url.port()) {
        return through(proxy, connect, deadline).await;
    }
    let addresses = addresses(connect, deadline).await?;
    let server = (url.host(), url.port());
    let tcp = dial(server, addresses, &connect.tcp, deadline).await?;
    Ok((AnyStream::Tcp(tcp), RecvBuf::new()))
}

/// The server's addresses.
async fn addresses(connect: &Connect, deadline: Instant) -> Result<Vec<SocketAddr>, ConnectError> {
    let url = connect.request.url();
    match &connect.addresses {
        Some(addresses) => Ok(addresses.clone()),
        None => resolve((url.host(), url.port()), deadline).await,
    }
}

/// A stream to the server through a proxy. Where that does not resolve names, one address after the other is tried, in the
/// order of a race; one of which nothing is heard takes no more than its share of the time.
async fn through(
    proxy: &Proxy,
    connect: &Connect,
    deadline: Instant,
) -> Result<(AnyStream, RecvBuf), ConnectError> {
    let url = connect.request.url();
    let targets = match proxy.resolves_names() {
        true => vec![(url.host().to_owned(), url.port())],
        false => {
            let addresses = interleave(addresses(connect, deadline).await?).into_iter();
            addresses.map(|address| (address.ip().to_string(), address.port())).collect()
        }
    };
    let server = (proxy.host(), proxy.port());
    let addresses = resolve(server, deadline).await?;
    let mut failure = ConnectFailure::Addresses(Vec::new());
    for (others, (host, port)) in (0..targets.len()).rev().zip(targets) {
        let io = AnyStream::Tcp(dial(server, addresses.clone(), &connect.tcp, deadline).await?);
        #[cfg(feature = "tls")]
        let io = match proxy.is_tls() {
            true => secure(io, &connect.proxys_tls(proxy)?, server, deadline).await?,
            false => io,
        };
        let conversation = Tunnel::new(proxy, &host, port).map(|it| it.with_limits(connect.limits));
        let until = Instant::now() + share(left(deadline), others);
        failure = match conversation {
            Ok(conversation) => match tunnel(io, conversation, until).await {
                Ok(way) => return Ok(way),
                Err(failure) => failure,
            },
            Err(error) => error.into(),
        };
        match &failure {
            ConnectFailure::Timeout => {}
            ConnectFailure::Proxy(error) if error.is_about_address() => {}
            _ => break,
        }
    }
    let peer = format!("{} through {proxy}", peer(connect));
    Err(ConnectError::new(ConnectStep::Proxy, peer, failure))
}

/// Puts TLS over a stream to a host.
#[cfg(feature = "tls")]
async fn secure(
    io: AnyStream,
    tls: &ClientTls,
    (host, port): (&str, u16),
    deadline: Instant,
) -> Result<AnyStream, ConnectError> {
    let failure = match timeout_at(deadline, TlsStream::connect(io, tls, host)).await {
        Ok(Ok(stream)) => return Ok(stream.into()),
        Ok(Err(error)) => error.into(),
        Err(_) => ConnectFailure::Timeout,
    };
    Err(ConnectError::new(ConnectStep::Tls, authority(host, port), failure))
}

/// Holds the conversation with a proxy.
async fn tunnel(
    mut io: AnyStream,
    mut tunnel: Tunnel,
    deadline: Instant,
) -> Result<(AnyStream, RecvBuf), ConnectFailure> {
    let (mut rx, mut tx) = (RecvBuf::new(), Vec::new());
    loop {
        match tunnel.advance(&mut rx, &mut tx)? {
            Progress::Done(()) => return Ok((io, rx)),
            Progress::Continue(next) => tunnel = next,
        }
        let exchange = async {
            write(&mut io, &tx).await?;
            read(&mut io, &mut rx).await
        };
        let failure = match timeout_at(deadline, exchange).await {
            Ok(Ok(0)) => return Err(tunnel.handle_eof().into()),
            Ok(Ok(_)) => {
                tx.clear();
                continue;
            }
            Ok(Err(error)) => error.into(),
            Err(_) => ConnectFailure::Timeout,
        };
        // A refusal is worth more than the way in which its body broke off.
        return Err(match tunnel.handle_eof() {
            ProxyError::Incomplete => failure,
            error => error.into(),
        });
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
