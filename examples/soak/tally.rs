//! What happened, counted, and what of it is a fault.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::traffic::{Direction, Verdict};

/// Sums over all connections.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) connections: AtomicU64,
    pub(crate) resets: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
    pub(crate) pings: AtomicU64,
    pub(crate) pongs: AtomicU64,
    /// Queued on a connection that was reset on purpose, and not received.
    pub(crate) cut_off: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) duplicated: AtomicU64,
    pub(crate) corrupt: AtomicU64,
    /// Ends of connections that were not reset, other than by a closing handshake.
    pub(crate) broken: AtomicU64,
    ends: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Relaxed);
    }

    /// Counts how one end of a connection ended.
    pub(crate) fn end(&self, how: String) {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner).entry(how).or_default() += 1;
    }

    /// Messages that did not arrive exactly once and whole, and connections that ended by themselves.
    pub(crate) fn faults(&self) -> u64 {
        [&self.lost, &self.duplicated, &self.corrupt, &self.broken]
            .map(|n| n.load(Relaxed))
            .iter()
            .sum()
    }

    pub(crate) fn print(&self) {
        let n = |counter: &AtomicU64| counter.load(Relaxed);
        println!("connections made    {}", n(&self.connections));
        println!("resets injected     {}", n(&self.resets));
        println!("messages sent       {}", n(&self.sent));
        println!("messages received   {}", n(&self.received));
        println!("  payload bytes     {}", n(&self.bytes_received));
        println!("  cut off by resets {}", n(&self.cut_off));
        println!("  lost              {}", n(&self.lost));
        println!("  duplicated        {}", n(&self.duplicated));
        println!("  corrupt           {}", n(&self.corrupt));
        println!("pings sent          {}, pongs received {}", n(&self.pings), n(&self.pongs));
        println!("broken connections  {}", n(&self.broken));
        println!("how ends ended:");
        for (how, count) in self.ends.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            println!("  {count:>9} {how}");
        }
    }
}

/// One connection, shared by its two ends; settled when the last of them lets go.
#[derive(Debug)]
pub(crate) struct Record {
    tally: Arc<Tally>,
    pub(crate) number: u64,
    /// Set before a reset is made.
    pub(crate) reset: AtomicBool,
    lanes: [Counts; 2],
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    /// Of these, those that came, or are known to be lost.
    accounted: AtomicU64,
}

impl Record {
    pub(crate) fn new(tally: Arc<Tally>, number: u64) -> Self {
        Self { tally, number, reset: AtomicBool::new(false), lanes: Default::default() }
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Notes a message that was queued: from here on it has to arrive.
    pub(crate) fn note_sent(&self, direction: Direction) {
        self.lanes[direction as usize].sent.fetch_add(1, Relaxed);
    }

    /// Notes a message that arrived; returns how many of those sent that accounts for.
    pub(crate) fn note_received(&self, direction: Direction, len: usize, verdict: Verdict) -> u64 {
        Tally::add(&self.tally.received, 1);
        Tally::add(&self.tally.bytes_received, len as u64);
        let accounted = match verdict {
            Verdict::Expected => 1,
            Verdict::Lost(lost) => {
                Tally::add(&self.tally.lost, lost);
                lost + 1
            }
            Verdict::Duplicate => {
                Tally::add(&self.tally.duplicated, 1);
                0
            }
            Verdict::Corrupt => {
                Tally::add(&self.tally.corrupt, 1);
                1
            }
        };
        if verdict != Verdict::Expected {
            eprintln!("connection {}, {direction:?}: {verdict:?}", self.number);
        }
        self.lanes[direction as usize].accounted.fetch_add(accounted, Relaxed);
        accounted
    }

    /// Notes how one end ended.
    pub(crate) fn note_end(&self, who: &str, how: String, clean: bool) {
        if !clean && !self.reset.load(Relaxed) {
            Tally::add(&self.tally.broken, 1);
            eprintln!("connection {}, {who}: {how}", self.number);
        }
        self.tally.end(format!("{who}: {how}"));
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let reset = self.reset.load(Relaxed);
        for lane in &self.lanes {
            let (sent, accounted) = (lane.sent.load(Relaxed), lane.accounted.load(Relaxed));
            Tally::add(&self.tally.sent, sent);
            let missing = if reset { &self.tally.cut_off } else { &self.tally.lost };
            Tally::add(missing, sent.saturating_sub(accounted));
            Tally::add(&self.tally.duplicated, accounted.saturating_sub(sent));
            if !reset && sent != accounted {
                eprintln!("connection {}: {sent} sent, {accounted} arrived", self.number);
            }
        }
    }
}
