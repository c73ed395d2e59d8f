//! A reader of DEFLATE that makes no output: it follows the blocks (RFC 1951) and sees how far back they refer.
//!
//! zlib takes any distance that its output so far happens to cover, so what it accepts beyond the agreed window
//! depends on how its input is cut. This check does not. It also proves of our own output that it keeps
//! within a window.

use core::fmt;

use super::MAX_WINDOW;

/// Follows a DEFLATE stream and checks every distance in it against a window.
#[derive(Clone, Debug)]
pub struct DistanceCheck {
    window: u32,
    /// How much output there is to refer to, as far as it matters.
    output: u32,
    /// How much output the stream so far stands for.
    made: u64,
    /// The furthest distance so far.
    furthest: u32,
    bits: u64,
    count: u32,
    state: State,
    last_block: bool,
    /// Whether the codes are the standard's own.
    fixed: bool,
    lengths: [u8; MAX_LENGTHS],
    literals: Huffman<288>,
    distances: Huffman<30>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A block's three header bits come.
    Header,
    /// A stored block's length and its complement come.
    StoredLength,
    /// This many bytes of a stored block are left.
    Stored(u32),
    /// The numbers of code lengths of a dynamic block come.
    Numbers,
    /// The lengths of the codes for code lengths come.
    LengthLengths { numbers: Numbers, index: u16 },
    /// The code lengths come.
    Lengths { numbers: Numbers, index: u16 },
    /// Literals and references come.
    Codes,
    /// The extra bits of a length, or a distance, come.
    Distance { length: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Numbers {
    literals: u16,
    distances: u16,
    length_codes: u16,
}

const MAX_LENGTHS: usize = 288 + 32;

/// In which order the lengths of the codes for code lengths come (RFC 1951 section 3.2.7).
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A reference beyond the window, or a stream that is not DEFLATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistanceError;

impl fmt::Display for DistanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DEFLATE stream refers back beyond the window")
    }
}

impl core::error::Error for DistanceError {}

impl DistanceCheck {
    /// A check against a window of 2 to the power of `window_bits` bytes.
    #[must_use]
    pub fn new(window_bits: u8) -> Self {
        Self {
            window: 1u32.checked_shl(window_bits.into()).unwrap_or(u32::MAX),
            output: 0,
            made: 0,
            furthest: 0,
            bits: 0,
            count: 0,
            state: State::Header,
            last_block: false,
            fixed: false,
            lengths: [0; MAX_LENGTHS],
            literals: Huffman::new(),
            distances: Huffman::new(),
        }
    }

    /// The furthest distance so far, in bytes.
    #[must_use]
    pub const fn furthest(&self) -> u32 {
        self.furthest
    }

    /// How many bytes of output what was followed stands for: where it failed, what came before that.
    pub(super) const fn made(&self) -> u64 {
        self.made
    }

