//! The halves of a tokio connection: in tasks of their own, at full speed, one without the other.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use adapters::faulty::Faulty;
use adapters::frames::{CLOSE, PING, TEXT, close, close_payload, frame, pong, text};
use adapters::poll::Flag;
use adapters::upgraded::{pair, read_frame, read_rest, upgraded, write};
use adapters::{by_hand, config, on_threads, simulate};
use futures_util::FutureExt;
use hybi::tokio::{Error, Receiver, Sender, WebSocket};
use hybi::{Cause, CloseCode, Message, Role, SendError, Timeout};
use tokio::io::DuplexStream;

#[test]
fn both_directions_run_at_full_speed() {
    simulate(exchange_at_full_speed);
}

#[test]
fn both_directions_run_at_full_speed_on_two_threads() {
    on_threads(exchange_at_full_speed);
}

async fn exchange_at_full_speed() {
    let (client, server) = pair(config(|config| config.write_high_water = 256 * 1024)).await;
    let (client_tx, client_rx) = client.split();
    let (server_tx, server_rx) = server.split();
    let (a, b, c, d) = tokio::join!(
        tokio::spawn(pour(client_tx)),
        tokio::spawn(pour(server_tx)),
        tokio::spawn(count(client_rx)),
        tokio::spawn(count(server_rx)),
    );
    assert_eq!((a.unwrap().unwrap(), b.unwrap().unwrap()), ((), ()));
    assert_eq!((c.unwrap().unwrap(), d.unwrap().unwrap()), (POURED, POURED));
}

const POURED: u32 = 30;

/// So large that each queue stands above its high-water mark nearly always.
const SIZE: usize = 200_000;

/// Queues messages as fast as the queue takes them, each with its number.
async fn pour(sender: Sender<DuplexStream>) -> Result<(), Error> {
    for number in 0..POURED {
        let mut data = vec![0; SIZE];
        data[..4].copy_from_slice(&number.to_be_bytes());
        sender.feed(data).await?;
    }
    sender.flush().await
}

/// Takes what was poured, and checks that it comes in order.
async fn count(mut receiver: Receiver<DuplexStream>) -> Result<u32, Error> {
    let mut number = 0;
    while number < POURED {
        let message = receiver.recv().await?.expect("more messages come");
        assert_eq!((message.len(), &message.as_bytes()[..4]), (SIZE, &number.to_be_bytes()[..]));
        number += 1;
    }
    Ok(number)
}

#[test]
fn two_messages_larger_than_the_queue_cross() {
    simulate(|| async {
        let (client, server) = pair(config(|config| config.write_high_water = 64 * 1024)).await;
        let (client_tx, mut client_rx) = client.split();
        let (server_tx, mut server_rx) = server.split();
        let (a, b, c, d) = tokio::join!(
            client_tx.send(vec![1; 2_000_000]),
            server_tx.send(vec![2; 2_000_000]),
            client_rx.recv(),
            server_rx.recv(),
        );
        assert_eq!((a.unwrap(), b.unwrap()), ((), ()));
        assert_eq!(c.unwrap().unwrap(), Message::binary(vec![2; 2_000_000]));
        assert_eq!(d.unwrap().unwrap(), Message::binary(vec![1; 2_000_000]));
    });
}

#[test]
fn pings_are_answered_while_only_the_sender_is_used() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let (sender, _receiver) = ws.split();
        write(&mut peer, frame(Role::Client, PING, "there?")).await;
        sender.send("busy").await.unwrap();
        sender.flush().await.unwrap();
        let frames = [read_frame(&mut peer).await, read_frame(&mut peer).await];
        assert!(frames.contains(&pong("there?")) && frames.contains(&text("busy")), "{frames:?}");
    });
}

#[test]
fn pings_are_answered_while_only_the_receiver_is_used() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let (_sender, mut receiver) = ws.split();
        write(&mut peer, frame(Role::Client, PING, "there?")).await;
        let (received, answer) = tokio::join!(receiver.recv(), async {
            let answer = read_frame(&mut peer).await;
            write(&mut peer, frame(Role::Client, TEXT, "good")).await;
            answer
        });
        assert_eq!((received.unwrap().unwrap(), answer), (Message::text("good"), pong("there?")));
    });
}

#[test]
fn pings_are_answered_after_the_receiver_was_dropped_with_a_message_set_aside() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let (sender, receiver) = ws.split();
        write(&mut peer, frame(Role::Client, TEXT, "set aside")).await;
        sender.flush().await.unwrap();
        drop(receiver);
        write(&mut peer, frame(Role::Client, PING, "there?")).await;
        sender.flush().await.unwrap();
        let answer = read_frame(&mut peer).now_or_never();
        assert_eq!(answer, Some(pong("there?")));
    });
}

