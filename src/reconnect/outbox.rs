//! The queue of messages, and what is known of each.
//!
//! ```text
//!   entries:  | handed to the connection, in order | waiting |
//!                  ^ bytes left           ^ none    `given`
//! ```
//!
//! A message is *waiting* until the connection takes it. From then on its first byte has a place in the stream of bytes
//! that the transport is handed. When the connection is lost, that place tells: if the transport was never handed that
//! many bytes, the message is *unsent* and waits again; otherwise it is *in doubt*, unless it was *confirmed* before.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use super::event::count;
use super::{Confirm, Counters, Options, WhenFull};
use crate::connection::Connection;
use crate::message::{Message, Outgoing};

/// The number of a message in the queue: each is larger than those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

/// A message and the number it has in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// Its number.
    pub id: MessageId,
    /// The message and how it is to be sent.
    pub outgoing: Outgoing,
}

/// A message has been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// The message's number.
    pub id: MessageId,
    /// What was dropped for it, by [`WhenFull::DropOldest`]; or the message itself, by [`WhenFull::DropNewest`].
    pub dropped: Vec<Queued>,
}

/// A message has not been taken. It comes back in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotQueued {
    /// [`Options::max_messages`] or [`Options::max_bytes`] are reached: wait for confirmations.
    Full(Outgoing),
    /// The message alone is larger than [`Options::max_bytes`].
    TooLarge(Outgoing),
    /// The client has given up or was stopped.
    Over(Outgoing),
}

#[derive(Default)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
    /// How many of them the connection has taken.
    given: usize,
    /// Payload bytes of all entries.
    bytes: usize,
    /// Payload bytes of those that the connection has taken.
    given_bytes: usize,
    next_id: u64,
    probes: VecDeque<Probe>,
    next_probe: u64,
    /// Whether the peer answered another ping while ours was under way: it may have answered only that one
    /// (RFC 6455 section 5.5.3).
    passed_over: bool,
}

struct Entry {
    queued: Queued,
    /// Where it lies in the stream of bytes, once the connection has taken it.
    start: u64,
    end: u64,
    /// Whether an earlier connection had taken it.
    again: bool,
}

/// A ping whose pong confirms every message that ends at `end` or before.
#[derive(Clone, Copy, Debug)]
struct Probe {
    number: u64,
    end: u64,
}

/// How many probes may be under way.
const MAX_PROBES: usize = 4;

/// What tells a probe's pong from others.
const PROBE: &[u8; 4] = b"sent";

impl Outbox {
    pub(super) fn push(
        &mut self,
        outgoing: Outgoing,
        options: &Options,
        counters: &mut Counters,
    ) -> Result<Taken, NotQueued> {
        let len = outgoing.message.len();
        if len > options.max_bytes {
            count(&mut counters.refused, 1);
            return Err(NotQueued::TooLarge(outgoing));
        }
        let fits = |messages: usize, bytes: usize| {
            messages < options.max_messages && bytes <= options.max_bytes.saturating_sub(len)
        };
        let mut dropped = Vec::new();
        if !fits(self.entries.len(), self.bytes) {
            match options.when_full {
                WhenFull::DropOldest if fits(self.given, self.given_bytes) => {
                    while !fits(self.entries.len(), self.bytes) {
                        dropped.extend(self.remove(self.given));
                    }
                }
                WhenFull::DropNewest => {
                    count(&mut counters.dropped, 1);
                    let id = self.take_id();
                    return Ok(Taken { id, dropped: [Queued { id, outgoing }].into() });
                }
                WhenFull::Refuse | WhenFull::DropOldest => {
                    count(&mut counters.refused, 1);
                    return Err(NotQueued::Full(outgoing));
                }
            }
        }
        count(&mut counters.dropped, dropped.len() as u64);
        count(&mut counters.queued, 1);
        let id = self.take_id();
        self.insert(self.entries.len(), Queued { id, outgoing });
        Ok(Taken { id, dropped })
    }

    /// Puts messages back that were in doubt, before all that wait.
    pub(super) fn requeue(&mut self, messages: impl IntoIterator<Item = Queued>) {
        for (at, queued) in (self.given..).zip(messages) {
            self.insert(at, queued);
        }
    }

    /// Hands waiting messages to the connection while it takes them.
    pub(super) fn transfer(
        &mut self,
        conn: &mut Connection,
        confirm: Confirm,
        counters: &mut Counters,
    ) {
        while let Some(entry) = self.entries.get_mut(self.given) {
            let start = conn.queue_end();
            if conn.send(entry.queued.outgoing.clone()).is_err() {
                // Its queue is full for now, or it is closing: then they wait for the next.
                break;
            }
            entry.start = start;
            entry.end = conn.queue_end();
            count(&mut counters.sent, 1);
            count(&mut counters.resent, u64::from(entry.again));
            self.given = self.given.saturating_add(1);
            let len = entry.queued.outgoing.message.len();
            self.given_bytes = self.given_bytes.saturating_add(len);
        }
        if confirm == Confirm::Pong {
            self.probe(conn);
        }
    }

