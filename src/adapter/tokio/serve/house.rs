//! What the connections of a server share: a room for each, the counts, and the order to leave.

use std::mem;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::tokio::time;

use super::{MessageLimits, Metrics, Report, Shutdown};
use crate::Instant;
use crate::connection::{Closed, Connection};
use crate::rate::KeyedBuckets;

/// All that a server's connections have in common.
#[derive(Debug)]
pub(super) struct House {
    epoch: time::Instant,
    pub(super) limits: MessageLimits,
    /// Messages by address, where they are limited.
    addresses: Option<Mutex<KeyedBuckets<IpAddr>>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rooms: Vec<Option<Arc<Room>>>,
    /// Rooms that are empty.
    vacant: Vec<usize>,
    /// Counts over connections that have ended; of the open ones, what the rooms say is to be added.
    metrics: Metrics,
    /// Handshakes that will come to a connection, where their number matters.
    reserved: usize,
    stage: Stage,
    leaving: Option<Shutdown>,
    report: Report,
    /// Woken when somebody leaves, or the stage changes.
    acceptor: Option<Waker>,
    watchers: Vec<Waker>,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    #[default]
    Serving,
    /// Connections are being closed.
    Closing,
    /// What was left has been dropped.
    Over,
}

/// What is known of one connection outside of the task that drives it.
#[derive(Debug, Default)]
pub(super) struct Room {
    bytes_received: AtomicU64,
    bytes_sent: AtomicU64,
    messages_received: AtomicU64,
    messages_sent: AtomicU64,
    /// An [`Order`].
    order: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

/// What a connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Stay,
    Close,
    Drop,
}

impl House {
    pub(super) fn new(limits: MessageLimits, max_addresses: usize) -> Self {
        let addresses =
            limits.per_address.map(|rate| Mutex::new(KeyedBuckets::new(rate, max_addresses)));
        Self { epoch: time::Instant::now(), limits, addresses, state: Mutex::default() }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_origin(time::Instant::now() - self.epoch)
    }

    /// Takes in a connection and returns its room and the room's number.
    pub(super) fn enter(&self) -> (usize, Arc<Room>) {
        let room = Arc::new(Room::default());
        let mut state = self.state();
        room.give(match state.stage {
            Stage::Serving => Order::Stay,
            Stage::Closing => Order::Close,
            Stage::Over => Order::Drop,
        });
        let number = state.vacant.pop().unwrap_or_else(|| {
            state.rooms.push(None);
            state.rooms.len() - 1
        });
        state.rooms[number] = Some(room.clone());
        state.metrics.open += 1;
        state.metrics.opened += 1;
        state.metrics.peak = state.metrics.peak.max(state.metrics.open);
        (number, room)
    }

    /// A connection has ended.
    pub(super) fn leave(&self, number: usize, closed: Option<&Closed>) {
        let mut state = self.state();
        if let Some(room) = state.rooms[number].take() {
            room.add_to(&mut state.metrics);
        }
        state.vacant.push(number);
        state.metrics.open -= 1;
        state.metrics.note_end(closed);
        if state.stage == Stage::Closing {
            match closed {
                Some(closed) if closed.is_clean() => state.report.closed += 1,
                _ => state.report.lost += 1,
            }
        }
        wake(state);
    }

    /// A handshake begins, until what is returned is dropped.
    pub(super) fn begin_handshake(self: &Arc<Self>) -> UnderWay {
        self.state().metrics.handshakes += 1;
        UnderWay { house: self.clone(), reserved: false }
    }

    /// Changes the counts.
    pub(super) fn count(&self, change: impl FnOnce(&mut Metrics)) {
        change(&mut self.state().metrics);
    }

    /// A request is turned away.
    pub(super) fn turn_away(&self) {
        let mut state = self.state();
        state.metrics.turned_away += 1;
        if state.stage == Stage::Closing {
            state.report.handshakes_abandoned += 1;
        }
    }

    /// How many connections are open.
    pub(super) fn open(&self) -> usize {
        self.state().metrics.open
    }

    pub(super) fn stage(&self) -> Stage {
        self.state().stage
    }

    /// The stage, and a wake-up when it changes or when a connection ends.
    pub(super) fn poll_stage(&self, cx: &Context<'_>) -> Stage {
        let mut state = self.state();
        let known = match &state.acceptor {
            Some(known) if known.will_wake(cx.waker()) => None,
            _ => state.acceptor.replace(cx.waker().clone()),
        };
        let stage = state.stage;
        // A waker may be the last of a task, which may own a connection: it ends when the lock is free.
        drop(state);
        drop(known);
        stage
    }

