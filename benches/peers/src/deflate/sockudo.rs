//! sockudo-ws: its protocols without I/O, the bytes encoded into the other's buffer.

use bytes::{Bytes, BytesMut};
use sockudo_ws::{CompressedProtocol, DeflateConfig, Message};

use super::{Context, LEVEL, RoundTrip};

pub(super) struct Pair {
    server: CompressedProtocol,
    client: CompressedProtocol,
    buf: BytesMut,
    messages: Vec<Message>,
}

impl Pair {
    pub(super) fn new(context: Context) -> Self {
        let reset = context == Context::Reset;
        let config = DeflateConfig {
            server_no_context_takeover: reset,
            client_no_context_takeover: reset,
            compression_level: LEVEL.into(),
            compression_threshold: 0,
            ..DeflateConfig::default()
        };
        let limit = 16 * 1024 * 1024;
        Self {
            server: CompressedProtocol::server(limit, limit, config.clone()),
            client: CompressedProtocol::client(limit, limit, config),
            buf: BytesMut::new(),
            messages: Vec::new(),
        }
    }
}

impl RoundTrip for Pair {
    fn round(&mut self, message: &Bytes, told: &mut dyn FnMut(&[u8])) -> usize {
        let message = Message::Text(message.clone());
        self.server.encode_message(&message, &mut self.buf).expect("it can be sent");
        let wire = self.buf.len();
        self.client.process_into(&mut self.buf, &mut self.messages).expect("a valid frame");
        for message in self.messages.drain(..) {
            told(message.as_bytes());
        }
        wire
    }
}
