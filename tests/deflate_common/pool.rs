//! A pool of codecs that can be looked at.

use std::sync::Mutex;

use hybi::deflate::{CodecPool, Compressor, Decompressor};

/// A pool for four codecs of each kind, that counts how many were given to it.
#[derive(Debug)]
pub(crate) struct Pool {
    compressors: Mutex<(usize, Vec<Compressor>)>,
    decompressors: Mutex<(usize, Vec<Decompressor>)>,
}

pub(crate) static POOL: Pool =
    Pool { compressors: Mutex::new((0, Vec::new())), decompressors: Mutex::new((0, Vec::new())) };

impl Pool {
    /// How many have been given, and how many wait.
    pub(crate) fn count(&self) -> ((usize, usize), (usize, usize)) {
        let compressors = self.compressors.lock().expect("no test panics in it");
        let decompressors = self.decompressors.lock().expect("no test panics in it");
        ((compressors.0, decompressors.0), (compressors.1.len(), decompressors.1.len()))
    }
}

impl CodecPool for Pool {
    fn take_compressor(&self, fits: &dyn Fn(&Compressor) -> bool) -> Option<Compressor> {
        let mut kept = self.compressors.lock().expect("no test panics in it");
        let place = kept.1.iter().position(fits)?;
        Some(kept.1.swap_remove(place))
    }

    fn give_compressor(&self, compressor: Compressor) {
        let mut kept = self.compressors.lock().expect("no test panics in it");
        kept.0 += 1;
        if kept.1.len() < 4 {
            kept.1.push(compressor);
        }
    }

    fn take_decompressor(&self) -> Option<Decompressor> {
        self.decompressors.lock().expect("no test panics in it").1.pop()
    }

    fn give_decompressor(&self, decompressor: Decompressor) {
        let mut kept = self.decompressors.lock().expect("no test panics in it");
        kept.0 += 1;
        if kept.1.len() < 4 {
            kept.1.push(decompressor);
        }
    }
}
