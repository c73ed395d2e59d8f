//! The one timer of a connection over the tokio adapter wakes whoever waits, also where that changes.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use adapters::frames::PING;
use adapters::upgraded::{read_frame, upgraded, write};
use adapters::{config, simulate};
use hybi::Role;
use tokio::task::coop;
use tokio::time::{Duration, Instant, sleep, timeout};

/// A runtime's task has a budget of calls that may be ready; what is polled beyond it notes nobody.
#[test]
fn a_timer_that_was_first_polled_without_a_budget_rings() {
    simulate(|| async {
        let (mut server, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let waits = tokio::spawn(async move {
            poll_fn(|cx| {
                while coop::has_budget_remaining() {
                    assert!(pin!(coop::consume_budget()).poll(cx).is_ready());
                }
                assert!(pin!(server.recv()).poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            server.recv().await
        });
        let ping = timeout(Duration::from_secs(21), read_frame(&mut peer)).await.expect("in time");
        assert_eq!(ping.0, PING);
        waits.abort();
    });
}

#[test]
fn a_connection_that_goes_to_another_task_in_the_midst_of_a_wait_wakes_that_one() {
    simulate(|| async {
        let start = Instant::now();
        let (mut server, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(pin!(server.recv()).poll(&mut nobody).is_pending());
        let waits = tokio::spawn(async move { server.recv().await });
        let ping = timeout(Duration::from_secs(21), read_frame(&mut peer)).await.expect("in time");
        assert_eq!((ping.0, start.elapsed()), (PING, Duration::from_secs(20)));
        waits.abort();
    });
}

/// What comes in the meantime puts the ping off, not the timer that is set already: it rings early, and has to ring again.
#[test]
fn a_timer_that_rang_too_early_rings_again_in_time() {
    simulate(|| async {
        let start = Instant::now();
        let (mut client, mut peer) = upgraded(Role::Client, 1024, config(|_| {}));
        let waits = tokio::spawn(async move { client.recv().await });
        for _ in 0..3 {
            sleep(Duration::from_secs(15)).await;
            write(&mut peer, [0x8a, 0]).await;
        }
        let ping = timeout(Duration::from_secs(21), read_frame(&mut peer)).await.expect("in time");
        assert_eq!((ping.0, start.elapsed()), (PING, Duration::from_secs(3 * 15 + 20)));
        waits.abort();
    });
}
