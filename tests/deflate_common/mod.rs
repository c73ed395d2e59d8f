//! What the tests of compression share: parameters, streams written bit by bit, an independent decoder.
#![allow(dead_code, reason = "each test file uses a part of it")]

use flate2::{Decompress, FlushDecompress, Status};
use hybi::deflate::{Compression, Direction, Params};
use hybi::frame::{Expect, Header, Masking, OpCode, mask};
use hybi::{Config, Connection, RecvBuf, Role};

use crate::common::{End, KEY, Pair, Told, masked};

/// What every compressed message ends with before it is cut off.
pub(crate) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Both ends compress alike.
pub(crate) const fn params(context_takeover: bool, window_bits: u8) -> Params {
    let direction = Direction { context_takeover, window_bits };
    Params { server: direction, client: direction }
}

/// A configuration that compresses every message.
pub(crate) fn eager(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    let mut compression = Compression::default();
    compression.min_size = 0;
    config.compression = Some(compression);
    change(&mut config);
    config
}

/// One end that has agreed on compression.
pub(crate) fn end(role: Role, params: Params, config: Config) -> End {
    let mut end = End::of(role, config.into());
    let plain = std::mem::replace(&mut end.conn, Connection::server(Config::default().into()));
    end.conn = plain.with_compression(params, None);
    end
}

/// An end of each role, with everything kept.
pub(crate) fn both() -> [End; 2] {
    [Role::Client, Role::Server].map(|role| end(role, params(true, 15), eager(|_| {})))
}

/// Two ends that have agreed on compression.
pub(crate) fn pair(params: Params, config: Config, step: usize) -> Pair {
    let config = std::sync::Arc::new(config);
    let mut pair = Pair::new(&config, step);
    for end in [&mut pair.client, &mut pair.server] {
        let plain = std::mem::replace(&mut end.conn, Connection::server(config.clone()));
        end.conn = plain.with_compression(params, None);
    }
    pair
}

/// Takes unmasked frames in pieces, masked on the way if `end` is a server.
pub(crate) fn hear_in_pieces(end: &mut End, frames: &[u8], piece: usize) -> Vec<Told> {
    let bytes = match end.conn.role() {
        Role::Client => frames.to_vec(),
        Role::Server => masked(frames, KEY).0.0,
    };
    bytes.chunks(piece.min(bytes.len().max(1))).flat_map(|piece| end.hear_bytes(piece)).collect()
}

/// Takes the frames that wait to be sent, unmasked.
pub(crate) fn said(end: &mut End) -> Vec<(Header, Vec<u8>)> {
    let sent = end.sent();
    frames(&sent, end.conn.role())
}

/// The frames that `role` has sent, which are whole and begin no message that they do not end.
pub(crate) fn frames(bytes: &[u8], role: Role) -> Vec<(Header, Vec<u8>)> {
    let masking = match role {
        Role::Client => Masking::Required,
        Role::Server => Masking::Forbidden,
    };
    let (mut rest, mut frames, mut in_message) = (bytes, Vec::new(), false);
    while !rest.is_empty() {
        let expect = Expect { masking, rsv1: true, in_message };
        let header = Header::parse(rest, expect).expect("frames that keep the rules");
        let (header, used) = header.expect("a whole header");
        let len = used + usize::try_from(header.len).expect("a length of this machine");
        let mut payload = rest[used..len].to_vec();
        if let Some(key) = header.mask {
            mask(&mut payload, key);
        }
        if !header.opcode.is_control() {
            in_message = !header.fin;
        }
        frames.push((header, payload));
        rest = &rest[len..];
    }
    frames
}

/// The messages in frames: whether each is compressed, and its payload as it went over the wire.
pub(crate) fn messages(frames: Vec<(Header, Vec<u8>)>) -> Vec<(bool, Vec<u8>)> {
    let mut messages: Vec<(bool, Vec<u8>)> = Vec::new();
    for (header, payload) in frames {
        match header.opcode {
            OpCode::Text | OpCode::Binary => messages.push((header.rsv1, payload)),
            OpCode::Continuation => {
                messages.last_mut().expect("a message has begun").1.extend(payload);
            }
            _ => {}
        }
    }
    messages
}

/// A decoder of another make, which knows nothing of windows smaller than 32 KiB.
#[derive(Debug)]
pub(crate) struct Independent {
    inflate: Decompress,
    takeover: bool,
}

impl Independent {
    pub(crate) fn new(context_takeover: bool) -> Self {
        Self { inflate: Decompress::new(false), takeover: context_takeover }
    }

