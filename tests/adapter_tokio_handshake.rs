//! The opening handshake over the tokio adapter.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::time::Duration;

use adapters::frames::{REQUEST, TEXT, frame, response_to, text};
use adapters::upgraded::{read_frame, read_rest, write};
use adapters::{on_threads, simulate};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use http::{Response, StatusCode};
use hybi::handshake::{Accept, AcceptError, HandshakeError, Request, ServerOptions};
use hybi::tokio::{Error, accept, accept_with, connect_over, receive_request};
use hybi::{Config, Message, Role};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::time::Instant;

#[test]
fn both_ends_know_the_subprotocol_and_each_others_headers() {
    simulate(|| async {
        let (a, b) = duplex(4096);
        let request = Request::new("ws://example.com/chat?room=1").unwrap();
        let request = request.subprotocol("v1.chat").unwrap().subprotocol("v2.chat").unwrap();
        let request = request.header(AUTHORIZATION, HeaderValue::from_static("Bearer 7")).unwrap();
        let server = async {
            let incoming = receive_request(b, Default::default()).await.unwrap();
            assert_eq!((incoming.path(), incoming.query()), ("/chat", Some("room=1")));
            assert_eq!(incoming.header("authorization"), Some("Bearer 7"));
            let chosen = incoming.choose_subprotocol(&["v2.chat"]).unwrap().to_owned();
            let accept = Accept::new().subprotocol(&chosen);
            let accept = accept.header(SERVER, HeaderValue::from_static("test"));
            incoming.accept(&accept, Config::default()).await.unwrap()
        };
        let (client, server) = tokio::join!(connect_over(a, request, Config::default()), server);
        let client = client.unwrap();
        assert_eq!(client.subprotocol(), Some("v2.chat"));
        assert_eq!(server.subprotocol(), Some("v2.chat"));
        assert_eq!(client.negotiated(), server.negotiated());
        let response = client.response().unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()[SERVER], "test");
        assert!(server.response().is_none());
    });
}

#[test]
fn no_time_is_too_long_for_a_request() {
    simulate(|| async {
        let (a, b) = duplex(4096);
        let mut options = ServerOptions::default();
        options.limits.timeout = Duration::MAX;
        let server = async {
            let incoming = receive_request(b, options).await.unwrap();
            incoming.accept(&Accept::new(), Config::default()).await.unwrap()
        };
        let client = connect_over(a, "ws://example.com/", Config::default());
        assert!(tokio::join!(client, server).0.is_ok());
    });
}

#[test]
fn a_subprotocol_that_was_not_offered_cannot_be_chosen() {
    simulate(|| async {
        let (a, mut b) = duplex(4096);
        write(&mut b, REQUEST).await;
        let incoming = receive_request(a, Default::default()).await.unwrap();
        let accepted = incoming.accept(&Accept::new().subprotocol("v1"), Config::default()).await;
        let Err(Error::Accept(error)) = accepted else { panic!("{accepted:?}") };
        assert_eq!(*error, AcceptError::SubprotocolNotOffered);
        assert_eq!(read_rest(&mut b).await, b"", "nothing has been sent");
    });
}

#[test]
fn a_rejection_reaches_the_client_with_status_headers_and_body() {
    simulate(|| async {
        let (a, b) = duplex(4096);
        let client = async {
            let connected = connect_over(a, "ws://example.com/", Config::default()).await;
            refusal(connected.unwrap_err())
        };
        let server = async {
            let incoming = receive_request(b, Default::default()).await.unwrap();
            let mut response = Response::new(Bytes::from_static(b"come back later"));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
            incoming.reject(response).await.unwrap();
        };
        let (refused, ()) = tokio::join!(client, server);
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[RETRY_AFTER], "30");
        assert_eq!(refused.body(), "come back later");
    });
}

#[test]
fn a_rejection_reaches_a_client_over_tcp_that_has_sent_frames_already() {
    on_threads(|| async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client =
            tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let early = [REQUEST.as_bytes(), &vec![0x55; 20_000]].concat();
        tokio::io::AsyncWriteExt::write_all(&mut client, &early).await.unwrap();
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            let incoming = receive_request(stream, Default::default()).await.unwrap();
            incoming.reject(StatusCode::UNAUTHORIZED).await.unwrap();
        };
        let mut answer = String::new();
        let (read, ()) = tokio::join!(
            async {
                let read = client.read_to_string(&mut answer).await;
                drop(client);
                read
            },
            server
        );
        read.expect("the end is orderly");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    });
}

#[test]
fn a_bad_request_is_answered_with_the_status_it_deserves() {
    simulate(|| async {
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "426"),
            (REQUEST.replace("Version: 13", "Version: 8"), "426"),
            (REQUEST.replace("GET", "PUT"), "405"),
            (REQUEST.replace("Host: example.com\r\n", ""), "400"),
            (format!("GET /{} HTTP/1.1\r\n", "a".repeat(20_000)), "414"),
        ] {
            let (a, mut b) = duplex(64 * 1024);
            write(&mut b, &request).await;
            let accepted = accept(a).await;
            assert!(matches!(accepted, Err(Error::Handshake(_))), "{request}: {accepted:?}");
            let answer = String::from_utf8(read_rest(&mut b).await).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        }
    });
}

