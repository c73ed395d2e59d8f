//! Memory for buffers, lent only while bytes are in them: an idle connection owns none.

use std::cell::RefCell;

use bytes::Buf;

use crate::{Connection, RecvBuf};

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

/// Lends memory before a read: to buffers that have none, and to those that the rest of a large payload
/// would make grow step by step, if there is some that has grown already.
pub(super) fn lend(rx: &mut RecvBuf) {
    if rx.capacity() == 0 {
        rx.lend_memory(take());
    }
    let lacking = rx.lacking();
    if lacking > SIZE && lacking > rx.room() && rx.capacity() <= SMALL {
        if let Some(memory) = LARGE_POOL.with_borrow_mut(Vec::pop) {
            give(rx.exchange_memory(memory));
        }
    }
}

/// Lends memory for the answer to what has been read.
pub(super) fn lend_transmit(conn: &mut Connection) {
    if !conn.is_closing() && conn.transmit().capacity() == 0 {
        conn.transmit().lend_memory(take());
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
