//! Every way in which a connection over the blocking adapter ends.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use adapters::faulty::Faulty;
use adapters::frames::{CLOSE, PING, PONG, TEXT, close, close_payload, frame, parse_all};
use adapters::tcp::{pair, read_frame, read_rest, upgraded, write};
use adapters::{bounded, config};
use hybi::blocking::{Error, Untimed, WebSocket};
use hybi::{Cause, CloseCode, Closed, Config, Message, Role, SendError, Timeout};

#[test]
fn a_clean_end_is_none_and_closed_tells_both_codes() {
    bounded(|| {
        let (mut client, mut server) = pair(&Config::default());
        let server = thread::spawn(move || {
            assert_eq!(server.recv().unwrap(), None);
            assert_eq!(server.recv().unwrap(), None);
            server.closed().unwrap()
        });
        client.close(CloseCode(4000), "bye").unwrap();
        let at_client = client.closed().unwrap();
        client.close(CloseCode::NORMAL, "again").unwrap();
        client.flush().expect("there is nothing left to fail");
        assert_eq!(client.recv().unwrap(), None);
        drop(client);
        let at_server = server.join().unwrap();
        assert_eq!((at_client.cause, at_server.cause), (Cause::Local, Cause::Remote));
        assert_eq!((at_server.code(), at_server.reason()), (CloseCode(4000), "bye"));
        assert!(at_client.is_clean() && at_server.is_clean());
    });
}

#[test]
fn a_server_ends_as_soon_as_the_clients_close_has_returned() {
    bounded(|| {
        let patient = config(|config| config.close_timeout = Duration::from_secs(3600));
        let (mut client, mut server) = pair(&patient);
        let (ended, at_end) = mpsc::channel();
        thread::spawn(move || ended.send(server.recv().unwrap()));
        client.close(None, "").unwrap();
        let received = at_end.recv_timeout(Duration::from_secs(20));
        assert_eq!(received, Ok(None), "the client's value still lives: {client:?}");
    });
}

#[test]
fn messages_go_on_coming_after_start_close() {
    bounded(|| {
        let peer = [frame(Role::Client, TEXT, "one"), close(Role::Client, 1000, "")];
        let mut stream = Faulty::new(peer.to_vec());
        let mut ws = over(&mut stream, Config::default());
        ws.feed("before").unwrap();
        ws.start_close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(ws.try_send("after"), Err(SendError::Closed(Message::text("after"))));
        assert_eq!(ws.recv().unwrap(), Some(Message::text("one")));
        assert_eq!(ws.recv().unwrap(), None);
        let frames = parse_all(stream.arrived());
        assert_eq!(frames, [(TEXT, b"before".to_vec()), (CLOSE, close_payload(1000, ""))]);
    });
}

#[test]
fn a_close_that_is_not_answered_is_given_up() {
    bounded(|| {
        for role in [Role::Client, Role::Server] {
            let short = config(|config| config.close_timeout = Duration::from_millis(30));
            let (mut ws, mut peer) = upgraded(role, short);
            let ended = closed_error(ws.close(CloseCode::GOING_AWAY, "bye"));
            assert_eq!(ended.cause, Cause::Timeout(Timeout::Close));
            assert_eq!(read_frame(&mut peer), (CLOSE, close_payload(1001, "bye")));
            assert_eq!(ws.recv().unwrap(), None);
        }
    });
}

#[test]
fn a_close_ends_in_its_time_though_the_peer_takes_nothing_of_what_was_queued() {
    bounded(|| {
        let short = config(|config| {
            config.close_timeout = Duration::from_millis(50);
            config.write_timeout = None;
        });
        let (mut ws, _peer) = upgraded(Role::Client, short);
        ws.feed(vec![0; 64 * 1024 * 1024]).unwrap();
        let ended = closed_error(ws.close(CloseCode::GOING_AWAY, "bye"));
        assert_eq!(ended.cause, Cause::Timeout(Timeout::Close));
    });
}

#[test]
fn a_peer_that_closes_and_keeps_its_stream_open_is_left_after_the_close_timeout() {
    bounded(|| {
        let short = config(|config| config.close_timeout = Duration::from_millis(30));
        let (mut ws, mut peer) = upgraded(Role::Server, short);
        write(&mut peer, close(Role::Client, 1000, ""));
        assert_eq!(ws.recv().unwrap(), None);
        assert_eq!(read_rest(&mut peer), close(Role::Server, 1000, ""), "and then the end");
        drop(ws);
    });
}

#[test]
fn over_a_stream_without_bounds_the_end_is_not_waited_for() {
    bounded(|| {
        let mut stream = Faulty::new(vec![close(Role::Client, 1000, "")]);
        stream.stays = true;
        let mut ws = over(&mut stream, Config::default());
        assert_eq!(ws.recv().unwrap(), None);
        assert_eq!(ws.recv().unwrap(), None);
        assert_eq!(parse_all(stream.arrived()), [(CLOSE, close_payload(1000, ""))]);
    });
}