#[test]
fn a_frame_in_one_segment_with_the_request_is_not_lost() {
    simulate(|| async {
        let (a, mut b) = duplex(4096);
        write(&mut b, [REQUEST.as_bytes(), &frame(Role::Client, TEXT, "early")].concat()).await;
        let mut ws = accept(a).await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("early")));
        let mut head = vec![0; response_to(REQUEST.as_bytes()).len()];
        b.read_exact(&mut head).await.unwrap();
        assert_eq!(head, response_to(REQUEST.as_bytes()));
    });
}

#[test]
fn a_frame_in_one_segment_with_the_response_is_not_lost() {
    simulate(|| async {
        let (a, mut b) = duplex(4096);
        let server = async {
            let request = read_head(&mut b).await;
            let frames = frame(Role::Server, TEXT, "early");
            write(&mut b, [response_to(&request), frames].concat()).await;
        };
        let (ws, ()) =
            tokio::join!(connect_over(a, "ws://example.com/", Config::default()), server);
        let mut ws = ws.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("early")));
        ws.send("answer").await.unwrap();
        assert_eq!(read_frame(&mut b).await, text("answer"));
    });
}

#[test]
fn a_client_that_sends_no_request_is_told_408_after_ten_seconds() {
    simulate(|| async {
        let start = Instant::now();
        let (a, mut b) = duplex(4096);
        write(&mut b, &REQUEST[..50]).await;
        let (accepted, answer) = tokio::join!(accept(a), async {
            // Progress extends nothing.
            tokio::time::sleep(Duration::from_secs(9)).await;
            write(&mut b, &REQUEST[50..60]).await;
            let answer = read_rest(&mut b).await;
            drop(b);
            (answer, start.elapsed().as_secs())
        });
        assert!(matches!(accepted, Err(Error::Handshake(HandshakeError::Timeout))), "{accepted:?}");
        assert!(answer.0.starts_with(b"HTTP/1.1 408 "));
        assert_eq!(answer.1, 10);
    });
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_twenty_seconds() {
    simulate(|| async {
        let start = Instant::now();
        let (a, _b) = duplex(4096);
        let connected = connect_over(a, "ws://example.com/", Config::default()).await;
        assert!(matches!(connected, Err(Error::Handshake(HandshakeError::Timeout))));
        assert_eq!(start.elapsed().as_secs(), 20);
    });
}

#[test]
fn a_client_that_never_closes_holds_a_rejection_for_a_second() {
    simulate(|| async {
        let (a, mut b) = duplex(4096);
        write(&mut b, REQUEST).await;
        let incoming = receive_request(a, Default::default()).await.unwrap();
        let start = Instant::now();
        incoming.reject(StatusCode::FORBIDDEN).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 1);
    });
}

#[test]
fn an_end_inside_the_handshake_is_told() {
    simulate(|| async {
        let (mut a, mut b) = duplex(4096);
        write(&mut b, &REQUEST[..REQUEST.len() - 1]).await;
        drop(b);
        let accepted = accept(&mut a).await;
        let Err(Error::Handshake(HandshakeError::Incomplete)) = accepted else {
            panic!("{accepted:?}")
        };
        let (a, b) = duplex(4096);
        drop(b);
        let connected = connect_over(a, "ws://example.com/", Config::default()).await;
        assert!(connected.is_err());
    });
}

#[test]
fn a_request_that_cannot_be_made_is_the_callers_fault() {
    simulate(|| async {
        let bad = connect_over(duplex(1).0, "http://example.com/", Config::default()).await;
        assert!(matches!(bad, Err(Error::Request(_))), "{bad:?}");
        let name = HeaderName::from_static("sec-websocket-key");
        let reserved = Request::new("ws://a/").unwrap().header(name, HeaderValue::from_static(""));
        assert!(reserved.is_err());
    });
}

#[test]
fn options_limit_what_a_request_may_cost() {
    simulate(|| async {
        let (a, mut b) = duplex(4096);
        let mut options = hybi::handshake::ServerOptions::default();
        options.limits.max_headers = 3;
        write(&mut b, REQUEST).await;
        let accepted = accept_with(a, options, Config::default()).await;
        assert!(matches!(accepted, Err(Error::Handshake(HandshakeError::TooManyHeaders { .. }))));
        assert!(read_rest(&mut b).await.starts_with(b"HTTP/1.1 431 "));
    });
}

fn refusal(error: Error) -> Box<Response<Bytes>> {
    match error {
        Error::Handshake(HandshakeError::Refused(response)) => response,
        other => panic!("{other:?}"),
    }
}

async fn read_head(peer: &mut DuplexStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(peer.read_u8().await.unwrap());
    }
    head
}
