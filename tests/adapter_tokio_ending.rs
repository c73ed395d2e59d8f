//! Every way in which a connection over the tokio adapter ends.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use adapters::frames::{CLOSE, PING, PONG, TEXT, close, close_payload, frame, parse_all, text};
use adapters::upgraded::{pair, read_frame, read_rest, upgraded, write};
use adapters::{config, simulate};
use futures_util::FutureExt;
use hybi::tokio::Error;
use hybi::{Cause, CloseCode, Closed, Message, Role, SendError, Timeout};
use tokio::io::AsyncReadExt;
use tokio::time::{Duration, Instant};

#[test]
fn a_clean_end_is_none_and_closed_tells_both_codes() {
    simulate(|| async {
        let (mut client, mut server) = pair(config(|_| {})).await;
        let (closed, received) = tokio::join!(client.close(CloseCode(4000), "bye"), async {
            assert!(server.closed().is_none());
            let first = server.recv().await.unwrap();
            (first, server.recv().await.unwrap())
        });
        closed.unwrap();
        assert_eq!(received, (None, None));
        let (at_client, at_server) = (client.closed().unwrap(), server.closed().unwrap());
        assert_eq!((at_client.cause, at_server.cause), (Cause::Local, Cause::Remote));
        assert_eq!((at_server.code(), at_server.reason()), (CloseCode(4000), "bye"));
        assert_eq!(at_client.code(), CloseCode(4000));
        assert!(at_client.is_clean() && at_server.is_clean());
        client.close(CloseCode::NORMAL, "again").await.unwrap();
        for ws in [&mut client, &mut server] {
            ws.flush().await.expect("there is nothing left to fail");
            let refused = ws.send("late").await;
            assert!(matches!(refused, Err(Error::Send(SendError::Closed(())))), "{refused:?}");
        }
    });
}

#[test]
fn a_server_ends_as_soon_as_the_clients_close_has_returned() {
    simulate(|| async {
        let start = Instant::now();
        let (mut client, mut server) = pair(config(|_| {})).await;
        let (closed, received) = tokio::join!(client.close(None, ""), server.recv());
        assert_eq!((closed.unwrap(), received.unwrap()), ((), None));
        assert_eq!(start.elapsed(), Duration::ZERO, "the client's value still lives");
        assert_eq!(client.closed().unwrap().code(), CloseCode::NO_STATUS);
    });
}

#[test]
fn messages_go_on_coming_after_start_close() {
    simulate(|| async {
        let (mut client, mut server) = pair(config(|_| {})).await;
        client.feed("before").await.unwrap();
        client.start_close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(client.try_send("after"), Err(SendError::Closed(Message::text("after"))));
        server.send("one").await.unwrap();
        let (received, at_server) = tokio::join!(client.recv(), server.recv());
        assert_eq!(received.unwrap(), Some(Message::text("one")));
        assert_eq!(at_server.unwrap(), Some(Message::text("before")));
        let (received, at_server) = tokio::join!(client.recv(), server.recv());
        assert_eq!((received.unwrap(), at_server.unwrap()), (None, None));
    });
}

#[test]
fn a_close_that_is_not_answered_is_given_up_after_five_seconds() {
    simulate(|| async {
        for role in [Role::Client, Role::Server] {
            let start = Instant::now();
            let (mut ws, mut peer) = upgraded(role, 1024, config(|_| {}));
            let ended = closed_error(ws.close(CloseCode::GOING_AWAY, "bye").await);
            assert_eq!(ended.cause, Cause::Timeout(Timeout::Close));
            assert_eq!((ended.code(), start.elapsed().as_secs()), (CloseCode::ABNORMAL, 5));
            assert_eq!(read_frame(&mut peer).await, (CLOSE, close_payload(1001, "bye")));
            assert_eq!(ws.recv().await.unwrap(), None);
        }
    });
}

#[test]
fn nothing_that_comes_extends_the_close_timeout() {
    simulate(|| async {
        let start = Instant::now();
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let chatter = async {
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                write(&mut peer, frame(Role::Client, TEXT, "still here")).await;
                if start.elapsed().as_secs() >= 5 {
                    break;
                }
            }
        };
        let (ended, ()) = tokio::join!(ws.close(CloseCode::NORMAL, ""), chatter);
        assert_eq!(closed_error(ended).cause, Cause::Timeout(Timeout::Close));
        assert_eq!(start.elapsed().as_secs(), 5);
    });
}

