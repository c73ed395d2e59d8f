//! Memory for buffers, lent only while bytes are in them: an idle connection owns none.

use std::cell::RefCell;

use bytes::Buf;

use crate::{Connection, RecvBuf};

/// The size of a lent buffer: what one read takes at most.
const SIZE: usize = 16 * 1024;

/// Larger buffers are given back to the allocator.
const LARGEST: usize = 4 * SIZE;

/// How many buffers a thread keeps.
const KEPT: usize = 16;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Lends memory to buffers that have none, before a read.
pub(super) fn lend(rx: &mut RecvBuf) {
    if rx.capacity() == 0 {
        rx.lend_memory(take());
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
    if (SIZE..=LARGEST).contains(&memory.capacity()) {
        POOL.with_borrow_mut(|pool| {
            if pool.len() < KEPT {
                pool.push(memory);
            }
        });
    }
}
