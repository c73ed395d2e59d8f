//! Which of a host's addresses is tried when (RFC 8305), without I/O.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::Instant;

/// How long an attempt runs alone before the next begins beside it: 250 ms (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// The most addresses that are tried; a name server may list more.
const MOST: usize = 32;

/// A race of connection attempts to the addresses of one host: the first that connects wins.
///
/// The families take turns, beginning with that of the first address, and within each the resolver's order is kept
/// (RFC 8305 section 4). An attempt begins 250 ms after the one before it, or at once when that one has failed,
/// so a dead address costs a quarter of a second. Each address is tried once, 32 of them at most.
///
/// The caller makes the attempts and tells the time; the adapters do it with sockets.
///
/// ```
/// use hybi::Instant;
/// use hybi::connect::{Pace, Race};
/// use std::time::Duration;
///
/// let [dead, alive] = ["[2001:db8::1]:80", "192.0.2.1:80"].map(|text| text.parse().unwrap());
/// let mut race = Race::new([dead, alive]);
/// let (start, later) = (Instant::ORIGIN, Instant::ORIGIN + Duration::from_millis(250));
/// assert_eq!(race.next(start), Pace::Start(dead));
/// assert_eq!(race.next(start), Pace::Wait(Some(later)));
/// assert_eq!(race.next(later), Pace::Start(alive));
/// assert_eq!(race.next(later), Pace::Wait(None));
/// ```
#[derive(Clone, Debug)]
pub struct Race {
    waiting: VecDeque<SocketAddr>,
    running: Vec<SocketAddr>,
    /// When the next attempt begins beside the latest.
    due: Option<Instant>,
}

/// What is to be done in a [`Race`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Begin an attempt to connect to the address, and ask again.
    Start(SocketAddr),
    /// Wait until an attempt ends, or until the time, where there is one; then ask again.
    Wait(Option<Instant>),
    /// Every attempt has failed, or there was no address.
    Lost,
}

impl Race {
    /// A race between addresses, in the order that the resolver prefers.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { waiting: interleave(addresses), running: Vec::new(), due: None }
    }

    /// What is to be done at `now`.
    pub fn next(&mut self, now: Instant) -> Pace {
        if let Some(due) = self.due.filter(|due| now < *due) {
            return Pace::Wait((!self.waiting.is_empty()).then_some(due));
        }
        match self.waiting.pop_front() {
            Some(address) => {
                self.running.push(address);
                self.due = Some(now + STAGGER);
                Pace::Start(address)
            }
            None if self.running.is_empty() => Pace::Lost,
            None => Pace::Wait(None),
        }
    }

    /// The attempt to connect to `address` has failed. Where it was the latest of those under way, the next begins at
    /// once.
    pub fn handle_failure(&mut self, address: SocketAddr) {
        if self.running.last() == Some(&address) {
            self.due = None;
        }
        self.running.retain(|running| *running != address);
    }

    /// The addresses to which attempts are under way, the latest last.
    #[must_use]
    pub fn running(&self) -> &[SocketAddr] {
        &self.running
    }
}

/// The order in which addresses are tried, and how many of them.
fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let (mut preferred, mut other) = (Vec::new(), Vec::new());
    let mut first_is_v6 = None;
    for address in addresses {
        let is_preferred = *first_is_v6.get_or_insert(address.is_ipv6()) == address.is_ipv6();
        let family = if is_preferred { &mut preferred } else { &mut other };
        if family.len() < MOST && !family.contains(&address) {
            family.push(address);
        }
    }
    let turns = preferred.len().max(other.len());
    (0..turns)
        .flat_map(|turn| [preferred.get(turn).copied(), other.get(turn).copied()])
        .flatten()
        .take(MOST)
        .collect()
}
