//! A future of one half that is dropped takes nothing from the other half, which waits in a task of its own.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use adapters::frames::*;
use adapters::reconnecting::poll_so_often;
use adapters::upgraded::{read_frame, read_rest, upgraded, write};
use adapters::{config, simulate};
use hybi::tokio::{Receiver, Sender};
use hybi::{CloseCode, Message, Role};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::task::yield_now;

/// More polls than any of the futures needs: where one waits, both halves move the bytes.
const POLLS: usize = 8;

#[test]
fn a_receiver_that_waits_is_woken_whatever_becomes_of_the_senders_futures() {
    for role in [Role::Server, Role::Client] {
        simulate(move || async move {
            let mut dropped = 0;
            for polls in 1..POLLS {
                let (sender, receiver, peer) = halves(role);
                let received = tokio::spawn(receive(receiver));
                let peer = tokio::spawn(converse(role, peer));
                for number in 0..MESSAGES {
                    let message = message(number);
                    let sent = match number % 3 {
                        0 => poll_so_often(sender.send(message), polls).await,
                        1 => poll_so_often(sender.feed(message), polls).await,
                        _ => {
                            sender.try_send(message).unwrap();
                            poll_so_often(sender.clone().ping(b"ours"), polls).await
                        }
                    };
                    dropped += usize::from(sent.is_none());
                    sent.unwrap_or(Ok(())).unwrap();
                    // Others run meanwhile: the receiver alone moves what is left.
                    yield_now().await;
                }
                while poll_so_often(sender.flush(), polls).await.is_none() {
                    dropped += 1;
                    yield_now().await;
                }
                while poll_so_often(sender.close(CloseCode(4000), ""), polls).await.is_none() {
                    dropped += 1;
                    yield_now().await;
                }
                assert_eq!(received.await.unwrap(), expected_from_peer(), "after {polls} polls");
                assert_eq!(peer.await.unwrap(), expected_by_peer(), "after {polls} polls");
            }
            assert!(dropped > 2, "{dropped}");
        });
    }
}

#[test]
fn a_sender_that_waits_is_woken_whatever_becomes_of_the_receivers_futures() {
    for role in [Role::Server, Role::Client] {
        simulate(move || async move {
            let mut dropped = 0;
            for polls in 1..POLLS {
                let (sender, mut receiver, peer) = halves(role);
                let peer = tokio::spawn(converse(role, peer));
                let sends = tokio::spawn(async move {
                    for number in 0..MESSAGES {
                        sender.send(message(number)).await.unwrap();
                        if number % 3 == 2 {
                            sender.ping(b"ours").await.unwrap();
                        }
                    }
                    sender.close(CloseCode(4000), "").await.unwrap();
                });
                let mut received = Vec::new();
                loop {
                    match poll_so_often(receiver.recv(), polls).await {
                        Some(Ok(Some(message))) => received.push(message),
                        Some(end) => break assert!(end.unwrap().is_none()),
                        None => {
                            dropped += 1;
                            yield_now().await;
                        }
                    }
                }
                sends.await.unwrap();
                assert_eq!(received, expected_from_peer(), "after {polls} polls");
                assert_eq!(peer.await.unwrap(), expected_by_peer(), "after {polls} polls");
            }
            assert!(dropped > 2, "{dropped}");
        });
    }
}

const MESSAGES: usize = 9;

/// Over a stream that takes a few bytes at a time.
fn halves(role: Role) -> (Sender<DuplexStream>, Receiver<DuplexStream>, DuplexStream) {
    let (ws, peer) = upgraded(role, 7, config(|_| {}));
    let (sender, receiver) = ws.split();
    (sender, receiver, peer)
}

/// All messages up to the end.
async fn receive(mut receiver: Receiver<DuplexStream>) -> Vec<Message> {
    let mut received = Vec::new();
    while let Some(message) = receiver.recv().await.unwrap() {
        received.push(message);
    }
    received
}

/// Says something to every third message that it gets, pings, and answers a Close frame. Returns the messages.
async fn converse(role: Role, mut peer: DuplexStream) -> Vec<Frame> {
    let as_peer = if role == Role::Server { Role::Client } else { Role::Server };
    let (mut heard, mut pings, mut pongs) = (Vec::new(), 0, 0);
    loop {
        let (first, payload) = read_frame(&mut peer).await;
        match first {
            TEXT => heard.push((first, payload)),
            PING => pings += 1,
            PONG => {
                assert_eq!(payload, b"theirs");
                pongs += 1;
                continue;
            }
            _ => break assert_eq!((first, payload), (CLOSE, close_payload(4000, ""))),
        }
        if heard.len() % 3 == 0 && first == TEXT {
            write(&mut peer, frame(as_peer, PING, "theirs")).await;
            write(&mut peer, frame(as_peer, TEXT, format!("after {}", heard.len()))).await;
        }
    }
    assert_eq!(pings, MESSAGES / 3, "none is sent twice");
    write(&mut peer, close(as_peer, 4000, "")).await;
    if role == Role::Client {
        peer.shutdown().await.unwrap();
    }
    // Pings are answered until the peer closes.
    for (first, payload) in parse_all(&read_rest(&mut peer).await) {
        assert_eq!((first, &payload[..]), (PONG, &b"theirs"[..]));
        pongs += 1;
    }
    assert!((1..=MESSAGES / 3).contains(&pongs), "{pongs}");
    heard
}

/// Much longer than what the stream takes at once.
fn message(number: usize) -> String {
    format!("message {number} {}", "!".repeat(60))
}

fn expected_from_peer() -> Vec<Message> {
    [3, 6, 9].map(|number| Message::text(format!("after {number}"))).into()
}

fn expected_by_peer() -> Vec<Frame> {
    (0..MESSAGES).map(|number| text(&message(number))).collect()
}
