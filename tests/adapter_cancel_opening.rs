//! An opening handshake over the tokio adapter that is dropped at any poll ends there: its stream is dropped, nothing is
//! left of it in memory, and a stream that was lent is still there.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;
#[path = "deflate_common/counting.rs"]
mod counting;

use std::sync::Arc;

use adapters::by_hand;
use adapters::faulty::{Faulty, HESITANT};
use adapters::frames::REQUEST;
use adapters::poll::{drive, poll_times};
use adapters::session::Session;
use http::StatusCode;
use hybi::handshake::{Accept, ServerOptions};
use hybi::tokio::{accept, accept_with, connect_over, receive_request};
use hybi::{Config, Role};

/// Polls an opening so often; whether it ended by then.
type Opening = fn(Faulty, usize) -> bool;

const OPENINGS: [(&str, fn() -> Faulty, Opening); 10] = [
    ("accept", request, |io, times| poll_times(accept(io), times).is_some()),
    ("accept_with", compressed_request, |io, times| {
        let accepted = accept_with(io, ServerOptions::default(), compressed());
        poll_times(accepted, times).is_some()
    }),
    ("accept, which refuses", bad_request, |io, times| poll_times(accept(io), times).is_some()),
    ("receive_request", request, |io, times| {
        poll_times(receive_request(io, ServerOptions::default()), times).is_some()
    }),
    ("Incoming::accept", request, |io, times| {
        let incoming = drive(receive_request(io, ServerOptions::default())).unwrap();
        poll_times(incoming.accept(&Accept::new(), Config::default()), times).is_some()
    }),
    ("Incoming::reject", request, |io, times| {
        let incoming = drive(receive_request(io, ServerOptions::default())).unwrap();
        poll_times(incoming.reject(StatusCode::FORBIDDEN), times).is_some()
    }),
    ("connect_over", answer, |io, times| {
        poll_times(connect_over(io, URL, Config::default()), times).is_some()
    }),
    ("connect_over, compressed", compressed_answer, |io, times| {
        poll_times(connect_over(io, URL, compressed()), times).is_some()
    }),
    ("connect_over, refused", refusal, |io, times| {
        poll_times(connect_over(io, URL, Config::default()), times).is_some()
    }),
    ("connect_over, led elsewhere", redirect, |io, times| {
        poll_times(connect_over(io, URL, Config::default()), times).is_some()
    }),
];

#[test]
fn an_opening_that_is_dropped_at_any_poll_drops_its_stream_and_leaves_no_memory() {
    by_hand(|| {
        for (name, stream, opening) in OPENINGS {
            let mut held = [0; 3];
            // The first round fills what a thread keeps for all its connections.
            for round in &mut held {
                let polls = dropped_at_every_poll(name, stream, opening);
                assert!(polls > 5, "{name}: it has hardly ever waited");
                *round = counting::live();
            }
            assert_eq!(held[1], held[2], "{name}: memory is left after each drop");
        }
    });
}

/// How many polls it takes to its end.
fn dropped_at_every_poll(name: &str, stream: fn() -> Faulty, opening: Opening) -> usize {
    for polls in 1.. {
        let mut io = stream();
        io.pace = HESITANT;
        let life = io.life.clone();
        let has_ended = opening(io, polls);
        assert_eq!(Arc::strong_count(&life), 1, "{name}: the stream lives after {polls} polls");
        if has_ended {
            return polls;
        }
    }
    unreachable!("polls are counted without end")
}

#[test]
fn a_stream_that_was_lent_outlives_an_opening_that_is_dropped() {
    by_hand(|| {
        for polls in 1..10 {
            let mut io = request();
            io.pace = HESITANT;
            assert!(poll_times(accept(&mut io), polls).is_none());
            assert!(!io.is_shut_down && is_beginning(&io.written, "HTTP/1.1 101 "));

            let mut io = answer();
            io.pace = HESITANT;
            let opening = connect_over(&mut io, URL, Config::default());
            assert!(poll_times(opening, polls).is_none());
            assert!(!io.is_shut_down && is_beginning(&io.written, "GET /chat "));
        }
    });
}

/// What was done for it comes to nothing for others: the next one on the same thread is as if it had been the first.
#[test]
fn an_opening_that_is_dropped_does_not_touch_another_that_is_under_way() {
    by_hand(|| {
        for polls in 1..60 {
            let (mut io, mut other) = (request(), request());
            (io.pace, other.pace) = (HESITANT, HESITANT);
            let mut under_way = Box::pin(accept(&mut other));
            let begun = poll_times(under_way.as_mut(), 10);
            assert!(begun.is_none());
            let _ = poll_times(accept(&mut io), polls);
            let mut ws = drive(under_way).unwrap();
            for expected in Session::new(Role::Server).messages() {
                assert_eq!(drive(ws.recv()).unwrap(), Some(expected));
            }
        }
    });
}

/// Whether as much of the text as there is was written first.
fn is_beginning(written: &[u8], text: &str) -> bool {
    written.iter().zip(text.as_bytes()).all(|(byte, expected)| byte == expected)
}

const URL: &str = "ws://example.com/chat";

fn request() -> Faulty {
    Session::new(Role::Server).stream()
}

fn answer() -> Faulty {
    Session::new(Role::Client).stream()
}

#[cfg(feature = "deflate")]
fn compressed_session(role: Role) -> Session {
    Session::compressed(role)
}

#[cfg(not(feature = "deflate"))]
fn compressed_session(role: Role) -> Session {
    Session::new(role)
}

fn compressed_request() -> Faulty {
    compressed_session(Role::Server).stream()
}

fn compressed_answer() -> Faulty {
    compressed_session(Role::Client).stream()
}

fn compressed() -> Config {
    compressed_session(Role::Client).config()
}

fn bad_request() -> Faulty {
    Faulty::new(vec![REQUEST.replace("GET", "PUT").into_bytes(), vec![b'x'; 300]])
}

fn refusal() -> Faulty {
    Faulty::new(vec![
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 400\r\n\r\n".to_vec(),
        vec![b'x'; 400],
    ])
}

fn redirect() -> Faulty {
    Faulty::new(vec![b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".to_vec()])
}
