//! What a handshake may cost: each limit at one below, itself and one above, in both roles.
#![cfg(feature = "handshake")]

use std::time::Duration;

use hybi::handshake::{
    ClientHandshake, Established, HandshakeError, Incoming, Limits, Progress, Refusal, Request,
    ServerHandshake, ServerOptions,
};
use hybi::{Instant, RecvBuf};

#[test]
fn a_head_of_16_kib_is_read_and_one_byte_more_is_431() {
    for (len, fits) in [(16_383, true), (16_384, true), (16_385, false)] {
        let result = serve(ServerOptions::default(), &padded(REQUEST, len));
        assert_eq!(result.is_ok(), fits, "{len}");
        assert_eq!(client(&padded(RESPONSE, len)).is_ok(), fits, "{len}");
        if let Err(refusal) = result {
            assert!(matches!(refusal.error, HandshakeError::HeadTooLarge { limit: 16_384 }));
            assert!(refusal.response.starts_with(b"HTTP/1.1 431 "));
        }
    }
}

#[test]
fn the_size_of_a_head_can_be_set() {
    let len = REQUEST.len() + 10;
    for (max, fits) in [(len - 1, false), (len, true), (len + 1, true)] {
        let mut options = ServerOptions::default();
        options.limits.max_size = max;
        assert_eq!(serve(options, &padded(REQUEST, len)).is_ok(), fits, "{max}");
    }
}

/// Nothing that follows is counted: frames are the connection's.
#[test]
fn what_follows_a_head_does_not_count() {
    let request = format!("{}{}", padded(REQUEST, 16_384), "x".repeat(100_000));
    assert!(serve(ServerOptions::default(), &request).is_ok());
}

/// The limit applies to the bytes that have come, whether or not the head ends among them.
#[test]
fn an_endless_header_is_refused_as_soon_as_it_is_too_long() {
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20_000));
    let refusal = serve(ServerOptions::default(), &head[..16_385]).expect_err("it is too long");
    assert!(matches!(refusal.error, HandshakeError::HeadTooLarge { limit: 16_384 }));
}

/// "The request line may take half": of 16 KiB, without its line end.
#[test]
fn a_request_line_of_8_kib_is_read_and_one_byte_more_is_414() {
    for (len, fits) in [(8191, true), (8192, true), (8193, false)] {
        let target = "x".repeat(len - "GET / HTTP/1.1".len());
        let request = REQUEST.replace("GET /chat", &format!("GET /{target}"));
        let result = serve(ServerOptions::default(), &request);
        assert_eq!(result.is_ok(), fits, "{len}");
        if let Err(refusal) = result {
            assert!(matches!(refusal.error, HandshakeError::TargetTooLong { limit: 8192 }));
            assert!(refusal.response.starts_with(b"HTTP/1.1 414 "));
        }
    }
}

#[test]
fn a_hundred_header_lines_are_read_and_one_more_is_431() {
    for (count, fits) in [(99, true), (100, true), (101, false)] {
        let result = serve(ServerOptions::default(), &with_lines(REQUEST, count));
        assert_eq!(result.is_ok(), fits, "{count}");
        assert_eq!(client(&with_lines(RESPONSE, count)).is_ok(), fits, "{count}");
        if let Err(refusal) = result {
            assert!(matches!(refusal.error, HandshakeError::TooManyHeaders { limit: 100 }));
            assert!(refusal.response.starts_with(b"HTTP/1.1 431 "));
        }
    }
}

#[test]
fn the_number_of_header_lines_can_be_set_up_to_256() {
    for (max, count, fits) in [
        (5, 5, true),
        (5, 6, false),
        (256, 256, true),
        (256, 257, false),
        (1000, 256, true),
        (1000, 257, false),
    ] {
        let mut options = ServerOptions::default();
        options.limits.max_headers = max;
        assert_eq!(serve(options, &with_lines(REQUEST, count)).is_ok(), fits, "{max} {count}");
    }
}

#[test]
fn one_empty_line_before_a_request_is_forgiven() {
    for (count, fits) in [(0, true), (1, true), (2, false)] {
        let request = format!("{}{REQUEST}", "\r\n".repeat(count));
        assert_eq!(serve(ServerOptions::default(), &request).is_ok(), fits, "{count}");
    }
    assert!(matches!(client(&format!("\r\n{RESPONSE}")), Err(HandshakeError::Malformed)));
}

#[test]
fn eight_interim_responses_are_passed_over_and_one_more_is_an_error() {
    for (count, fits) in [(0, true), (7, true), (8, true), (9, false)] {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(count);
        let result = client(&format!("{interim}{RESPONSE}"));
        assert_eq!(result.is_ok(), fits, "{count}");
        assert!(fits || matches!(result, Err(HandshakeError::TooManyInterim)));
    }
}

