//! Events as values that outlive the receive buffer.

use hybi::{Cause, ChunkData, Closed, Error, Event, Kind};

use super::Wire;

/// An event with a payload of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Text(String),
    Binary(Wire),
    Chunk { kind: Kind, data: Wire, first: bool, last: bool },
    Ping(Wire),
    Pong(Wire),
    Closed(Closed),
}

impl Told {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn binary(data: &[u8]) -> Self {
        Self::Binary(data.into())
    }

    pub(crate) fn ping(data: &[u8]) -> Self {
        Self::Ping(data.into())
    }

    pub(crate) fn pong(data: &[u8]) -> Self {
        Self::Pong(data.into())
    }

    pub(crate) fn from_event(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::text(text),
            Event::Binary(data) => Self::binary(data),
            Event::Chunk(chunk) => {
                if let ChunkData::Text(text) = chunk.data {
                    assert!(std::str::from_utf8(text.as_bytes()).is_ok(), "a chunk is text");
                }
                let kind = chunk.data.kind();
                Self::Chunk {
                    kind,
                    data: (&*chunk.data).into(),
                    first: chunk.first,
                    last: chunk.last,
                }
            }
            Event::Ping(data) => Self::ping(data),
            Event::Pong(data) => Self::pong(data),
            Event::Closed(closed) => Self::Closed(closed),
            other => panic!("an event this test does not know: {other:?}"),
        }
    }
}

/// The end of a connection, which must be told once and last.
#[track_caller]
pub(crate) fn the_end(told: &[Told]) -> Closed {
    let ends = told.iter().filter(|told| matches!(told, Told::Closed(_))).count();
    match told.last() {
        Some(Told::Closed(closed)) if ends == 1 => closed.clone(),
        _ => panic!("Closed must be told once and last: {told:?}"),
    }
}

/// What failed the connection.
#[track_caller]
pub(crate) fn failure(told: &[Told]) -> Error {
    match the_end(told).cause {
        Cause::Failed(error) => error,
        other => panic!("the connection should have failed: {other:?}"),
    }
}
