//! DEFLATE (RFC 1951) read a bit at a time, as its specification tells it: slow, and independent of the library.

/// What came of all messages so far, for the next to refer to.
pub struct Puff {
    pub window: usize,
    pub takeover: bool,
    /// The most output of a message.
    pub limit: usize,
    history: Vec<u8>,
}

#[derive(Debug, PartialEq)]
pub enum Broken {
    Data,
    TooLarge,
}

const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

impl Puff {
    pub fn new(window_bits: u8, takeover: bool, limit: usize) -> Self {
        Self { window: 1 << window_bits, takeover, limit, history: Vec::new() }
    }

    /// Inflates a message as RFC 7692 frames it: without the tail, `00 00 ff ff`, of the empty stored block at its
    /// end. A message may also end with a final block.
    pub fn message(&mut self, payload: &[u8]) -> Result<Vec<u8>, Broken> {
        if !self.takeover {
            self.history.clear();
        }
        let start = self.history.len();
        let mut bits = Bits { bytes: payload, at: 0 };
        let mut is_final = true;
        while !(is_final && bits.at == 8 * payload.len()) {
            is_final = bits.take(1)? == 1;
            match bits.take(2)? {
                0 => {
                    bits.align();
                    if bits.at == 8 * payload.len() {
                        break;
                    }
                    let len = bits.take(16)?;
                    if bits.take(16)? != len ^ 0xffff {
                        return Err(Broken::Data);
                    }
                    for _ in 0..len {
                        let byte = bits.take(8)? as u8;
                        self.put(byte, start)?;
                    }
                }
                1 => {
                    let lengths: Vec<u8> = (0..288)
                        .map(|symbol| match symbol {
                            0..144 => 8,
                            144..256 => 9,
                            256..280 => 7,
                            _ => 8,
                        })
                        .collect();
                    self.codes(
                        &mut bits,
                        &Huffman::new(&lengths).0,
                        &Huffman::new(&[5; 30]).0,
                        start,
                    )?;
                }
                2 => {
                    let (literals, distances) = tables(&mut bits)?;
                    self.codes(&mut bits, &literals, &distances, start)?;
                }
                _ => return Err(Broken::Data),
            }
            if is_final {
                bits.align();
            }
        }
        Ok(self.history[start..].to_vec())
    }

    fn put(&mut self, byte: u8, start: usize) -> Result<(), Broken> {
        if self.history.len() - start == self.limit {
            return Err(Broken::TooLarge);
        }
        self.history.push(byte);
        Ok(())
    }

    fn codes(
        &mut self,
        bits: &mut Bits<'_>,
        literals: &Huffman,
        distances: &Huffman,
        start: usize,
    ) -> Result<(), Broken> {
        loop {
            let symbol = literals.decode(bits)?;
            match symbol {
                0..256 => self.put(symbol as u8, start)?,
                256 => return Ok(()),
                257..286 => {
                    let length = length(bits, usize::from(symbol) - 257)?;
                    let symbol = usize::from(distances.decode(bits)?);
                    let distance = distance(bits, symbol)?;
                    if distance > self.history.len().min(self.window) {
                        return Err(Broken::Data);
                    }
                    for _ in 0..length {
                        let byte = self.history[self.history.len() - distance];
                        self.put(byte, start)?;
                    }
                }
                _ => return Err(Broken::Data),
            }
        }
    }
}

fn length(bits: &mut Bits<'_>, symbol: usize) -> Result<usize, Broken> {
    let extra = if symbol < 8 || symbol == 28 { 0 } else { symbol / 4 - 1 };
    let base = match symbol {
        0..8 => 3 + symbol,
        28 => 258,
        _ => 3 + ((4 + symbol % 4) << extra),
    };
    Ok(base + bits.take(extra as u32)? as usize)
}

fn distance(bits: &mut Bits<'_>, symbol: usize) -> Result<usize, Broken> {
    let extra = if symbol < 4 { 0 } else { symbol / 2 - 1 };
    let base = match symbol {
        0..4 => 1 + symbol,
        4..30 => 1 + ((2 + symbol % 2) << extra),
        _ => return Err(Broken::Data),
    };
    Ok(base + bits.take(extra as u32)? as usize)
}

/// The two codes of a dynamic block.
fn tables(bits: &mut Bits<'_>) -> Result<(Huffman, Huffman), Broken> {
    let literals = bits.take(5)? as usize + 257;
    let distances = bits.take(5)? as usize + 1;
    let count = bits.take(4)? as usize + 4;
    if literals > 286 || distances > 30 {
        return Err(Broken::Data);
    }
    let mut lengths = [0; 19];
    for at in &ORDER[..count] {
        lengths[*at] = bits.take(3)? as u8;
    }
    let (code, left) = Huffman::new(&lengths);
    if left != 0 {
        return Err(Broken::Data);
    }
    let mut lengths: Vec<u8> = Vec::new();
    while lengths.len() < literals + distances {
        let (value, times) = match code.decode(bits)? {
            16 => (*lengths.last().ok_or(Broken::Data)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length as u8, 1),
        };
        lengths.extend((0..times).map(|_| value));
    }
    if lengths.len() > literals + distances || lengths[256] == 0 {
        return Err(Broken::Data);
    }
    let (literals, distances) = lengths.split_at(literals);
    // A code may be incomplete only where it is a single one of one bit, or none.
    let checked = |lengths: &[u8]| match Huffman::new(lengths) {
        (code, 0) => Ok(code),
        (code, left) if left > 0 && lengths.iter().all(|length| *length <= 1) => Ok(code),
        _ => Err(Broken::Data),
    };
    Ok((checked(literals)?, checked(distances)?))
}

struct Bits<'b> {
    bytes: &'b [u8],
    /// In bits.
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Result<u32, Broken> {
        (0..count).try_fold(0, |value, place| {
            let byte = self.bytes.get(self.at / 8).ok_or(Broken::Data)?;
            let bit = u32::from(byte >> (self.at % 8) & 1);
            self.at += 1;
            Ok(value | bit << place)
        })
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

/// A canonical code: how many symbols have each length, and the symbols in order (RFC 1951 section 3.2.2).
struct Huffman {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Huffman {
    /// The code, and how many codes of 15 bits are left over: less than none where there are too many.
    fn new(lengths: &[u8]) -> (Self, i32) {
        let mut counts = [0; 16];
        lengths.iter().for_each(|length| counts[usize::from(*length)] += 1);
        let mut symbols: Vec<u16> =
            (0..lengths.len() as u16).filter(|s| lengths[usize::from(*s)] > 0).collect();
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]);
        let used: i32 = (1..16).map(|length| i32::from(counts[length]) << (15 - length)).sum();
        (Self { counts, symbols }, (1 << 15) - used)
    }

    fn decode(&self, bits: &mut Bits<'_>) -> Result<u16, Broken> {
        let (mut code, mut first, mut index) = (0i32, 0i32, 0i32);
        for length in 1..16 {
            code |= bits.take(1)? as i32;
            let count = i32::from(self.counts[length]);
            if code - count < first {
                return Ok(self.symbols[(index + code - first) as usize]);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Broken::Data)
    }
}
