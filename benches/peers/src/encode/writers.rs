//! How each of them is written to.

use bytes::{Buf, Bytes};
use futures::SinkExt;
use hybi::{Connection, OsMaskKeys, Role};

use super::drain::Drain;
use crate::pipe::now;

/// An end that sends.
pub(super) trait Writer {
    fn open(role: Role, drain: Drain) -> Self;
    /// Sends a message and flushes.
    fn write(&mut self, message: &Bytes);
}

pub(super) struct Hybi(Connection, Drain);

impl Writer for Hybi {
    fn open(role: Role, drain: Drain) -> Self {
        let conn = match role {
            Role::Server => Connection::server(Default::default()),
            Role::Client => Connection::client(Default::default(), OsMaskKeys),
        };
        Self(conn, drain)
    }

    fn write(&mut self, message: &Bytes) {
        self.0.send(message.clone()).expect("there is room");
        let tx = self.0.transmit();
        while tx.has_remaining() {
            let taken = self.1.take(tx.chunk());
            tx.advance(taken);
        }
    }
}

pub(super) struct Tungstenite(tungstenite::WebSocket<Drain>);

impl Writer for Tungstenite {
    fn open(role: Role, drain: Drain) -> Self {
        let role = match role {
            Role::Server => tungstenite::protocol::Role::Server,
            Role::Client => tungstenite::protocol::Role::Client,
        };
        Self(tungstenite::WebSocket::from_raw_socket(drain, role, None))
    }

    fn write(&mut self, message: &Bytes) {
        self.0.send(tungstenite::Message::Binary(message.clone())).expect("there is room");
    }
}

pub(super) struct Fastwebsockets(fastwebsockets::WebSocket<Drain>);

impl Writer for Fastwebsockets {
    fn open(role: Role, drain: Drain) -> Self {
        let role = match role {
            Role::Server => fastwebsockets::Role::Server,
            Role::Client => fastwebsockets::Role::Client,
        };
        Self(fastwebsockets::WebSocket::after_handshake(drain, role))
    }

    fn write(&mut self, message: &Bytes) {
        let payload = fastwebsockets::Payload::Borrowed(message);
        now(self.0.write_frame(fastwebsockets::Frame::binary(payload))).expect("there is room");
    }
}

pub(super) struct TokioWebsockets(tokio_websockets::WebSocketStream<Drain>);

impl Writer for TokioWebsockets {
    fn open(role: Role, drain: Drain) -> Self {
        Self(match role {
            Role::Server => tokio_websockets::ServerBuilder::new().serve(drain),
            Role::Client => tokio_websockets::ClientBuilder::new().take_over(drain),
        })
    }

    fn write(&mut self, message: &Bytes) {
        let message = tokio_websockets::Message::binary(message.clone());
        now(self.0.send(message)).expect("there is room");
    }
}

pub(super) struct Yawc(yawc::WebSocket<Drain>);

impl Writer for Yawc {
    fn open(role: Role, drain: Drain) -> Self {
        let role = match role {
            Role::Server => yawc::Role::Server,
            Role::Client => yawc::Role::Client,
        };
        Self(yawc::WebSocket::from_stream(drain, role, Default::default()).expect("it opens"))
    }

    fn write(&mut self, message: &Bytes) {
        now(self.0.send(yawc::Frame::binary(message.clone()))).expect("there is room");
    }
}

pub(super) struct Sockudo(sockudo_ws::WebSocketStream<Drain>);

impl Writer for Sockudo {
    fn open(role: Role, drain: Drain) -> Self {
        let config = sockudo_ws::Config::builder().idle_timeout(0).auto_ping(false).build();
        Self(match role {
            Role::Server => sockudo_ws::WebSocketStream::server(drain, config),
            Role::Client => sockudo_ws::WebSocketStream::client(drain, config),
        })
    }

    fn write(&mut self, message: &Bytes) {
        let message = sockudo_ws::Message::Binary(message.clone());
        now(self.0.send(message)).expect("there is room");
    }
}
