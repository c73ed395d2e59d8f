//! Compressors and decompressors between messages, a few for each thread.

use std::cell::RefCell;

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
        COMPRESSORS.with_borrow_mut(|kept| kept.iter().position(fits).map(|i| kept.swap_remove(i)))
    }

    fn give_compressor(&self, compressor: Compressor) {
        COMPRESSORS.with_borrow_mut(|kept| keep(kept, compressor));
    }

    fn take_decompressor(&self) -> Option<Decompressor> {
        DECOMPRESSORS.with_borrow_mut(Vec::pop)
    }

    fn give_decompressor(&self, decompressor: Decompressor) {
        DECOMPRESSORS.with_borrow_mut(|kept| keep(kept, decompressor.without_past()));
    }
}

/// Keeps the latest: settings that nobody uses any more are pushed out.
fn keep<T>(kept: &mut Vec<T>, codec: T) {
    if kept.len() == KEPT {
        kept.remove(0);
    }
    kept.push(codec);
}
