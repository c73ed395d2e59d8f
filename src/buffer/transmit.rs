//! The transmit queue: headers and small payloads in one flat buffer, large payloads by pointer between.
//!
//! ```text
//!   flat:     | h1 p1 | h2 p2 | h3 |            | h4 p4 |
//!   splices:                       ^ p3 (Bytes)
//! ```
//!
//! One vectored write carries it all, in order. The flat buffer is given back when it has been sent.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use bytes::{Buf, Bytes};

#[cfg(feature = "deflate")]
use crate::frame::{Header, OpCode};

/// Bytes on their way to the peer, as a [`Buf`]: `chunk`/`advance` for plain writes, `chunks_vectored` for
/// vectored ones, or anything that takes a `Buf`.
#[derive(Default)]
pub struct Transmit {
    flat: Vec<u8>,
    /// How much of `flat` has been sent.
    sent: usize,
    /// Payloads that are not copied, each at its place in `flat`.
    splices: VecDeque<Splice>,
    /// Bytes of all splices.
    spliced: usize,
    /// Bytes sent since the queue was made.
    total: u64,
}

struct Splice {
    /// The payload goes out before the byte of `flat` with this index.
    at: usize,
    bytes: Bytes,
}

/// A flat buffer larger than this is freed rather than kept for the next message.
const KEEP: usize = 16 * 1024;

impl Transmit {
    pub(crate) const fn new() -> Self {
        Self { flat: Vec::new(), sent: 0, splices: VecDeque::new(), spliced: 0, total: 0 }
    }

    /// How many bytes wait to be sent.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.flat.len() - self.sent + self.spliced
    }

    /// Whether nothing waits to be sent.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory the queue owns beside payloads that were handed over, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.flat.capacity()
    }

    /// Queues a copy of `bytes`: a handshake's response, or frames encoded elsewhere.
    #[inline]
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.flat.extend_from_slice(bytes);
    }

    /// Queues `bytes` by pointer.
    pub fn put_bytes(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.spliced += bytes.len();
            self.splices.push_back(Splice { at: self.flat.len(), bytes });
        }
    }

    /// Queues a header and a copy of its payload, masked with `key` if there is one.
    #[inline]
    pub(crate) fn put_frame(&mut self, header: &[u8], payload: &[u8], key: Option<[u8; 4]>) {
        self.make_room(header.len() + payload.len());
        self.flat.reserve(header.len() + payload.len());
        self.flat.extend_from_slice(header);
        let start = self.flat.len();
        self.flat.extend_from_slice(payload);
        if let Some(key) = key {
            crate::frame::mask(&mut self.flat[start..], key);
        }
    }

    /// Queues a frame whose payload `build` appends, with the header that it returns, masked with `key` if
    /// there is one; nothing if it returns none.
    ///
    /// The header's length is known only after its payload's. Room is left for that of a payload of `likely` bytes, and
    /// the payload is moved where that was wrong.
    #[cfg(feature = "deflate")]
    pub(crate) fn put_built(
        &mut self,
        key: Option<[u8; 4]>,
        likely: usize,
        build: impl FnOnce(&mut Vec<u8>) -> Option<Header>,
    ) -> bool {
        let guess =
            Header { fin: true, rsv1: true, opcode: OpCode::Binary, mask: key, len: likely as u64 };
        let left = guess.encode().len();
        self.make_room(left + likely);
        let start = self.flat.len();
        self.flat.resize(start + left, 0);
        let Some(header) = build(&mut self.flat) else {
            self.flat.truncate(start);
            return false;
        };
        if let Some(key) = key {
            crate::frame::mask(&mut self.flat[start + left..], key);
        }
        let header = header.encode();
        let end = self.flat.len();
        if header.len() > left {
            self.flat.resize(end + header.len() - left, 0);
        }
        if header.len() != left {
            self.flat.copy_within(start + left..end, start + header.len());
            self.flat.truncate(end + header.len() - left);
        }
        self.flat[start..start + header.len()].copy_from_slice(&header);
        true
    }

    /// Gives the memory back where nothing waits to be sent, for a pool or for good.
    pub fn take_memory(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() || self.flat.capacity() == 0 {
            return None;
        }
        self.sent = 0;
        let mut memory = core::mem::take(&mut self.flat);
        memory.clear();
        Some(memory)
    }

    /// Lends memory to a queue that owns none; otherwise the memory is dropped.
    pub fn lend_memory(&mut self, mut memory: Vec<u8>) {
        if self.flat.capacity() == 0 {
            memory.clear();
            self.flat = memory;
        }
    }

    /// Drops everything that waits.
    pub(crate) fn discard(&mut self) {
        *self = Self { total: self.total, ..Self::new() };
    }

    /// How many bytes have been sent in all.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Moves what waits to the front before the buffer would have to grow, and when much has been sent, once at
    /// least half is sent: each move costs no more than what was sent since the last.
    #[inline]
    fn make_room(&mut self, len: usize) {
        if self.sent > 0 && self.sent >= self.flat.len() / 2 {
            let grows = self.flat.capacity() - self.flat.len() < len || self.sent >= KEEP;
            if grows {
                self.flat.drain(..self.sent);
                for splice in &mut self.splices {
                    splice.at -= self.sent;
                }
                self.sent = 0;
            }
        }
    }

    /// Where the flat run ends that begins at `from`, the first splice being number `splice`.
    fn run_end(&self, splice: usize) -> usize {
        self.splices.get(splice).map_or(self.flat.len(), |splice| splice.at)
    }
}

