//! Conversations over the tokio adapter.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use adapters::faulty::Faulty;
use adapters::frames::{BINARY, PING, PONG, TEXT, close, frame, parse_all, pong, text};
use adapters::poll::drive;
use adapters::upgraded::{pair, read_frame, upgraded, write};
use adapters::{by_hand, config, on_threads, simulate};
use futures_core::FusedStream;
use futures_util::{FutureExt, SinkExt, StreamExt};
use hybi::tokio::{WebSocket, accept, connect};
use hybi::{CloseCode, Event, Message, Prepared, Role, SendError};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

#[test]
fn messages_go_both_ways_over_memory() {
    simulate(|| async {
        let (mut client, mut server) = pair(config(|_| {})).await;
        for message in [Message::text("Grüße"), Message::text(""), Message::binary(vec![7; 70_000])]
        {
            let sent = message.clone();
            let (sent, received) = tokio::join!(client.send(sent), server.recv());
            assert_eq!((sent.unwrap(), received.unwrap().as_ref()), ((), Some(&message)));
            let sent = message.clone();
            let (sent, received) = tokio::join!(server.send(sent), client.recv());
            assert_eq!((sent.unwrap(), received.unwrap()), ((), Some(message)));
        }
    });
}

#[test]
fn messages_go_both_ways_over_tcp() {
    on_threads(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut ws = accept(listener.accept().await.unwrap().0).await.unwrap();
            while let Some(message) = ws.recv().await.unwrap() {
                ws.feed(message).await.unwrap();
            }
            ws.closed().unwrap()
        });
        let mut ws = connect(format!("ws://{address}/echo").as_str()).await.unwrap();
        for size in [0, 1, 125, 126, 65_535, 65_536, 3_000_000] {
            let message = Message::binary(vec![size as u8; size]);
            ws.send(message.clone()).await.unwrap();
            assert_eq!(ws.recv().await.unwrap(), Some(message));
        }
        ws.close(CloseCode::NORMAL, "done").await.unwrap();
        let closed = server.await.unwrap();
        assert_eq!((closed.code(), closed.reason()), (CloseCode::NORMAL, "done"));
    });
}

#[test]
fn a_fed_message_stays_until_the_queue_is_flushed() {
    simulate(|| async {
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        ws.feed("one").await.unwrap();
        ws.try_send("two").unwrap();
        assert_eq!(peer.read_u8().now_or_never().map(Result::unwrap), None);
        ws.flush().await.unwrap();
        assert_eq!(read_frame(&mut peer).await, text("one"));
        assert_eq!(read_frame(&mut peer).await, text("two"));
    });
}

#[test]
fn fed_messages_leave_when_recv_waits() {
    simulate(|| async {
        let (mut client, mut server) = pair(config(|_| {})).await;
        client.feed("one").await.unwrap();
        client.feed("two").await.unwrap();
        let answers = async {
            assert_eq!(server.recv().await.unwrap(), Some(Message::text("one")));
            assert_eq!(server.recv().await.unwrap(), Some(Message::text("two")));
            server.send("three").await.unwrap();
        };
        let (received, ()) = tokio::join!(client.recv(), answers);
        assert_eq!(received.unwrap(), Some(Message::text("three")));
    });
}

#[test]
fn answers_to_messages_that_came_together_leave_together() {
    by_hand(|| {
        let together = ["one", "two", "three"].map(|text| frame(Role::Client, TEXT, text)).concat();
        let mut stream = Faulty::new(vec![together]);
        stream.stays = true;
        let config = hybi::Config::default();
        let mut ws =
            WebSocket::from_upgraded(&mut stream, Role::Server, b"", Default::default(), config);
        for _ in 0..3 {
            let message = drive(ws.recv()).unwrap().unwrap();
            drive(ws.feed(message)).unwrap();
        }
        assert_eq!(ws.recv().now_or_never().map(Result::unwrap), None);
        assert_eq!((stream.writes, stream.flushes()), (1, 1));
        assert_eq!(parse_all(stream.arrived()), ["one", "two", "three"].map(text));
    });
}

#[test]
fn a_prepared_message_reaches_both_roles() {
    simulate(|| async {
        let (mut client, mut server) = pair(config(|_| {})).await;
        let large = Message::binary(vec![9; 10_000]);
        for message in [Message::text("to all"), large] {
            let prepared = Prepared::new(message.clone());
            client.feed_prepared(&prepared).await.unwrap();
            server.feed_prepared(&prepared).await.unwrap();
            let (at_client, at_server) = tokio::join!(client.recv(), server.recv());
            assert_eq!(
                (at_client.unwrap(), at_server.unwrap()),
                (Some(message.clone()), Some(message))
            );
        }
    });
}

