//! How those are read from that read from a transport.

use futures::StreamExt;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use wtx::collection::Vector;
use wtx::rng::{Xorshift64, simple_seed};

use super::feed::Feed;
use super::readers::{LIMIT, Reader};
use crate::pipe::now;

pub(super) struct Hybi(hybi::tokio::WebSocket<Feed>);

impl Reader for Hybi {
    fn open(feed: Feed) -> Self {
        let (role, config) = (hybi::Role::Server, hybi::Config::default());
        Self(hybi::tokio::WebSocket::from_upgraded(feed, role, &[], Default::default(), config))
    }

    fn read(&mut self, count: usize, mut told: impl FnMut(&[u8])) {
        for _ in 0..count {
            let message = now(self.0.recv()).expect("valid frames").expect("it goes on");
            told(message.as_bytes());
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
