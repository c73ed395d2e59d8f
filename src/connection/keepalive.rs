//! The keepalive's pings: made with the first one, so that a connection that is never silent has none of it.

use super::RoundTrips;
use crate::time::Instant;

/// The keepalive pings of a connection, and their answers.
#[derive(Debug, Default)]
pub(super) struct Keepalive {
    /// When a ping was queued, until the next sign of life.
    pub(super) pinged: Option<Instant>,
    /// When the latest ping was queued, until its own pong.
    pub(super) unanswered: Option<Instant>,
    /// The number of the latest ping.
    number: u32,
    pub(super) round_trips: RoundTrips,
}

impl Keepalive {
    /// The payload of a ping that is queued at `now`.
    pub(super) fn ping(&mut self, now: Instant) -> [u8; 8] {
        self.pinged = Some(now);
        self.unanswered = Some(now);
        self.number = self.number.wrapping_add(1);
        self.payload()
    }

    /// Whether a pong answers the latest ping.
    pub(super) fn is_answered_by(&self, pong: &[u8]) -> bool {
        self.unanswered.is_some() && pong == self.payload()
    }

    /// Notes that the latest ping was answered at `now`.
    pub(super) fn note_answer(&mut self, now: Instant) {
        if let Some(since) = self.unanswered.take() {
            self.round_trips.note(now - since);
        }
    }

    /// Eight bytes, by which the pong is known.
    fn payload(&self) -> [u8; 8] {
        let [a, b, c, d] = self.number.to_be_bytes();
        [b'h', b'y', b'b', b'i', a, b, c, d]
    }
}
