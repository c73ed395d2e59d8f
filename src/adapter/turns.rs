//! One dial at a time to each host, for all reconnecting clients of the process (RFC 6455 section 4.1).
//!
//! The RFC speaks of the host's address. Whoever dials through a proxy never learns it, and a dial is any function here,
//! so host names are told apart as the RFC then asks: two names of one address are two hosts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant as Clock;

use crate::handshake::Url;

/// A place in the queue of those who want to dial a host, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    host: String,
    number: u64,
}

/// Those who want to dial, by host and port; the first of each queue may.
static QUEUES: Mutex<Queues> = Mutex::new(BTreeMap::new());

type Queues = BTreeMap<String, VecDeque<Place>>;

static NUMBERS: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
struct Place {
    number: u64,
    waker: Option<Waker>,
}

impl Turn {
    /// Takes the last place in the queue of the URL's host and port.
    pub(super) fn queue(url: &Url) -> Self {
        let host = format!("{} {}", url.host(), url.port());
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        queues().entry(host.clone()).or_default().push_back(Place { number, waker: None });
        Self { host, number }
    }

    /// Ready when all who came before have dialed.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut queues = queues();
        let queue = queues.get_mut(&self.host).map(|queue| queue.iter_mut().enumerate());
        let mine = queue.and_then(|mut queue| queue.find(|(_, place)| place.number == self.number));
        match mine {
            Some((at, place)) if at > 0 => {
                place.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Blocks until all who came before have dialed, or until `give_up`; whether they have.
    pub(super) fn wait(&self, give_up: Option<Clock>) -> bool {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let cx = Context::from_waker(&waker);
        while self.poll(&cx).is_pending() {
            match give_up.map(|give_up| give_up.saturating_duration_since(Clock::now())) {
                Some(left) if left.is_zero() => return false,
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
        }
        true
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queues = queues();
        let Some(queue) = queues.get_mut(&self.host) else { return };
        queue.retain(|place| place.number != self.number);
        let next = queue.front_mut().and_then(|place| place.waker.take());
        if queue.is_empty() {
            queues.remove(&self.host);
        }
        drop(queues);
        if let Some(next) = next {
            next.wake();
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// No state is half changed where a panic could strike.
fn queues() -> MutexGuard<'static, Queues> {
    QUEUES.lock().unwrap_or_else(PoisonError::into_inner)
}
