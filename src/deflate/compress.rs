//! Compressing messages.

use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status};

use super::TAIL;
use super::settings::{Settings, Strategy};

/// A compressor for one direction of a connection.
pub struct Compressor {
    deflate: Deflate,
    settings: Settings,
}

/// Room for output is added in steps of at most this many bytes.
const STEP: usize = 16 * 1024;

/// What a flush may add to the output beside the data itself.
const FLUSH: usize = 16;

impl Compressor {
    pub(crate) fn new(settings: Settings) -> Self {
        let config = DeflateConfig {
            // zlib cannot compress into a window of 8 bits. With 9 it never refers back further than
            // 250 bytes, which fits one of 8 (256 bytes).
            window_bits: -i32::from(settings.window_bits.max(9)),
            mem_level: i32::from(settings.mem_level),
            strategy: match settings.strategy {
                Strategy::Default => zlib_rs::Strategy::Default,
                Strategy::Filtered => zlib_rs::Strategy::Filtered,
                Strategy::HuffmanOnly => zlib_rs::Strategy::HuffmanOnly,
                Strategy::Rle => zlib_rs::Strategy::Rle,
                Strategy::Fixed => zlib_rs::Strategy::Fixed,
            },
            ..DeflateConfig::new(i32::from(settings.level))
        };
        Self { deflate: Deflate::new_with_config(config), settings }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Forgets all that came before.
    pub(crate) fn reset(&mut self) {
        self.deflate.reset();
    }

    /// Appends a piece of a message to `out`, compressed, up to a byte boundary.
    pub(crate) fn compress(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        loop {
            let start = out.len();
            // Small messages get all the room they can need at once, so that one call does it all.
            let room = (input.len() + input.len() / 8 + FLUSH).clamp(64, STEP);
            out.resize(start + room, 0);
            let (before_in, before_out) = (self.deflate.total_in(), self.deflate.total_out());
            let status = self.deflate.compress(input, &mut out[start..], DeflateFlush::SyncFlush);
            debug_assert!(
                matches!(status, Ok(Status::Ok | Status::BufError)),
                "a compressor that is fed and flushed does not fail",
            );
            let taken = usize::try_from(self.deflate.total_in() - before_in).unwrap_or(usize::MAX);
            let made = usize::try_from(self.deflate.total_out() - before_out).unwrap_or(usize::MAX);
            input = input.get(taken..).unwrap_or_default();
            out.truncate(start + made);
            if made < room {
                debug_assert!(input.is_empty(), "room that is left means that all was taken");
                drop_second_flush(out, start);
                return;
            }
        }
    }

    /// Appends the last piece of a message, without the tail that RFC 7692 cuts off.
    pub(crate) fn finish(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        if !input.is_empty() {
            self.compress(input, out);
        }
        if out.len() - start >= TAIL.len() && out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        } else {
            // Nothing to compress: an empty stored block, without its tail (section 7.2.3.6).
            out.push(0x00);
        }
    }
}

/// A flush that fills its room to the last byte looks unfinished, and asking again adds an empty block of five
/// bytes. It stands alone in the last step then, and is dropped.
fn drop_second_flush(out: &mut Vec<u8>, last_step: usize) {
    let alone = out[last_step..] == [0x00, 0x00, 0x00, 0xff, 0xff];
    if alone && out[..last_step].ends_with(&TAIL) {
        out.truncate(last_step);
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("settings", &self.settings).finish_non_exhaustive()
    }
}
