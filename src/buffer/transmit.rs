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
#[cfg(feature = "deflate")]
use core::ops::Range;

use bytes::{Buf, Bytes};

use super::masked::extend_masked;
use crate::frame::{Header, MAX_HEADER, Unkeyed};

/// Bytes on their way to the peer, as a [`Buf`]: `chunk`/`advance` for plain writes, `chunks_vectored` for
/// vectored ones, or anything that takes a `Buf`.
#[derive(Default)]
pub struct Transmit {
    flat: Vec<u8>,
    /// How much of `flat` has been sent.
    sent: usize,
    /// Payloads that are not copied, each at its place in `flat`.
    splices: VecDeque<Splice>,
    /// Bytes of all splices, more than memory holds where one payload is queued again and again.
    spliced: u64,
    /// Bytes sent since the queue was made. It wraps: what counts is the difference of two looks.
    total: u64,
}

/// The memory of a queue's payloads by pointer, without any: for a pool.
#[cfg(feature = "tokio")]
pub(crate) struct Ring(VecDeque<Splice>);

struct Splice {
    /// The payload goes out before the byte of `flat` with this index.
    at: usize,
    bytes: Bytes,
}

/// A flat buffer larger than this is freed rather than kept for the next message.
const KEEP: usize = 32 * 1024;

/// Room for more payloads than this is freed rather than kept for another queue.
#[cfg(feature = "tokio")]
const RING: usize = 32;

impl Transmit {
    pub(crate) const fn new() -> Self {
        Self { flat: Vec::new(), sent: 0, splices: VecDeque::new(), spliced: 0, total: 0 }
    }

