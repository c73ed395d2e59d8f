//! Following one book through a feed that loses, repeats and reorders: a state machine without I/O.
//!
//! ```text
//!             snapshot                      gap too wide or too old, wrong checksum
//!   Blind ---------------> Live ------------------------------------------------> Blind (ask for a snapshot)
//!     | updates are held     | next in sequence: applied; seen before: dropped; ahead: held
//! ```

use std::collections::BTreeMap;
use std::ops::Add;
use std::time::Duration;

use crate::book::Book;
use crate::protocol::Levels;

/// How many updates are held while one before them is missing, or the snapshot is.
const MOST_HELD: usize = 32;

/// How long a missing update is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub struct Follower {
    book: Option<Book>,
    /// Updates that came before those they follow, by sequence number.
    held: BTreeMap<u64, Levels>,
    /// Since when one is missing.
    gap: Option<Duration>,
    pub counters: Counters,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub applied: u64,
    pub duplicates: u64,
    pub reordered: u64,
    pub gaps: u64,
    pub wrong_checksums: u64,
    pub snapshots: u64,
}

impl Add for Counters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            applied: self.applied + other.applied,
            duplicates: self.duplicates + other.duplicates,
            reordered: self.reordered + other.reordered,
            gaps: self.gaps + other.gaps,
            wrong_checksums: self.wrong_checksums + other.wrong_checksums,
            snapshots: self.snapshots + other.snapshots,
        }
    }
}

/// What to do after a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The book is right, and new.
    Changed,
    /// Nothing to do.
    Unchanged,
    /// The book is no longer known: ask for a snapshot.
    Resync,
}

impl Follower {
    /// The book, while it is known to be right.
    pub fn book(&self) -> Option<&Book> {
        self.book.as_ref()
    }

    /// Forgets all: the connection is a new one.
    pub fn reset(&mut self) {
        self.book = None;
        self.held.clear();
        self.gap = None;
    }

    pub fn handle_snapshot(&mut self, snapshot: &Levels, now: Duration) -> Outcome {
        if self.book.is_some() {
            // Asked for twice.
            return Outcome::Unchanged;
        }
        let book = Book::from_snapshot(snapshot);
        if book.checksum() != snapshot.checksum {
            self.counters.wrong_checksums += 1;
            return Outcome::Resync;
        }
        self.counters.snapshots += 1;
        self.held = self.held.split_off(&(book.sequence + 1));
        self.book = Some(book);
        match self.apply_held(now) {
            Outcome::Resync => Outcome::Resync,
            _ => Outcome::Changed,
        }
    }

    pub fn handle_update(&mut self, update: Levels, now: Duration) -> Outcome {
        let next = self.book.as_ref().map(|book| book.sequence + 1);
        let seen = next.is_some_and(|next| update.sequence < next);
        if seen || self.held.contains_key(&update.sequence) {
            self.counters.duplicates += 1;
            return Outcome::Unchanged;
        }
        if !self.held.is_empty() && next == Some(update.sequence) {
            self.counters.reordered += 1;
        }
        self.held.insert(update.sequence, update);
        if next.is_none() {
            // The snapshot is on its way; what is older than that is not needed.
            if self.held.len() > MOST_HELD {
                self.held.pop_first();
            }
            return Outcome::Unchanged;
        }
        self.apply_held(now)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.gap.map(|since| since + PATIENCE)
    }

    pub fn handle_timeout(&mut self, now: Duration) -> Outcome {
        if self.poll_timeout().is_some_and(|at| now >= at) {
            self.lose()
        } else {
            Outcome::Unchanged
        }
    }

    /// Applies what is next in sequence.
    fn apply_held(&mut self, now: Duration) -> Outcome {
        let Some(book) = &mut self.book else { return Outcome::Unchanged };
        let mut outcome = Outcome::Unchanged;
        while let Some(update) = self.held.remove(&(book.sequence + 1)) {
            book.apply(&update);
            if book.checksum() != update.checksum {
                self.counters.wrong_checksums += 1;
                self.reset();
                return Outcome::Resync;
            }
            self.counters.applied += 1;
            outcome = Outcome::Changed;
            self.gap = None;
        }
        if self.held.len() > MOST_HELD {
            return self.lose();
        }
        if !self.held.is_empty() {
            self.gap.get_or_insert(now);
        }
        outcome
    }

