//! Messages that both ends can make from their number: what arrives is compared with what was sent, byte by byte.

use hybi::Message;

/// SplitMix64: small, seeded, good enough to make traffic.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// One direction of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    pub(crate) seed: u64,
    pub(crate) connection: u64,
    pub(crate) direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// How a message is handed to the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Whole,
    Fragmented,
    Prepared,
}

impl Lane {
    /// The `number`th message of this lane, and how it is sent.
    pub(crate) fn message(&self, number: u64) -> (Message, Manner) {
        let lane = self.connection * 2 + u64::from(self.direction == Direction::ToClient);
        let mut random = Random::new(Random::new(self.seed ^ (lane << 32)).next() ^ number);
        let len = length(&mut random);
        let manner = match random.below(8) {
            0 | 1 => Manner::Fragmented,
            2 => Manner::Prepared,
            _ => Manner::Whole,
        };
        (content(&mut random, lane, number, len), manner)
    }

    /// What to make of a message that arrived as the `number`th.
    pub(crate) fn judge(&self, number: u64, arrived: &Message) -> Verdict {
        if self.message(number).0 == *arrived {
            return Verdict::Expected;
        }
        // Messages of a few bytes are alike: the nearest explanation counts.
        let near = |other: u64| self.message(other).0 == *arrived;
        match (1..=8).find(|&ahead| near(number + ahead)) {
            Some(lost) => Verdict::Lost(lost),
            None if (1..=8.min(number)).any(|back| near(number - back)) => Verdict::Duplicate,
            None => Verdict::Corrupt,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Expected,
    /// So many before it have not come.
    Lost(u64),
    Duplicate,
    Corrupt,
}

/// Mostly small, now and then large: a header of each length, and payloads on both sides of every buffer.
fn length(random: &mut Random) -> usize {
    let (least, most) = match random.below(1000) {
        0..=49 => (0, 0),
        50..=499 => (1, 125),
        500..=849 => (126, 4096),
        850..=997 => (4097, 64 * 1024),
        _ => (1024 * 1024, 1024 * 1024),
    };
    least + random.below((most - least + 1) as u64) as usize
}

const WORDS: [&str; 8] =
    ["the price of ", "\"symbol\":", "4711, ", "open ", "closed, ", "{\"id\":", "}\n", "again "];
const LETTERS: [&str; 8] =
    ["\u{e4}", "\u{20ac}", "\u{4e16}", "\u{1f980}", "a", "\u{7ff}", "\u{ffff}", "\u{10ffff}"];

fn content(random: &mut Random, lane: u64, number: u64, len: usize) -> Message {
    let tag = format!("{lane}:{number} ");
    match random.below(4) {
        0 => text(random, tag, len, &WORDS),
        1 => text(random, tag, len, &LETTERS),
        2 => {
            // Nothing to compress.
            let mut data = tag.into_bytes();
            while data.len() < len {
                data.extend_from_slice(&random.next().to_le_bytes());
            }
            data.truncate(len);
            Message::binary(data)
        }
        _ => {
            let mut data = tag.into_bytes();
            data.resize(data.len().max(len), number as u8);
            data.truncate(len);
            Message::binary(data)
        }
    }
}

/// At most `len` bytes of `pieces`, in whole characters.
fn text(random: &mut Random, mut text: String, len: usize, pieces: &[&str; 8]) -> Message {
    let mut bits = 0;
    while text.len() < len {
        if bits == 0 {
            bits = random.next() | 1 << 63;
        }
        text.push_str(pieces[(bits & 7) as usize]);
        bits >>= 3;
    }
    let mut end = len.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    Message::text(text)
}