#[test]
fn a_refusal_s_body_is_kept_up_to_64_kib() {
    let head = "HTTP/1.1 200 OK\r\n";
    for (len, kept) in [(65_535, 65_535), (65_536, 65_536), (65_537, 65_536)] {
        let body = "x".repeat(len);
        for response in [
            format!("{head}Content-Length: {len}\r\n\r\n{body}"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{len:x}\r\n{body}\r\n0\r\n\r\n"),
            format!("{head}\r\n{body}"),
        ] {
            let Err(HandshakeError::Refused(refused)) = client(&response) else {
                panic!("it is no 101")
            };
            assert_eq!(refused.body().len(), kept, "{len}");
        }
    }
}

/// More than that is not waited for.
#[test]
fn a_body_of_a_terabyte_ends_with_its_64th_kib() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(head.as_bytes());
    rx.extend_from_slice(&[b'x'; 64 * 1024]);
    assert!(matches!(start().advance(&mut rx), Err(HandshakeError::Refused(_))));
}

#[test]
fn a_server_waits_ten_seconds_and_answers_408() {
    let mut server = ServerHandshake::new(ServerOptions::default());
    assert_eq!(server.poll_timeout(at(500)), at(10_500), "the first call starts the clock");
    assert!(server.handle_timeout(at(10_499)).is_ok());
    assert_eq!(server.poll_timeout(at(10_499)), at(10_500));
    let refusal = server.handle_timeout(at(10_500)).expect_err("it is late");
    assert!(matches!(refusal.error, HandshakeError::Timeout));
    assert!(refusal.response.starts_with(b"HTTP/1.1 408 "));
}

#[test]
fn a_client_waits_twenty_seconds() {
    let mut client = start();
    assert_eq!(client.poll_timeout(at(500)), at(20_500), "the first call starts the clock");
    assert!(client.handle_timeout(at(20_499)).is_ok());
    assert!(matches!(client.handle_timeout(at(20_500)), Err(HandshakeError::Timeout)));
}

#[test]
fn the_time_can_be_set_in_both_roles() {
    let mut limits = Limits::default();
    limits.timeout = Duration::from_secs(3);
    let mut options = ServerOptions::default();
    options.limits = limits;
    assert_eq!(ServerHandshake::new(options).poll_timeout(at(0)), at(3000));
    assert_eq!(start().with_limits(limits).poll_timeout(at(0)), at(3000));
}

#[test]
fn progress_does_not_extend_the_time() {
    let mut client = start();
    let mut rx = RecvBuf::new();
    assert_eq!(client.poll_timeout(at(0)), at(20_000));
    rx.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 ");
    let Ok(Progress::Continue(mut client)) = client.advance(&mut rx) else { panic!("it is early") };
    assert_eq!(client.poll_timeout(at(19_000)), at(20_000));
}

/// The application wants to know that it was a 503, not that the body did not end.
#[test]
fn a_refusal_whose_body_stalls_is_told_when_the_time_has_passed() {
    let mut client = start();
    let mut rx = RecvBuf::new();
    assert_eq!(client.poll_timeout(at(0)), at(20_000));
    rx.extend_from_slice(b"HTTP/1.1 503 Service Unavailable\r\n\r\nback so");
    let Ok(Progress::Continue(mut client)) = client.advance(&mut rx) else { panic!("it is early") };
    match client.handle_timeout(at(20_000)) {
        Err(HandshakeError::Refused(response)) => assert_eq!(&response.body()[..], b"back so"),
        other => panic!("the server has refused: {other:?}"),
    }
}

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// The head with one more line, so that it takes `len` bytes in all.
fn padded(head: &str, len: usize) -> String {
    let value = "x".repeat(len - head.len() - "X: \r\n".len());
    head.replace("\r\n\r\n", &format!("\r\nX: {value}\r\n\r\n"))
}

/// The head with further lines, so that it has `count` in all.
fn with_lines(head: &str, count: usize) -> String {
    let present = head.matches("\r\n").count() - 2;
    head.replace("\r\n\r\n", &format!("\r\n{}\r\n", "X: y\r\n".repeat(count - present)))
}

fn serve(options: ServerOptions, bytes: &str) -> Result<Incoming, Box<Refusal>> {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(bytes.as_bytes());
    match ServerHandshake::new(options).advance(&mut rx) {
        Ok(Progress::Done(incoming)) => Ok(incoming),
        Ok(Progress::Continue(_)) => panic!("the request is whole or too long"),
        Err(refusal) => Err(Box::new(refusal)),
    }
}

fn start() -> ClientHandshake {
    let request = Request::new("ws://server.example.com/chat").expect("the URL is good");
    ClientHandshake::new(request, *b"the sample nonce").0
}

fn client(bytes: &str) -> Result<Established, HandshakeError> {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(bytes.as_bytes());
    match start().advance(&mut rx)? {
        Progress::Done(established) => Ok(established),
        Progress::Continue(client) => Err(client.handle_eof()),
    }
}

fn at(millis: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(millis))
}