#[test]
fn a_peer_that_closes_and_keeps_its_stream_open_holds_recv_for_the_close_timeout() {
    simulate(|| async {
        for role in [Role::Client, Role::Server] {
            let start = Instant::now();
            let (mut ws, mut peer) = upgraded(role, 1024, config(|_| {}));
            let other = if role == Role::Client { Role::Server } else { Role::Client };
            write(&mut peer, close(other, 1000, "")).await;
            assert_eq!(ws.recv().await.unwrap(), None);
            assert_eq!(start.elapsed().as_secs(), 5);
            assert_eq!(ws.closed().unwrap().code(), CloseCode::NORMAL);
        }
    });
}

#[test]
fn a_protocol_error_is_told_to_the_peer_before_recv_tells_it() {
    simulate(|| async {
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        write(&mut peer, frame(Role::Client, TEXT, "good")).await;
        write(&mut peer, frame(Role::Server, TEXT, "not masked")).await;
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("good")));
        let mut recv = Box::pin(ws.recv());
        assert!(recv.as_mut().now_or_never().is_none(), "the peer has not ended");
        let frames = parse_all(&read_rest(&mut peer).await);
        let (first, payload) = &frames[0];
        assert_eq!((frames.len(), *first, &payload[..2]), (1, CLOSE, &1002_u16.to_be_bytes()[..]));
        assert!(recv.as_mut().now_or_never().is_none(), "the peer has not ended");
        drop(peer);
        let closed = closed_error(recv.as_mut().await);
        drop(recv);
        assert!(matches!(closed.cause, Cause::Failed(_)), "{closed:?}");
        assert_eq!(closed.sent.unwrap().code, CloseCode::PROTOCOL_ERROR);
        assert_eq!(ws.recv().await.unwrap(), None);
    });
}

#[test]
fn a_peer_that_breaks_the_protocol_and_stays_is_left_after_the_close_timeout() {
    simulate(|| async {
        let start = Instant::now();
        let (mut ws, mut peer) = upgraded(Role::Client, 1024, config(|_| {}));
        write(&mut peer, [0xff; 300]).await;
        let closed = closed_error(ws.recv().await);
        assert!(matches!(closed.cause, Cause::Failed(_)), "{closed:?}");
        assert_eq!(start.elapsed().as_secs(), 5);
        assert_eq!(read_frame(&mut peer).await.0, CLOSE);
    });
}

#[test]
fn a_lost_connection_is_an_error_once_and_then_none() {
    simulate(|| async {
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        write(&mut peer, frame(Role::Client, TEXT, "whole")).await;
        write(&mut peer, &frame(Role::Client, TEXT, "cut off")[..9]).await;
        drop(peer);
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("whole")));
        let closed = closed_error(ws.recv().await);
        assert_eq!((closed.cause, closed.code()), (Cause::Lost, CloseCode::ABNORMAL));
        assert_eq!(ws.recv().await.unwrap(), None);
        assert_eq!(ws.recv().await.unwrap(), None);
        assert!(!ws.readable().await.unwrap());
        let sent = ws.send("late").await;
        assert!(matches!(sent, Err(Error::Send(SendError::Closed(())))), "{sent:?}");
    });
}