    /// Follows the stream on.
    ///
    /// # Errors
    ///
    /// A distance beyond the window or beyond the beginning, a stream that is not DEFLATE.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "fewer than 32 bits wait when eight more come"
    )]
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), DistanceError> {
        for byte in bytes {
            self.bits |= u64::from(*byte) << self.count;
            self.count += 8;
            while self.step()? {}
        }
        Ok(())
    }

    /// Takes one thing from the bits, if all of it is there.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "numbers of at most five bits, and a count that is above zero"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "no number has more than five bits")]
    #[expect(clippy::indexing_slicing, reason = "there are at most 19 lengths of lengths")]
    fn step(&mut self) -> Result<bool, DistanceError> {
        match self.state {
            State::Header => {
                let Some(header) = self.take(3) else { return Ok(false) };
                self.last_block = header & 1 != 0;
                self.state = match header >> 1 {
                    0 => {
                        self.align();
                        State::StoredLength
                    }
                    1 => {
                        self.use_fixed_codes();
                        State::Codes
                    }
                    2 => {
                        self.fixed = false;
                        State::Numbers
                    }
                    _ => return Err(DistanceError),
                };
            }
            State::StoredLength => {
                let Some(length) = self.take(32) else { return Ok(false) };
                if length & 0xffff != !(length >> 16) & 0xffff {
                    return Err(DistanceError);
                }
                self.state = State::Stored(length & 0xffff);
                self.end_stored(length & 0xffff);
            }
            State::Stored(left) => {
                if self.take(8).is_none() {
                    return Ok(false);
                }
                self.grow(1);
                self.state = State::Stored(left - 1);
                self.end_stored(left - 1);
            }
            State::Numbers => {
                let Some(bits) = self.take(14) else { return Ok(false) };
                let numbers = Numbers {
                    literals: (bits & 0x1f) as u16 + 257,
                    distances: (bits >> 5 & 0x1f) as u16 + 1,
                    length_codes: (bits >> 10) as u16 + 4,
                };
                self.lengths = [0; MAX_LENGTHS];
                self.state = State::LengthLengths { numbers, index: 0 };
            }
            State::LengthLengths { numbers, index } => {
                let Some(length) = self.take(3) else { return Ok(false) };
                self.lengths[usize::from(ORDER[usize::from(index)])] = length as u8;
                let index = index + 1;
                self.state = if index < numbers.length_codes {
                    State::LengthLengths { numbers, index }
                } else {
                    self.literals.build(&self.lengths[..19]);
                    self.lengths = [0; MAX_LENGTHS];
                    State::Lengths { numbers, index: 0 }
                };
            }
            State::Lengths { numbers, index } => return self.read_length(numbers, index),
            State::Codes => return self.read_code(),
            State::Distance { length } => return self.read_distance(length),
        }
        Ok(true)
    }

    #[expect(
        clippy::arithmetic_side_effects,
        reason = "no more than 320 lengths and 138 repetitions"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "at most 320 lengths")]
    #[expect(clippy::indexing_slicing, reason = "`end` has been compared with the array's length")]
    fn read_length(&mut self, numbers: Numbers, index: u16) -> Result<bool, DistanceError> {
        let Some((symbol, used)) = self.literals.decode(self.bits, self.count)? else {
            return Ok(false);
        };
        let (extra, base) = match symbol {
            0..=15 => (0, 1),
            16 => (2, 3),
            17 => (3, 3),
            _ => (7, 11),
        };
        if self.count < used + extra {
            return Ok(false);
        }
        self.take(used);
        let repeat = base + self.take(extra).unwrap_or_default();
        let at = usize::from(index);
        let value = match symbol {
            16 => *at.checked_sub(1).and_then(|i| self.lengths.get(i)).ok_or(DistanceError)?,
            17.. => 0,
            length => length as u8,
        };
        let all = usize::from(numbers.literals + numbers.distances);
        let end = at + repeat as usize;
        if end > all {
            return Err(DistanceError);
        }
        self.lengths.get_mut(at..end).ok_or(DistanceError)?.fill(value);
        self.state = if end < all {
            State::Lengths { numbers, index: end as u16 }
        } else {
            let (literals, distances) = self.lengths[..all].split_at(usize::from(numbers.literals));
            self.literals.build(literals);
            self.distances.build(distances);
            State::Codes
        };
        Ok(true)
    }

    #[expect(clippy::arithmetic_side_effects, reason = "at most 258 by the table of the format")]
    fn read_code(&mut self) -> Result<bool, DistanceError> {
        let Some((symbol, used)) = self.literals.decode(self.bits, self.count)? else {
            return Ok(false);
        };
        match symbol {
            0..=255 => {
                self.take(used);
                self.grow(1);
            }
            256 => {
                self.take(used);
                self.end_block();
            }
            257..=285 => {
                let code = u32::from(symbol) - 257;
                let (base, extra) = match code {
                    0..=7 => (code + 3, 0),
                    28 => (258, 0),
                    _ => (((4 + code % 4) << (code / 4 - 1)) + 3, code / 4 - 1),
                };
                if self.count < used + extra {
                    return Ok(false);
                }
                self.take(used);
                let length = base + self.take(extra).unwrap_or_default();
                self.state = State::Distance { length };
            }
            _ => return Err(DistanceError),
        }
        Ok(true)
    }

    #[expect(clippy::arithmetic_side_effects, reason = "at most 32,768 by the table of the format")]
    fn read_distance(&mut self, length: u32) -> Result<bool, DistanceError> {
        let Some((symbol, used)) = self.distances.decode(self.bits, self.count)? else {
            return Ok(false);
        };
        let code = u32::from(symbol);
        let (base, extra) = match code {
            0..=3 => (code + 1, 0),
            4..=29 => (((2 + code % 2) << (code / 2 - 1)) + 1, code / 2 - 1),
            _ => return Err(DistanceError),
        };
        if self.count < used + extra {
            return Ok(false);
        }
        self.take(used);
        let distance = base + self.take(extra).unwrap_or_default();
        if distance > self.window || distance > self.output {
            return Err(DistanceError);
        }
        self.furthest = self.furthest.max(distance);
        self.grow(length);
        self.state = State::Codes;
        Ok(true)
    }

    /// The next `count` bits, 32 at most, if they are there.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "`count` is at most 32 and has been compared"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "no more than 32 bits are asked for")]
    fn take(&mut self, count: u32) -> Option<u32> {
        if self.count < count {
            return None;
        }
        let bits = self.bits & ((1u64 << count) - 1);
        self.bits >>= count;
        self.count -= count;
        Some(bits as u32)
    }

    fn align(&mut self) {
        self.take(self.count % 8);
    }

    #[expect(clippy::cast_possible_truncation, reason = "the largest window is 32 KiB")]
    fn grow(&mut self, length: u32) {
        self.made = self.made.saturating_add(u64::from(length));
        self.output = self.output.saturating_add(length).min(MAX_WINDOW as u32);
    }

    fn end_stored(&mut self, left: u32) {
        if left == 0 {
            self.end_block();
        }
    }

    /// A final block ends at a byte boundary; what follows it in a message is a new block.
    fn end_block(&mut self) {
        if self.last_block {
            self.align();
        }
        self.state = State::Header;
    }

    fn use_fixed_codes(&mut self) {
        if self.fixed {
            return;
        }
        self.fixed = true;
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        self.literals.build(&lengths);
        self.distances.build(&[5; 30]);
    }
}