    /// What is told to those who have to leave.
    pub(super) fn farewell(&self) -> Option<Shutdown> {
        self.state().leaving.clone()
    }

    /// Charges an address for messages, as [`KeyedBuckets::charge`].
    pub(super) fn charge(&self, address: IpAddr, messages: u32) -> Duration {
        let Some(addresses) = &self.addresses else { return Duration::ZERO };
        lock(addresses).charge(address, messages, self.now())
    }

    pub(super) fn metrics(&self) -> Metrics {
        let state = self.state();
        let mut metrics = state.metrics.clone();
        for room in state.rooms.iter().flatten() {
            room.add_to(&mut metrics);
        }
        metrics
    }

    /// Begins the end: who enters from now on is closed at once. Returns who is there.
    pub(super) fn begin_shutdown(&self, shutdown: &Shutdown) -> Vec<Arc<Room>> {
        let mut state = self.state();
        if state.stage == Stage::Serving {
            state.stage = Stage::Closing;
            state.leaving = Some(shutdown.clone());
        }
        let rooms = state.rooms.iter().flatten().cloned().collect();
        wake(state);
        rooms
    }

    /// Ready when no connection and no handshake is left.
    pub(super) fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.metrics.open == 0 && state.metrics.handshakes == 0 {
            return Poll::Ready(());
        }
        if !state.watchers.iter().any(|known| known.will_wake(cx.waker())) {
            state.watchers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Ends the end: what is left is counted and told to go at once.
    pub(super) fn finish_shutdown(&self) -> Report {
        let mut state = self.state();
        if state.stage == Stage::Closing {
            state.stage = Stage::Over;
            state.report.dropped = state.metrics.open;
            state.report.handshakes_abandoned += state.metrics.handshakes;
        }
        let (rooms, report) = (state.rooms.clone(), state.report);
        wake(state);
        for room in rooms.iter().flatten() {
            room.give(Order::Drop);
        }
        report
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Room {
    /// Notes how far the connection has come. Only its own task writes here: nothing is waited for.
    pub(super) fn publish(&self, conn: &Connection) {
        let stats = conn.stats();
        self.bytes_received.store(stats.bytes_received, Ordering::Relaxed);
        self.bytes_sent.store(conn.bytes_sent(), Ordering::Relaxed);
        self.messages_received.store(stats.messages_received, Ordering::Relaxed);
        self.messages_sent.store(stats.messages_sent, Ordering::Relaxed);
    }

    /// Orders the connection to do something, and wakes it.
    pub(super) fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::Release);
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What it is ordered to do, and a wake-up when that changes.
    pub(super) fn poll_order(&self, cx: &Context<'_>) -> Order {
        match &mut *lock(&self.waker) {
            Some(known) => known.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        match self.order.load(Ordering::Acquire) {
            0 => Order::Stay,
            1 => Order::Close,
            _ => Order::Drop,
        }
    }

    fn add_to(&self, metrics: &mut Metrics) {
        metrics.bytes_received += self.bytes_received.load(Ordering::Relaxed);
        metrics.bytes_sent += self.bytes_sent.load(Ordering::Relaxed);
        metrics.messages_received += self.messages_received.load(Ordering::Relaxed);
        metrics.messages_sent += self.messages_sent.load(Ordering::Relaxed);
    }
}

/// A handshake that has begun.
#[derive(Debug)]
pub(super) struct UnderWay {
    house: Arc<House>,
    reserved: bool,
}

impl UnderWay {
    /// Whether one more connection is among the `most`; then its place is kept.
    pub(super) fn reserve(&mut self, most: usize) -> bool {
        let mut state = self.house.state();
        if !self.reserved && state.metrics.open + state.reserved < most {
            state.reserved += 1;
            self.reserved = true;
        }
        self.reserved
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.house.state();
        state.metrics.handshakes -= 1;
        state.reserved -= usize::from(self.reserved);
        if state.stage != Stage::Serving {
            wake(state);
        }
    }
}

/// Wakes whoever waits, once the lock is free: a waker may run or end what needs it.
fn wake(mut state: MutexGuard<'_, State>) {
    let (acceptor, watchers) = (state.acceptor.take(), mem::take(&mut state.watchers));
    drop(state);
    acceptor.into_iter().chain(watchers).for_each(Waker::wake);
}

/// Under which address a peer counts: IPv4 whole, also inside IPv6; of IPv6 the first 64 bits, which one subscriber has.
pub(super) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        canonical => canonical,
    }
}

/// A panic elsewhere leaves the counts in one piece.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