impl Buf for Transmit {
    #[inline]
    fn remaining(&self) -> usize {
        self.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        match self.splices.front() {
            Some(splice) if splice.at == self.sent => &splice.bytes,
            _ => &self.flat[self.sent..self.run_end(0)],
        }
    }

    #[inline]
    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len(), "more bytes advanced than are queued");
        self.total += count as u64;
        while count > 0 {
            match self.splices.front_mut() {
                Some(splice) if splice.at == self.sent => {
                    let step = count.min(splice.bytes.len());
                    splice.bytes.advance(step);
                    self.spliced -= step;
                    count -= step;
                    if splice.bytes.is_empty() {
                        self.splices.pop_front();
                    }
                }
                _ => {
                    let step = count.min(self.run_end(0) - self.sent);
                    self.sent += step;
                    count -= step;
                }
            }
        }
        if self.is_empty() {
            self.sent = 0;
            self.flat.clear();
            if self.flat.capacity() > KEEP {
                self.flat = Vec::new();
            }
        }
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let mut used = 0;
        let mut from = self.sent;
        let mut splice = 0;
        while used < slices.len() {
            let end = self.run_end(splice);
            let next: &'a [u8] = if from < end {
                let run = &self.flat[from..end];
                from = end;
                run
            } else if let Some(found) = self.splices.get(splice) {
                splice += 1;
                &found.bytes
            } else {
                break;
            };
            slices[used] = std::io::IoSlice::new(next);
            used += 1;
        }
        used
    }
}

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit")
            .field("len", &self.len())
            .field("splices", &self.splices.len())
            .field("capacity", &self.flat.capacity())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Op {
        Copy(Vec<u8>),
        Splice(Vec<u8>),
        Send(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            bytes().prop_map(Op::Copy),
            bytes().prop_map(Op::Splice),
            (0usize..60).prop_map(Op::Send),
        ]
    }

    proptest! {
        #[test]
        fn bytes_leave_in_the_order_they_were_queued(ops in proptest::collection::vec(op(), 0..60)) {
            let mut tx = Transmit::new();
            let mut expected = VecDeque::new();
            for op in ops {
                match op {
                    Op::Copy(bytes) => {
                        tx.put_slice(&bytes);
                        expected.extend(bytes);
                    }
                    Op::Splice(bytes) => {
                        expected.extend(&bytes);
                        tx.put_bytes(Bytes::from(bytes));
                    }
                    Op::Send(count) => {
                        let count = count.min(tx.len());
                        let sent = tx.copy_to_bytes(count);
                        let expected: Vec<u8> = expected.drain(..count).collect();
                        prop_assert_eq!(&sent[..], &expected[..]);
                    }
                }
                prop_assert_eq!(tx.len(), expected.len());
                #[cfg(feature = "std")]
                {
                    let mut slices = [std::io::IoSlice::new(&[]); 64];
                    let used = tx.chunks_vectored(&mut slices);
                    let all: Vec<u8> = slices[..used].iter().flat_map(|s| s.iter().copied()).collect();
                    let expected: Vec<u8> = expected.iter().copied().collect();
                    if used < 64 {
                        prop_assert_eq!(all, expected);
                    } else {
                        prop_assert!(expected.starts_with(&all));
                    }
                }
            }
        }
    }
}
