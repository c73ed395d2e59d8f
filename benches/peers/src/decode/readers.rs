//! How each of them is read from.

use bytes::BytesMut;
use futures::StreamExt;
use hybi::{Connection, Event, Received, RecvBuf};
use tokio_util::codec::Decoder;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use wtx::collection::Vector;
use wtx::rng::{Xorshift64, simple_seed};

use super::feed::Feed;
use crate::floor::{Frame, mask_u64};
use crate::pipe::now;

/// More than any message has.
const LIMIT: usize = 64 * 1024 * 1024;

/// A server that reads.
pub(super) trait Reader {
    fn open(feed: Feed) -> Self;
    /// Reads so many messages.
    fn read(&mut self, count: usize, told: impl FnMut(&[u8]));
}

pub(super) struct Borrowed(Connection, RecvBuf, Feed);

impl Reader for Borrowed {
    fn open(feed: Feed) -> Self {
        Self(Connection::server(Default::default()), RecvBuf::new(), feed)
    }

    fn read(&mut self, mut count: usize, mut told: impl FnMut(&[u8])) {
        while count > 0 {
            match self.0.next_event(&mut self.1) {
                Some(Event::Text(text)) => told(text.as_bytes()),
                Some(Event::Binary(data)) => told(data),
                Some(event) => panic!("{event:?}"),
                None => {
                    self.1.extend_from_slice(self.2.chunk());
                    continue;
                }
            }
            count -= 1;
        }
    }
}

pub(super) struct Owned(Connection, RecvBuf, Feed);

impl Reader for Owned {
    fn open(feed: Feed) -> Self {
        Self(Connection::server(Default::default()), RecvBuf::new(), feed)
    }

    fn read(&mut self, mut count: usize, mut told: impl FnMut(&[u8])) {
        while count > 0 {
            match self.0.next_message(&mut self.1) {
                Some(Received::Message(message)) => told(message.as_bytes()),
                Some(closed) => panic!("{closed:?}"),
                None => {
                    self.1.extend_from_slice(self.2.chunk());
                    continue;
                }
            }
            count -= 1;
        }
    }
}

pub(super) struct Floor {
    buf: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
    feed: Feed,
}

impl Reader for Floor {
    fn open(feed: Feed) -> Self {
        Self { buf: Vec::new(), at: 0, feed }
    }

    fn read(&mut self, mut count: usize, mut told: impl FnMut(&[u8])) {
        while count > 0 {
            let Some(frame) = Frame::parse(&self.buf[self.at..]) else {
                self.buf.drain(..self.at);
                self.at = 0;
                self.buf.extend_from_slice(self.feed.chunk());
                continue;
            };
            let payload = &mut self.buf[self.at + frame.start..self.at + frame.end];
            mask_u64(payload, frame.key);
            if frame.first & 0xf == 1 {
                told(std::str::from_utf8(payload).expect("text").as_bytes());
            } else {
                told(payload);
            }
            self.at += frame.end;
            count -= 1;
        }
    }
}

pub(super) struct Tungstenite(tungstenite::WebSocket<Feed>);

impl Reader for Tungstenite {
    fn open(feed: Feed) -> Self {
        // Its default of 128 KiB is zeroed before each read.
        let config = tungstenite::protocol::WebSocketConfig::default().read_buffer_size(16 * 1024);
        let role = tungstenite::protocol::Role::Server;
        Self(tungstenite::WebSocket::from_raw_socket(feed, role, Some(config)))
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            match self.0.read().expect("valid frames") {
                tungstenite::Message::Text(text) => told(text.as_bytes()),
                tungstenite::Message::Binary(data) => told(&data),
                message => panic!("{message:?}"),
            }
        }
    }
}

pub(super) struct TokioTungstenite(tokio_tungstenite::WebSocketStream<Feed>);

impl Reader for TokioTungstenite {
    fn open(feed: Feed) -> Self {
        let config = tungstenite::protocol::WebSocketConfig::default().read_buffer_size(16 * 1024);
        let role = tungstenite::protocol::Role::Server;
        Self(now(tokio_tungstenite::WebSocketStream::from_raw_socket(feed, role, Some(config))))
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            match now(self.0.next()).expect("it goes on").expect("valid frames") {
                tungstenite::Message::Text(text) => told(text.as_bytes()),
                tungstenite::Message::Binary(data) => told(&data),
                message => panic!("{message:?}"),
            }
        }
    }
}

pub(super) struct Fastwebsockets(fastwebsockets::FragmentCollector<Feed>);

impl Reader for Fastwebsockets {
    fn open(feed: Feed) -> Self {
        let ws = fastwebsockets::WebSocket::after_handshake(feed, fastwebsockets::Role::Server);
        Self(fastwebsockets::FragmentCollector::new(ws))
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            told(&now(self.0.read_frame()).expect("valid frames").payload);
        }
    }
}

pub(super) struct TokioWebsockets(tokio_websockets::WebSocketStream<Feed>);

