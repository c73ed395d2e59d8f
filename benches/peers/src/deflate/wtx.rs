//! wtx: two connections over a pipe in memory. It knows no other way than to forget all after each message.

use bytes::Bytes;
use wtx::collection::Vector;
use wtx::rng::{Xorshift64, simple_seed};
use wtx::web_socket::compression::{Flate2, NegotiatedFlate2, WindowBits};
use wtx::web_socket::{
    Compression, CompressionLevel, DeflateConfig, Frame, OpCode, WebSocketBuffer, WebSocketOwned,
    WebSocketPayloadOrigin,
};

use super::RoundTrip;
use crate::pipe::{End, Meter, now, pair};

type WebSocket<const IS_CLIENT: bool> =
    WebSocketOwned<Option<NegotiatedFlate2>, Xorshift64, End, IS_CLIENT>;

pub(super) struct Pair {
    server: WebSocket<false>,
    client: WebSocket<true>,
    meter: Meter,
    /// It sends what it may change.
    sent: Vec<u8>,
    arrived: Vector<u8>,
}

impl Pair {
    pub(super) fn new() -> Self {
        let (near, far) = pair();
        let meter = far.meter();
        let (server, client) = (open(near), open(far));
        Self { server, client, meter, sent: Vec::new(), arrived: Vector::new() }
    }
}

fn open<const IS_CLIENT: bool>(end: End) -> WebSocket<IS_CLIENT> {
    let config = DeflateConfig {
        client_max_window_bits: WindowBits::Fifteen,
        compression_level: CompressionLevel::Three,
        server_max_window_bits: WindowBits::Fifteen,
    };
    let name = "Sec-WebSocket-Extensions";
    let header = httparse::Header { name, value: b"permessage-deflate" };
    let agreed = Compression::<IS_CLIENT>::negotiate(Flate2::from(config), [header].iter());
    let rng = Xorshift64::from(simple_seed());
    let buffer = WebSocketBuffer::new();
    wtx::web_socket::WebSocket::new(agreed.expect("a valid offer"), false, rng, end, buffer)
}

impl RoundTrip for Pair {
    fn round(&mut self, message: &Bytes, told: &mut dyn FnMut(&[u8])) -> usize {
        self.sent.clear();
        self.sent.extend_from_slice(message);
        let mut frame = Frame::new_fin(OpCode::Text, &mut self.sent[..]);
        now(self.server.write_frame(&mut frame)).expect("there is room");
        let wire = self.meter.waiting();
        self.arrived.clear();
        let origin = WebSocketPayloadOrigin::Adaptive;
        let frame = now(self.client.read_frame(&mut self.arrived, origin));
        told(frame.expect("a message was sent").payload());
        wire
    }
}