#[test]
fn a_message_that_the_sender_came_upon_is_not_lost() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let (sender, mut receiver) = ws.split();
        for text in ["one", "two", "three"] {
            write(&mut peer, frame(Role::Client, TEXT, text)).await;
            sender.flush().await.unwrap();
        }
        assert_eq!(receiver.recv().await.unwrap(), Some(Message::text("one")));
        let mut ws = receiver.reunite(sender).expect("they belong together");
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("two")));
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("three")));
    });
}

#[test]
fn clones_of_the_sender_send_whole_messages_each_in_its_order() {
    on_threads(|| async {
        let (client, mut server) = pair(config(|config| config.write_high_water = 4096)).await;
        let (sender, _receiver) = client.split();
        for name in 0..4_u8 {
            let sender = sender.clone();
            tokio::spawn(async move {
                for number in 0..100_u8 {
                    let data = [name, number].repeat(1 + 20 * usize::from(number));
                    sender.send(data).await.expect("the connection is open");
                }
            });
        }
        let mut next = [0; 4];
        while next != [100; 4] {
            let message = server.recv().await.unwrap().expect("more messages come").into_bytes();
            let (name, number) = (message[0], message[1]);
            assert_eq!(number, next[usize::from(name)]);
            assert_eq!(message, [name, number].repeat(1 + 20 * usize::from(number)));
            next[usize::from(name)] += 1;
        }
    });
}

#[test]
fn two_sender_futures_in_one_task_both_end() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 64, config(|_| {}));
        let (sender, receiver) = ws.split();
        let other = sender.clone();
        let reads = tokio::spawn(async move {
            let first = read_frame(&mut peer).await;
            (first, read_frame(&mut peer).await, peer)
        });
        let both = async { tokio::join!(sender.send("a".repeat(1000)), other.feed("short")) };
        let both = tokio::time::timeout(std::time::Duration::from_secs(1), both).await;
        let (sent, fed) = both.expect("the large message has left, and its sender was told");
        assert_eq!((sent.unwrap(), fed.unwrap()), ((), ()));
        sender.flush().await.unwrap();
        let (first, second, _peer) = reads.await.unwrap();
        assert_eq!((first, second), (text(&"a".repeat(1000)), text("short")));
        drop(receiver);
    });
}

#[test]
fn senders_that_are_done_leave_no_wakers_behind() {
    by_hand(|| {
        let mut stream = Faulty::new(Vec::new());
        let config = config(|_| {});
        let ws =
            WebSocket::from_upgraded(&mut stream, Role::Server, b"", Default::default(), config);
        let (sender, _receiver) = ws.split();
        let tasks: Vec<_> = (0..100).map(|_| Arc::new(Flag::default())).collect();
        for task in &tasks {
            let waker = Waker::from(task.clone());
            let sent = pin!(sender.send("news")).poll(&mut Context::from_waker(&waker));
            assert!(sent.is_ready());
        }
        let kept = tasks.iter().filter(|task| Arc::strong_count(task) > 1).count();
        assert!(kept <= 1, "{kept} tasks that wait for nothing are kept");
    });
}

#[test]
fn a_fed_message_leaves_while_the_receiver_waits() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let (sender, mut receiver) = ws.split();
        let waits = tokio::spawn(async move { receiver.recv().await });
        tokio::task::yield_now().await;
        sender.feed("fed").await.unwrap();
        assert_eq!(read_frame(&mut peer).await, text("fed"));
        sender.try_send("tried").unwrap();
        assert_eq!(read_frame(&mut peer).await, text("tried"));
        write(&mut peer, frame(Role::Client, TEXT, "done")).await;
        assert_eq!(waits.await.unwrap().unwrap(), Some(Message::text("done")));
    });
}

#[test]
fn a_close_by_the_sender_is_seen_by_the_receiver() {
    simulate(|| async {
        let (client, mut server) = pair(config(|_| {})).await;
        let (sender, mut receiver) = client.split();
        let (received, at_server, closed) = tokio::join!(
            receiver.recv(),
            async { (server.recv().await, server.closed().map(|closed| closed.code())) },
            sender.close(CloseCode(4001), "enough"),
        );
        assert_eq!((received.unwrap(), at_server.0.unwrap()), (None, None));
        closed.unwrap();
        assert_eq!(at_server.1, Some(CloseCode(4001)));
        assert_eq!(sender.closed().map(|closed| closed.cause), Some(Cause::Local));
        assert_eq!(receiver.closed(), sender.closed());
        let refused = sender.send("late").await;
        assert!(matches!(refused, Err(Error::Send(SendError::Closed(())))), "{refused:?}");
    });
}

