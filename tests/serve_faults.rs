//! What does not bring a server down: hooks and handlers that hang or panic, a listener that fails, limits of nothing.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::{Error as IoError, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapters::door::{serve, status};
use adapters::simulate;
use hybi::handshake::Accept;
use hybi::rate::Rate;
use hybi::tokio::serve::WhenFull;
use hybi::tokio::{Error, Shutdown};
use hybi::{Cause, Message};
use tokio::time::{Instant, sleep};

#[test]
fn a_hook_that_hangs_or_panics_ends_one_handshake_alone() {
    simulate(|| async {
        let (street, server) = serve(|options| options.authorize_timeout = Duration::from_secs(4));
        let calls = Arc::new(AtomicUsize::new(0));
        let server = server.authorize(move |_| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            async move {
                match call {
                    0 => std::future::pending().await,
                    1 => std::panic::resume_unwind(Box::new("the test's")),
                    _ => Ok((Accept::new(), ())),
                }
            }
        });
        let handle = server.handle();
        tokio::spawn(server.serve(|mut ws, _| async move { ws.recv().await.map(|_| ()) }));
        let start = Instant::now();
        assert_eq!(status(street.visit().await), 503);
        assert_eq!(start.elapsed(), Duration::from_secs(4));
        assert!(street.visit().await.is_err());
        let _open = street.visit().await.unwrap();
        assert_eq!((handle.metrics().handshakes, handle.metrics().open), (0, 1));
        assert_eq!(handle.metrics().failed, 2);
    });
}

#[test]
fn a_handler_that_panics_ends_its_own_connection_alone() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let handle = server.handle();
        tokio::spawn(server.serve(|mut ws, _| async move {
            let message = ws.recv().await.unwrap().unwrap();
            if message.as_text() == Some("panic") {
                std::panic::resume_unwind(Box::new("the test's"));
            }
            ws.send(message).await.unwrap();
        }));
        let mut other = street.visit().await.unwrap();
        let mut ws = street.visit().await.unwrap();
        ws.send("panic").await.unwrap();
        assert!(
            matches!(ws.recv().await, Err(Error::Closed(closed)) if closed.cause == Cause::Lost)
        );
        other.send("fine").await.unwrap();
        assert_eq!(other.recv().await.unwrap(), Some(Message::text("fine")));
        assert_eq!(handle.metrics().endings.dropped, 2);
    });
}

#[test]
fn a_handler_that_panics_before_it_waits_ends_its_own_connection_alone() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let handle = server.handle();
        let calls = AtomicUsize::new(0);
        tokio::spawn(server.serve(move |mut ws, _| {
            if calls.fetch_add(1, Ordering::Relaxed) == 1 {
                std::panic::resume_unwind(Box::new("the test's"));
            }
            async move {
                let message = ws.recv().await.unwrap().unwrap();
                ws.send(message).await.unwrap();
            }
        }));
        let mut before = street.visit().await.unwrap();
        let mut ws = street.visit().await.unwrap();
        assert!(
            matches!(ws.recv().await, Err(Error::Closed(closed)) if closed.cause == Cause::Lost)
        );
        for ws in [&mut before, &mut street.visit().await.unwrap()] {
            ws.send("fine").await.unwrap();
            assert_eq!(ws.recv().await.unwrap(), Some(Message::text("fine")));
        }
        assert_eq!((handle.metrics().opened, handle.metrics().endings.dropped), (3, 3));
    });
}

/// Too many open files: the loop neither spins nor ends.
#[test]
fn a_listener_that_fails_is_asked_again_later_and_later() {
    simulate(|| async {
        let (street, mut server) = serve(|_| {});
        let start = Instant::now();
        for _ in 0..12 {
            street.fail(IoError::from_raw_os_error(24));
        }
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        assert!(client.is_ok() && accepted.is_some());
        // 5, 10, 20, ... 640 ms, then 1 s each.
        let waited: u64 = (0..8).map(|turn| 5 << turn).sum::<u64>() + 4 * 1000;
        assert_eq!(start.elapsed().as_millis(), u128::from(waited));
        assert_eq!(server.handle().metrics().accept_errors, 12);
    });
}

