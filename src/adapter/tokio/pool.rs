//! Memory for buffers, lent only while bytes are in them: an idle connection owns none.

use std::cell::RefCell;

use bytes::Buf;

use crate::{Connection, RecvBuf, Transmit};

/// The size of a lent buffer: what one read takes at most. Sixteen messages of 1 KiB fit with their headers; a connection
/// that waits in the middle of a message holds no more.
const SIZE: usize = 24 * 1024;

/// How many buffers of up to how much memory a thread keeps. Those that large messages have grown are for such messages
/// only: what they take is a thread's, not a connection's, and nothing is reserved because a header announces it.
const SMALL: usize = 64 * 1024;
const SMALL_KEPT: usize = 16;
const LARGE: usize = 4 * 1024 * 1024;
const LARGE_KEPT: usize = 2;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static LARGE_POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Lends memory before a read: to buffers that have none, and to those that `expected` bytes more of a large payload
/// would make grow step by step, if there is some that has grown already.
pub(super) fn lend(rx: &mut RecvBuf, expected: u64) {
    if rx.capacity() == 0 {
        rx.lend_memory(take());
    }
    if expected > SIZE as u64 && expected > rx.room() as u64 && rx.capacity() <= SMALL {
        if let Some(memory) = LARGE_POOL.with_borrow_mut(Vec::pop) {
            give(rx.exchange_memory(memory));
        }
    }
}

/// Lends memory for the answer to what has been read: memory that has grown, if there is some, where what has been read
/// lies in such memory as well.
pub(super) fn lend_transmit(conn: &mut Connection, rx: &RecvBuf) {
    if conn.is_closing() {
        return;
    }
    let tx = conn.transmit();
    if tx.capacity() == 0 {
        tx.lend_memory(take());
    }
    if rx.capacity() > SMALL && tx.capacity() <= SMALL && tx.is_empty() {
        if let Some(memory) = LARGE_POOL.with_borrow_mut(Vec::pop) {
            tx.take_memory().into_iter().for_each(give);
            tx.lend_memory(memory);
        }
    }
}

/// Takes memory back that a large message has made grow, once that has left: to free it and to allocate it again for
/// the next such message costs more than the message itself, where the allocator hands it back to the system each time.
pub(super) fn take_back_grown(tx: &mut Transmit) {
    if tx.is_empty() && tx.capacity() > SMALL {
        tx.take_memory().into_iter().for_each(give);
    }
}

/// Takes the memory of empty buffers back, before a wait.
pub(super) fn take_back(conn: &mut Connection, rx: &mut RecvBuf) {
    let received = rx.take_memory();
    let sent = if conn.transmit().has_remaining() { None } else { conn.transmit().take_memory() };
    for memory in [received, sent].into_iter().flatten() {
        give(memory);
    }
}

fn take() -> Vec<u8> {
    let kept = POOL.with_borrow_mut(Vec::pop);
    kept.unwrap_or_else(|| Vec::with_capacity(SIZE))
}

fn give(memory: Vec<u8>) {
    let capacity = memory.capacity();
    let (pool, most) = match capacity {
        _ if !(SIZE..=LARGE).contains(&capacity) => return,
        ..=SMALL => (&POOL, SMALL_KEPT),
        _ => (&LARGE_POOL, LARGE_KEPT),
    };
    pool.with_borrow_mut(|kept| {
        if kept.len() < most {
            kept.push(memory);
        }
    });
}
