//! Connecting by URL.

use std::sync::Arc;
use std::time::Duration;

#[cfg(unix)]
use ::tokio::net::UnixStream;
use ::tokio::time::Instant;
#[cfg(unix)]
use ::tokio::time::timeout_at;

use super::dial::{dial, resolve};
use super::handshake::open;
use super::{AnyStream, WebSocket};
use crate::adapter::{ConnectError, ConnectFailure, ConnectStep, check_tls, peer};
use crate::handshake::Limits;
use crate::{Config, Connect, RecvBuf};

/// Connects to a `ws:` URL, on Unix also to a `ws+unix:` one.
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
pub async fn connect<R>(to: R) -> Result<WebSocket<AnyStream>, ConnectError>
where
    R: TryInto<Connect>,
    ConnectError: From<R::Error>,
{
    Box::pin(establish(to.try_into()?)).await
}

/// Connects with limits and timeouts of one's own: short for [`Connect::config`].
///
/// # Errors
///
/// As [`connect`].
pub async fn connect_with<R>(
    to: R,
    config: impl Into<Arc<Config>>,
) -> Result<WebSocket<AnyStream>, ConnectError>
where
    R: TryInto<Connect>,
    ConnectError: From<R::Error>,
{
    Box::pin(establish(to.try_into()?.config(config))).await
}

async fn establish(connect: Connect) -> Result<WebSocket<AnyStream>, ConnectError> {
    check_tls(&connect)?;
    let deadline = Instant::now() + connect.limits.timeout;
    let io = reach(&connect, deadline).await?;
    let peer = peer(&connect);
    let limits = Limits { timeout: left(deadline), ..connect.limits };
    let opened = open(io, RecvBuf::new(), connect.request, limits, connect.config).await;
    opened.map_err(|error| ConnectError::new(ConnectStep::Handshake, peer, error))
}

/// A stream to the server.
async fn reach(connect: &Connect, deadline: Instant) -> Result<AnyStream, ConnectError> {
    #[cfg(unix)]
    if let Some(path) = &connect.socket {
        let failure = match timeout_at(deadline, UnixStream::connect(path)).await {
            Ok(Ok(stream)) => return Ok(AnyStream::Unix(stream)),
            Ok(Err(error)) => error.into(),
            Err(_) => ConnectFailure::Timeout,
        };
        return Err(ConnectError::new(ConnectStep::Transport, path, failure));
    }
    let url = connect.request.url();
    let server = (url.host(), url.port());
    let addresses = match &connect.addresses {
        Some(addresses) => addresses.clone(),
        None => resolve(server, deadline).await?,
    };
    dial(server, addresses, &connect.tcp, deadline).await.map(AnyStream::Tcp)
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
