//! What one end compresses, and others that read it.

use arbitrary::Arbitrary;
use flate2::{Decompress, FlushDecompress};
use hybi::deflate::{Compression, Direction, DistanceCheck, Strategy};
use hybi::{Prepared, Role};

use super::actions::{Action, Payload};
use super::common::{End, Told};
use super::outcome::message;
use super::puff::Puff;
use super::read_frames;

#[derive(Arbitrary, Debug)]
pub enum Act {
    Plain(Action),
    /// Compressed once for many.
    Compressed(Payload),
}

impl Act {
    pub fn perform(&self, settings: &Compression, end: &mut End, expected: &mut Vec<Told>) {
        match self {
            Self::Plain(action) => action.perform(end, expected),
            Self::Compressed(payload) => {
                let held = payload.message();
                expected.push(message(held.kind(), held.as_bytes()));
                end.conn.send_prepared(&Prepared::compressed(held, settings)).expect("room");
            }
        }
    }
}

pub fn settings(level: u8, knobs: u8, direction: Direction) -> Compression {
    let mut settings = Compression::default();
    settings.level = level % 10;
    settings.mem_level = 1 + (level >> 4) % 9;
    settings.min_size = if knobs & 2 != 0 { 128 } else { 0 };
    settings.send = direction;
    settings.strategy = match knobs >> 4 {
        0 => Strategy::Filtered,
        1 => Strategy::HuffmanOnly,
        2 => Strategy::Rle,
        3 => Strategy::Fixed,
        _ => Strategy::Default,
    };
    settings
}

/// A slow inflater, one that is widely used, and a reader of distances.
pub struct Readers {
    direction: Direction,
    puff: Puff,
    zlib: Decompress,
    distances: DistanceCheck,
}

impl Readers {
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            puff: Puff::new(direction.window_bits, direction.context_takeover, usize::MAX),
            zlib: Decompress::new(false),
            distances: DistanceCheck::new(direction.window_bits),
        }
    }

    /// What all of them make of a message.
    pub fn agree(&mut self, deflated: &[u8]) -> Vec<u8> {
        if !self.direction.context_takeover {
            self.zlib.reset(false);
            self.distances = DistanceCheck::new(self.direction.window_bits);
        }
        let plain = self.puff.message(deflated).expect("the slow inflater takes it");
        let whole = [deflated, &[0, 0, 0xff, 0xff][..]].concat();
        self.distances.feed(&whole).expect("within the window");
        let mut out = Vec::with_capacity(plain.len() + 64);
        self.zlib.decompress_vec(&whole, &mut out, FlushDecompress::Sync).expect("it is DEFLATE");
        assert_eq!(out, plain);
        plain
    }
}

/// The payloads of the messages that were sent compressed.
pub fn compressed_messages(wire: &[u8], role: Role) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut compressed = false;
    let (frames, rest) = read_frames(wire, role);
    assert!(rest.is_empty(), "whole frames");
    for (header, payload) in frames {
        if header.opcode.is_control() {
            continue;
        }
        if header.opcode as u8 != 0 {
            compressed = header.rsv1;
            messages.extend(compressed.then(Vec::new));
        }
        if let Some(message) = messages.last_mut().filter(|_| compressed) {
            message.extend(payload);
        }
    }
    messages
}

pub fn payload(told: &Told) -> Option<&[u8]> {
    match told {
        Told::Text(text) => Some(text.as_bytes()),
        Told::Binary(data) => Some(data),
        _ => None,
    }
}
