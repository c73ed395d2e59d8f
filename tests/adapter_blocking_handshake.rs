//! The opening handshake over the blocking adapter.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use adapters::bounded;
use adapters::faulty::{Fault, Faulty};
use adapters::frames::{REQUEST, TEXT, frame, response_to, text};
use adapters::tcp::{read_frame, read_rest, sockets, write};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, SERVER};
use http::{Response, StatusCode};
use hybi::blocking::{
    Error, Transport, Untimed, accept, accept_with, connect_over, receive_request,
};
use hybi::handshake::{Accept, HandshakeError, Request, ServerOptions};
use hybi::{Config, Message, Role};

#[test]
fn both_ends_know_the_subprotocol_and_each_others_headers() {
    bounded(|| {
        let (a, b) = sockets();
        let server = thread::spawn(move || {
            let incoming = receive_request(b, Default::default()).unwrap();
            assert_eq!((incoming.path(), incoming.query()), ("/chat", Some("room=1")));
            assert_eq!(incoming.header("authorization"), Some("Bearer 7"));
            let chosen = incoming.choose_subprotocol(&["v2.chat"]).unwrap().to_owned();
            let accept = Accept::new().subprotocol(&chosen);
            let accept = accept.header(SERVER, HeaderValue::from_static("test"));
            incoming.accept(&accept, Config::default()).unwrap()
        });
        let request = Request::new("ws://example.com/chat?room=1").unwrap();
        let request = request.subprotocol("v1.chat").unwrap().subprotocol("v2.chat").unwrap();
        let request = request.header(AUTHORIZATION, HeaderValue::from_static("Bearer 7")).unwrap();
        let client = connect_over(a, request, Config::default()).unwrap();
        let server = server.join().unwrap();
        assert_eq!(client.subprotocol(), Some("v2.chat"));
        assert_eq!(client.negotiated(), server.negotiated());
        assert_eq!(client.response().unwrap().headers()[SERVER], "test");
        assert!(server.response().is_none());
    });
}

#[test]
fn a_rejection_reaches_the_client_with_status_headers_and_body() {
    bounded(|| {
        let (a, b) = sockets();
        let server = thread::spawn(move || {
            let incoming = receive_request(b, Default::default()).unwrap();
            let mut response = Response::new(Bytes::from_static(b"come back later"));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
            incoming.reject(response).unwrap();
        });
        let connected = connect_over(a, "ws://example.com/", Config::default());
        let Err(Error::Handshake(HandshakeError::Refused(refused))) = connected else {
            panic!("{connected:?}")
        };
        server.join().unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[RETRY_AFTER], "30");
        assert_eq!(refused.body(), "come back later");
    });
}

#[test]
fn a_rejection_reaches_a_client_that_has_sent_frames_already() {
    bounded(|| {
        let (a, mut b) = sockets();
        write(&mut b, [REQUEST.as_bytes(), &[0x55; 20_000]].concat());
        let server = thread::spawn(move || {
            receive_request(a, Default::default()).unwrap().reject(StatusCode::UNAUTHORIZED)
        });
        let answer = read_rest(&mut b);
        drop(b);
        assert!(answer.starts_with(b"HTTP/1.1 401 "));
        server.join().unwrap().unwrap();
    });
}

/// Closing a socket with unread input resets it, and what was said may be lost.
#[test]
fn a_rejection_is_said_and_ended_before_the_rest_is_read_and_dropped() {
    #[derive(Default)]
    struct Noted {
        input: Vec<u8>,
        steps: Arc<Mutex<Vec<&'static str>>>,
        bound: Option<Duration>,
    }

    impl Noted {
        fn note(&self, step: &'static str) {
            let mut steps = self.steps.lock().unwrap();
            if steps.last() != Some(&step) {
                steps.push(step);
            }
        }
    }

    impl Read for Noted {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            assert!(self.bound.is_some_and(|bound| bound <= Duration::from_secs(10)));
            self.note(if self.input.is_empty() { "end" } else { "read" });
            let count = buf.len().min(self.input.len()).min(1000);
            buf[..count].copy_from_slice(&self.input[..count]);
            self.input.drain(..count);
            Ok(count)
        }
    }

    impl Write for Noted {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            self.note("write");
            Ok(buf.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            self.note("flush");
            Ok(())
        }
    }

    impl Transport for Noted {
        fn bound_reads(&mut self, limit: Duration) -> std::io::Result<bool> {
            self.bound = Some(limit);
            Ok(true)
        }

        fn shut_down(&mut self) -> std::io::Result<()> {
            self.note("shut down");
            Ok(())
        }
    }

    bounded(|| {
        for (more, last) in [(20_000, "end"), (1 << 20, "read")] {
            let input = [REQUEST.as_bytes(), &vec![0x55; more]].concat();
            let io = Noted { input, ..Noted::default() };
            let steps = io.steps.clone();
            let incoming = receive_request(io, Default::default()).unwrap();
            incoming.reject(StatusCode::UNAUTHORIZED).unwrap();
            let steps = steps.lock().unwrap().clone();
            let expected = ["read", "write", "flush", "shut down", "read", "end"];
            let count = expected.iter().rposition(|step| *step == last).unwrap() + 1;
            assert_eq!(steps, expected[..count], "{more} bytes more");
        }
    });
}

