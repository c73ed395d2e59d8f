//! What a client that stays connected tells, and what it counts.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Decision, Loss, MessageId, Queued, Why};
use crate::message::Message;

/// Something that happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A dial is due, and others of this process are dialing the host: it waits for its turn, for
    /// [`Options::dial_timeout`](super::Options::dial_timeout) at most.
    Queued {
        /// The endpoint's place in the list, from 0.
        endpoint: usize,
    },
    /// A dial begins.
    Connecting {
        /// The endpoint's place in the list, from 0.
        endpoint: usize,
        /// How many dials in a row this makes, from 1.
        attempt: u32,
    },
    /// The connection is open and greeted; what waits in the queue leaves.
    Open {
        /// The endpoint's place in the list.
        endpoint: usize,
    },
    /// A message from the peer.
    Message(Message),
    /// The peer has every message up to this one that has not been reported in another way.
    Confirmed {
        /// The newest of them.
        through: MessageId,
    },
    /// The dial failed, or the connection ended.
    Lost {
        /// The endpoint's place in the list.
        endpoint: usize,
        /// Why.
        loss: Loss,
        /// How long the connection was open; `None` where it never was.
        uptime: Option<Duration>,
        /// What is done about it.
        decision: Decision,
    },
    /// Messages of which some bytes had been handed to the transport when it was lost: the peer may have them or not.
    /// They are the application's again: it drops them, or hands them to `requeue`.
    InDoubt(Vec<Queued>),
    /// The next dial begins after this wait.
    Waiting {
        /// How long.
        wait: Duration,
        /// Whom it will dial.
        endpoint: usize,
    },
    /// No dial will follow. Always the last.
    GaveUp {
        /// Why.
        why: Why,
    },
}

/// Where a client that stays connected stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// It waits for the next dial.
    Waiting,
    /// A dial is due and waits for its turn at the host.
    Queued,
    /// It dials, shakes hands or greets.
    Connecting,
    /// It is connected.
    Open,
    /// It has given up or was stopped.
    Over,
}

/// Numbers to watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Dials begun.
    pub dials: u64,
    /// Connections opened.
    pub opened: u64,
    /// Dials failed and connections lost.
    pub losses: u64,
    /// Messages taken into the queue.
    pub queued: u64,
    /// Messages handed to a connection, each time.
    pub sent: u64,
    /// Of these, again after a loss before which none of their bytes had left.
    pub resent: u64,
    /// Messages confirmed.
    pub confirmed: u64,
    /// Messages reported in doubt.
    pub in_doubt: u64,
    /// Messages dropped because the queue was full.
    pub dropped: u64,
    /// Messages refused because the queue was full.
    pub refused: u64,
}

/// Adds to a counter.
pub(super) const fn count(counter: &mut u64, more: u64) {
    *counter = counter.saturating_add(more);
}
