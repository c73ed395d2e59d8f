//! The futures of a server may be dropped at any poll: no connection is lost, every place is given back, and what ends with
//! the server ends whole.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::time::Duration;

use adapters::door::{Street, serve};
use adapters::reconnecting::poll_so_often;
use adapters::{bounded, simulate};
use hybi::tokio::{Error, Handle, Server, ServerStream, Shutdown, WebSocket};
use hybi::{CloseCode, Message};
use tokio::io::DuplexStream;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};

/// More polls than any of the futures needs.
const POLLS: usize = 12;

#[test]
fn an_accept_that_is_dropped_at_any_poll_loses_nobody_and_keeps_no_place() {
    simulate(|| async {
        for polls in 1..POLLS {
            let (street, mut server) = serve(|options| {
                options.max_handshakes = 2;
                options.max_connections = Some(3);
            });
            let handle = server.handle();
            let visiting: Vec<_> = (0..9).map(|number| visit(&street, number)).collect();
            for _ in 0..3 {
                let mut here: Vec<WebSocket<ServerStream<DuplexStream>>> = Vec::new();
                while here.len() < 3 {
                    match poll_so_often(server.accept(), polls).await {
                        Some(accepted) => here.push(accepted.unwrap().0),
                        None => yield_now().await,
                    }
                    let metrics = handle.metrics();
                    assert_eq!(metrics.open, here.len());
                    assert!(metrics.open + metrics.handshakes <= 3, "{metrics:?}");
                }
                for mut ws in here {
                    let greeting = ws.recv().await.unwrap().unwrap();
                    ws.send(greeting).await.unwrap();
                    ws.close(CloseCode::NORMAL, "").await.unwrap();
                }
            }
            for client in visiting {
                client.await.unwrap().unwrap();
            }
            let metrics = handle.metrics();
            assert_eq!((metrics.opened, metrics.open, metrics.handshakes), (9, 0, 0));
        }
    });
}

#[test]
fn a_server_that_is_dropped_at_any_poll_ends_all_that_it_has_begun() {
    simulate(|| async {
        let mut opened = [0; POLLS];
        for polls in 1..POLLS {
            let (street, server) = serve(|_| {});
            let handle = server.handle();
            let visiting: Vec<_> = (0..3).map(|number| visit(&street, number)).collect();
            let silent = street.knock();
            let echo = server.serve(|mut ws, _| async move {
                while let Some(message) = ws.recv().await? {
                    ws.send(message).await?;
                }
                Ok::<(), Error>(())
            });
            // Where nothing happens any more it is not polled either.
            let polled = timeout(Duration::from_secs(3600), poll_so_often(echo, polls)).await;
            assert!(polled.unwrap_or(None).is_none(), "it serves for ever");
            assert!(!street.is_open(), "nobody is let in any more");
            for client in visiting {
                // Either it was served whole before, or it learns of the end.
                let _ = client.await.unwrap();
            }
            drop(silent);
            let metrics = handle.metrics();
            assert_eq!((metrics.open, metrics.handshakes), (0, 0), "after {polls} polls");
            opened[polls] = metrics.opened;
            let report = handle.shutdown(Shutdown::default()).await;
            assert_eq!(report.to_string(), NOTHING_LEFT, "after {polls} polls");
        }
        assert_eq!((opened[1], opened[POLLS - 1]), (0, 3), "{opened:?}");
    });
}

#[test]
fn a_shutdown_that_is_dropped_at_any_poll_goes_on_when_called_again() {
    simulate(|| async {
        for polls in 1.. {
            let (street, handle, serving) = hall();
            let clients = guests(&street).await;
            let mut dropped = 0;
            let report = loop {
                let mut shutdown = Shutdown::default();
                // One step after the other, each of which may be the last.
                (shutdown.code, shutdown.spread) = (CloseCode(4000), Duration::from_millis(30));
                match poll_so_often(handle.shutdown(shutdown), polls).await {
                    Some(report) => break report,
                    None => dropped += 1,
                }
                sleep(Duration::from_millis(11)).await;
            };
            assert_eq!((report.closed, report.lost, report.dropped), (3, 0, 0), "{polls}");
            serving.await.unwrap();
            for client in clients {
                assert_eq!(client.await.unwrap(), CloseCode(4000), "after {polls} polls");
            }
            if dropped == 0 {
                assert!(polls > 2, "it has hardly ever waited");
                break;
            }
        }
    });
}

/// As its documentation says: dropped after its first poll, it leaves the server closing, without a deadline.
#[test]
fn a_shutdown_that_is_dropped_and_not_called_again_closes_who_is_left() {
    for spread in [Duration::ZERO, Duration::from_secs(3)] {
        simulate(move || async move {
            let (street, handle, serving) = hall();
            let clients = guests(&street).await;
            let mut shutdown = Shutdown::default();
            shutdown.spread = spread;
            assert!(poll_so_often(handle.shutdown(shutdown), 1).await.is_none());
            for client in clients {
                assert_eq!(client.await.unwrap(), CloseCode::GOING_AWAY);
            }
            serving.await.unwrap();
            let metrics = handle.metrics();
            assert_eq!((metrics.open, metrics.handshakes), (0, 0));
        });
    }
}

#[test]
fn a_bind_that_is_dropped_listens_to_nothing() {
    bounded(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let address = Server::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            for polls in 1.. {
                // A name is looked up in another thread, so this waits.
                let name = format!("localhost:{}", address.port());
                match poll_so_often(Server::bind(name), polls).await {
                    None => drop(std::net::TcpListener::bind(address).unwrap()),
                    Some(bound) => {
                        let _ = bound.unwrap();
                        break;
                    }
                }
            }
        });
    });
}

const NOTHING_LEFT: &str =
    "0 closed in order, 0 lost, 0 dropped at the deadline, 0 handshakes abandoned";

/// A client that says something, hears it again and waits for the end.
fn visit(street: &Street, number: usize) -> JoinHandle<Result<(), Error>> {
    let street = street.clone();
    tokio::spawn(async move {
        let mut ws = street.visit().await?;
        let greeting = format!("I am {number}");
        ws.send(greeting.clone()).await?;
        assert_eq!(ws.recv().await?, Some(Message::text(greeting)));
        while ws.recv().await?.is_some() {}
        Ok(())
    })
}

/// A server in whose handlers nothing happens.
fn hall() -> (Street, Handle, JoinHandle<()>) {
    let (street, server) = serve(|_| {});
    let handle = server.handle();
    let serving = tokio::spawn(
        server.serve(|mut ws, _| async move { while let Ok(Some(_)) = ws.recv().await {} }),
    );
    (street, handle, serving)
}

/// Three of them, each of which returns with which code it was closed.
async fn guests(street: &Street) -> Vec<JoinHandle<CloseCode>> {
    let mut guests = Vec::new();
    for _ in 0..3 {
        let mut ws = street.visit().await.unwrap();
        guests.push(tokio::spawn(async move {
            assert_eq!(ws.recv().await.unwrap(), None);
            ws.closed().unwrap().code()
        }));
    }
    guests
}