#[test]
fn a_protocol_error_is_told_to_the_peer_before_recv_tells_it() {
    bounded(|| {
        let patient = config(|config| config.close_timeout = Duration::from_secs(3600));
        let (mut ws, mut peer) = upgraded(Role::Server, patient);
        write(&mut peer, frame(Role::Client, TEXT, "good"));
        write(&mut peer, frame(Role::Server, TEXT, "not masked"));
        let receives = thread::spawn(move || {
            assert_eq!(ws.recv().unwrap(), Some(Message::text("good")));
            let closed = closed_error(ws.recv());
            assert_eq!(ws.recv().unwrap(), None);
            closed
        });
        let (first, payload) = read_frame(&mut peer);
        assert_eq!((first, &payload[..2]), (CLOSE, &1002_u16.to_be_bytes()[..]));
        assert_eq!(read_rest(&mut peer), b"", "the stream ends after it");
        assert!(!receives.is_finished(), "the peer has not ended");
        drop(peer);
        let closed = receives.join().unwrap();
        assert!(matches!(closed.cause, Cause::Failed(_)), "{closed:?}");
    });
}

#[test]
fn a_lost_connection_is_an_error_once_and_then_none() {
    bounded(|| {
        let mut half = frame(Role::Client, TEXT, "cut off");
        half.truncate(9);
        let mut stream = Faulty::new(vec![frame(Role::Client, TEXT, "whole"), half]);
        let mut ws = over(&mut stream, Config::default());
        assert_eq!(ws.recv().unwrap(), Some(Message::text("whole")));
        let closed = closed_error(ws.recv());
        assert_eq!((closed.cause, closed.code()), (Cause::Lost, CloseCode::ABNORMAL));
        assert_eq!(ws.recv().unwrap(), None);
        assert!(!ws.readable().unwrap());
        let sent = ws.send("late");
        assert!(matches!(sent, Err(Error::Send(SendError::Closed(())))), "{sent:?}");
    });
}

#[test]
fn a_silent_peer_is_pinged_and_its_pong_is_enough() {
    bounded(|| {
        let quick = config(|config| config.ping_interval = Some(Duration::from_millis(20)));
        let (mut ws, mut peer) = upgraded(Role::Server, quick);
        let receives = thread::spawn(move || ws.recv().unwrap());
        for _ in 0..3 {
            let (first, payload) = read_frame(&mut peer);
            assert_eq!(first, PING);
            write(&mut peer, frame(Role::Client, PONG, payload));
        }
        write(&mut peer, frame(Role::Client, TEXT, "alive"));
        assert_eq!(receives.join().unwrap(), Some(Message::text("alive")));
    });
}

#[test]
fn a_peer_that_stays_silent_is_given_up() {
    bounded(|| {
        let quick = config(|config| {
            config.ping_interval = Some(Duration::from_millis(20));
            config.pong_timeout = Duration::from_millis(20);
        });
        let (mut ws, mut peer) = upgraded(Role::Client, quick);
        assert_eq!(closed_error(ws.recv()).cause, Cause::Timeout(Timeout::Pong));
        assert_eq!(ws.recv().unwrap(), None);
        assert_eq!(read_frame(&mut peer).0, PING);
    });
}

#[test]
fn a_callers_bound_on_reads_does_not_stop_keepalive() {
    bounded(|| {
        let quick = config(|config| {
            config.ping_interval = Some(Duration::from_millis(50));
            config.pong_timeout = Duration::from_millis(50);
        });
        let (ours, mut peer) = adapters::tcp::sockets();
        ours.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let mut ws =
            WebSocket::from_upgraded(ours, Role::Server, b"", Default::default(), quick).unwrap();
        let ended = loop {
            match ws.recv() {
                Err(Error::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::TimedOut),
                ended => break closed_error(ended),
            }
        };
        assert_eq!(ended.cause, Cause::Timeout(Timeout::Pong));
        assert_eq!(read_frame(&mut peer).0, PING);
    });
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    bounded(|| {
        let quick = config(|config| config.write_timeout = Some(Duration::from_millis(50)));
        let (mut ws, _peer) = upgraded(Role::Server, quick);
        let closed = closed_error(ws.send(vec![0; 64 * 1024 * 1024]));
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Write));
        assert_eq!(ws.closed(), Some(closed));
    });
}

#[test]
fn a_close_code_that_may_not_be_sent_closes_nothing() {
    bounded(|| {
        let mut stream = Faulty::new(Vec::new());
        let mut ws = over(&mut stream, Config::default());
        let refused = ws.close(CloseCode(1006), "");
        assert!(matches!(refused, Err(Error::Send(SendError::InvalidCloseCode(_)))));
        let refused = ws.close(CloseCode::NORMAL, &"a".repeat(124));
        assert!(matches!(refused, Err(Error::Send(SendError::ReasonTooLong))));
        ws.send("still open").unwrap();
    });
}

fn over(stream: &mut Faulty, config: Config) -> WebSocket<Untimed<&mut Faulty>> {
    WebSocket::from_upgraded(Untimed(stream), Role::Server, b"", Default::default(), config)
        .unwrap()
}

fn closed_error<T: std::fmt::Debug>(ended: Result<T, Error>) -> Closed {
    match ended {
        Err(Error::Closed(closed)) => *closed,
        other => panic!("{other:?}"),
    }
}
