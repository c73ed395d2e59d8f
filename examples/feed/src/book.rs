//! An order book.

use std::collections::BTreeMap;

use crate::protocol::Levels;

/// How many levels of each side the checksum covers.
const COVERED: usize = 10;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    pub sequence: u64,
    bids: BTreeMap<u64, u64>,
    asks: BTreeMap<u64, u64>,
}

impl Book {
    /// The book that a snapshot describes.
    pub fn from_snapshot(snapshot: &Levels) -> Self {
        let mut book = Self::default();
        book.apply(snapshot);
        book
    }

    /// Changes the levels that an update names.
    pub fn apply(&mut self, update: &Levels) {
        self.sequence = update.sequence;
        for (side, levels) in [(&mut self.bids, &update.bids), (&mut self.asks, &update.asks)] {
            for &(price, quantity) in levels {
                match quantity {
                    0 => side.remove(&price),
                    _ => side.insert(price, quantity),
                };
            }
        }
    }

    /// CRC-32 over the ten best asks, then the ten best bids: price and quantity of each in decimal.
    pub fn checksum(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        let asks = self.asks.iter().take(COVERED);
        for (price, quantity) in asks.chain(self.bids.iter().rev().take(COVERED)) {
            crc.update(price.to_string().as_bytes());
            crc.update(quantity.to_string().as_bytes());
        }
        crc.finalize()
    }

    pub fn to_levels(&self, symbol: &str) -> Levels {
        Levels {
            symbol: symbol.to_owned(),
            sequence: self.sequence,
            bids: self.bids.iter().map(|(price, quantity)| (*price, *quantity)).collect(),
            asks: self.asks.iter().map(|(price, quantity)| (*price, *quantity)).collect(),
            checksum: self.checksum(),
        }
    }
}