/// A canonical Huffman code: how many codes of each length there are, and the symbols in order.
#[derive(Clone, Debug)]
struct Huffman<const N: usize> {
    counts: [u16; 16],
    symbols: [u16; N],
}

impl<const N: usize> Huffman<N> {
    const fn new() -> Self {
        Self { counts: [0; 16], symbols: [0; N] }
    }

    #[expect(
        clippy::arithmetic_side_effects,
        reason = "at most 320 codes, so no sum of their counts is larger"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "at most 320 symbols")]
    #[expect(clippy::indexing_slicing, reason = "sixteen lengths, masked")]
    fn build(&mut self, lengths: &[u8]) {
        self.counts = [0; 16];
        for length in lengths {
            self.counts[usize::from(*length & 15)] += 1;
        }
        self.counts[0] = 0;
        let mut next = [0; 16];
        for length in 1..16 {
            next[length] = next[length - 1] + self.counts[length - 1];
        }
        for (symbol, length) in lengths.iter().enumerate() {
            let place = &mut next[usize::from(*length & 15)];
            if *length != 0 {
                if let Some(slot) = self.symbols.get_mut(usize::from(*place)) {
                    *slot = symbol as u16;
                }
                *place += 1;
            }
        }
    }

    /// The symbol that the first of `count` bits stand for and how many they are; `None` where they do not
    /// suffice.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "sums of at most 320 codes, doubled fifteen times"
    )]
    #[expect(clippy::indexing_slicing, reason = "lengths from 1 to 15")]
    fn decode(&self, mut bits: u64, count: u32) -> Result<Option<(u16, u32)>, DistanceError> {
        let (mut code, mut first, mut index) = (0u32, 0u32, 0u32);
        for length in 1..16u32 {
            if length > count {
                return Ok(None);
            }
            code |= (bits & 1) as u32;
            bits >>= 1;
            let codes = u32::from(self.counts[length as usize]);
            if code < first + codes {
                let at = (index + code).wrapping_sub(first) as usize;
                let symbol = self.symbols.get(at).ok_or(DistanceError)?;
                return Ok(Some((*symbol, length)));
            }
            index += codes;
            first = (first + codes) << 1;
            code <<= 1;
        }
        Err(DistanceError)
    }
}
