//! How a client that stays connected is stopped, over the tokio adapter: what is queued first, then the connection.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::future::pending;
use std::time::Duration;

use adapters::reconnecting::{client, poll_so_often, until_open};
use adapters::simulate;
use futures_util::StreamExt;
use hybi::reconnect::{Event, MessageId, Options, Phase, Why};
use hybi::tokio::{Reconnecting, accept};
use hybi::{CloseCode, Message, SendError};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn close_sends_and_confirms_what_is_queued_first() {
    simulate(|| async {
        let (mut client, mut streams) = client("l.test", Options::default());
        let server = tokio::spawn(async move {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            let mut got = Vec::new();
            while let Some(message) = ws.recv().await.unwrap() {
                got.push(message);
            }
            (got, ws.closed().unwrap().code())
        });
        until_open(&mut client).await;
        client.send("one").unwrap();
        client.send("two").unwrap();
        client.close(CloseCode::NORMAL, "done").await.unwrap();
        let (got, code) = server.await.unwrap();
        assert_eq!(got, [Message::text("one"), Message::text("two")]);
        assert_eq!(code, CloseCode::NORMAL);
        assert_eq!(client.next().await, Some(Event::Confirmed { through: MessageId(1) }));
        assert_eq!(client.next().await, Some(Event::GaveUp { why: Why::Stopped }));
        assert_eq!(client.next().await, None);
        assert!(client.take_unsent().is_empty());
    });
}

#[test]
fn a_close_that_is_refused_drops_no_message() {
    simulate(|| async {
        let (mut client, mut streams) = client("x.test", Options::default());
        let server = async {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            ws.send("kept").await.unwrap();
            ws
        };
        let (_server, ()) = tokio::join!(server, until_open(&mut client));
        client.send("a question").unwrap();
        let refused = client.close(CloseCode(1005), "").await;
        assert_eq!(refused, Err(SendError::InvalidCloseCode(CloseCode(1005))));
        let refused = client.close(None, &"!".repeat(124)).await;
        assert_eq!(refused, Err(SendError::ReasonTooLong));
        assert_eq!(client.next().await, Some(Event::Message(Message::text("kept"))));
    });
}

#[test]
fn close_gives_up_waiting_for_a_peer_that_confirms_nothing() {
    simulate(|| async {
        let (mut client, mut streams) = client("m.test", Options::default());
        let server = tokio::spawn(async move {
            let ws = accept(streams.recv().await.unwrap()).await.unwrap();
            pending::<()>().await;
            drop(ws);
        });
        until_open(&mut client).await;
        client.send("one").unwrap();
        let start = Instant::now();
        client.close(CloseCode::NORMAL, "").await.unwrap();
        // Five seconds for the queue, five for the closing handshake.
        assert_eq!(start.elapsed().as_secs(), 10);
        assert!(
            matches!(client.next().await, Some(Event::InDoubt(messages)) if messages.len() == 1)
        );
        assert_eq!(client.next().await, Some(Event::GaveUp { why: Why::Stopped }));
        server.abort();
    });
}

#[test]
fn close_without_a_connection_hands_out_what_was_never_sent() {
    simulate(|| async {
        let (mut client, _streams) = client("n.test", Options::default());
        client.send("one").unwrap();
        client.close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(client.next().await, Some(Event::GaveUp { why: Why::Stopped }));
        assert_eq!(client.next().await, None);
        assert_eq!(client.take_unsent().len(), 1);
        assert_eq!(client.machine().phase(), Phase::Over);
    });
}

