//! What an end makes of a stream of bytes.

use hybi::{Config, Delivery, Kind};

use super::common::{Told, Wire};
use super::{Cuts, Knobs, pieces};

/// Events, answers, and how much had arrived when the end was told.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// Events, those of chunks joined to their message at its last chunk.
    pub told: Vec<Told>,
    /// What had been told of a message that did not end.
    pub unfinished: Vec<u8>,
    pub sent: Wire,
}

/// Feeds `bytes` in pieces, then the end of the transport. Memory is measured after each piece.
pub fn run(knobs: Knobs, config: &Config, bytes: &[u8], cuts: Option<Cuts>) -> Outcome {
    let mut end = knobs.end(config);
    let (mut told, mut sent, mut arrived) = (Vec::new(), Vec::new(), 0);
    let pieces: Vec<&[u8]> = match cuts {
        Some(cuts) => pieces(bytes, cuts).collect(),
        None => vec![bytes],
    };
    for piece in pieces {
        told.extend(end.hear_bytes(piece));
        sent.extend(end.sent().0);
        arrived += piece.len();
        let inflated = if knobs.has(Knobs::COMPRESSED) { INFLATED } else { 0 };
        assert!(end.rx.capacity() <= 2 * arrived + 8 * 1024 + inflated, "{:?}", end.rx);
        assert!(end.conn.transmit().capacity() <= 2 * arrived + 32 * 1024, "{:?}", end.conn);
    }
    told.extend(end.hear_eof());
    sent.extend(end.sent().0);
    assert_eq!(end.events(), [], "nothing after the end");
    assert!(end.conn.is_closed());
    let (told, unfinished) = join(told);
    Outcome { told, unfinished, sent: Wire(sent) }
}

/// What a message under the limit may occupy once it is inflated.
const INFLATED: usize = 2 * 100_000 + 64 * 1024;

/// The same with chunks instead of whole messages.
pub fn run_chunks(knobs: Knobs, config: &Config, bytes: &[u8], cuts: Option<Cuts>) -> Outcome {
    let mut config = config.clone();
    config.delivery = Delivery::Chunks;
    run(knobs, &config, bytes, cuts)
}

/// Joins chunks to messages and checks their flags.
pub fn join(told: Vec<Told>) -> (Vec<Told>, Vec<u8>) {
    let mut joined = Vec::new();
    let mut open: Option<(Kind, Vec<u8>)> = None;
    for told in told {
        let Told::Chunk { kind, data, first, last } = told else {
            joined.push(told);
            continue;
        };
        assert_eq!(first, open.is_none(), "`first` begins a message and nothing else does");
        let (open_kind, payload) = open.get_or_insert((kind, Vec::new()));
        assert_eq!(*open_kind, kind);
        assert!(last || !data.is_empty(), "only a last chunk may be empty");
        payload.extend(data.0);
        if last {
            let (kind, payload) = open.take().expect("it was put there above");
            joined.push(message(kind, &payload));
        }
    }
    (joined, open.map(|(_, payload)| payload).unwrap_or_default())
}

/// A message as it is told.
pub fn message(kind: Kind, payload: &[u8]) -> Told {
    match kind {
        Kind::Text => Told::Text(String::from_utf8(payload.to_vec()).expect("text is UTF-8")),
        Kind::Binary => Told::binary(payload),
    }
}
