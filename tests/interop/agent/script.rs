//! What is sent both ways over a connection with compression, and how it has to come: `shared/script.py` in Rust.

use hybi::Message;
use hybi::deflate::Direction;

use crate::Result;

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Small,
    Again,
    Plain,
    Empty,
    Fragments,
    Binary,
    Within,
    Beyond,
    Many,
    Large,
}

/// How one end compresses: `t15` with context takeover and a window of 15 bits, `n9` without, `-` not at all.
///
/// An `a` behind it stands for an end that cannot be told to send a message as it is, or in fragments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) direction: Option<Direction>,
    always: bool,
}

/// How a message came over the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    pub(crate) compressed: bool,
    pub(crate) size: u64,
}

impl Flow {
    pub(crate) fn parse(spelled: &str) -> Result<Self> {
        if spelled == "-" {
            return Ok(Self { direction: None, always: false });
        }
        let (context_takeover, bits) = match spelled.split_at_checked(1) {
            Some(("t", bits)) => (true, bits),
            Some(("n", bits)) => (false, bits),
            _ => return Err(format!("{spelled} is no way to compress").into()),
        };
        let window_bits = bits.trim_end_matches('a').parse()?;
        let direction = Some(Direction { context_takeover, window_bits });
        Ok(Self { direction, always: bits.ends_with('a') })
    }

    /// With less than 9 bits zlib looks as far back as with 9.
    pub(crate) fn script(&self, count: u32) -> Vec<(Step, Message)> {
        let bits = self.direction.map_or(15, |direction| direction.window_bits);
        let (within, beyond) = ((1 << bits.max(9)) - 322, (1 << bits) + 50);
        let mut script = vec![
            (Step::Small, noise(200).into()),
            (Step::Again, noise(200).into()),
            (Step::Plain, noise(200).into()),
            (Step::Again, noise(200).into()),
            (Step::Empty, "".into()),
            (Step::Fragments, "in pieces: 世界 ".repeat(120).into()),
            (Step::Binary, random_bytes(1, 3000, 255).into()),
            (Step::Within, noise(within).repeat(2).into()),
            (Step::Beyond, noise(beyond).repeat(2).into()),
        ];
        script.extend((0..count).map(|number| (Step::Many, record(number).into())));
        let large: String = (0..count * 4).map(record).collect();
        script.push((Step::Large, large.into_bytes().into()));
        script
    }

    /// Checks how a message came; `first` is the size of the small one that came first.
    pub(crate) fn check(
        &self,
        step: Step,
        message: &Message,
        wire: Wire,
        first: u64,
    ) -> Result<()> {
        let length = message.len() as u64;
        let Wire { compressed, size } = wire;
        let keeps = self.direction.is_some_and(|direction| direction.context_takeover);
        let again = compressed && if keeps { size < 40 } else { size + 2 >= first && size < 180 };
        let is_first = message.as_text().is_some_and(|text| text.contains("\"id\": 0,"));
        let expected = match step {
            _ if self.direction.is_none() => !compressed && size == length,
            Step::Small => compressed && size < 180,
            Step::Again => again,
            Step::Plain if self.always => again,
            Step::Plain => !compressed && size == length,
            Step::Empty => size <= 6,
            Step::Fragments => compressed && size < length / 2,
            Step::Binary => size <= length + length / 20 + 32,
            Step::Within => compressed && size * 100 < length * 45,
            Step::Beyond => size * 100 > length * 48,
            Step::Many if keeps && !is_first => compressed && size < length / 2,
            Step::Many => compressed && size < length,
            Step::Large => compressed && size < length / 4,
        };
        if expected {
            Ok(())
        } else {
            Err(format!("{step:?}: {wire:?} for {length}, of {first}").into())
        }
    }
}

/// Numbers that all languages can compute.
fn random_bytes(mut seed: u32, length: usize, mask: u8) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        (seed >> 16) as u8 & mask
    };
    (0..length).map(|_| next()).collect()
}

/// A text that Huffman codes halve; further only repetition can.
fn noise(length: u32) -> String {
    let numbers = random_bytes(length, length as usize, 15);
    numbers.into_iter().map(|number| char::from(b"0123456789abcdef"[usize::from(number)])).collect()
}

fn record(number: u32) -> String {
    let tags = "\"tags\": [\"alpha\", \"beta\"], \"text\": \"nothing new under the sun\"";
    let last = number * 7919;
    format!(
        "{{\"id\": {number}, \"name\": \"item {number}\", {tags}, \"number\": {last}, \"active\": true, \"parent\": null}}\n"
    )
}