    /// What is missing will not come.
    fn lose(&mut self) -> Outcome {
        self.counters.gaps += 1;
        self.book = None;
        self.gap = None;
        Outcome::Resync
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn updates_in_sequence_are_applied() {
        let (mut follower, mut truth) = following();
        assert_eq!(follower.handle_update(truth.next(), NOW), Outcome::Changed);
        assert_eq!(follower.book(), Some(&truth.0));
    }

    #[test]
    fn an_update_that_came_before_is_dropped() {
        let (mut follower, mut truth) = following();
        let update = truth.next();
        follower.handle_update(update.clone(), NOW);
        assert_eq!(follower.handle_update(update, NOW), Outcome::Unchanged);
        assert_eq!(follower.counters.duplicates, 1);
        assert_eq!(follower.book(), Some(&truth.0));
    }

    #[test]
    fn updates_out_of_order_are_put_in_order() {
        let (mut follower, mut truth) = following();
        let [first, second, third] = [truth.next(), truth.next(), truth.next()];
        assert_eq!(follower.handle_update(third, NOW), Outcome::Unchanged);
        assert_eq!(follower.handle_update(second, NOW), Outcome::Unchanged);
        assert_eq!(follower.handle_update(first, NOW), Outcome::Changed);
        assert_eq!(follower.book(), Some(&truth.0));
        assert_eq!(follower.poll_timeout(), None);
    }

    #[test]
    fn a_gap_is_borne_for_a_while_and_then_asks_for_a_snapshot() {
        let (mut follower, mut truth) = following();
        truth.next();
        follower.handle_update(truth.next(), NOW);
        let due = follower.poll_timeout().expect("something is missing");
        assert_eq!(follower.handle_timeout(due - Duration::from_millis(1)), Outcome::Unchanged);
        assert_eq!(follower.handle_timeout(due), Outcome::Resync);
        assert_eq!(follower.book(), None, "a book that may be wrong is not shown");
    }

    #[test]
    fn a_gap_that_widens_asks_for_a_snapshot_at_once() {
        let (mut follower, mut truth) = following();
        truth.next();
        let outcomes: Vec<_> =
            (0..=MOST_HELD).map(|_| follower.handle_update(truth.next(), NOW)).collect();
        assert_eq!(outcomes.last(), Some(&Outcome::Resync));
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Resync).count(), 1);
    }

    #[test]
    fn updates_that_overtake_the_snapshot_are_applied_after_it() {
        let mut truth = Truth::default();
        let mut follower = Follower::default();
        let old = truth.next();
        let snapshot = truth.0.to_levels("BTC/USD");
        follower.handle_update(old, NOW);
        follower.handle_update(truth.next(), NOW);
        assert_eq!(follower.handle_snapshot(&snapshot, NOW), Outcome::Changed);
        assert_eq!(follower.book(), Some(&truth.0));
    }

    #[test]
    fn a_wrong_checksum_asks_for_a_snapshot() {
        let (mut follower, mut truth) = following();
        let mut update = truth.next();
        update.bids[0].1 += 1;
        assert_eq!(follower.handle_update(update, NOW), Outcome::Resync);
        assert_eq!(follower.book(), None);
        let mut snapshot = truth.0.to_levels("BTC/USD");
        snapshot.checksum ^= 1;
        assert_eq!(follower.handle_snapshot(&snapshot, NOW), Outcome::Resync);
    }

    fn following() -> (Follower, Truth) {
        let mut truth = Truth::default();
        truth.next();
        let mut follower = Follower::default();
        follower.handle_snapshot(&truth.0.to_levels("BTC/USD"), NOW);
        (follower, truth)
    }

    /// The exchange's own book.
    #[derive(Default)]
    struct Truth(Book);

    impl Truth {
        fn next(&mut self) -> Levels {
            let sequence = self.0.sequence + 1;
            let mut update = Levels {
                symbol: "BTC/USD".to_owned(),
                sequence,
                bids: vec![(100 + sequence % 3, sequence)],
                asks: vec![(200 + sequence % 5, sequence)],
                checksum: 0,
            };
            self.0.apply(&update);
            update.checksum = self.0.checksum();
            update
        }
    }
}