#[test]
fn a_receiver_that_waits_minds_the_deadline_of_a_close_that_the_sender_begins() {
    simulate(|| async {
        let (ws, _peer) = upgraded(Role::Client, 1024, config(|_| {}));
        let (sender, mut receiver) = ws.split();
        let start = tokio::time::Instant::now();
        let waits = tokio::spawn(async move { receiver.recv().await });
        tokio::task::yield_now().await;
        sender.close(CloseCode::NORMAL, "").await.unwrap();
        let ended = waits.await.unwrap();
        let Err(Error::Closed(closed)) = ended else { panic!("{ended:?}") };
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Close));
        assert_eq!(start.elapsed().as_secs(), 5);
    });
}

#[test]
fn after_the_receiver_was_dropped_the_senders_close_waits_for_the_end() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Client, 1024, config(|_| {}));
        let (sender, receiver) = ws.split();
        drop(receiver);
        let (closed, ()) = tokio::join!(sender.close(CloseCode::NORMAL, "bye"), async {
            assert_eq!(read_frame(&mut peer).await, (CLOSE, close_payload(1000, "bye")));
            write(&mut peer, frame(Role::Server, TEXT, "not wanted any more")).await;
            write(&mut peer, close(Role::Server, 1000, "")).await;
            drop(peer);
        });
        closed.unwrap();
        assert_eq!(sender.closed().map(|closed| closed.code()), Some(CloseCode::NORMAL));
    });
}

#[test]
fn a_sender_that_waits_for_room_learns_that_the_peer_has_gone() {
    simulate(|| async {
        let (ws, peer) = upgraded(Role::Server, 64, config(|c| c.write_high_water = 100));
        let (sender, mut receiver) = ws.split();
        sender.try_send("a".repeat(200)).unwrap();
        let (sent, received, ()) = tokio::join!(sender.send("b"), receiver.recv(), async {
            tokio::task::yield_now().await;
            drop(peer);
        });
        assert!(matches!(sent, Err(Error::Io(_) | Error::Send(SendError::Closed(())))), "{sent:?}");
        assert!(matches!(received, Err(Error::Io(_) | Error::Closed(_))), "{received:?}");
        assert_eq!(receiver.recv().await.unwrap(), None);
    });
}

#[test]
fn a_ping_waits_for_room() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 64, config(|c| c.write_high_water = 100));
        let (sender, _receiver) = ws.split();
        sender.try_send("a".repeat(200)).unwrap();
        let (pinged, large, ping) =
            tokio::join!(sender.ping(b"late"), async { read_frame(&mut peer).await }, async {
                tokio::task::yield_now().await
            },);
        pinged.unwrap();
        assert_eq!((large, ping), (text(&"a".repeat(200)), ()));
        assert_eq!(read_frame(&mut peer).await, (PING, b"late".to_vec()));
    });
}

#[test]
fn a_message_that_came_while_only_the_sender_waited_outlives_a_reunion() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let (sender, receiver) = ws.split();
        write(&mut peer, frame(Role::Client, TEXT, "one")).await;
        write(&mut peer, frame(Role::Client, TEXT, "two")).await;
        sender.flush().await.unwrap();
        let mut ws = receiver.reunite(sender).expect("they belong together");
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("one")));
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("two")));
    });
}

#[test]
fn halves_that_belong_together_are_reunited() {
    simulate(|| async {
        let (mut client, server) = pair(config(|_| {})).await;
        let (sender, receiver) = server.split();
        let clone = sender.clone();
        let two = receiver.reunite(sender).expect_err("a clone of the sender lives");
        drop(clone);
        let mut server = two.1.reunite(two.0).expect("they belong together");
        let (stranger, _other) = upgraded(Role::Server, 1, config(|_| {})).0.split();
        client.send("hello").await.unwrap();
        assert_eq!(server.recv().await.unwrap(), Some(Message::text("hello")));
        let (sender, receiver) = server.split();
        let halves = receiver.reunite(stranger).expect_err("they are strangers");
        let (server_rx, _) = (halves.1, halves.0);
        let whole = server_rx.reunite(sender).expect("the true halves are still whole");
        assert!(whole.closed().is_none());
    });
}

#[test]
fn what_is_queued_leaves_before_the_end() {
    simulate(|| async {
        let (ws, mut peer) = upgraded(Role::Server, 64, config(|_| {}));
        let (sender, mut receiver) = ws.split();
        sender.feed("a".repeat(500)).await.unwrap();
        sender.try_send("last").unwrap();
        let (closed, received, rest) =
            tokio::join!(sender.close(CloseCode::GOING_AWAY, ""), receiver.recv(), async {
                let frames = [read_frame(&mut peer).await, read_frame(&mut peer).await];
                assert_eq!(frames, [text(&"a".repeat(500)), text("last")]);
                assert_eq!(read_frame(&mut peer).await, (CLOSE, close_payload(1001, "")));
                write(&mut peer, close(Role::Client, 1001, "")).await;
                read_rest(&mut peer).await
            });
        assert_eq!((closed.unwrap(), received.unwrap(), rest.len()), ((), None, 0));
    });
}
