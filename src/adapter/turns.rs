//! One dial at a time to each host, for all reconnecting clients of the process (RFC 6455 section 4.1).
//!
//! The RFC speaks of the host's address. Whoever dials through a proxy never learns it, and a dial is any function here,
//! so host names are told apart as the RFC then asks: two names of one address are two hosts.
//!
//! A client that nobody drives any more must not keep the others waiting:
//!
//! ```text
//!   waiting: | first | second | ... |  --- asks in time ------------> holder, until its dial is done
//!               |                                                       or its bound has passed
//!               +-- silent for `GRACE` while nobody holds the turn: passed over until it asks again
//! ```
//!
//! A dial whose bound has passed is dropped unpolled by a client of the tokio adapter, so it does not go on behind the next
//! one's back. Nobody can interrupt one of the blocking adapter: it ends by timeouts of its own, which `Reconnecting::to`
//! keeps within the bound. Attempts that have lost the race of a host's addresses go on in threads until then, and whoever is
//! next may have his turn meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant as Clock};

use crate::handshake::Url;

/// A place in the queue of those who want to dial a host, or the turn itself; until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    host: String,
    number: u64,
}

impl Turn {
    /// Takes the last place in the queue of the URL's host and port, or of the socket in the file system that it is
    /// reached at.
    pub(super) fn queue(url: &Url, socket: Option<&str>) -> Self {
        // No host begins as a path does.
        let host = socket.map_or_else(|| format!("{} {}", url.host(), url.port()), str::to_owned);
        let mut hosts = hosts();
        // With the lock held: numbers ascend in each queue.
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let place = Place { number, waker: None, passed_over: false };
        hosts.entry(host.clone()).or_default().waiting.push_back(place);
        Self { host, number }
    }

    /// Asks whether it is our turn: from then on it is, until it is dropped, at most until `until`.
    ///
    /// # Errors
    ///
    /// It is not: when to ask again, unless `waker` is woken before.
    pub(super) fn ask(&self, now: Clock, until: Clock, waker: &Waker) -> Result<(), Clock> {
        let mut hosts = hosts();
        let Some(host) = hosts.get_mut(&self.host) else { return Ok(()) };
        let asked = host.ask(self.number, now, until, waker);
        let discarded = mem::take(&mut host.discarded);
        // A waker may be the last of a task, which may own a turn: it ends when the lock is free.
        drop(hosts);
        drop(discarded);
        asked
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut hosts = hosts();
        let Some(host) = hosts.get_mut(&self.host) else { return };
        let woken = host.leave(self.number);
        let discarded = mem::take(&mut host.discarded);
        if host.holder.is_none() && host.waiting.is_empty() {
            hosts.remove(&self.host);
        }
        drop(hosts);
        drop(discarded);
        woken.into_iter().for_each(Waker::wake);
    }
}

/// Those who want to dial one host.
#[derive(Debug, Default)]
struct Host {
    holder: Option<Holder>,
    /// Since when nobody holds the turn, noted by the first who asks.
    free: Option<Clock>,
    waiting: VecDeque<Place>,
    /// Wakers of no use any more, to be dropped when the lock is free.
    discarded: Vec<Waker>,
}

#[derive(Debug)]
struct Holder {
    number: u64,
    until: Clock,
}

#[derive(Debug)]
struct Place {
    number: u64,
    waker: Option<Waker>,
    /// It did not ask when it was its turn.
    passed_over: bool,
}

impl Host {
    fn ask(&mut self, number: u64, now: Clock, until: Clock, waker: &Waker) -> Result<(), Clock> {
        let Some(at) = self.find(number) else { return Ok(()) };
        self.waiting[at].passed_over = false;
        let again = match &self.holder {
            Some(holder) if now < holder.until => holder.until,
            _ => {
                self.holder = None;
                let free = *self.free.get_or_insert(now);
                let is_first = self.waiting.iter().take(at).all(|place| place.passed_over);
                if is_first || now >= free + GRACE {
                    self.give_to(at, until);
                    return Ok(());
                }
                free + GRACE
            }
        };
        self.discarded.extend(self.waiting[at].waker.replace(waker.clone()));
        Err(again)
    }

    fn give_to(&mut self, at: usize, until: Clock) {
        self.waiting.iter_mut().take(at).for_each(|place| place.passed_over = true);
        self.free = None;
        self.holder = self.waiting.remove(at).map(|place| {
            self.discarded.extend(place.waker);
            Holder { number: place.number, until }
        });
    }

    /// Gives up a place or the turn; whom to wake.
    fn leave(&mut self, number: u64) -> Vec<Waker> {
        if let Some(at) = self.find(number) {
            self.discarded.extend(self.waiting.remove(at).and_then(|place| place.waker));
        }
        if self.holder.as_ref().is_some_and(|holder| holder.number == number) {
            self.holder = None;
            self.free = None;
        }
        if self.holder.is_some() {
            return Vec::new();
        }
        // The first, the second in case that the first stays silent, and those who may have been slow only.
        let mut woken = Vec::new();
        let mut watchers = 2_u8;
        for place in &mut self.waiting {
            if place.passed_over || watchers > 0 {
                woken.extend(place.waker.take());
            }
            if !place.passed_over {
                watchers = watchers.saturating_sub(1);
            }
        }
        woken
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&number, |place| place.number).ok()
    }
}

/// How long the first in the queue may take to ask, once nobody holds the turn: a busy process is slow to poll.
const GRACE: Duration = Duration::from_secs(1);

static HOSTS: Mutex<BTreeMap<String, Host>> = Mutex::new(BTreeMap::new());

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// No state is half changed where a panic could strike.
fn hosts() -> MutexGuard<'static, BTreeMap<String, Host>> {
    HOSTS.lock().unwrap_or_else(PoisonError::into_inner)
}
