//! A server ends in order, or by its deadline.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::time::Duration;

use adapters::door::{Street, serve, status};
use adapters::simulate;
use hybi::tokio::{Error, Handle, ServeOptions, Shutdown, WebSocket};
use hybi::{Cause, CloseCode, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

#[test]
fn all_connections_are_closed_with_the_code_and_the_reason() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let clients = listen(visitors(&street, 20).await);
        let mut shutdown = Shutdown::default();
        (shutdown.code, shutdown.reason) = (CloseCode::SERVICE_RESTART, "update".into());
        let start = Instant::now();
        let report = handle.shutdown(shutdown).await;
        assert_eq!((report.closed, report.lost, report.dropped), (20, 0, 0));
        serving.await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        for client in clients {
            let closed = client.await.unwrap().closed().unwrap();
            assert_eq!((closed.code(), closed.reason()), (CloseCode::SERVICE_RESTART, "update"));
            assert_eq!(closed.cause, Cause::Remote);
        }
        assert_eq!(handle.metrics().close_codes.count(CloseCode::SERVICE_RESTART), 20);
        assert_eq!(
            report.to_string(),
            "20 closed in order, 0 lost, 0 dropped at the deadline, 0 handshakes abandoned"
        );
    });
}

#[test]
fn a_server_without_connections_ends_at_once() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        assert_eq!(handle.shutdown(Shutdown::default()).await, Default::default());
        serving.await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(!street.is_open());
        assert_eq!(handle.shutdown(Shutdown::default()).await, Default::default(), "twice");
    });
}

#[test]
fn messages_on_their_way_are_still_received() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let mut client = street.visit().await.unwrap();
        client.send("before").await.unwrap();
        let (report, received) = tokio::join!(handle.shutdown(Shutdown::default()), client.recv());
        assert_eq!((report.closed, received.unwrap()), (1, None));
        serving.await.unwrap();
        assert_eq!(handle.metrics().messages_received, 1);
    });
}

#[test]
fn a_client_that_does_not_answer_the_close_is_dropped_in_time() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let silent = visitors(&street, 3).await;
        let answering = listen(visitors(&street, 2).await);
        let mut shutdown = Shutdown::default();
        shutdown.deadline = Duration::from_secs(2);
        let start = Instant::now();
        let report = handle.shutdown(shutdown).await;
        assert_eq!((report.closed, report.lost, report.dropped), (2, 0, 3));
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        serving.await.unwrap();
        assert_eq!(handle.metrics().open, 0);
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        drop((silent, answering));
    });
}

/// The close timeout of a connection is shorter than the deadline: that one is lost, not dropped.
#[test]
fn a_connection_that_gives_up_before_the_deadline_is_lost() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let _silent = visitors(&street, 1).await;
        let start = Instant::now();
        let report = handle.shutdown(Shutdown::default()).await;
        assert_eq!((report.closed, report.lost, report.dropped), (0, 1, 0));
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        serving.await.unwrap();
        assert_eq!(handle.metrics().endings.unanswered, 1);
    });
}

#[test]
fn a_handler_that_never_ends_is_dropped_at_the_deadline() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let handle = server.handle();
        let serving = tokio::spawn(server.serve(|ws, _| async move {
            let _open = ws;
            std::future::pending::<()>().await;
        }));
        let mut client = street.visit().await.unwrap();
        let start = Instant::now();
        let report = handle.shutdown(Shutdown::default()).await;
        assert_eq!((report.dropped, start.elapsed()), (1, Duration::from_secs(10)));
        serving.await.unwrap();
        assert!(
            matches!(client.recv().await, Err(Error::Closed(closed)) if closed.cause == Cause::Lost)
        );
    });
}

