//! Memory for buffers, lent only while bytes are in them: an idle connection owns none.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

use bytes::Bytes;

use super::lent::{self, LentRecvBuf};
use crate::buffer::{KEEP, Ring, Rough, SPLICE};
use crate::{Connection, Message, RecvBuf, Transmit};

/// The size of a lent buffer: what one read takes at most. Sixteen messages of 1 KiB fit with their headers; a connection
/// that waits in the middle of a message holds no more.
pub(super) const SIZE: usize = 24 * 1024;

/// How many buffers of up to how much memory a thread keeps, beside those in what it lends as a whole. Those that large messages have grown are for such messages
/// only: what they take is a thread's, not a connection's, and nothing is reserved because a header announces it. What
/// connections hold of them in the midst of a message counts, so those that stop there get no more than this. Where more
/// need some at once, a buffer gets what earlier messages of its own connection justify.
const SMALL: usize = KEEP;
const SMALL_KEPT: usize = 16;
const LARGE: usize = 4 * 1024 * 1024;
const LARGE_KEPT: usize = 2;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::new(SMALL_KEPT)) };
    static LARGE_POOL: RefCell<Pool> = const { RefCell::new(Pool::new(LARGE_KEPT)) };
    /// As many as small buffers at most.
    static RINGS: RefCell<Vec<Ring>> = const { RefCell::new(Vec::new()) };
}

/// A connection's right to memory that large messages have grown, until it holds none any more.
pub(super) type Lease = Option<Arc<()>>;

/// A thread's buffers of one class.
struct Pool {
    kept: Vec<Vec<u8>>,
    /// Memory that left with a message, the oldest first. Once nobody else holds it, it is as good as kept.
    away: Vec<Bytes>,
    /// Shared with the leases.
    lent: Option<Arc<()>>,
    /// How many buffers there may be, here, away and lent on a lease.
    most: usize,
}

impl Pool {
    const fn new(most: usize) -> Self {
        Self { kept: Vec::new(), away: Vec::new(), lent: None, most }
    }

    #[inline]
    fn take(&mut self) -> Option<Vec<u8>> {
        if self.away.is_empty() { self.kept.pop() } else { self.take_nearest() }
    }

    #[inline(never)]
    fn take_nearest(&mut self) -> Option<Vec<u8>> {
        // What left last is the nearest.
        let is_back = self.away.last().is_some_and(Bytes::is_unique);
        let kept = if is_back { None } else { self.kept.pop() };
        kept.or_else(|| {
            let back = self.away.iter().rposition(Bytes::is_unique)?;
            let mut bytes = self.away.remove(back);
            // What it held is not moved with it.
            bytes.truncate(0);
            Some(bytes.into())
        })
    }

    /// As [`take`](Self::take), on a lease.
    fn lease(&mut self, lease: &mut Lease) -> Option<Vec<u8>> {
        let memory = self.take().filter(|memory| memory.capacity() > SMALL)?;
        let lent = self.lent.get_or_insert_default();
        lease.get_or_insert_with(|| lent.clone());
        Some(memory)
    }

    fn keep(&mut self, memory: Vec<u8>) {
        if self.make_room() {
            self.kept.push(memory);
        }
    }

    fn note_away(&mut self, bytes: Bytes) {
        if self.make_room() {
            self.away.push(bytes);
        }
    }

    /// Whether one more may be kept.
    #[inline]
    fn make_room(&mut self) -> bool {
        let is_simple = self.away.is_empty() && self.lent.is_none();
        if is_simple { self.kept.len() < self.most } else { self.make_room_among_all() }
    }

    /// Whether one more may be kept: rather than the one that left first and may never come back.
    #[inline(never)]
    fn make_room_among_all(&mut self) -> bool {
        let lent = self.lent.as_ref().map_or(0, |lent| Arc::strong_count(lent) - 1);
        let most = self.most.saturating_sub(lent);
        if self.kept.len() + self.away.len() >= most && !self.away.is_empty() {
            self.away.remove(0);
        }
        self.kept.len() + self.away.len() < most
    }
}

/// Asks a pool of this thread; nothing where the thread is ending and it is gone.
fn with<P, R>(pool: &'static LocalKey<RefCell<P>>, ask: impl FnOnce(&mut P) -> R) -> Option<R> {
    pool.try_with(|pool| ask(&mut pool.borrow_mut())).ok()
}

/// Lends memory before a read: to buffers that have none, and to those that the rest of a large payload
/// would make grow step by step, if there is some that has grown already.
#[inline]
pub(super) fn lend(rx: &mut LentRecvBuf, justified: &mut Rough) {
    let (rx, lease) = rx.with_lease();
    rx.justify(justified);
    if rx.capacity() == 0 {
        rx.lend_memory(take());
    }
    if rx.lacking() > rx.room() {
        lend_large(rx, lease);
    }
}

