//! How those are read from that are given a buffer with what has come.

use bytes::{BufMut, BytesMut};
use hybi::{Connection, Event, Received, RecvBuf};
use tokio_util::codec::Decoder;

use super::feed::Feed;
use crate::floor::{Frame, mask_u64};

/// More than any message has.
pub(super) const LIMIT: usize = 64 * 1024 * 1024;

/// A server that reads.
pub(super) trait Reader {
    fn open(feed: Feed) -> Self;
    /// Reads so many messages.
    fn read(&mut self, count: usize, told: impl FnMut(&[u8]));
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

/// What reads: a read brings as much as there is room for, up to 16 KiB, as it does for peers with a transport.
fn fill(rx: &mut RecvBuf, feed: &mut Feed) {
    let mut spare = rx.spare();
    let room = spare.remaining_mut();
    spare.put_slice(feed.next(room));
}

pub(super) struct Borrowed(Connection, RecvBuf, Feed);

impl Reader for Borrowed {
    fn open(feed: Feed) -> Self {
        Self(Connection::server(Default::default()), RecvBuf::new(), feed)
    }

    fn read(&mut self, mut count: usize, mut told: impl FnMut(&[u8])) {
        let Self(conn, rx, feed) = self;
        while count > 0 {
            while let Some(event) = conn.next_event(rx) {
                match event {
                    Event::Text(text) => told(text.as_bytes()),
                    Event::Binary(data) => told(data),
                    event => panic!("{event:?}"),
                }
                count -= 1;
                if count == 0 {
                    return;
                }
            }
            fill(rx, feed);
        }
    }
}

pub(super) struct Owned(Connection, RecvBuf, Feed);

impl Reader for Owned {
    fn open(feed: Feed) -> Self {
        Self(Connection::server(Default::default()), RecvBuf::new(), feed)
    }

    fn read(&mut self, mut count: usize, mut told: impl FnMut(&[u8])) {
        let Self(conn, rx, feed) = self;
        while count > 0 {
            while let Some(received) = conn.next_message(rx) {
                match received {
                    Received::Message(message) => told(message.as_bytes()),
                    closed => panic!("{closed:?}"),
                }
                count -= 1;
                if count == 0 {
                    return;
                }
            }
            fill(rx, feed);
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