/// A handler that waits for the peer to take data is told as well.
#[test]
fn a_connection_that_is_stuck_sending_is_told() {
    simulate(|| async {
        let (street, mut server) = serve(|_| {});
        let handle = server.handle();
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        let (_client, mut ws) = (client.unwrap(), accepted.unwrap().0);
        let stuck = tokio::spawn(async move {
            while ws.send(Message::binary(vec![0; 100_000])).await.is_ok() {}
            Instant::now()
        });
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let mut shutdown = Shutdown::default();
        shutdown.deadline = Duration::from_secs(3);
        let (report, none) = tokio::join!(handle.shutdown(shutdown), server.accept());
        assert_eq!((report.dropped, none.is_none()), (1, true));
        let ended = stuck.await.unwrap() - start;
        assert_eq!(ended, Duration::from_secs(3), "its calls fail after the deadline");
    });
}

/// Also where the application owns the connections, and its own patience with the client is longer.
#[test]
fn a_connection_that_waits_for_its_client_is_dropped_at_the_deadline() {
    simulate(|| async {
        let (street, mut server) = serve(|_| {});
        let handle = server.handle();
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        let (_client, mut ws) = (client.unwrap(), accepted.unwrap().0);
        let start = Instant::now();
        let mut shutdown = Shutdown::default();
        shutdown.deadline = Duration::from_secs(2);
        let (report, received) = tokio::join!(handle.shutdown(shutdown), ws.recv());
        assert_eq!((report.dropped, start.elapsed()), (1, Duration::from_secs(2)));
        assert!(matches!(received, Err(Error::Closed(closed)) if closed.cause == Cause::Lost));
        assert_eq!(ws.recv().await.unwrap(), None, "it is told once");
        assert!(handle.metrics().open == 1, "its owner has it still");
    });
}

/// Nobody new comes in while the others are still closing.
#[test]
fn a_server_that_is_closing_does_not_listen() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let _silent = visitors(&street, 1).await;
        sleep(Duration::from_secs(1)).await;
        let closing = tokio::spawn(async move { handle.shutdown(Shutdown::default()).await });
        sleep(Duration::from_millis(1)).await;
        assert!(!street.is_open() && !closing.is_finished());
        serving.await.unwrap();
        assert_eq!(closing.await.unwrap().lost, 1);
    });
}

#[test]
fn the_report_tells_of_the_shutdown_alone() {
    simulate(|| async {
        let (street, handle, serving) = echo(|options| {
            options.max_connections = Some(2);
            options.when_full = hybi::tokio::serve::WhenFull::Refuse;
        });
        let mut before = visitors(&street, 2).await;
        assert_eq!(status(street.visit().await), 503);
        before[0].close(None, "").await.unwrap();
        drop(before);
        sleep(Duration::from_secs(1)).await;
        let metrics = handle.metrics();
        assert_eq!((metrics.open, metrics.peak, metrics.turned_away), (0, 2, 1));
        assert_eq!(handle.shutdown(Shutdown::default()).await, Default::default());
        serving.await.unwrap();
    });
}

#[test]
fn a_second_shutdown_is_the_first_once_more() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let mut silent = visitors(&street, 1).await;
        let mut answering = listen(visitors(&street, 1).await);
        let _halfway = street.knock();
        sleep(Duration::from_secs(1)).await;
        let shutdown = |code, deadline| {
            let mut shutdown = Shutdown::default();
            (shutdown.code, shutdown.deadline) = (code, Duration::from_secs(deadline));
            shutdown
        };
        let (report, ()) =
            tokio::join!(handle.shutdown(shutdown(CloseCode::SERVICE_RESTART, 2)), async {
                sleep(Duration::from_secs(1)).await;
                let other = shutdown(CloseCode::NORMAL, 1);
                let report = handle.shutdown(other).await;
                assert_eq!((report.closed, report.dropped), (1, 1));
            });
        assert_eq!((report.closed, report.dropped, report.handshakes_abandoned), (1, 1, 1));
        serving.await.unwrap();
        let again = handle.shutdown(shutdown(CloseCode::NORMAL, 1)).await;
        assert_eq!(again, report);
        assert_eq!(handle.metrics().failed, 0, "a handshake that is dropped has not failed");
        let closed = answering.remove(0).await.unwrap().closed().unwrap();
        assert_eq!(closed.code(), CloseCode::SERVICE_RESTART);
        assert_eq!(silent[0].recv().await.unwrap(), None);
        assert_eq!(silent[0].closed().unwrap().code(), CloseCode::SERVICE_RESTART);
    });
}

