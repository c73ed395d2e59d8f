//! What an application does with a connection.

use arbitrary::Arbitrary;
use hybi::{Kind, Message, Prepared};

use super::common::{End, Told};
use super::outcome::message;

#[derive(Arbitrary, Clone, Debug)]
pub enum Action {
    Send(Payload),
    /// Others hold its memory.
    SendShared(Payload),
    Borrowed(Payload),
    Prepared(Payload),
    /// In pieces, with a ping before the last.
    Written(bool, Vec<Payload>, Option<Vec<u8>>),
    Ping(Vec<u8>),
}

/// A few bytes, repeated: inputs stay short and payloads reach every form of length.
#[derive(Arbitrary, Clone, Debug)]
pub struct Payload {
    text: bool,
    bytes: Vec<u8>,
    times: Times,
}

#[derive(Arbitrary, Clone, Debug)]
enum Times {
    Once,
    Some(u8),
    Many(u16),
}

const LARGEST: usize = 70_000;

impl Payload {
    pub fn bytes_as(&self, kind: Kind) -> Vec<u8> {
        let bytes = match kind {
            Kind::Text => String::from_utf8_lossy(&self.bytes).into_owned().into_bytes(),
            Kind::Binary => self.bytes.clone(),
        };
        let times = match self.times {
            Times::Once => 1,
            Times::Some(times) => times.into(),
            Times::Many(times) => times.into(),
        };
        bytes.repeat(times.min(LARGEST / bytes.len().max(1)))
    }

    pub fn message(&self) -> Message {
        match self.text {
            true => {
                let text = String::from_utf8(self.bytes_as(Kind::Text));
                Message::from(text.expect("whole characters, repeated"))
            }
            false => Message::from(self.bytes_as(Kind::Binary)),
        }
    }
}

impl Action {
    /// Does it and notes what the peer is to be told. There is room for it.
    pub fn perform(&self, end: &mut End, expected: &mut Vec<Told>) {
        let conn = &mut end.conn;
        match self {
            Self::Send(payload) | Self::SendShared(payload) => {
                let held = payload.message();
                let shared = matches!(self, Self::SendShared(_)).then(|| held.clone());
                expected.push(message(held.kind(), held.as_bytes()));
                conn.send(held).expect("room");
                drop(shared);
            }
            Self::Borrowed(payload) => {
                let held = payload.message();
                expected.push(message(held.kind(), held.as_bytes()));
                match &held {
                    Message::Text(text) => conn.send_text(text).expect("room"),
                    Message::Binary(data) => conn.send_binary(data).expect("room"),
                }
            }
            Self::Prepared(payload) => {
                let held = payload.message();
                expected.push(message(held.kind(), held.as_bytes()));
                conn.send_prepared(&Prepared::new(held)).expect("room");
            }
            Self::Written(text, pieces, ping) => {
                let kind = if *text { Kind::Text } else { Kind::Binary };
                let mut all = Vec::new();
                for piece in pieces.iter().take(8) {
                    let piece = piece.bytes_as(kind);
                    let mut writer = conn.writer(kind).expect("nothing else is open");
                    writer.write(&piece).expect("room");
                    all.extend(piece);
                }
                if let Some(payload) = ping {
                    let payload = &payload[..payload.len().min(125)];
                    conn.ping(payload).expect("room");
                    expected.push(Told::ping(payload));
                }
                let writer = conn.writer(kind).expect("nothing else is open");
                writer.finish(b"!").expect("room");
                all.push(b'!');
                expected.push(message(kind, &all));
            }
            Self::Ping(payload) => {
                let payload = &payload[..payload.len().min(125)];
                conn.ping(payload).expect("room");
                expected.push(Told::ping(payload));
            }
        }
    }
}

/// Pongs are answers of the other end, of which some may be left out.
pub fn without_pongs(told: Vec<Told>) -> Vec<Told> {
    told.into_iter().filter(|told| !matches!(told, Told::Pong(_))).collect()
}
