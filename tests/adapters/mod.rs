//! What the tests of the adapters share: raw frames, bounds in time, streams with faults.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

#[cfg(feature = "tokio")]
pub(crate) mod away;
pub(crate) mod conversation;
#[cfg(feature = "tokio")]
pub(crate) mod door;
pub(crate) mod drops;
pub(crate) mod faulty;
pub(crate) mod frames;
pub(crate) mod gated;
pub(crate) mod handles;
pub(crate) mod poll;
#[cfg(feature = "tokio")]
pub(crate) mod reconnecting;
pub(crate) mod session;
pub(crate) mod tcp;
#[cfg(feature = "tracing")]
pub(crate) mod told;
#[cfg(feature = "tokio")]
pub(crate) mod upgraded;

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use hybi::Config;

/// How long a test may run on the slowest machine. Nothing is measured by it: a test that hangs fails.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a test in a thread of its own and fails if it never ends, even if it never waits.
pub(crate) fn bounded(test: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let _done = done;
        test();
    });
    if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
        panic!("the test hangs");
    }
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}

/// Runs a test that touches nothing but memory on a made-up clock, which jumps to the next timer when
/// all tasks wait. Where they wait for nothing at all, the test fails at once.
pub(crate) fn simulate<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    bounded(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        let day = Duration::from_secs(24 * 3600);
        runtime.block_on(async { tokio::time::timeout(day, test()).await }).expect("a task hangs");
    });
}

/// Runs a test on two threads and the system's clock, for sockets.
pub(crate) fn on_threads<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    bounded(move || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let limit = LIMIT / 2;
        runtime
            .block_on(async { tokio::time::timeout(limit, test()).await })
            .expect("a task hangs");
    });
}

/// The default configuration with changes.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// Runs a test that polls its futures itself, on a clock that stands still.
pub(crate) fn by_hand(test: impl FnOnce() + Send + 'static) {
    bounded(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        let _entered = runtime.enter();
        test();
    });
}