/// Not only that nothing can be sent any more.
#[test]
fn who_waits_for_room_when_the_transport_fails_is_told_what_it_failed_with() {
    simulate(|| async {
        let small = || config(|config| config.write_high_water = 1000);
        for turn in 0..3 {
            let (mut client, peer) = upgraded(Role::Client, 64, small());
            client.feed(Message::binary(vec![0; 5000])).await.unwrap();
            let prepared = hybi::Prepared::new("waits".into());
            let waits = async {
                match turn {
                    0 => client.feed("waits").await,
                    1 => client.feed_prepared(&prepared).await,
                    _ => futures_util::SinkExt::feed(&mut client, Message::text("waits")).await,
                }
            };
            let fails = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                drop(peer);
            };
            let (waited, ()) = tokio::join!(waits, fails);
            let Err(Error::Io(error)) = waited else { panic!("{turn}: {waited:?}") };
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn a_silent_peer_is_pinged_after_twenty_seconds() {
    simulate(|| async {
        let start = Instant::now();
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        let answers = async {
            for number in 1..=3 {
                let (first, payload) = read_frame(&mut peer).await;
                assert_eq!((first, start.elapsed().as_secs()), (PING, 20 * number));
                write(&mut peer, frame(Role::Client, PONG, payload)).await;
            }
            write(&mut peer, frame(Role::Client, TEXT, "alive")).await;
        };
        let (received, ()) = tokio::join!(ws.recv(), answers);
        assert_eq!(received.unwrap(), Some(Message::text("alive")));
        assert_eq!(ws.stats().pongs_received, 3);
    });
}

#[test]
fn a_peer_that_stays_silent_is_given_up_after_forty_seconds() {
    simulate(|| async {
        let start = Instant::now();
        let (mut ws, mut peer) = upgraded(Role::Client, 1024, config(|_| {}));
        let closed = closed_error(ws.recv().await);
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Pong));
        assert_eq!(start.elapsed().as_secs(), 40);
        assert_eq!(ws.recv().await.unwrap(), None);
        assert_eq!(read_frame(&mut peer).await.0, PING);
    });
}

#[test]
fn a_peer_that_takes_nothing_is_given_up_after_thirty_seconds() {
    simulate(|| async {
        let start = Instant::now();
        let (mut ws, _peer) = upgraded(Role::Client, 64, config(|_| {}));
        let closed = closed_error(ws.send("a".repeat(100)).await);
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Write));
        assert_eq!(start.elapsed().as_secs(), 30);
    });
}

#[test]
fn an_idle_connection_is_closed_with_1001() {
    simulate(|| async {
        let idle = config(|config| config.idle_timeout = Some(Duration::from_secs(60)));
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, idle);
        let start = Instant::now();
        let (ended, ()) = tokio::join!(ws.recv(), async {
            loop {
                match read_frame(&mut peer).await {
                    (PING, payload) => {
                        let pong = frame(Role::Client, PONG, payload);
                        write(&mut peer, pong).await;
                    }
                    (first, payload) => {
                        let code = 1001_u16.to_be_bytes();
                        assert_eq!((first, &payload[..2]), (CLOSE, &code[..]));
                        break;
                    }
                }
            }
            write(&mut peer, close(Role::Client, 1001, "")).await;
            drop(peer);
        });
        assert_eq!(ended.unwrap(), None);
        assert_eq!(ws.closed().unwrap().cause, Cause::Timeout(Timeout::Idle));
        assert_eq!(start.elapsed().as_secs(), 60);
    });
}

#[test]
fn a_close_code_that_may_not_be_sent_closes_nothing() {
    simulate(|| async {
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, config(|_| {}));
        for code in [0, 999, 1005, 1006, 1015, 5000] {
            let refused = ws.close(CloseCode(code), "").await;
            assert!(matches!(refused, Err(Error::Send(SendError::InvalidCloseCode(_)))), "{code}");
        }
        let refused = ws.close(CloseCode::NORMAL, &"a".repeat(124)).await;
        assert!(matches!(refused, Err(Error::Send(SendError::ReasonTooLong))));
        ws.send("still open").await.unwrap();
        assert_eq!(read_frame(&mut peer).await, text("still open"));
    });
}

#[test]
fn what_was_queued_before_the_close_leaves_before_it() {
    simulate(|| async {
        let (mut ws, mut peer) = upgraded(Role::Server, 16, config(|_| {}));
        ws.feed("a".repeat(100)).await.unwrap();
        let (closed, frames) = tokio::join!(ws.close(CloseCode::NORMAL, ""), async {
            let frames = [read_frame(&mut peer).await, read_frame(&mut peer).await];
            write(&mut peer, close(Role::Client, 1000, "")).await;
            assert_eq!(peer.read_u8().await.ok(), None, "the server ends the stream first");
            drop(peer);
            frames
        });
        closed.unwrap();
        assert_eq!(frames, [text(&"a".repeat(100)), (CLOSE, close_payload(1000, ""))]);
    });
}

fn closed_error<T: std::fmt::Debug>(ended: Result<T, Error>) -> Closed {
    match ended {
        Err(Error::Closed(closed)) => *closed,
        other => panic!("{other:?}"),
    }
}
