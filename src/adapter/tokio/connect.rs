//! Connecting by URL.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};
#[cfg(unix)]
use ::tokio::net::UnixStream;
use ::tokio::time::{Instant, timeout_at};

#[cfg(feature = "tls")]
use super::TlsStream;
use super::dial::{dial, race, resolve};
use super::handshake::{open, read, write};
use super::{AnyStream, WebSocket};
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
/// way. A host's addresses race (RFC 8305), so that a dead one costs 250 ms. Bounded by 20 s in all, name resolution
/// included. Dropping the future ends every attempt; the system's name resolution, in a thread of the runtime's, ends when it
/// will.
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
        let io = match needs_tls(&connect, &rx)? {
            true => {
                let url = connect.request.url();
                secure(io, &connect.server_tls()?, (url.host(), url.port()), deadline).await?
            }
            false => io,
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

/// A stream to the server through a proxy. Where that does not resolve names, tunnels to the server's addresses race as
/// connections to them do.
async fn through(
    proxy: &Proxy,
    connect: &Connect,
    deadline: Instant,
) -> Result<(AnyStream, RecvBuf), ConnectError> {
    let (url, server) = (connect.request.url(), (proxy.host(), proxy.port()));
    if proxy.resolves_names() {
        let addresses = resolve(server, deadline).await?;
        let io = AnyStream::Tcp(dial(server, addresses, &connect.tcp, deadline).await?);
        #[cfg(feature = "tls")]
        let io = match proxy.is_tls() {
            true => secure(io, &connect.proxys_tls(proxy)?, server, deadline).await?,
            false => io,
        };
        let target = (url.host(), url.port());
        let tunnel = tunnel(io, proxy, target, connect.limits, deadline).await;
        return tunnel.map_err(|failure| no_tunnel(connect, proxy, failure));
    }
    let targets = addresses(connect, deadline).await?;
    // The first connection also finds out which of the proxy's own addresses takes the others.
    let first = dial(server, resolve(server, deadline).await?, &connect.tcp, deadline).await?;
    let place = first.peer_addr().map_err(|error| no_tunnel(connect, proxy, error))?;
    let mut first = Some(first);
    let attempt = |target: SocketAddr| {
        let first = first.take();
        async move {
            let stream = match first {
                Some(stream) => stream,
                None => {
                    let stream = dial(server, vec![place], &connect.tcp, deadline).await;
                    stream.map_err(ConnectError::into_failure)?
                }
            };
            let (ip, port) = (target.ip().to_string(), target.port());
            tunnel(stream.into(), proxy, (&ip, port), connect.limits, deadline).await
        }
    };
    let tunnels = race(targets, deadline, attempt, may_fare_better).await;
    tunnels.map_err(|each| no_tunnels(connect, proxy, each))
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

/// Opens a tunnel to a host.
async fn tunnel(
    io: AnyStream,
    proxy: &Proxy,
    (host, port): (&str, u16),
    limits: Limits,
    deadline: Instant,
) -> Result<(AnyStream, RecvBuf), ConnectFailure> {
    let tunnel = Tunnel::new(proxy, host, port)?.with_limits(limits);
    converse(io, tunnel, deadline).await
}

/// Holds the conversation with a proxy.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use ::tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// A SOCKS server that reaches the addresses that end in 7, and in 8 after a second; those that end in 5 refuse, its rules
    /// forbid those that end in 2, and of others it hears nothing.
    async fn serve_socks(mut client: DuplexStream) {
        let mut greeting = [0; 3];
        client.read_exact(&mut greeting).await.expect("a greeting");
        client.write_all(&[5, 0]).await.expect("there is room");
        let mut request = [0; 10];
        client.read_exact(&mut request).await.expect("a request");
        let reply = match request[7] {
            7 => 0,
            8 => {
                ::tokio::time::sleep(Duration::from_secs(1)).await;
                0
            }
            end @ (2 | 5) => end,
            _ => std::future::pending().await,
        };
        client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.expect("there is room");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_address_behind_a_proxy_costs_a_quarter_of_a_second() {
        let proxy: Proxy = "socks5://proxy.example".parse().expect("a proxy");
        let attempt = |target: SocketAddr| {
            let (ours, theirs) = duplex(64);
            ::tokio::spawn(serve_socks(theirs));
            let tunnel = Tunnel::new(&proxy, &target.ip().to_string(), target.port());
            let end = deadline(Instant::now(), Duration::from_secs(20));
            async move { converse(ours, tunnel?, end).await.map(|_| target.ip()) }
        };
        let to = |ends: &[u8]| ends.iter().map(|end| ([192, 0, 2, *end], 80).into()).collect();
        let begin = Instant::now();
        let end = begin + Duration::from_secs(20);
        let reached = race(to(&[1, 3, 7, 4]), end, attempt, may_fare_better).await;
        assert_eq!(reached.ok(), Some(IpAddr::from([192, 0, 2, 7])));
        assert_eq!(begin.elapsed(), Duration::from_millis(500));

        let begin = Instant::now();
        let reached = race(to(&[5, 1, 7]), end, attempt, may_fare_better).await;
        assert_eq!(reached.ok(), Some(IpAddr::from([192, 0, 2, 7])));
        assert_eq!(begin.elapsed(), Duration::from_millis(250), "a refusal is not waited for");

        let begin = Instant::now();
        let reached = race(to(&[8, 2, 7]), end, attempt, may_fare_better).await;
        assert_eq!(
            reached.ok(),
            Some(IpAddr::from([192, 0, 2, 8])),
            "nobody begins after a word that counts for all"
        );
        assert_eq!(begin.elapsed(), Duration::from_secs(1));

        let failures = race(to(&[1, 5]), end, attempt, may_fare_better).await;
        let failures = failures.expect_err("nobody is reached");
        assert_eq!(Instant::now(), end);
        let connect = Connect::new("ws://server.example/").expect("a URL");
        assert_eq!(
            no_tunnels(&connect, &proxy, failures).to_string(),
            "no way to server.example:80 through socks5://proxy.example:1080: the proxy answered: connection refused"
        );
    }
}
