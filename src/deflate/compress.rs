//! Compressing messages.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status};

use super::TAIL;
use super::settings::{Settings, Strategy};

/// A compressor for one direction of a connection.
pub struct Compressor {
    /// Apart: a compressor moves to and from a pool with each message.
    deflate: Box<Deflate>,
    settings: Settings,
    /// Whether nothing of the past is known to it.
    clean: bool,
}

/// Longer messages are fed in pieces of this size.
const PIECE: usize = 64 * 1024;

/// What zlib may hold back of earlier pieces, at the highest memory level: its pending output and its symbols.
const HELD_BACK: usize = 256 * 1024;

impl Compressor {
    #[expect(clippy::arithmetic_side_effects, reason = "the negative of a byte")]
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
        Self { deflate: Box::new(Deflate::new_with_config(config)), settings, clean: true }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Forgets all that came before.
    pub(crate) fn reset(&mut self) {
        if !self.clean {
            self.deflate.reset();
            self.clean = true;
        }
    }

    /// Appends a piece of a message to `out`, compressed, up to a byte boundary.
    pub(crate) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) {
        self.run(input, DeflateFlush::SyncFlush, out);
    }

    fn run(&mut self, input: &[u8], flush: DeflateFlush, out: &mut Vec<u8>) {
        self.clean = flush == DeflateFlush::FullFlush;
        if input.len() > PIECE {
            return self.run_in_pieces(input, flush, out);
        }
        self.feed(input, flush, bound(input.len()), out);
    }

    #[cold]
    fn run_in_pieces(&mut self, input: &[u8], flush: DeflateFlush, out: &mut Vec<u8>) {
        let mut rest = input;
        while rest.len() > PIECE {
            let (piece, later) = rest.split_at(PIECE);
            self.feed(piece, DeflateFlush::NoFlush, bound(PIECE), out);
            rest = later;
        }
        self.feed(rest, flush, bound(rest.len()).saturating_add(HELD_BACK), out);
    }

    /// Feeds all of `input`, with so much room at a time. A flush that fills its room to the last byte looks unfinished,
    /// and asking again adds another: there must always be more room than it can take.
    fn feed(&mut self, mut input: &[u8], flush: DeflateFlush, room: usize, out: &mut Vec<u8>) {
        loop {
            let start = out.len();
            out.resize(start.saturating_add(room), 0);
            let (before_in, before_out) = (self.deflate.total_in(), self.deflate.total_out());
            let free = out.get_mut(start..).unwrap_or_default();
            let status = self.deflate.compress(input, free, flush);
            debug_assert!(
                matches!(status, Ok(Status::Ok | Status::BufError)),
                "a compressor that is fed and flushed does not fail",
            );
            let count =
                |now: u64, before| usize::try_from(now.wrapping_sub(before)).unwrap_or(usize::MAX);
            let made = count(self.deflate.total_out(), before_out);
            out.truncate(start.saturating_add(made));
            if made < room {
                return;
            }
            let taken = count(self.deflate.total_in(), before_in);
            input = input.get(taken..).unwrap_or_default();
        }
    }

    /// Appends the last piece of a message, without the tail that RFC 7692 cuts off.
    ///
    /// A compressor that is not to keep its context forgets it with the last flush, which costs less than a reset.
    pub(crate) fn finish(&mut self, input: &[u8], keep_context: bool, out: &mut Vec<u8>) {
        let start = out.len();
        if !input.is_empty() {
            let flush =
                if keep_context { DeflateFlush::SyncFlush } else { DeflateFlush::FullFlush };
            self.run(input, flush, out);
        }
        match out.get(start..).and_then(|made| made.strip_suffix(&TAIL)) {
            Some(kept) => out.truncate(start.saturating_add(kept.len())),
            // Nothing to compress: an empty stored block, without its tail (section 7.2.3.6).
            None => out.push(0x00),
        }
    }
}

/// More than so many bytes can become, with the flush after them: what zlib documents as its bound, and some.
const fn bound(len: usize) -> usize {
    len.saturating_add(len / 8).saturating_add(len / 128).saturating_add(64)
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("settings", &self.settings).finish_non_exhaustive()
    }
}
