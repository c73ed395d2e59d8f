//! A listener of memory: who comes in, and when, is the test's to say.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use hybi::tokio::{ServeOptions, Server, WebSocket, connect_over, serve::Listen};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// The server's end.
pub(crate) struct Door {
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

type Arrival = io::Result<(DuplexStream, Option<SocketAddr>)>;

/// The street's end.
#[derive(Clone)]
pub(crate) struct Street {
    door: mpsc::UnboundedSender<Arrival>,
}

pub(crate) fn door() -> (Street, Door) {
    let (door, arrivals) = mpsc::unbounded_channel();
    (Street { door }, Door { arrivals })
}

impl Listen for Door {
    type Io = DuplexStream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        match self.arrivals.poll_recv(cx) {
            Poll::Ready(Some(arrival)) => Poll::Ready(arrival),
            _ => Poll::Pending,
        }
    }
}

impl Street {
    /// A connection without a word yet, from an address.
    pub(crate) fn knock_from(&self, address: &str) -> DuplexStream {
        let (ours, theirs) = duplex(64 * 1024);
        // A server that has gone lets the stream end.
        let _ = self.door.send(Ok((theirs, Some(SocketAddr::new(address.parse().unwrap(), 1)))));
        ours
    }

    pub(crate) fn knock(&self) -> DuplexStream {
        self.knock_from("192.0.2.1")
    }

    /// A client that has shaken hands, or why it has not.
    pub(crate) async fn visit(&self) -> Result<WebSocket<DuplexStream>, hybi::tokio::Error> {
        self.visit_from("192.0.2.1").await
    }

    pub(crate) async fn visit_from(
        &self,
        address: &str,
    ) -> Result<WebSocket<DuplexStream>, hybi::tokio::Error> {
        connect_over(self.knock_from(address), "ws://example.com/chat", quiet()).await
    }

    /// The listener fails.
    pub(crate) fn fail(&self, error: io::Error) {
        self.door.send(Err(error)).unwrap();
    }

    /// Whether the server still listens.
    pub(crate) fn is_open(&self) -> bool {
        !self.door.is_closed()
    }
}

/// A configuration without keepalive, so that time can pass.
pub(crate) fn quiet() -> hybi::Config {
    super::config(|config| config.ping_interval = None)
}

/// With which status the server refused.
pub(crate) fn status<S: std::fmt::Debug>(refused: Result<WebSocket<S>, hybi::tokio::Error>) -> u16 {
    match refused {
        Err(hybi::tokio::Error::Handshake(hybi::handshake::HandshakeError::Refused(response))) => {
            response.status().as_u16()
        }
        other => panic!("{other:?}"),
    }
}

/// A server behind a door, without keepalive.
pub(crate) fn serve(change: impl FnOnce(&mut ServeOptions)) -> (Street, Server<Door>) {
    let (street, door) = door();
    let mut options = ServeOptions::default();
    options.config = Arc::new(quiet());
    change(&mut options);
    (street, Server::with_options(door, options))
}
