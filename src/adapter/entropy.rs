//! Randomness from the operating system.

use std::cell::RefCell;

use crate::connection::MaskKeys;

/// Masking keys from the operating system's generator (RFC 6455 section 5.3).
///
/// Asking it for each frame would cost a system call a frame, so each thread keeps a pool of 1 KiB, from which
/// used bytes are wiped. A process that forks and goes on using the library in the child must not have
/// used it before, or parent and child draw the same keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsMaskKeys;

impl MaskKeys for OsMaskKeys {
    fn next_key(&mut self) -> [u8; 4] {
        POOL.with_borrow_mut(Pool::draw)
    }
}

struct Pool {
    bytes: [u8; 1024],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; 1024], used: 1024 }) };
}

impl Pool {
    fn draw(&mut self) -> [u8; 4] {
        if self.used == self.bytes.len() {
            fill(&mut self.bytes);
            self.used = 0;
        }
        let mut key = [0; 4];
        let drawn = &mut self.bytes[self.used..self.used + 4];
        key.copy_from_slice(drawn);
        drawn.fill(0);
        self.used += 4;
        key
    }
}

/// The 16 random bytes of a client's handshake.
pub(super) fn nonce() -> [u8; 16] {
    let mut nonce = [0; 16];
    fill(&mut nonce);
    nonce
}

pub(super) fn random_u32() -> u32 {
    u32::from_ne_bytes(POOL.with_borrow_mut(Pool::draw))
}

fn fill(bytes: &mut [u8]) {
    // There is nothing to fall back to: a predictable key would break what masking is for.
    getrandom::fill(bytes).expect("the operating system has random bytes");
}
