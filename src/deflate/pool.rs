//! Where compressors wait that no connection needs.

use core::fmt;

use super::settings::Settings;
use super::{Compressor, Decompressor};

/// A place for compressors and decompressors between messages, shared by connections.
///
/// Without context takeover nothing of one message is of use to the next, so a connection takes a codec for each
/// message and gives it back after. The core has no locks, so the pool comes from outside; the adapters
/// bring one for each thread. It must be bounded: what it does not keep is dropped.
pub trait CodecPool: fmt::Debug + Send + Sync {
    /// A compressor for which `fits` is true, if one waits.
    fn take_compressor(&self, fits: &dyn Fn(&Compressor) -> bool) -> Option<Compressor>;
    /// Keeps a compressor, or drops it.
    fn give_compressor(&self, compressor: Compressor);
    /// A decompressor, if one waits.
    fn take_decompressor(&self) -> Option<Decompressor>;
    /// Keeps a decompressor, or drops it.
    fn give_decompressor(&self, decompressor: Decompressor);
}

/// A compressor from the pool or a new one, ready for a message without context.
pub(crate) fn compressor(pool: Option<&'static dyn CodecPool>, settings: Settings) -> Compressor {
    let waiting = pool.and_then(|pool| pool.take_compressor(&|c| *c.settings() == settings));
    match waiting {
        Some(mut compressor) => {
            compressor.reset();
            compressor
        }
        None => Compressor::new(settings),
    }
}

/// A decompressor from the pool or a new one, ready for a message without context.
pub(crate) fn decompressor(
    pool: Option<&'static dyn CodecPool>,
    window_bits: u8,
    history: bool,
) -> Decompressor {
    match pool.and_then(CodecPool::take_decompressor) {
        Some(mut decompressor) => {
            decompressor.reset(window_bits, history);
            decompressor
        }
        None => Decompressor::new(window_bits, history),
    }
}
