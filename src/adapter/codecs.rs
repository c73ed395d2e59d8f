//! Compressors and decompressors between messages, a few for each thread.

use std::cell::RefCell;
use std::thread::LocalKey;

use crate::deflate::{CodecPool, Compressor, Decompressor};

/// The adapters' pool.
#[derive(Debug)]
pub(super) struct ThreadCodecs;

/// How many of each kind a thread keeps: as many as connections of different settings can be expected to take
/// turns. A compressor is about 280 KB, a decompressor 48 KB: what it keeps of the past goes first.
const KEPT: usize = 4;

thread_local! {
    static COMPRESSORS: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
    static DECOMPRESSORS: RefCell<Vec<Decompressor>> = const { RefCell::new(Vec::new()) };
}

impl CodecPool for ThreadCodecs {
    fn take_compressor(&self, fits: &dyn Fn(&Compressor) -> bool) -> Option<Compressor> {
        of(&COMPRESSORS, |kept| kept.iter().position(fits).map(|i| kept.swap_remove(i))).flatten()
    }

    fn give_compressor(&self, compressor: Compressor) {
        of(&COMPRESSORS, |kept| keep(kept, compressor));
    }

    fn take_decompressor(&self) -> Option<Decompressor> {
        of(&DECOMPRESSORS, Vec::pop).flatten()
    }

    fn give_decompressor(&self, decompressor: Decompressor) {
        of(&DECOMPRESSORS, |kept| keep(kept, decompressor.without_past()));
    }
}

/// What this thread keeps; nothing once the thread ends and has dropped it, which the last use of a connection may outlive.
fn of<T, R>(
    kept: &'static LocalKey<RefCell<Vec<T>>>,
    with: impl FnOnce(&mut Vec<T>) -> R,
) -> Option<R> {
    kept.try_with(|kept| with(&mut kept.borrow_mut())).ok()
}

/// Keeps the latest: settings that nobody uses any more are pushed out.
fn keep<T>(kept: &mut Vec<T>, codec: T) {
    if kept.len() == KEPT {
        kept.remove(0);
    }
    kept.push(codec);
}