#[test]
fn a_client_that_is_gone_before_it_is_accepted_costs_no_wait() {
    simulate(|| async {
        let (street, mut server) = serve(|_| {});
        let start = Instant::now();
        for _ in 0..100 {
            street.fail(ErrorKind::ConnectionAborted.into());
        }
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        assert!(client.is_ok() && accepted.is_some());
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

/// Nor does a listener that tells of nothing but such clients take the thread for ever.
#[test]
fn clients_that_are_gone_without_end_are_not_asked_for_without_a_rest() {
    simulate(|| async {
        for kind in [
            ErrorKind::ConnectionAborted,
            ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionReset,
            ErrorKind::Interrupted,
        ] {
            for (count, rests) in [(127, 0), (128, 5), (255, 5), (256, 5 + 10), (300, 5 + 10)] {
                let (street, mut server) = serve(|_| {});
                let start = Instant::now();
                for _ in 0..count {
                    street.fail(kind.into());
                }
                let (client, accepted) = tokio::join!(street.visit(), server.accept());
                assert!(client.is_ok() && accepted.is_some());
                let rested = start.elapsed().as_millis();
                assert_eq!(rested, rests, "{count} times {kind:?}");
                assert_eq!(server.handle().metrics().accept_errors, count);
            }
        }
    });
}

/// Also of a server with a hook.
#[test]
fn whoever_is_accepted_ends_a_row_of_failures() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let mut server = server.authorize(|_| async { Ok((Accept::new(), ())) });
        for _ in 0..3 {
            let start = Instant::now();
            for _ in 0..127 {
                street.fail(ErrorKind::ConnectionAborted.into());
            }
            let (client, accepted) = tokio::join!(street.visit(), server.accept());
            assert!(client.is_ok() && accepted.is_some());
            assert_eq!(start.elapsed(), Duration::ZERO);
        }
        for _ in 0..3 {
            let start = Instant::now();
            street.fail(IoError::from_raw_os_error(24));
            street.fail(IoError::from_raw_os_error(24));
            let (client, accepted) = tokio::join!(street.visit(), server.accept());
            assert!(client.is_ok() && accepted.is_some());
            assert_eq!(start.elapsed(), Duration::from_millis(5 + 10));
        }
    });
}

/// What the hook asks for cannot be answered: that handshake has failed, and the server goes on.
#[test]
fn an_acceptance_that_is_none_is_a_failed_handshake() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let server = server
            .authorize(|_| async { Ok((Accept::new().subprotocol("nobody offered it"), ())) });
        let handle = server.handle();
        tokio::spawn(server.serve(|_, _| async {}));
        assert!(street.visit().await.is_err());
        let metrics = handle.metrics();
        assert_eq!((metrics.failed, metrics.handshakes, metrics.open), (1, 0, 0));
    });
}

#[test]
fn limits_of_zero_let_nobody_in_and_never_hang_the_server() {
    simulate(|| async {
        // One handshake at a time there is always.
        let (street, mut server) = serve(|options| {
            options.max_handshakes = 0;
            options.max_addresses = 0;
            options.handshakes_per_address = Some(Rate::per_second(1));
        });
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        assert!(client.is_ok() && accepted.is_some());

        let (street, server) = serve(|options| {
            options.max_connections = Some(0);
            options.when_full = WhenFull::Refuse;
        });
        tokio::spawn(server.serve(|_, _| async {}));
        assert_eq!(status(street.visit().await), 503);

        let (street, server) =
            serve(|options| options.handshakes_per_address = Some(Rate::per_second(0)));
        let handle = server.handle();
        tokio::spawn(server.serve(|_, _| async {}));
        assert!(street.visit().await.is_err());
        assert_eq!(handle.metrics().throttled, 1);

        let (street, server) = serve(|options| options.authorize_timeout = Duration::ZERO);
        let server = server.authorize(|_| async { Ok((Accept::new(), ())) });
        tokio::spawn(server.serve(|mut ws, _| async move { ws.recv().await.map(drop) }));
        assert!(street.visit().await.is_ok(), "who decides at once needs no time");

        // They wait for ever, which ends with the server.
        let (street, server) = serve(|options| options.max_connections = Some(0));
        let handle = server.handle();
        let serving = tokio::spawn(server.serve(|_, _| async {}));
        let visit = tokio::spawn(async move { street.visit().await.map(drop) });
        sleep(Duration::from_secs(15)).await;
        assert!(!visit.is_finished());
        handle.shutdown(Shutdown::default()).await;
        serving.await.unwrap();
        assert!(visit.await.unwrap().is_err());
    });
}
