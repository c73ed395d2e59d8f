//! How each of them is written to.

use bytes::{Buf, Bytes};
use futures::SinkExt;
use hybi::{Connection, OsMaskKeys, Role};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use wtx::rng::{Xorshift64, simple_seed};
use wtx::web_socket::OpCode;

use crate::drain::Drain;
use crate::floor::put_header;
use crate::pipe::now;

/// An end that sends.
pub(super) trait Writer {
    fn open(role: Role, drain: Drain) -> Self;
    /// Sends a message and flushes.
    fn write(&mut self, message: &Bytes);
}

pub(super) struct Floor(Vec<u8>, Drain);

impl Writer for Floor {
    fn open(_: Role, drain: Drain) -> Self {
        Self(Vec::new(), drain)
    }

    fn write(&mut self, message: &Bytes) {
        self.0.clear();
        put_header(&mut self.0, 0x82, message.len());
        self.0.extend_from_slice(message);
        self.1.put(&self.0);
    }
}

pub(super) struct Hybi<const BORROWS: bool>(Connection, Drain);

impl<const BORROWS: bool> Writer for Hybi<BORROWS> {
    fn open(role: Role, drain: Drain) -> Self {
        let conn = match role {
            Role::Server => Connection::server(Default::default()),
            Role::Client => Connection::client(Default::default(), OsMaskKeys),
        };
        Self(conn, drain)
    }

    fn write(&mut self, message: &Bytes) {
        if BORROWS {
            self.0.send_binary(message).expect("there is room");
        } else {
            self.0.send(message.clone()).expect("there is room");
        }
        let tx = self.0.transmit();
        while tx.has_remaining() {
            let taken = self.1.put(tx.chunk());
            tx.advance(taken);
        }
    }
}

/// Over the adapter, as the peers that wait for a stream.
pub(super) struct HybiTokio<const BORROWS: bool>(hybi::tokio::WebSocket<Drain>);

impl<const BORROWS: bool> Writer for HybiTokio<BORROWS> {
    fn open(role: Role, drain: Drain) -> Self {
        let negotiated = Default::default();
        let config = hybi::Config::default();
        Self(hybi::tokio::WebSocket::from_upgraded(drain, role, &[], negotiated, config))
    }

    fn write(&mut self, message: &Bytes) {
        if BORROWS {
            self.0.parts().0.send_binary(message).expect("there is room");
            now(self.0.flush()).expect("there is room");
        } else {
            now(self.0.send(message.clone())).expect("there is room");
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

pub(super) struct TokioTungstenite(tokio_tungstenite::WebSocketStream<Drain>);

impl Writer for TokioTungstenite {
    fn open(role: Role, drain: Drain) -> Self {
        let role = match role {
            Role::Server => tungstenite::protocol::Role::Server,
            Role::Client => tungstenite::protocol::Role::Client,
        };
        Self(now(tokio_tungstenite::WebSocketStream::from_raw_socket(drain, role, None)))
    }

    fn write(&mut self, message: &Bytes) {
        now(self.0.send(tungstenite::Message::Binary(message.clone()))).expect("there is room");
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

pub(super) struct Soketto(soketto::Sender<Compat<Drain>>);

impl Writer for Soketto {
    fn open(role: Role, drain: Drain) -> Self {
        let mode = match role {
            Role::Server => soketto::Mode::Server,
            Role::Client => soketto::Mode::Client,
        };
        Self(soketto::connection::Builder::new(drain.compat(), mode).finish().0)
    }

    fn write(&mut self, message: &Bytes) {
        now(self.0.send_binary(message)).expect("there is room");
        now(self.0.flush()).expect("there is room");
    }
}

/// A client masks in place, so it needs a copy of what others share.
pub(super) struct Wtx<const IS_CLIENT: bool>(
    wtx::web_socket::WebSocketOwned<(), Xorshift64, Drain, IS_CLIENT>,
    Vec<u8>,
);

impl<const IS_CLIENT: bool> Writer for Wtx<IS_CLIENT> {
    fn open(_: Role, drain: Drain) -> Self {
        let rng = Xorshift64::from(simple_seed());
        let buffer = wtx::web_socket::WebSocketBuffer::new();
        Self(wtx::web_socket::WebSocket::new((), false, rng, drain, buffer), Vec::new())
    }

    fn write(&mut self, message: &Bytes) {
        if IS_CLIENT || self.1.is_empty() {
            self.1.clear();
            self.1.extend_from_slice(message);
        }
        let mut frame = wtx::web_socket::Frame::new_fin(OpCode::Binary, &mut self.1[..]);
        now(self.0.write_frame(&mut frame)).expect("there is room");
    }
}

impl wtx::stream::StreamReader for Drain {
    async fn read(&mut self, _: &mut [u8]) -> wtx::Result<usize> {
        std::future::pending().await
    }
}

impl wtx::stream::StreamWriter for Drain {
    async fn write_all(&mut self, data: &[u8]) -> wtx::Result<()> {
        self.put(data);
        Ok(())
    }

    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        slices.iter().for_each(|data| {
            self.put(data);
        });
        Ok(())
    }
}
