//! What a connection tells: events that borrow their payloads from the receive buffer.

use bytes::Bytes;
use core::ops::Deref;

use super::Closed;
use crate::message::{Kind, Message, Utf8Bytes};

/// Something that came from the peer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'b> {
    /// A whole text message.
    Text(&'b str),
    /// A whole binary message.
    Binary(&'b [u8]),
    /// A piece of a message, where [`Delivery::Chunks`](crate::Delivery::Chunks) was chosen.
    Chunk(Chunk<'b>),
    /// A ping, for information: it has been answered.
    Ping(&'b [u8]),
    /// A pong, for information.
    Pong(&'b [u8]),
    /// The connection has ended. It is always told, once, after everything else.
    Closed(Closed),
}

impl Event<'_> {
    /// The whole message of a [`Text`](Self::Text) or [`Binary`](Self::Binary) event, copied.
    #[must_use]
    pub fn to_message(&self) -> Option<Message> {
        match self {
            Self::Text(text) => Some(Message::text(*text)),
            Self::Binary(data) => Some(Message::binary(Bytes::copy_from_slice(data))),
            _ => None,
        }
    }
}

/// A piece of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunk<'b> {
    /// The piece's bytes, whole characters where the message is text.
    pub data: ChunkData<'b>,
    /// Whether it begins a message.
    pub first: bool,
    /// Whether it ends the message; such a piece may be empty.
    pub last: bool,
}

/// The bytes of a [`Chunk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkData<'b> {
    /// Of a text message: it is never cut inside a character.
    Text(&'b str),
    /// Of a binary message.
    Binary(&'b [u8]),
}

impl ChunkData<'_> {
    /// Whether the message is text or binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }
}

impl Deref for ChunkData<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }
}

/// What [`Connection::next_message`](super::Connection::next_message) returns: an event whose payload
/// is a value of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A whole message.
    Message(Message),
    /// The connection has ended.
    Closed(Closed),
}

/// An event that has been found and whose payload is held in the receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Message(Kind),
    Chunk { kind: Kind, first: bool, last: bool },
    Ping,
    Pong,
    Closed,
}

/// A Close frame as it was sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseFrame {
    /// The code; [`CloseCode::NO_STATUS`](crate::CloseCode::NO_STATUS) where the frame carried none.
    pub code: crate::frame::CloseCode,
    /// The reason, often empty.
    pub reason: Utf8Bytes,
}