#[test]
fn a_handshake_that_breaks_off_holds_up_no_shutdown() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let halfway = street.knock();
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let ((), report) = tokio::join!(
            async {
                sleep(Duration::from_secs(1)).await;
                drop(halfway);
            },
            handle.shutdown(Shutdown::default())
        );
        assert_eq!((start.elapsed(), report.handshakes_abandoned), (Duration::from_secs(1), 0));
        serving.await.unwrap();
    });
}

/// Whose answer would not be heard.
#[test]
fn a_server_that_is_closing_does_not_ask_its_hook() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let server = server.authorize(|_| async { panic!("nobody is let in any more") });
        let server: hybi::tokio::Server<_, ()> = server;
        let handle = server.handle();
        let serving = tokio::spawn(server.serve(|_, _| async {}));
        let mut halfway = street.knock();
        halfway.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let (_, answer) = tokio::join!(handle.shutdown(Shutdown::default()), async {
            let rest =
                b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            halfway.write_all(rest).await.unwrap();
            let mut answer = String::new();
            halfway.read_to_string(&mut answer).await.unwrap();
            answer
        });
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        serving.await.unwrap();
        assert_eq!((handle.metrics().failed, handle.metrics().turned_away), (0, 1));
    });
}

/// The rest of its pause is not waited for.
#[test]
fn a_connection_that_pauses_for_its_rate_is_closed_at_once() {
    simulate(|| async {
        let (street, handle, serving) = echo(|options| {
            options.messages.per_connection = Some(hybi::rate::Rate::per_minute(1).burst(1));
        });
        let mut client = street.visit().await.unwrap();
        for text in ["one", "two", "three"] {
            client.feed(text).await.unwrap();
        }
        client.flush().await.unwrap();
        let clients = listen(vec![client]);
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let report = handle.shutdown(Shutdown::default()).await;
        assert_eq!((report.closed, start.elapsed()), (1, Duration::ZERO));
        serving.await.unwrap();
        drop(clients);
    });
}

#[test]
fn handshakes_under_way_are_answered_with_503_or_abandoned() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let mut halfway = street.knock();
        halfway.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
        let mut silent = street.knock();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(handle.metrics().handshakes, 2);
        let mut shutdown = Shutdown::default();
        shutdown.deadline = Duration::from_secs(4);
        let finish = async {
            halfway
                .write_all(
                    b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                )
                .await
                .unwrap();
            let mut answer = String::new();
            halfway.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let (report, answer) = tokio::join!(handle.shutdown(shutdown), finish);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert_eq!((report.handshakes_abandoned, report.closed), (2, 0));
        serving.await.unwrap();
        assert!(silent.read_u8().await.is_err(), "nothing was said");
    });
}

#[test]
fn a_request_whose_hook_ends_after_the_shutdown_is_answered_with_503() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let server = server.authorize(|_| async {
            sleep(Duration::from_secs(2)).await;
            Ok((hybi::handshake::Accept::new(), ()))
        });
        let handle = server.handle();
        let serving = tokio::spawn(server.serve(|_, _| async {}));
        let (report, visit) = tokio::join!(
            async {
                sleep(Duration::from_secs(1)).await;
                handle.shutdown(Shutdown::default()).await
            },
            street.visit()
        );
        assert_eq!((report.handshakes_abandoned, status(visit)), (1, 503));
        serving.await.unwrap();
    });
}

/// Its response was on the way already: it gets a Close frame like the others.
#[test]
fn a_connection_that_nobody_has_taken_yet_is_handed_out_and_closed() {
    simulate(|| async {
        let (street, mut server) = serve(|_| {});
        let handle = server.handle();
        let visiting = tokio::spawn(async move { street.visit().await.unwrap() });
        sleep(Duration::from_secs(1)).await;
        // One look lets it in; then nobody looks.
        assert!(futures_util::FutureExt::now_or_never(server.accept()).is_none());
        sleep(Duration::from_secs(1)).await;
        let mut client = visiting.await.unwrap();
        let owner = async {
            sleep(Duration::from_secs(1)).await;
            let (mut ws, _) = server.accept().await.unwrap();
            assert_eq!(ws.recv().await.unwrap(), None);
            drop(ws);
            assert!(server.accept().await.is_none());
        };
        let (report, (), received) =
            tokio::join!(handle.shutdown(Shutdown::default()), owner, client.recv());
        assert_eq!((report.closed, received.unwrap()), (1, None));
    });
}