#[test]
fn a_bad_request_is_answered_with_the_status_it_deserves() {
    bounded(|| {
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "426"),
            (REQUEST.replace("GET", "PUT"), "405"),
            (REQUEST.replace("Host: example.com\r\n", ""), "400"),
            (format!("GET /{} HTTP/1.1\r\n", "a".repeat(20_000)), "414"),
        ] {
            let (a, mut b) = sockets();
            write(&mut b, &request);
            let server = thread::spawn(move || accept(a));
            let answer = String::from_utf8(read_rest(&mut b)).unwrap();
            drop(b);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
            let accepted = server.join().unwrap();
            assert!(matches!(accepted, Err(Error::Handshake(_))), "{request}: {accepted:?}");
        }
    });
}

#[test]
fn a_frame_in_one_segment_with_the_request_is_not_lost() {
    bounded(|| {
        let (a, mut b) = sockets();
        write(&mut b, [REQUEST.as_bytes(), &frame(Role::Client, TEXT, "early")].concat());
        let mut ws = accept(a).unwrap();
        assert_eq!(ws.recv().unwrap(), Some(Message::text("early")));
        let mut head = vec![0; response_to(REQUEST.as_bytes()).len()];
        b.read_exact(&mut head).unwrap();
        assert_eq!(head, response_to(REQUEST.as_bytes()));
    });
}

#[test]
fn a_frame_in_one_segment_with_the_response_is_not_lost() {
    bounded(|| {
        let (a, mut b) = sockets();
        let client = thread::spawn(move || {
            let mut ws = connect_over(a, "ws://example.com/", Config::default()).unwrap();
            assert_eq!(ws.recv().unwrap(), Some(Message::text("early")));
            ws.send("answer").unwrap();
        });
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            b.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        write(&mut b, [response_to(&request), frame(Role::Server, TEXT, "early")].concat());
        assert_eq!(read_frame(&mut b), text("answer"));
        client.join().unwrap();
    });
}

#[test]
fn a_client_that_sends_no_request_is_told_408() {
    bounded(|| {
        let (a, mut b) = sockets();
        write(&mut b, &REQUEST[..50]);
        let mut options = ServerOptions::default();
        options.limits.timeout = Duration::from_millis(30);
        let server = thread::spawn(move || accept_with(a, options, Config::default()));
        let answer = read_rest(&mut b);
        drop(b);
        assert!(answer.starts_with(b"HTTP/1.1 408 "));
        let accepted = server.join().unwrap();
        assert!(matches!(accepted, Err(Error::Handshake(HandshakeError::Timeout))), "{accepted:?}");
    });
}

#[test]
fn a_stream_that_does_not_block_gives_the_handshake_up_with_its_own_error() {
    bounded(|| {
        let mut stream = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        stream.reading = Some((10, Fault::Wait));
        let accepted = accept(Untimed(stream));
        let Err(Error::Io(error)) = accepted else { panic!("{accepted:?}") };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn an_end_inside_the_handshake_is_told() {
    bounded(|| {
        let request = REQUEST.as_bytes()[..REQUEST.len() - 1].to_vec();
        let accepted = accept(Untimed(Faulty::new(vec![request])));
        let Err(Error::Handshake(HandshakeError::Incomplete)) = accepted else {
            panic!("{accepted:?}")
        };
    });
}

#[test]
fn a_request_that_cannot_be_made_is_the_callers_fault() {
    let bad = connect_over(sockets().0, "http://example.com/", Config::default());
    assert!(matches!(bad, Err(Error::Request(_))), "{bad:?}");
}