    /// Asks for a sign that what was sent has been read, unless one is under way.
    fn probe(&mut self, conn: &mut Connection) {
        let Some(last) = self.given.checked_sub(1).and_then(|last| self.entries.get(last)) else {
            return;
        };
        let ask_again = self.passed_over && self.probes.len() < MAX_PROBES;
        if !self.probes.is_empty() && !ask_again {
            return;
        }
        let mut payload = [0; 12];
        payload[..4].copy_from_slice(PROBE);
        payload[4..].copy_from_slice(&self.next_probe.to_be_bytes());
        if conn.ping(&payload).is_ok() {
            self.probes.push_back(Probe { number: self.next_probe, end: last.end });
            self.next_probe = self.next_probe.wrapping_add(1);
            self.passed_over = false;
        }
    }

    /// The newest message that a pong confirms; it and those before are forgotten.
    pub(super) fn confirm(&mut self, pong: &[u8], counters: &mut Counters) -> Option<MessageId> {
        let number = pong.strip_prefix(PROBE).and_then(|rest| rest.try_into().ok());
        let number = number.map(u64::from_be_bytes);
        let probe = self.probes.iter().find(|probe| Some(probe.number) == number).copied();
        let Some(Probe { number, end }) = probe else {
            self.passed_over |= !self.probes.is_empty();
            return None;
        };
        self.probes.retain(|later| later.number > number);
        let mut newest = None;
        while self.given > 0 && self.entries.front().is_some_and(|entry| entry.end <= end) {
            let id = self.remove(0).map(|queued| queued.id);
            newest = newest.max(id);
            count(&mut counters.confirmed, 1);
        }
        newest
    }

    /// Forgets a message that the application knows to have arrived; whether it was there.
    pub(super) fn acknowledge(&mut self, id: MessageId, counters: &mut Counters) -> bool {
        let given = self.entries.iter().take(self.given);
        let Some(at) = given.map(|entry| entry.queued.id).position(|found| found == id) else {
            return false;
        };
        count(&mut counters.confirmed, 1);
        self.remove(at).is_some()
    }

    /// The connection is gone: what of it is in doubt is handed out, the rest waits again.
    pub(super) fn lose(&mut self, conn: &mut Connection, counters: &mut Counters) -> Vec<Queued> {
        let handed = conn.transmit().total();
        let mut in_doubt = Vec::new();
        while self.given > 0 && self.entries.front().is_some_and(|entry| entry.start < handed) {
            in_doubt.extend(self.remove(0));
        }
        count(&mut counters.in_doubt, in_doubt.len() as u64);
        self.entries.iter_mut().take(self.given).for_each(|entry| entry.again = true);
        self.given = 0;
        self.given_bytes = 0;
        self.probes.clear();
        self.passed_over = false;
        in_doubt
    }

    /// How many messages wait for a connection to take them.
    pub(super) fn waiting(&self) -> usize {
        self.entries.len().saturating_sub(self.given)
    }

    /// How many messages a connection has taken that are not confirmed.
    pub(super) const fn unconfirmed(&self) -> usize {
        self.given
    }

    /// Everything that waits, to be handed out at the end.
    pub(super) fn drain(&mut self) -> Vec<Queued> {
        self.given = 0;
        self.given_bytes = 0;
        self.bytes = 0;
        self.entries.drain(..).map(|entry| entry.queued).collect()
    }

    fn take_id(&mut self) -> MessageId {
        let id = MessageId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    fn insert(&mut self, at: usize, queued: Queued) {
        self.bytes = self.bytes.saturating_add(queued.outgoing.message.len());
        self.entries.insert(at, Entry { queued, start: 0, end: 0, again: false });
    }

    fn remove(&mut self, at: usize) -> Option<Queued> {
        let entry = self.entries.remove(at)?;
        let len = entry.queued.outgoing.message.len();
        self.bytes = self.bytes.saturating_sub(len);
        if at < self.given {
            self.given = self.given.saturating_sub(1);
            self.given_bytes = self.given_bytes.saturating_sub(len);
        }
        Some(entry.queued)
    }
}

/// Without the messages.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("waiting", &self.waiting())
            .field("unconfirmed", &self.unconfirmed())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl NotQueued {
    /// The message.
    #[must_use]
    pub fn into_message(self) -> Message {
        match self {
            Self::Full(outgoing) | Self::TooLarge(outgoing) | Self::Over(outgoing) => {
                outgoing.message
            }
        }
    }
}

impl fmt::Display for NotQueued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => {
                "queue is full: wait for confirmations, or raise Options::max_messages or Options::max_bytes"
            }
            Self::TooLarge(_) => "message is larger than the whole queue may be (Options::max_bytes)",
            Self::Over(_) => "client has given up or was stopped: nothing more is sent",
        })
    }
}

impl core::error::Error for NotQueued {}