impl Reader for TokioWebsockets {
    fn open(feed: Feed) -> Self {
        Self(tokio_websockets::ServerBuilder::new().serve(feed))
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            let message = now(self.0.next()).expect("it goes on").expect("valid frames");
            told(message.as_payload());
        }
    }
}

pub(super) struct Yawc(yawc::WebSocket<Feed>);

impl Reader for Yawc {
    fn open(feed: Feed) -> Self {
        let options = yawc::Options::default().with_limits(LIMIT, 2 * LIMIT).with_utf8();
        Self(yawc::WebSocket::from_stream(feed, yawc::Role::Server, options).expect("it opens"))
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            told(now(self.0.next_frame()).expect("valid frames").payload());
        }
    }
}

pub(super) struct YawcCodec(yawc::codec::Decoder, BytesMut, Feed);

impl Reader for YawcCodec {
    fn open(feed: Feed) -> Self {
        Self(yawc::codec::Decoder::new(yawc::Role::Server, LIMIT), BytesMut::new(), feed)
    }

    fn read(&mut self, mut count: usize, mut told: impl FnMut(&[u8])) {
        while count > 0 {
            match self.0.decode(&mut self.1).expect("valid frames") {
                Some(frame) if frame.opcode() == yawc::frame::OpCode::Text => {
                    // The check is its user's.
                    told(std::str::from_utf8(frame.payload()).expect("text").as_bytes());
                }
                Some(frame) => told(frame.payload()),
                None => {
                    self.1.extend_from_slice(self.2.chunk());
                    continue;
                }
            }
            count -= 1;
        }
    }
}

pub(super) struct Sockudo(sockudo_ws::WebSocketStream<Feed>);

impl Reader for Sockudo {
    fn open(feed: Feed) -> Self {
        let config = sockudo_ws::Config::builder().idle_timeout(0).auto_ping(false).build();
        Self(sockudo_ws::WebSocketStream::server(feed, config))
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            let message = now(self.0.next()).expect("it goes on").expect("valid frames");
            told(message.as_bytes());
        }
    }
}

pub(super) struct SockudoProtocol {
    protocol: sockudo_ws::protocol::Protocol,
    buf: BytesMut,
    messages: Vec<sockudo_ws::Message>,
    /// How many of them have been told.
    at: usize,
    feed: Feed,
}

impl Reader for SockudoProtocol {
    fn open(feed: Feed) -> Self {
        let role = sockudo_ws::Role::Server;
        let protocol = sockudo_ws::protocol::Protocol::new(role, LIMIT, LIMIT);
        Self { protocol, buf: BytesMut::new(), messages: Vec::new(), at: 0, feed }
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            // It tells all the messages of a read at once.
            while self.at == self.messages.len() {
                self.at = 0;
                self.messages.clear();
                self.buf.extend_from_slice(self.feed.chunk());
                self.protocol
                    .process_into(&mut self.buf, &mut self.messages)
                    .expect("valid frames");
            }
            told(self.messages[self.at].as_bytes());
            self.at += 1;
        }
    }
}

pub(super) struct Wtx(wtx::web_socket::WebSocketOwned<(), Xorshift64, Feed, false>, Vector<u8>);

impl Reader for Wtx {
    fn open(feed: Feed) -> Self {
        let rng = Xorshift64::from(simple_seed());
        let buffer = wtx::web_socket::WebSocketBuffer::new();
        Self(wtx::web_socket::WebSocket::new((), false, rng, feed, buffer), Vector::new())
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            self.1.clear();
            let origin = wtx::web_socket::WebSocketPayloadOrigin::Adaptive;
            told(now(self.0.read_frame(&mut self.1, origin)).expect("valid frames").payload());
        }
    }
}

impl wtx::stream::StreamReader for Feed {
    async fn read(&mut self, buf: &mut [u8]) -> wtx::Result<usize> {
        Ok(std::io::Read::read(self, buf)?)
    }
}

impl wtx::stream::StreamWriter for Feed {
    async fn write_all(&mut self, _: &[u8]) -> wtx::Result<()> {
        panic!("there is nothing to answer")
    }

    async fn write_all_vectored(&mut self, _: &[&[u8]]) -> wtx::Result<()> {
        panic!("there is nothing to answer")
    }
}

pub(super) struct Soketto(soketto::Receiver<Compat<Feed>>, Vec<u8>);

impl Reader for Soketto {
    fn open(feed: Feed) -> Self {
        let mut builder = soketto::connection::Builder::new(feed.compat(), soketto::Mode::Server);
        builder.set_max_message_size(LIMIT);
        builder.set_max_frame_size(LIMIT);
        Self(builder.finish().1, Vec::new())
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            self.1.clear();
            let data = now(self.0.receive_data(&mut self.1)).expect("valid frames");
            if data.is_text() {
                // The check is its user's.
                told(std::str::from_utf8(&self.1).expect("text").as_bytes());
            } else {
                told(&self.1);
            }
        }
    }
}
