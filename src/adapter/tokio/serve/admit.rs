//! One handshake of a server, in a task of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::time::timeout;
use http::StatusCode;

use super::guest::Guest;
use super::house::{House, Stage, UnderWay, subscriber};
use super::{ServeOptions, ServerStream, WhenFull};
#[cfg(feature = "tls")]
use crate::adapter::tls::Agreed;
#[cfg(feature = "tls")]
use crate::adapter::tokio::TlsStream;
use crate::adapter::tokio::{Error, WebSocket, receive_request};
use crate::handshake::{self, Accept, Rejection};

/// Who has come to a [`Server`](super::Server), and what he asks for: path, headers, origin, subprotocols.
///
/// It keeps the request's head in memory for as long as it lives.
#[derive(Clone, Debug)]
pub struct Visitor<T = ()> {
    /// What the hook of [`Server::authorize`](super::Server::authorize) has found out, as who this is.
    pub admitted: T,
    request: Arc<handshake::Incoming>,
    peer: Option<SocketAddr>,
    #[cfg(feature = "tls")]
    agreed: Option<Arc<Agreed>>,
}

impl<T> Visitor<T> {
    /// The address that the connection comes from; `None` where it has none, as over a Unix socket.
    #[must_use]
    pub const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What TLS has agreed on, with the client's certificates if it has shown some; `None` without TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(&self) -> Option<&Agreed> {
        self.agreed.as_deref()
    }
}

impl<T> Deref for Visitor<T> {
    type Target = handshake::Incoming;

    fn deref(&self) -> &handshake::Incoming {
        &self.request
    }
}

/// What decides about a request.
type Hook<T> = dyn Fn(Visitor) -> Decision<T> + Send + Sync;

/// What will be decided.
pub(super) type Decision<T> = Pin<Box<dyn Future<Output = Result<(Accept, T), Rejection>> + Send>>;

/// What all handshakes of a server go by.
pub(super) struct Door<T> {
    pub(super) options: ServeOptions,
    pub(super) hook: Box<Hook<T>>,
    pub(super) house: Arc<House>,
}

/// A connection whose handshake is done, until the application takes it.
pub(super) struct Ready<S, T> {
    ws: WebSocket<ServerStream<S>>,
    visitor: Visitor<T>,
    house: Arc<House>,
    under_way: UnderWay,
}

impl<S, T> Ready<S, T> {
    /// From now on it counts among the connections.
    pub(super) fn enter(self) -> (WebSocket<ServerStream<S>>, Visitor<T>) {
        let Self { mut ws, visitor, house, under_way } = self;
        #[cfg(feature = "tracing")]
        if let Some(peer) = visitor.peer {
            ws.driver.conn.peer(peer);
        }
        let address = visitor.peer.map(|peer| subscriber(peer.ip()));
        ws.driver.conn.enter(Guest::new(house, address));
        drop(under_way);
        (ws, visitor)
    }
}

/// Puts TLS over a stream where the options ask for it.
#[cfg_attr(not(feature = "tls"), allow(clippy::unused_async, reason = "TLS waits"))]
async fn secure<S>(io: S, options: &ServeOptions) -> Result<ServerStream<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    #[cfg(feature = "tls")]
    if let Some(tls) = &options.tls {
        return Ok(ServerStream::Tls(TlsStream::accept(io, tls).await?));
    }
    let _ = options;
    Ok(ServerStream::Plain(io))
}

/// Makes the handshake; `None` where it comes to no connection.
pub(super) async fn admit<S, T>(
    io: S,
    peer: Option<SocketAddr>,
    door: Arc<Door<T>>,
    mut under_way: UnderWay,
) -> Option<Ready<S, T>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Door { options, hook, house } = &*door;
    let failed = || house.count(|metrics| metrics.failed += 1);
    let Ok(io) = secure(io, options).await else {
        failed();
        return None;
    };
    #[cfg(feature = "tls")]
    let agreed = match &io {
        ServerStream::Tls(stream) => Some(Arc::new(stream.agreed())),
        ServerStream::Plain(_) => None,
    };
    let Ok(incoming) = receive_request(io, options.handshake.clone()).await else {
        failed();
        return None;
    };
    let closing = || house.stage() != Stage::Serving;
    let full = options.when_full == WhenFull::Refuse
        && options.max_connections.is_some_and(|most| !under_way.reserve(most));
    if full || closing() {
        house.turn_away();
        let _ = incoming.reject(StatusCode::SERVICE_UNAVAILABLE).await;
        return None;
    }
    let visitor = Visitor {
        admitted: (),
        request: incoming.request(),
        peer,
        #[cfg(feature = "tls")]
        agreed: agreed.clone(),
    };
    let decided = timeout(options.authorize_timeout, hook(visitor)).await;
    let rejection = match decided {
        Ok(Ok(_)) if closing() => {
            house.turn_away();
            StatusCode::SERVICE_UNAVAILABLE.into()
        }
        Ok(Ok((accept, admitted))) => {
            let visitor = Visitor {
                admitted,
                request: incoming.request(),
                peer,
                #[cfg(feature = "tls")]
                agreed,
            };
            let Ok(ws) = incoming.accept(&accept, options.config.clone()).await else {
                failed();
                return None;
            };
            return Some(Ready { ws, visitor, house: house.clone(), under_way });
        }
        Ok(Err(rejection)) => {
            house.count(|metrics| metrics.refused += 1);
            rejection
        }
        Err(_) => {
            failed();
            StatusCode::SERVICE_UNAVAILABLE.into()
        }
    };
    let _ = incoming.reject(rejection).await;
    None
}