#[test]
fn events_tell_messages_pings_pongs_and_end_with_none() {
    simulate(|| async {
        let (mut ws, mut peer) = upgraded(Role::Client, 1024, config(|_| {}));
        write(&mut peer, frame(Role::Server, TEXT, "text")).await;
        write(&mut peer, frame(Role::Server, BINARY, b"data")).await;
        write(&mut peer, frame(Role::Server, PING, "ping")).await;
        write(&mut peer, frame(Role::Server, PONG, "pong")).await;
        write(&mut peer, close(Role::Server, 1000, "")).await;
        assert!(matches!(ws.next_event().await.unwrap(), Some(Event::Text("text"))));
        assert!(matches!(ws.next_event().await.unwrap(), Some(Event::Binary(b"data"))));
        assert!(matches!(ws.next_event().await.unwrap(), Some(Event::Ping(b"ping"))));
        assert!(matches!(ws.next_event().await.unwrap(), Some(Event::Pong(b"pong"))));
        drop(peer);
        assert!(ws.next_event().await.unwrap().is_none());
        assert!(ws.next_event().await.unwrap().is_none());
        assert!(!ws.readable().await.unwrap());
    });
}

#[test]
fn an_event_is_answered_while_it_is_looked_at() {
    simulate(|| async {
        let (mut client, mut server) = pair(config(|_| {})).await;
        client.feed("one").await.unwrap();
        client.send("two").await.unwrap();
        client.start_close(CloseCode::NORMAL, "").unwrap();
        let echo = async {
            while server.readable().await.unwrap() {
                let (conn, rx) = server.parts();
                while let Some(event) = conn.next_event(rx) {
                    if let Event::Text(text) = event {
                        conn.send_text(text).unwrap();
                    }
                }
            }
        };
        let answers = async {
            assert_eq!(client.recv().await.unwrap(), Some(Message::text("one")));
            assert_eq!(client.recv().await.unwrap(), Some(Message::text("two")));
            assert_eq!(client.recv().await.unwrap(), None);
        };
        tokio::join!(echo, answers);
    });
}

#[test]
fn a_ping_is_answered_while_recv_waits() {
    simulate(|| async {
        let (mut client, mut server) = pair(config(|_| {})).await;
        let pings = async {
            client.ping(b"there?").await.unwrap();
            let event = client.next_event().await.unwrap();
            assert!(matches!(event, Some(Event::Pong(b"there?"))), "{event:?}");
            client.send("thanks").await.unwrap();
        };
        let (received, ()) = tokio::join!(server.recv(), pings);
        assert_eq!(received.unwrap(), Some(Message::text("thanks")));
        assert_eq!(server.stats().pings_received, 1);
        assert!(client.ping(&[0; 126]).await.is_err());
    });
}

#[test]
fn frames_that_were_read_with_the_handshake_are_told_first() {
    simulate(|| async {
        let (ours, mut peer) = tokio::io::duplex(1024);
        let mut leftover = frame(Role::Client, TEXT, "early");
        let late = leftover.split_off(4);
        let config = hybi::Config::default();
        let mut ws =
            WebSocket::from_upgraded(ours, Role::Server, &leftover, Default::default(), config);
        write(&mut peer, late).await;
        write(&mut peer, frame(Role::Client, PING, "")).await;
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("early")));
        assert!(ws.recv().now_or_never().is_none());
        assert_eq!(read_frame(&mut peer).await, pong(""));
    });
}

#[test]
fn a_peer_that_does_not_read_makes_feed_wait_and_try_send_hand_back() {
    simulate(|| async {
        let (mut ws, mut peer) = upgraded(Role::Server, 100, config(|c| c.write_high_water = 500));
        ws.feed("a".repeat(1000)).await.unwrap();
        assert_eq!(ws.try_send("b"), Err(SendError::Full(Message::text("b"))));
        assert!(ws.feed("c").now_or_never().is_none(), "the stream has taken 100 bytes of 1004");
        assert!(ws.ready().now_or_never().is_none());
        let (sent, large) = tokio::join!(ws.send("d"), read_frame(&mut peer));
        assert_eq!((sent.unwrap(), large), ((), text(&"a".repeat(1000))));
        assert_eq!(read_frame(&mut peer).await, text("d"));
    });
}

#[test]
fn feed_waits_no_longer_than_there_is_no_room() {
    simulate(|| async {
        let (mut ws, _peer) = upgraded(Role::Server, 100, config(|c| c.write_high_water = 500));
        ws.feed("a".repeat(550)).await.unwrap();
        let fed = ws.feed("b").now_or_never();
        assert!(fed.is_some(), "the stream has taken 100 bytes: 454 wait, less than 500");
    });
}

#[test]
fn a_connection_is_a_stream_and_a_sink() {
    simulate(|| async {
        let (mut client, mut server) = pair(config(|_| {})).await;
        let echo = async {
            while let Some(message) = StreamExt::next(&mut server).await {
                SinkExt::feed(&mut server, message.unwrap()).await.unwrap();
            }
            assert!(server.is_terminated());
        };
        let talk = async {
            let messages = ["one", "two", "three"].map(Message::text);
            let mut all = futures_util::stream::iter(messages.clone().map(Ok));
            client.send_all(&mut all).await.unwrap();
            for message in messages {
                assert_eq!(StreamExt::next(&mut client).await.unwrap().unwrap(), message);
            }
            assert!(!client.is_terminated());
            SinkExt::close(&mut client).await.unwrap();
            assert!(StreamExt::next(&mut client).await.is_none());
        };
        tokio::join!(echo, talk);
        assert_eq!(server.closed().unwrap().code(), CloseCode::NORMAL);
    });
}
