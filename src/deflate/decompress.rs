//! Decompressing messages, strictly and within bounds.

use alloc::boxed::Box;
use core::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::history::{History, last};
use super::{Direction, DistanceCheck, TAIL};

/// A decompressor for one direction of a connection.
pub struct Decompressor {
    inflate: Inflate,
    /// Present where a smaller window than DEFLATE's own was agreed on: zlib's check of distances depends
    /// on how its input is cut.
    distances: Option<Box<DistanceCheck>>,
    /// The latest output. After a final block zlib has to be started anew and be given its window back,
    /// which may reach beyond what is left of the message: into the messages before it, or into what has been
    /// told of it.
    history: Option<History>,
    window: usize,
    /// How much output was made in all.
    made: u64,
    /// Whether the input so far ends with a final block.
    ended: bool,
    /// How many bytes of window may be given back after final blocks.
    credit: usize,
}

/// How much of that there may be at once, and what each byte of input adds.
const CREDIT: usize = 1024 * 1024;
const CREDIT_PER_BYTE: usize = 256;

/// How far a step came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes of input that were taken.
    pub(crate) consumed: usize,
    /// Bytes of output that were made.
    pub(crate) produced: usize,
    /// What stands after them cannot be inflated. What was made counts nonetheless: how the input is cut must
    /// not decide what is found first.
    pub(crate) error: Option<InflateError>,
}

/// Data that is not what RFC 7692 section 7.2.2 can inflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InflateError {
    /// Not DEFLATE, or a reference to what was never sent.
    Data,
    /// A reference further back than the agreed window.
    Distance,
    /// The message does not end at the end of a block.
    Unfinished,
    /// Final blocks without end.
    FinalBlocks,
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "compressed message is not valid DEFLATE",
            Self::Distance => "compressed message refers back beyond the agreed window",
            Self::Unfinished => "compressed message does not end at the end of a block",
            Self::FinalBlocks => "compressed message with too many final blocks",
        })
    }
}

impl core::error::Error for InflateError {}

impl Decompressor {
    /// `history` says whether output must be kept here: where context is taken over, or messages are told in
    /// pieces.
    pub(crate) fn new(window_bits: u8, history: bool) -> Self {
        let window = window(window_bits);
        Self {
            inflate: Inflate::new(false, Direction::MAX_BITS),
            distances: check_for(window_bits),
            history: history.then(|| History::new(window)),
            window,
            made: 0,
            ended: false,
            credit: CREDIT,
        }
    }

    /// Forgets all that came before.
    pub(crate) fn reset(&mut self, window_bits: u8, history: bool) {
        self.inflate.reset(false);
        self.distances = check_for(window_bits);
        self.window = window(window_bits);
        self.history = history.then(|| History::new(self.window));
        self.made = 0;
        self.ended = false;
        self.credit = CREDIT;
    }

    /// The decompressor without what it keeps of earlier output, to wait in a pool.
    #[must_use]
    pub fn without_past(mut self) -> Self {
        self.history = None;
        self.distances = None;
        self
    }