#[inline(never)]
fn lend_large(rx: &mut RecvBuf, lease: &mut Lease) {
    let (lacking, capacity) = (rx.lacking(), rx.capacity());
    let whole = capacity.saturating_sub(rx.room()).saturating_add(lacking);
    if whole > SMALL && capacity <= SMALL {
        if let Some(memory) = with(&LARGE_POOL, |pool| pool.lease(lease)).flatten() {
            give(rx.exchange_memory(memory));
        }
    }
}

/// Lends memory for the answer to what has been read: memory that has grown, if there is some, where what has been read
/// lies in such memory as well.
pub(super) fn lend_transmit(conn: &mut Connection, rx: &mut LentRecvBuf) {
    let (rx, lease) = rx.with_lease();
    if conn.is_closing() {
        return;
    }
    lent::lend_queue(conn);
    let tx = conn.transmit();
    if tx.capacity() == 0 {
        tx.lend_memory(take());
    }
    let received = rx.capacity().saturating_sub(rx.room());
    if received >= SPLICE && tx.lacks_ring() {
        // Messages so large are answered by pointer.
        with(&RINGS, Vec::pop).flatten().into_iter().for_each(|ring| tx.lend_ring(ring));
    }
    if rx.capacity() > SMALL && tx.capacity() <= SMALL && tx.is_empty() {
        if let Some(memory) = with(&LARGE_POOL, |pool| pool.lease(lease)).flatten() {
            take_from(tx).into_iter().for_each(give);
            tx.lend_memory(memory);
        }
    }
}

/// Takes memory back that has grown, once what made it grow has left: to free it and to allocate it again for
/// the next such message costs more than the message itself, where the allocator hands it back to the system each time.
pub(super) fn take_back_grown(tx: &mut Transmit) {
    if tx.is_empty() && tx.capacity() > SIZE {
        take_from(tx).into_iter().for_each(give);
    }
}

/// Takes empty buffers back, before a wait.
pub(super) fn take_back(conn: &mut Connection, lent: &mut LentRecvBuf, justified: &mut Rough) {
    let (rx, lease) = lent.with_lease();
    let received = if rx.is_empty() && stays(rx.capacity()) { None } else { rx.take_memory() };
    let sent = if stays(conn.queue_capacity()) { None } else { take_from(conn.transmit()) };
    if lease.is_some() && rx.capacity() <= SMALL && conn.queue_capacity() <= SMALL {
        *lease = None;
    }
    let left = lent.give_back(justified);
    let queue = lent::take_queue_back(conn);
    received.into_iter().for_each(give);
    sent.into_iter().for_each(give);
    left.into_iter().for_each(give);
    queue.into_iter().for_each(give);
}

/// Whether memory stays in the buffer that is lent with it: nothing, and what is of the size for it.
fn stays(capacity: usize) -> bool {
    capacity == 0 || is_common(capacity)
}

/// Whether memory is of the size that buffers are lent with.
fn is_common(capacity: usize) -> bool {
    (SIZE..=SMALL).contains(&capacity)
}

/// Looks after the memory that a message took with it, if it left little to its buffer: it serves again when the message
/// has been dropped.
#[cold]
pub(super) fn note_away(found: &Option<Option<Message>>, rx: &RecvBuf) {
    let Some(Some(message)) = found else { return };
    // A copy is no larger than what it was copied from. What is none fills more than half of what it lies in.
    let pool = match message.len() {
        len if len <= rx.capacity() => return,
        ..=SMALL => &POOL,
        len if len <= LARGE / 2 => &LARGE_POOL,
        _ => return,
    };
    with(pool, |pool| pool.note_away(message.clone().into_bytes()));
}

/// Takes the memory of a queue back, if nothing waits in it.
fn take_from(tx: &mut Transmit) -> Option<Vec<u8>> {
    if let Some(ring) = tx.take_ring() {
        with(&RINGS, |rings| {
            if rings.len() < SMALL_KEPT {
                rings.push(ring);
            }
        });
    }
    tx.take_memory()
}

fn take() -> Vec<u8> {
    match with(&POOL, Pool::take).flatten() {
        Some(memory) if is_common(memory.capacity()) => return memory,
        // It left with a message, which did not tell how much it is.
        Some(memory) => give(memory),
        None => {}
    }
    Vec::with_capacity(SIZE)
}

fn give(memory: Vec<u8>) {
    let capacity = memory.capacity();
    let pool = match capacity {
        _ if !(SIZE..=LARGE).contains(&capacity) => return,
        ..=SMALL => &POOL,
        _ => &LARGE_POOL,
    };
    with(pool, |pool| pool.keep(memory));
}
