//! Driving futures by hand: without a runtime's help, and dropping them half-way.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// More polls than any future of these tests needs.
const MOST_POLLS: usize = 1_000_000;

/// Remembers that it was woken.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Flag {
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

/// Polls a future to its end. A future that waits without being woken fails the test.
pub(crate) fn drive<T>(future: impl Future<Output = T>) -> T {
    poll_times(future, MOST_POLLS).expect("the future goes on for ever")
}

/// Polls a future at most `times`; `None` if it was dropped before its end.
pub(crate) fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    for _ in 0..times {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(value);
        }
        assert!(flag.take(), "the future waits and nothing will wake it");
    }
    None
}