    /// Inflates as much of `input` as `out` has room for. `message` is what the message has come to so far.
    ///
    /// Less than all of the input is consumed, or all of `out` is filled, where there is more to come: call
    /// again then, with what is left of the input, even if that is nothing.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "consumed and produced are parts of what was given"
    )]
    #[expect(
        clippy::indexing_slicing,
        reason = "consumed and produced are parts of what was given"
    )]
    pub(crate) fn decompress(&mut self, input: &[u8], out: &mut [u8], message: &[u8]) -> Progress {
        let mut done = Progress::default();
        while done.error.is_none() {
            if self.ended {
                if done.consumed == input.len() {
                    break;
                }
                done.error = self.start_again(message, &out[..done.produced]).err();
                continue;
            }
            let rest = &input[done.consumed..];
            let step = self.step(rest, &mut out[done.produced..], InflateFlush::NoFlush);
            let earned = step.consumed.saturating_mul(CREDIT_PER_BYTE);
            self.credit = self.credit.saturating_add(earned).min(CREDIT);
            done.consumed += step.consumed;
            done.produced += step.produced;
            self.made += step.produced as u64;
            done.error = step.error;
            if let Err(beyond) = self.check_distances(&rest[..step.consumed]) {
                // What zlib made of the reference and what follows it is none.
                done.produced -= beyond.min(step.produced);
                done.error = Some(InflateError::Distance);
            }
            let full = done.produced == out.len();
            let empty = done.consumed == input.len();
            if !self.ended && (full || empty) {
                break;
            }
            if !self.ended && step.consumed == 0 && step.produced == 0 {
                done.error = done.error.or(Some(InflateError::Data));
            }
        }
        if let Some(history) = &mut self.history {
            history.push(&out[..done.produced]);
        }
        done
    }

    /// Ends a message: puts back what the sender has cut off and sees that it fits.
    pub(crate) fn finish(&mut self, message: &[u8]) -> Result<(), InflateError> {
        // A final block or two are every message's right.
        self.credit = self.credit.saturating_add(self.window.saturating_mul(2)).min(CREDIT);
        if self.ended {
            // A final block ended with the message's last byte: there is nothing to add the tail to.
            return self.start_again(message, &[]);
        }
        let mut none = [0; 8];
        // Asked to stop at the end of a block, zlib takes the tail and not the byte after it, and makes nothing
        // of it, exactly if the tail completes an empty stored block.
        let [a, b, c, d] = TAIL;
        let tail = self.step(&[a, b, c, d, 0], &mut none, InflateFlush::Block);
        if tail != (Progress { consumed: TAIL.len(), ..Progress::default() }) {
            return Err(InflateError::Unfinished);
        }
        self.check_distances(&TAIL).map_err(|_| InflateError::Distance)
    }

    /// Follows what zlib has taken; fails with how much of the output lies beyond a distance that is too far.
    fn check_distances(&mut self, input: &[u8]) -> Result<(), usize> {
        let Some(distances) = &mut self.distances else { return Ok(()) };
        distances.feed(input).map_err(|_| {
            let beyond = self.made.saturating_sub(distances.made());
            usize::try_from(beyond).unwrap_or(usize::MAX)
        })
    }

    fn step(&mut self, input: &[u8], out: &mut [u8], flush: InflateFlush) -> Progress {
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, out, flush);
        self.ended = status == Ok(Status::StreamEnd);
        let count =
            |now: u64, before| usize::try_from(now.wrapping_sub(before)).unwrap_or(usize::MAX);
        Progress {
            consumed: count(self.inflate.total_in(), before_in),
            produced: count(self.inflate.total_out(), before_out),
            error: status.is_err().then_some(InflateError::Data),
        }
    }

    /// Goes on after a final block: DEFLATE ends there, a message need not (RFC 7692 section 7.2.3.4).
    fn start_again(&mut self, message: &[u8], latest: &[u8]) -> Result<(), InflateError> {
        let [older, newer] = self.history.as_ref().map_or([&[], message], History::parts);
        let window = [older, last(newer, self.window), last(latest, self.window)].concat();
        self.inflate.reset(false);
        self.ended = false;
        let window = last(&window, self.window);
        // Giving the window back costs its length: a peer may not make that our main occupation.
        self.credit = self.credit.checked_sub(window.len()).ok_or(InflateError::FinalBlocks)?;
        if !window.is_empty() {
            self.inflate.set_dictionary(window).map_err(|_| InflateError::Data)?;
        }
        Ok(())
    }
}

fn check_for(window_bits: u8) -> Option<Box<DistanceCheck>> {
    (window_bits < Direction::MAX_BITS).then(|| Box::new(DistanceCheck::new(window_bits)))
}

fn window(bits: u8) -> usize {
    1 << bits.clamp(Direction::MIN_BITS, Direction::MAX_BITS)
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor")
            .field("checks_distances", &self.distances.is_some())
            .finish_non_exhaustive()
    }
}
