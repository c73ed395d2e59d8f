//! Conversations over the blocking adapter.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::ErrorKind;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use adapters::faulty::{Faulty, HESITANT};
use adapters::frames::{BINARY, PING, PONG, TEXT, close, frame, parse_all, pong, text};
use adapters::tcp::{pair, read_frame, sockets, upgraded, write};
use adapters::{bounded, config};
use hybi::blocking::{Error, Untimed, WebSocket, accept, connect};
use hybi::{CloseCode, Config, Event, Message, Prepared, Role, SendError};

#[test]
fn messages_go_both_ways_over_tcp() {
    bounded(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut ws = accept(listener.accept().unwrap().0).unwrap();
            while let Some(message) = ws.recv().unwrap() {
                ws.feed(message).unwrap();
            }
            ws.closed().unwrap()
        });
        let mut ws = connect(format!("ws://{address}/echo").as_str()).unwrap();
        for size in [0, 1, 125, 126, 65_535, 65_536, 300_000] {
            let message = Message::binary(vec![size as u8; size]);
            ws.send(message.clone()).unwrap();
            assert_eq!(ws.recv().unwrap(), Some(message));
        }
        ws.send("Grüße").unwrap();
        assert_eq!(ws.recv().unwrap(), Some(Message::text("Grüße")));
        ws.close(CloseCode::NORMAL, "done").unwrap();
        drop(ws);
        let closed = server.join().unwrap();
        assert_eq!((closed.code(), closed.reason()), (CloseCode::NORMAL, "done"));
    });
}

#[test]
fn a_fed_message_stays_until_the_queue_is_flushed() {
    bounded(|| {
        let mut stream = Faulty::new(Vec::new());
        let mut ws = over(&mut stream, Config::default());
        ws.feed("one").unwrap();
        ws.try_send("two").unwrap();
        assert_eq!(ws.get_ref().0.writes, 0);
        ws.flush().unwrap();
        assert_eq!((stream.writes, stream.flushes()), (1, 1));
        assert_eq!(parse_all(stream.arrived()), [text("one"), text("two")]);
    });
}

#[test]
fn fed_messages_leave_together_when_recv_waits() {
    bounded(|| {
        let together = ["one", "two"].map(|text| frame(Role::Client, TEXT, text)).concat();
        let mut stream = Faulty::new(vec![together, frame(Role::Client, TEXT, "three")]);
        let mut ws = over(&mut stream, Config::default());
        for _ in 0..2 {
            let message = ws.recv().unwrap().unwrap();
            ws.feed(message).unwrap();
        }
        assert_eq!(ws.get_ref().0.writes, 0);
        assert_eq!(ws.recv().unwrap(), Some(Message::text("three")));
        assert_eq!((stream.writes, stream.flushes()), (1, 1));
        assert_eq!(parse_all(stream.arrived()), [text("one"), text("two")]);
    });
}

#[test]
fn a_full_queue_is_sent_by_feed_and_handed_back_by_try_send() {
    bounded(|| {
        let mut stream = Faulty::new(Vec::new());
        let mut ws = over(&mut stream, config(|config| config.write_high_water = 10));
        ws.feed("ten bytes.").unwrap();
        assert_eq!(ws.try_send("back"), Err(SendError::Full(Message::text("back"))));
        ws.feed("fed").unwrap();
        assert_eq!(parse_all(stream.arrived()), [text("ten bytes.")]);
    });
}

#[test]
fn a_prepared_message_reaches_both_roles() {
    bounded(|| {
        let (mut client, mut server) = pair(&Config::default());
        for message in [Message::text("to all"), Message::binary(vec![9; 10_000])] {
            let prepared = Prepared::new(message.clone());
            client.feed_prepared(&prepared).unwrap();
            server.feed_prepared(&prepared).unwrap();
            client.flush().unwrap();
            assert_eq!(server.recv().unwrap(), Some(message.clone()));
            server.flush().unwrap();
            assert_eq!(client.recv().unwrap(), Some(message));
        }
    });
}

#[test]
fn events_tell_messages_pings_pongs_and_end_with_none() {
    bounded(|| {
        let (mut ws, mut peer) = upgraded(Role::Client, Config::default());
        write(&mut peer, frame(Role::Server, TEXT, "text"));
        write(&mut peer, frame(Role::Server, BINARY, b"data"));
        write(&mut peer, frame(Role::Server, PING, "ping"));
        write(&mut peer, frame(Role::Server, PONG, "pong"));
        write(&mut peer, close(Role::Server, 1000, ""));
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(matches!(ws.next_event().unwrap(), Some(Event::Text("text"))));
        assert!(matches!(ws.next_event().unwrap(), Some(Event::Binary(b"data"))));
        assert!(matches!(ws.next_event().unwrap(), Some(Event::Ping(b"ping"))));
        assert!(matches!(ws.next_event().unwrap(), Some(Event::Pong(b"pong"))));
        assert!(ws.next_event().unwrap().is_none());
        assert!(ws.next_event().unwrap().is_none());
        assert!(!ws.readable().unwrap());
        assert_eq!(read_frame(&mut peer), pong("ping"));
    });
}

#[test]
fn an_event_is_answered_while_it_is_looked_at() {
    bounded(|| {
        let (mut client, mut server) = pair(&Config::default());
        let echo = thread::spawn(move || {
            while server.readable().unwrap() {
                let (conn, rx) = server.parts();
                while let Some(event) = conn.next_event(rx) {
                    if let Event::Text(text) = event {
                        conn.send_text(text).unwrap();
                    }
                }
            }
        });
        client.feed("one").unwrap();
        client.send("two").unwrap();
        assert_eq!(client.recv().unwrap(), Some(Message::text("one")));
        assert_eq!(client.recv().unwrap(), Some(Message::text("two")));
        client.close(None, "").unwrap();
        drop(client);
        echo.join().unwrap();
    });
}