    /// How many bytes wait to be sent.
    #[inline]
    #[must_use]
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "`sent` is an index into `flat`; nobody queues 2^63 bytes"
    )]
    pub fn len(&self) -> usize {
        let flat = (self.flat.len() - self.sent) as u64;
        usize::try_from(flat + self.spliced).unwrap_or(usize::MAX)
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
            self.spliced = self.spliced.saturating_add(bytes.len() as u64);
            self.splices.push_back(Splice { at: self.flat.len(), bytes });
        }
    }

    /// Queues a header and a copy of its payload, masked if the header has a key.
    #[inline(always)]
    pub(crate) fn put_frame(&mut self, header: &Header, payload: &[u8]) {
        self.make_room(payload.len().saturating_add(MAX_HEADER));
        self.put_header(header);
        match header.mask {
            None => self.flat.extend_from_slice(payload),
            Some(key) => extend_masked(&mut self.flat, payload, key),
        }
    }

    /// Queues a header and its payload by pointer, which is masked already if the header has a key.
    pub(crate) fn put_frame_bytes(&mut self, header: &Header, payload: Bytes) {
        self.make_room(MAX_HEADER);
        self.put_header(header);
        self.put_bytes(payload);
    }

    /// Appends a header: arrays of a known length, since this is what each message sent costs.
    #[inline(always)]
    fn put_header(&mut self, header: &Header) {
        match header.encode_unkeyed() {
            Unkeyed::Short(two) => self.flat.extend_from_slice(&two.to_be_bytes()),
            Unkeyed::Medium(four) => self.flat.extend_from_slice(&four.to_be_bytes()),
            Unkeyed::Long(two, len) => {
                self.flat.extend_from_slice(&two.to_be_bytes());
                self.flat.extend_from_slice(&len.to_be_bytes());
            }
        }
        if let Some(key) = header.mask {
            self.flat.extend_from_slice(&key);
        }
    }

    /// Queues a frame whose payload `build` appends, masked if the header has a key; nothing if it answers false.
    ///
    /// The header's length is a guess, which is put right once the payload is there: room is left for that, and the
    /// payload is moved where it was wrong.
    #[cfg(feature = "deflate")]
    pub(crate) fn put_built(
        &mut self,
        mut header: Header,
        build: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let likely = usize::try_from(header.len).unwrap_or(usize::MAX);
        self.make_room(likely.saturating_add(MAX_HEADER));
        let start = self.flat.len();
        let payload = start.saturating_add(header.encoded_len());
        self.flat.extend_from_slice(&[0; MAX_HEADER]);
        self.flat.truncate(payload);
        if !build(&mut self.flat) {
            self.flat.truncate(start);
            return false;
        }
        let built = self.flat.get_mut(payload..).unwrap_or_default();
        header.len = built.len() as u64;
        if let Some(key) = header.mask {
            crate::frame::mask(built, key);
        }
        let room = self.flat.get_mut(start..payload).unwrap_or_default();
        match (<&mut [u8; 2]>::try_from(room), header.encode_unkeyed()) {
            (Ok(room), Unkeyed::Short(two)) => *room = two.to_be_bytes(),
            _ => self.mend_header(start..payload, &header.encode()),
        }
        true
    }

    /// Puts a header in its room, moving what comes after it where the room is not as long as the header.
    #[cfg(feature = "deflate")]
    fn mend_header(&mut self, room: Range<usize>, header: &[u8]) {
        match self.flat.get_mut(room.clone()).filter(|room| room.len() == header.len()) {
            Some(room) => room.copy_from_slice(header),
            None => drop(self.flat.splice(room, header.iter().copied())),
        }
    }

    /// Gives the memory back where nothing waits to be sent, for a pool or for good.
    pub fn take_memory(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() {
            return None;
        }
        // The ring is small, but lies among what large payloads leave behind and would keep it from going back: a pool
        // takes it first.
        if self.splices.capacity() > 0 {
            self.splices = VecDeque::new();
        }
        if self.flat.capacity() == 0 {
            return None;
        }
        Some(core::mem::take(&mut self.flat))
    }

    /// Lends memory to a queue that owns none; otherwise the memory is dropped.
    pub fn lend_memory(&mut self, mut memory: Vec<u8>) {
        if self.flat.capacity() == 0 {
            memory.clear();
            self.flat = memory;
        }
    }

    /// Gives the memory of the payloads by pointer back where none waits and there is some, which is not much.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn take_ring(&mut self) -> Option<Ring> {
        if !(1..=RING).contains(&self.splices.capacity()) || !self.splices.is_empty() {
            return None;
        }
        Some(Ring(core::mem::take(&mut self.splices)))
    }

    /// Frees the memory of many payloads by pointer, once none waits.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn drop_large_ring(&mut self) {
        if self.splices.capacity() > RING && self.splices.is_empty() {
            self.splices = VecDeque::new();
        }
    }

    /// Whether a payload by pointer would have to allocate before it can wait.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn lacks_ring(&self) -> bool {
        self.splices.capacity() == 0
    }

    /// Lends such memory to a queue that [lacks](Self::lacks_ring) it.
    #[cfg(feature = "tokio")]
    pub(crate) fn lend_ring(&mut self, ring: Ring) {
        self.splices = ring.0;
    }

    /// Drops everything that waits.
    pub(crate) fn discard(&mut self) {
        *self = Self { total: self.total, ..Self::new() };
    }

    /// Sets how many bytes have been sent in all, by other queues of the same connection.
    pub(crate) fn count_from(&mut self, total: u64) {
        self.total = total;
    }

    /// How many bytes have been sent in all.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Takes `count` bytes off the queue, as [`advance`](Buf::advance), and keeps the memory, however large, for a pool.
    #[inline]
    #[expect(clippy::arithmetic_side_effects, reason = "`count` is at most what is left of `flat`")]
    pub(crate) fn note_sent(&mut self, count: usize) {
        assert!(count <= self.len(), "more bytes advanced than are queued");
        self.total = self.total.wrapping_add(count as u64);
        if self.splices.is_empty() {
            self.sent += count;
        } else {
            self.advance_through(count);
        }
        if self.sent == self.flat.len() && self.splices.is_empty() {
            self.sent = 0;
            self.flat.clear();
        }
    }

    /// Sees that the flat buffer has room for `len` bytes more.
    #[inline]
    fn make_room(&mut self, len: usize) {
        if self.lacks_room(len) {
            self.grow(len);
        }
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        self.move_down();
        self.flat.reserve(len);
    }

    /// Whether the buffer would have to grow for `len` bytes more, or much of it has been sent.
    #[inline]
    fn lacks_room(&self, len: usize) -> bool {
        self.flat.capacity().saturating_sub(self.flat.len()) < len || self.sent >= KEEP
    }

    /// Moves what waits to the front once at least half is sent: each move costs no more than what was sent since the
    /// last.
    fn move_down(&mut self) {
        if self.sent > 0 && self.sent >= self.flat.len() / 2 {
            self.flat.drain(..self.sent);
            for splice in &mut self.splices {
                splice.at = splice.at.saturating_sub(self.sent);
            }
            self.sent = 0;
        }
    }

    /// Takes `count` bytes of what is queued, splices and what lies between them.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "each step is at most what it is taken from"
    )]
    fn advance_through(&mut self, mut count: usize) {
        while count > 0 {
            match self.splices.front_mut() {
                Some(splice) if splice.at == self.sent => {
                    let step = count.min(splice.bytes.len());
                    splice.bytes.advance(step);
                    self.spliced -= step as u64;
                    count -= step;
                    if splice.bytes.is_empty() {
                        self.splices.pop_front();
                    }
                }
                _ => {
                    let step = count.min(self.run_end() - self.sent);
                    self.sent += step;
                    count -= step;
                }
            }
        }
    }

    /// Where the first run of `flat` ends.
    #[inline]
    fn run_end(&self) -> usize {
        self.splices.front().map_or(self.flat.len(), |splice| splice.at)
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
            _ => self.flat.get(self.sent..self.run_end()).unwrap_or_default(),
        }
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.note_sent(count);
        if self.sent == 0 && self.flat.capacity() > KEEP && self.is_empty() {
            self.flat = Vec::new();
        }
    }

    #[cfg(feature = "std")]
    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let mut from = self.sent;
        let mut splices = self.splices.iter();
        let mut next = splices.next();
        for (used, slice) in slices.iter_mut().enumerate() {
            let end = next.map_or(self.flat.len(), |splice| splice.at);
            let piece: &'a [u8] = if from < end {
                let run = self.flat.get(from..end).unwrap_or_default();
                from = end;
                run
            } else if let Some(splice) = next {
                next = splices.next();
                &splice.bytes
            } else {
                return used;
            };
            *slice = std::io::IoSlice::new(piece);
        }
        slices.len()
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
        /// As after a vectored write: several chunks at once.
        Advance(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            bytes().prop_map(Op::Copy),
            bytes().prop_map(Op::Splice),
            (0usize..60).prop_map(Op::Send),
            (0usize..120).prop_map(Op::Advance),
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
                    Op::Advance(count) => {
                        let count = count.min(tx.len());
                        tx.advance(count);
                        expected.drain(..count);
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