#[test]
fn a_close_that_is_dropped_at_any_poll_goes_on_when_called_again() {
    simulate(|| async {
        for polls in 1.. {
            let (mut client, mut streams) = client(&format!("p{polls}.test"), Options::default());
            let server = tokio::spawn(async move {
                let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
                let mut got = Vec::new();
                while let Some(message) = ws.recv().await.unwrap() {
                    got.push(message);
                    // The confirmation takes its time, and so does the closing handshake.
                    sleep(Duration::from_millis(5)).await;
                }
                (got, ws.closed().unwrap().code(), streams.recv().await.is_some())
            });
            until_open(&mut client).await;
            client.send("one").unwrap();
            client.send("two").unwrap();
            let mut dropped = 0;
            while poll_so_often(client.close(CloseCode::NORMAL, ""), polls).await.is_none() {
                dropped += 1;
                sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(client.next().await, Some(Event::Confirmed { through: MessageId(1) }));
            assert_eq!(client.next().await, Some(Event::GaveUp { why: Why::Stopped }));
            assert_eq!(client.next().await, None);
            assert!(client.take_unsent().is_empty());
            drop(client);
            let (got, code, dialed_again) = server.await.unwrap();
            assert_eq!(got, [Message::text("one"), Message::text("two")], "after {polls} polls");
            assert_eq!((code, dialed_again), (CloseCode::NORMAL, false), "after {polls} polls");
            if dropped == 0 {
                assert!(polls > 2, "it has hardly ever waited");
                break;
            }
        }
    });
}

#[test]
fn a_close_that_is_dropped_while_it_waits_for_the_queue_is_taken_back() {
    for by in [Polled::Next, Polled::Stream] {
        simulate(move || async move {
            let (mut client, mut streams) = client("y.test", Options::default());
            let server = async {
                let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
                // It reads nothing and confirms nothing for a while.
                sleep(SECOND * 4).await;
                ws.send("still here").await.unwrap();
                while let Ok(Some(_)) = ws.recv().await {}
                ws.closed().unwrap().code()
            };
            let drive = async {
                until_open(&mut client).await;
                client.send("one").unwrap();
                assert!(timeout(SECOND, client.close(CloseCode::GOING_AWAY, "")).await.is_err());
                loop {
                    match by.next(&mut client).await.unwrap() {
                        Event::Message(message) => {
                            break assert_eq!(message, Message::text("still here"));
                        }
                        Event::Confirmed { .. } => {}
                        other => panic!("{other:?}"),
                    }
                }
                assert_eq!(client.machine().phase(), Phase::Open);
                // It may take its whole time again.
                sleep(SECOND * 10).await;
                client.send("two").unwrap();
                client.close(CloseCode::NORMAL, "").await.unwrap();
                assert_eq!(client.machine().counters().confirmed, 2);
            };
            let (code, ()) = tokio::join!(server, drive);
            assert_eq!(code, CloseCode::NORMAL);
        });
    }
}

#[test]
fn a_close_that_is_dropped_once_its_frame_is_queued_is_ended_by_next() {
    for by in [Polled::Next, Polled::Stream] {
        simulate(move || async move {
            let (mut client, mut streams) = client("z.test", Options::default());
            let server = tokio::spawn(async move {
                let ws = accept(streams.recv().await.unwrap()).await.unwrap();
                let again = streams.recv().await;
                (ws, again.is_some())
            });
            until_open(&mut client).await;
            assert!(timeout(SECOND, client.close(CloseCode::NORMAL, "")).await.is_err());
            let start = Instant::now();
            assert_eq!(by.next(&mut client).await, Some(Event::GaveUp { why: Why::Stopped }));
            assert_eq!(start.elapsed(), SECOND * 4, "the rest of the peer's time to close");
            assert_eq!(by.next(&mut client).await, None);
            drop(client);
            let (_ws, dialed_again) = server.await.unwrap();
            assert!(!dialed_again);
        });
    }
}

/// How a client is driven.
#[derive(Clone, Copy)]
enum Polled {
    Next,
    Stream,
}

impl Polled {
    async fn next(self, client: &mut Reconnecting<DuplexStream>) -> Option<Event> {
        match self {
            Self::Next => client.next().await,
            Self::Stream => StreamExt::next(client).await,
        }
    }
}
