//! Decompressing messages, strictly and within bounds.

use alloc::boxed::Box;
use core::fmt;

use zlib_rs::{Inflate, InflateFlush, Status};

use super::history::{History, last};
use super::{Direction, DistanceCheck, TAIL};

/// A decompressor for one direction of a connection.
pub struct Decompressor {
    /// Apart, as the other large parts are: a decompressor moves to and from a pool with each message.
    inflate: Box<Inflate>,
    /// Present where a smaller window than DEFLATE's own was agreed on: zlib's check of distances depends
    /// on how its input is cut.
    distances: Option<Box<DistanceCheck>>,
    /// The latest output. After a final block zlib has to be started anew and be given its window back,
    /// which may reach beyond what is left of the message: into the messages before it, or into what has been
    /// told of it.
    history: Option<Box<History>>,
    /// How far back a reference may reach: 2 to this power.
    window_bits: u8,
    /// Whether the input so far ends with a final block.
    ended: bool,
    /// How much output was made in all, where distances are checked.
    made: u64,
}

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
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "a compressed message that is not valid DEFLATE",
            Self::Distance => "a compressed message that refers back beyond the agreed window",
            Self::Unfinished => "a compressed message that does not end at the end of a block",
        })
    }
}

impl core::error::Error for InflateError {}

impl Decompressor {
    /// `history` says whether output must be kept here: where context is taken over, or messages are told in
    /// pieces.
    pub(crate) fn new(window_bits: u8, history: bool) -> Self {
        Self {
            inflate: Box::new(Inflate::new(false, Direction::MAX_BITS)),
            distances: check_for(window_bits),
            history: history_for(window_bits, history),
            window_bits,
            ended: false,
            made: 0,
        }
    }

    /// Forgets all that came before.
    pub(crate) fn reset(&mut self, window_bits: u8, history: bool) {
        self.inflate.reset(false);
        self.distances = check_for(window_bits);
        self.history = history_for(window_bits, history);
        self.window_bits = window_bits;
        self.ended = false;
        self.made = 0;
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
    #[expect(clippy::indexing_slicing, reason = "no more is produced than there is room for")]
    pub(crate) fn decompress(&mut self, input: &[u8], out: &mut [u8], message: &[u8]) -> Progress {
        let mut done = Progress::default();
        if !self.ended {
            self.step(input, out, &mut done);
        }
        while self.ended && done.error.is_none() && done.consumed < input.len() {
            match self.start_again(message, &out[..done.produced]) {
                Ok(()) => self.step(input, out, &mut done),
                Err(error) => done.error = Some(error),
            }
        }
        if let Some(history) = &mut self.history {
            history.push(&out[..done.produced]);
        }
        done
    }

    /// Ends a message: puts back what the sender has cut off and sees that it fits.
    pub(crate) fn finish(&mut self, message: &[u8]) -> Result<(), InflateError> {
        if self.ended {
            // A final block ended with the message's last byte: there is nothing to add the tail to.
            return self.start_again(message, &[]);
        }
        let mut none = [0; 8];
        // Asked to stop at the end of a block, zlib takes the tail and not the byte after it, and makes nothing
        // of it, exactly if the tail completes an empty stored block.
        let [a, b, c, d] = TAIL;
        match self.run(&[a, b, c, d, 0], &mut none, InflateFlush::Block) {
            (4, 0, Ok(())) => self.check_distances(&TAIL, 0).map_err(|_| InflateError::Distance),
            _ => Err(InflateError::Unfinished),
        }
    }

    /// Goes on from where `done` stands: until all of `input` is consumed, `out` is full, or a final block ends.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "consumed and produced are parts of what was given"
    )]
    #[expect(
        clippy::indexing_slicing,
        reason = "consumed and produced are parts of what was given"
    )]
    fn step(&mut self, input: &[u8], out: &mut [u8], done: &mut Progress) {
        let (rest, free) = (&input[done.consumed..], &mut out[done.produced..]);
        let room = free.len();
        let (consumed, produced, result) = self.run(rest, free, InflateFlush::NoFlush);
        done.consumed += consumed;
        done.produced += produced;
        let stuck = !self.ended && consumed < rest.len() && produced < room;
        if result.is_err() || stuck {
            done.error = Some(InflateError::Data);
        }
        if let Err(beyond) = self.check_distances(&rest[..consumed], produced) {
            // What zlib made of the reference and what follows it is none.
            done.produced -= beyond.min(produced);
            done.error = Some(InflateError::Distance);
        }
    }

    /// One call of zlib: how much it has consumed and produced, and whether it failed then.
    fn run(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        flush: InflateFlush,
    ) -> (usize, usize, Result<(), InflateError>) {
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, out, flush);
        self.ended = matches!(status, Ok(Status::StreamEnd));
        let count =
            |now: u64, before| usize::try_from(now.wrapping_sub(before)).unwrap_or(usize::MAX);
        (
            count(self.inflate.total_in(), before_in),
            count(self.inflate.total_out(), before_out),
            status.map(drop).map_err(|_| InflateError::Data),
        )
    }

    /// Follows what zlib has taken; fails with how much of the output lies beyond a distance that is too far.
    fn check_distances(&mut self, input: &[u8], produced: usize) -> Result<(), usize> {
        let Some(distances) = &mut self.distances else { return Ok(()) };
        self.made = self.made.saturating_add(produced as u64);
        distances.feed(input).map_err(|_| {
            let beyond = self.made.saturating_sub(distances.made());
            usize::try_from(beyond).unwrap_or(usize::MAX)
        })
    }

    /// Goes on after a final block: DEFLATE ends there, a message need not (RFC 7692 section 7.2.3.4). A byte of final
    /// blocks costs no more than one that inflates to a thousand.
    #[cold]
    fn start_again(&mut self, message: &[u8], latest: &[u8]) -> Result<(), InflateError> {
        let [older, newer] = self.history.as_ref().map_or([&[], message], |kept| kept.parts());
        let mut reach = window(self.window_bits);
        let parts = [latest, newer, older].map(|part| {
            let part = last(part, reach);
            reach = reach.saturating_sub(part.len());
            part
        });
        self.inflate.reset(false);
        self.ended = false;
        for part in parts.into_iter().rev().filter(|part| !part.is_empty()) {
            self.inflate.set_dictionary(part).map_err(|_| InflateError::Data)?;
        }
        Ok(())
    }
}

fn check_for(window_bits: u8) -> Option<Box<DistanceCheck>> {
    (window_bits < Direction::MAX_BITS).then(|| Box::new(DistanceCheck::new(window_bits)))
}

fn history_for(window_bits: u8, wanted: bool) -> Option<Box<History>> {
    wanted.then(|| Box::new(History::new(window(window_bits))))
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
