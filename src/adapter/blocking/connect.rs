//! Connecting by URL.

#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Instant;

#[cfg(unix)]
use super::dial::within;
use super::dial::{dial, left, resolve};
use super::handshake::open;
use super::{AnyStream, WebSocket};
use crate::adapter::{ConnectError, ConnectStep, check_tls, peer};
use crate::handshake::Limits;
use crate::{Config, Connect, RecvBuf};

/// Connects to a `ws:` URL, on Unix also to a `ws+unix:` one.
///
/// Takes a URL, a [`Request`](crate::handshake::Request) with headers and subprotocols, or a [`Connect`], which says more of the
/// way. A host's addresses race (RFC 8305), so that a dead one costs 250 ms. Bounded by 20 s in all; the system's name
/// resolution, which cannot be interrupted, and attempts that lost the race may go on in threads of their own for as long.
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

fn establish(connect: Connect) -> Result<WebSocket<AnyStream>, ConnectError> {
    check_tls(&connect)?;
    let deadline = Instant::now() + connect.limits.timeout;
    let io = reach(&connect, deadline)?;
    let peer = peer(&connect);
    let limits = Limits { timeout: left(deadline), ..connect.limits };
    let opened = open(io, RecvBuf::new(), connect.request, limits, connect.config);
    opened.map_err(|error| ConnectError::new(ConnectStep::Handshake, peer, error))
}

/// A stream to the server.
fn reach(connect: &Connect, deadline: Instant) -> Result<AnyStream, ConnectError> {
    #[cfg(unix)]
    if let Some(path) = &connect.socket {
        let socket = path.clone();
        return within(deadline, "connect", || UnixStream::connect(socket))
            .map(AnyStream::Unix)
            .map_err(|failure| ConnectError::new(ConnectStep::Transport, path, failure));
    }
    let url = connect.request.url();
    let server = (url.host(), url.port());
    let addresses = match &connect.addresses {
        Some(addresses) => addresses.clone(),
        None => resolve(server, deadline)?,
    };
    dial(server, addresses, &connect.tcp, deadline).map(AnyStream::Tcp)
}
