//! Dropping futures half-way, at one poll after the other.

use std::future::Future;

use super::poll::poll_times;

/// After how many polls each future is dropped, over and over.
pub(crate) struct Drops {
    polls: Vec<usize>,
    turn: usize,
    /// How many were dropped.
    pub(crate) dropped: usize,
}

impl Drops {
    pub(crate) fn never() -> Self {
        Self::after(vec![1_000_000])
    }

    pub(crate) fn after(polls: Vec<usize>) -> Self {
        Self { polls, turn: 0, dropped: 0 }
    }

    /// The outcome of a future, unless it is dropped before.
    pub(crate) fn once<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        self.turn += 1;
        let outcome = poll_times(future, self.polls[self.turn % self.polls.len()]);
        self.dropped += usize::from(outcome.is_none());
        outcome
    }

    /// The outcome of a call that is made again as often as its future is dropped.
    pub(crate) fn until<T>(&mut self, mut call: impl AsyncFnMut() -> T) -> T {
        for _ in 0..100_000 {
            if let Some(outcome) = self.once(call()) {
                return outcome;
            }
        }
        panic!("no progress");
    }
}