#[test]
fn a_ping_is_answered_while_recv_waits() {
    bounded(|| {
        let (mut ws, mut peer) = upgraded(Role::Server, Config::default());
        let receives = thread::spawn(move || ws.recv().unwrap());
        write(&mut peer, frame(Role::Client, PING, "there?"));
        assert_eq!(read_frame(&mut peer), pong("there?"));
        write(&mut peer, frame(Role::Client, TEXT, "thanks"));
        assert_eq!(receives.join().unwrap(), Some(Message::text("thanks")));
    });
}

#[test]
fn a_ping_of_ours_leaves_at_once() {
    bounded(|| {
        let mut stream = Faulty::new(vec![frame(Role::Client, PONG, "ours")]);
        let mut ws = over(&mut stream, Config::default());
        ws.ping(b"ours").unwrap();
        assert!(matches!(ws.next_event().unwrap(), Some(Event::Pong(b"ours"))));
        let long = ws.ping(&[0; 126]);
        assert!(matches!(long, Err(Error::Send(SendError::ControlTooLong))), "{long:?}");
        assert_eq!(parse_all(stream.arrived()), [(PING, b"ours".to_vec())]);
    });
}

#[test]
fn frames_that_were_read_with_the_handshake_are_told_first() {
    bounded(|| {
        let mut leftover = frame(Role::Client, TEXT, "early");
        let late = leftover.split_off(4);
        let stream = Untimed(Faulty::new(vec![late]));
        let negotiated = Default::default();
        let config = Config::default();
        let mut ws =
            WebSocket::from_upgraded(stream, Role::Server, &leftover, negotiated, config).unwrap();
        assert_eq!(ws.recv().unwrap(), Some(Message::text("early")));
    });
}

#[test]
fn the_callers_own_bound_on_reads_is_honoured_and_nothing_is_lost() {
    bounded(|| {
        let (ours, mut peer) = sockets();
        let bound = Duration::from_millis(20);
        ours.set_read_timeout(Some(bound)).unwrap();
        let config = Config::default();
        let mut ws =
            WebSocket::from_upgraded(ours, Role::Server, b"", Default::default(), config).unwrap();
        assert_timed_out(ws.recv());
        let message = frame(Role::Client, TEXT, "in two pieces");
        write(&mut peer, &message[..9]);
        assert_timed_out(ws.recv());
        ws.feed("meanwhile").unwrap();
        assert_timed_out(ws.readable());
        assert_eq!(read_frame(&mut peer), text("meanwhile"));
        write(&mut peer, &message[9..]);
        assert_eq!(ws.recv().unwrap(), Some(Message::text("in two pieces")));
    });
}

#[test]
fn the_callers_own_bound_on_reads_outlives_the_handshake() {
    bounded(|| {
        let (ours, theirs) = sockets();
        ours.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        let client = thread::spawn(move || {
            hybi::blocking::connect_over(theirs, "ws://example.com/", Config::default()).unwrap()
        });
        let incoming = hybi::blocking::receive_request(ours, Default::default()).unwrap();
        let accept = Default::default();
        let mut server = incoming.accept(&accept, Config::default()).unwrap();
        let mut client = client.join().unwrap();
        assert_timed_out(server.recv());
        client.send("late").unwrap();
        assert_eq!(receive_in_time(&mut server), Message::text("late"));
    });
}

#[test]
fn a_socket_that_does_not_block_hands_its_waits_to_the_caller() {
    bounded(|| {
        let (mut ws, mut peer) = upgraded(Role::Server, Config::default());
        ws.get_ref().set_nonblocking(true).unwrap();
        for _ in 0..3 {
            assert_eq!(io_kind(ws.recv()), ErrorKind::WouldBlock);
        }
        write(&mut peer, frame(Role::Client, PING, "there?"));
        write(&mut peer, frame(Role::Client, TEXT, "at last"));
        let message = loop {
            match ws.recv() {
                Ok(message) => break message.unwrap(),
                waits => assert_eq!(io_kind(waits), ErrorKind::WouldBlock),
            }
        };
        assert_eq!(message, Message::text("at last"));
        ws.flush().unwrap();
        assert_eq!(read_frame(&mut peer), pong("there?"));
    });
}

#[test]
fn a_large_message_over_a_stream_that_does_not_block_leaves_piece_by_piece() {
    bounded(|| {
        let mut stream = Faulty::new(Vec::new());
        stream.pace = HESITANT;
        let mut ws = over(&mut stream, Config::default());
        ws.feed(vec![3; 20_000]).unwrap();
        let mut waits = 0;
        while let Err(error) = ws.flush() {
            assert_eq!(io_kind::<()>(Err(error)), ErrorKind::WouldBlock);
            waits += 1;
        }
        assert!(waits > 20, "{waits}");
        assert_eq!(parse_all(stream.arrived()), [(BINARY, vec![3; 20_000])]);
    });
}

fn over(stream: &mut Faulty, config: Config) -> WebSocket<Untimed<&mut Faulty>> {
    WebSocket::from_upgraded(Untimed(stream), Role::Server, b"", Default::default(), config)
        .unwrap()
}

fn receive_in_time(ws: &mut WebSocket<std::net::TcpStream>) -> Message {
    loop {
        match ws.recv() {
            Ok(message) => return message.unwrap(),
            late => assert_timed_out(late),
        }
    }
}

fn assert_timed_out<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert_eq!(io_kind(outcome), ErrorKind::TimedOut);
}

fn io_kind<T: std::fmt::Debug>(outcome: Result<T, Error>) -> ErrorKind {
    match outcome {
        Err(Error::Io(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}