    /// What a compressed message says, which must end at the end of a block.
    pub(crate) fn inflate(&mut self, payload: &[u8]) -> Vec<u8> {
        if !self.takeover {
            self.inflate.reset(false);
        }
        let input = [payload, &TAIL[..]].concat();
        let mut out = Vec::with_capacity(4096);
        let start = self.inflate.total_in();
        loop {
            let taken = usize::try_from(self.inflate.total_in() - start).expect("it is short");
            out.reserve(4096);
            let before = out.len();
            let status =
                self.inflate.decompress_vec(&input[taken..], &mut out, FlushDecompress::Sync);
            let now = usize::try_from(self.inflate.total_in() - start).expect("it is short");
            match status {
                Ok(Status::StreamEnd) => panic!("we make no final blocks"),
                Ok(_) if now > taken || out.len() > before => {}
                Ok(_) => {
                    assert_eq!(now, input.len(), "a message that ends early");
                    return out;
                }
                Err(error) => panic!("a payload that is not DEFLATE: {error}"),
            }
        }
    }
}

/// A DEFLATE stream, written bit by bit (RFC 1951).
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// Bits from the lowest on.
    pub(crate) fn put(mut self, value: u32, count: u32) -> Self {
        for i in 0..count {
            if self.used % 8 == 0 {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("there is a byte");
            *last |= ((value >> i & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
        self
    }

    /// A Huffman code, from the highest bit on.
    fn code(self, code: u32, count: u32) -> Self {
        self.put(code.reverse_bits() >> (32 - count), count)
    }

    pub(crate) fn align(mut self) -> Self {
        self.used = self.used.div_ceil(8) * 8;
        self
    }

    /// Begins a block with the standard's own codes.
    pub(crate) fn fixed(self, last: bool) -> Self {
        self.put(u32::from(last), 1).put(1, 2)
    }

    fn symbol(self, symbol: u32) -> Self {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    pub(crate) fn literals(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |bits, byte| bits.symbol(u32::from(*byte)))
    }

    /// Three to ten bytes from `distance` bytes before.
    pub(crate) fn copy(self, len: u32, distance: u32) -> Self {
        assert!((3..=10).contains(&len) && (1..=32768).contains(&distance));
        let bits = self.symbol(254 + len);
        if distance <= 4 {
            return bits.code(distance - 1, 5);
        }
        let extra = (distance - 1).ilog2() - 1;
        let (half, rest) = ((distance - 1) >> extra, (distance - 1) & ((1 << extra) - 1));
        bits.code(2 * extra + half, 5).put(rest, extra)
    }

    pub(crate) fn end_of_block(self) -> Self {
        self.symbol(256)
    }

    pub(crate) fn stored(self, last: bool, bytes: &[u8]) -> Self {
        let len = u16::try_from(bytes.len()).expect("a stored block is short");
        let mut bits = self.put(u32::from(last), 3).align();
        bits.bytes.extend(len.to_le_bytes());
        bits.bytes.extend((!len).to_le_bytes());
        bits.bytes.extend(bytes);
        bits.used = bits.bytes.len() as u32 * 8;
        bits
    }

    /// The message: an empty stored block begins, and its tail is cut off.
    pub(crate) fn message(self) -> Vec<u8> {
        self.put(0, 3).bytes
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Bytes that look random and are the same each time.
pub(crate) fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Data of many kinds: noise, runs, repeats of every period, words, few letters.
pub(crate) fn data_sets(len: usize) -> Vec<Vec<u8>> {
    let mut sets = vec![noise(1, len), vec![7; len], (0..len).map(|i| (i / 3) as u8).collect()];
    for period in [1, 3, 100, 250, 251, 256, 257, 505, 762, 1024, 1786, 4096, 20_000, 32_700] {
        sets.push(noise(period as u32, period).into_iter().cycle().take(len).collect());
    }
    let words: Vec<Vec<u8>> = (2..60).map(|seed| noise(seed, 3 + seed as usize % 9)).collect();
    let order = noise(99, len);
    let text = order.iter().flat_map(|i| words[usize::from(*i) % words.len()].iter().copied());
    sets.push(text.take(len).collect());
    sets.push(order.iter().map(|byte| b"ab"[usize::from(byte & 1)]).collect());
    sets
}

/// An empty buffer for a connection that is driven by hand.
pub(crate) fn buffer(bytes: &[u8]) -> RecvBuf {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(bytes);
    rx
}