#[test]
fn the_closing_can_be_spread_over_time() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let clients = visitors(&street, 10).await;
        let start = Instant::now();
        let clients: Vec<_> = clients
            .into_iter()
            .map(|mut ws| {
                tokio::spawn(async move {
                    while ws.recv().await.unwrap().is_some() {}
                    start.elapsed().as_millis()
                })
            })
            .collect();
        let mut shutdown = Shutdown::default();
        shutdown.spread = Duration::from_secs(2);
        assert_eq!(handle.shutdown(shutdown).await.closed, 10);
        serving.await.unwrap();
        let mut ends = Vec::new();
        for client in clients {
            ends.push(client.await.unwrap());
        }
        ends.sort_unstable();
        assert_eq!(ends, (0..10).map(|step| step * 200).collect::<Vec<_>>());
    });
}

/// Not over more than there is.
#[test]
fn the_closing_is_spread_within_the_deadline() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let clients = listen(visitors(&street, 4).await);
        let mut shutdown = Shutdown::default();
        (shutdown.spread, shutdown.deadline) = (Duration::from_secs(60), Duration::from_secs(4));
        let report = handle.shutdown(shutdown).await;
        assert_eq!((report.closed, report.dropped), (4, 0));
        serving.await.unwrap();
        drop(clients);
    });
}

#[test]
fn both_halves_of_a_connection_are_told() {
    simulate(|| async {
        let (street, mut server) = serve(|_| {});
        let handle = server.handle();
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        let (sender, mut receiver) = accepted.unwrap().0.split();
        let mut clients = listen(vec![client.unwrap()]);
        let (report, received) = tokio::join!(handle.shutdown(Shutdown::default()), async {
            let received = receiver.recv().await;
            let refused = sender.send("late").await.is_err();
            drop((receiver, sender));
            (received.unwrap(), refused)
        });
        assert_eq!((report.closed, received), (1, (None, true)));
        assert!(clients.remove(0).await.unwrap().closed().is_some());
    });
}

#[test]
fn a_reason_that_is_too_long_keeps_nobody() {
    simulate(|| async {
        let (street, handle, serving) = echo(|_| {});
        let clients = listen(visitors(&street, 1).await);
        let mut shutdown = Shutdown::default();
        (shutdown.code, shutdown.reason) = (CloseCode(1005), "x".repeat(200).into());
        assert_eq!(handle.shutdown(shutdown).await.closed, 1);
        serving.await.unwrap();
        for client in clients {
            assert_eq!(client.await.unwrap().closed().unwrap().code(), CloseCode::GOING_AWAY);
        }
    });
}

/// A server that echoes, in a task of its own.
fn echo(change: impl FnOnce(&mut ServeOptions)) -> (Street, Handle, JoinHandle<()>) {
    let (street, server) = serve(change);
    let handle = server.handle();
    let serving = tokio::spawn(server.serve(|mut ws, _| async move {
        while let Some(message) = ws.recv().await? {
            // While it closes there is nobody to answer to.
            let _ = ws.feed(message).await;
        }
        Ok::<(), Error>(())
    }));
    (street, handle, serving)
}

async fn visitors(street: &Street, count: usize) -> Vec<WebSocket<DuplexStream>> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(street.visit().await.unwrap());
    }
    clients
}

/// Clients that listen until they are closed, each in a task of its own.
fn listen(clients: Vec<WebSocket<DuplexStream>>) -> Vec<JoinHandle<WebSocket<DuplexStream>>> {
    let listen = |mut ws: WebSocket<DuplexStream>| async move {
        while ws.recv().await.unwrap().is_some() {}
        ws
    };
    clients.into_iter().map(|ws| tokio::spawn(listen(ws))).collect()
}
