//! What a server answers: the 101 of RFC 6455 section 4.2.2, and every way to say no.
#![cfg(feature = "handshake")]

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use hybi::handshake::{
    Accept, AcceptError, Incoming, OriginPolicy, Progress, ServerHandshake, ServerOptions,
    accept_key,
};
use hybi::{Connection, Event, RecvBuf};

#[test]
fn sections_1_2_and_1_3_the_response_of_the_example_is_sent_byte_for_byte() {
    let accept = Accept::new().subprotocol("chat");
    let accepted = incoming(PROTOCOLS).accept(&accept).expect("chat was offered");
    assert_eq!(
        text(&accepted.to_bytes()),
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: chat\r\n\
         \r\n"
    );
    assert_eq!(accepted.negotiated().subprotocol.as_deref(), Some("chat"));
}

#[test]
fn section_4_2_2_item_5_accept_is_the_sha_1_of_key_and_guid() {
    assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    // The key is used as it came, its unused last bits included.
    assert_ne!(accept_key(b"AQIDBAUGBwgJCgsMDQ4PEC=="), accept_key(b"AQIDBAUGBwgJCgsMDQ4PEA=="));
}

#[test]
fn section_4_2_2_item_4_without_a_choice_no_subprotocol_is_sent() {
    let accepted = incoming(PROTOCOLS).accept(&Accept::new()).expect("nothing is asked for");
    assert!(!text(&accepted.to_bytes()).contains("Sec-WebSocket-Protocol"));
    assert_eq!(accepted.negotiated().subprotocol, None);
}

#[test]
fn section_4_2_2_item_4_only_an_offered_subprotocol_can_be_chosen() {
    for (offered, chosen) in
        [(PROTOCOLS, "mqtt"), (PROTOCOLS, ""), (PROTOCOLS, "Chat"), ("", "chat")]
    {
        let result = incoming(offered).accept(&Accept::new().subprotocol(chosen));
        assert_eq!(result.err(), Some(AcceptError::SubprotocolNotOffered), "{chosen:?}");
    }
}

#[test]
fn the_first_offered_subprotocol_that_is_supported_is_chosen() {
    let incoming = incoming(PROTOCOLS);
    assert_eq!(incoming.choose_subprotocol(&["superchat", "chat"]), Some("chat"));
    assert_eq!(incoming.choose_subprotocol(&["superchat"]), Some("superchat"));
    assert_eq!(incoming.choose_subprotocol(&["CHAT"]), None);
    assert_eq!(incoming.choose_subprotocol(&[]), None);
}

#[test]
fn section_9_1_an_extension_that_nobody_knows_is_declined() {
    let offers = "Sec-WebSocket-Extensions: foo; a=1, bar\r\nSec-WebSocket-Extensions: baz\r\n";
    let incoming = incoming(offers);
    let names: Vec<_> = incoming.extensions().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["foo; a=1", "bar", "baz"]);
    let accepted = incoming.accept(&Accept::new()).expect("offers are no obligation");
    assert!(!text(&accepted.to_bytes()).contains("Sec-WebSocket-Extensions"));
    assert!(accepted.negotiated().extensions.is_empty());
}

#[test]
fn section_9_1_an_offer_that_breaks_the_grammar_is_refused_with_400() {
    let request = format!("{HEAD}Sec-WebSocket-Extensions: foo; a=\"b c\"\r\n\r\n");
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(request.as_bytes());
    let refusal = ServerHandshake::new(ServerOptions::default()).advance(&mut rx);
    let refusal = refusal.expect_err("a quoted value must be a token");
    assert!(refusal.response.starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn an_answer_carries_headers_of_the_application() {
    let accept = Accept::new()
        .header(name("set-cookie"), value("a=1"))
        .header(name("set-cookie"), value("b=2"));
    let accepted = incoming("").accept(&accept).expect("the headers are the application's own");
    let bytes = accepted.to_bytes();
    assert!(text(&bytes).contains("\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"));
}

#[test]
fn an_answers_own_headers_are_not_the_applications_to_set() {
    for reserved in [
        "upgrade",
        "connection",
        "content-length",
        "transfer-encoding",
        "sec-websocket-accept",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "sec-websocket-version",
        "sec-websocket-anything",
    ] {
        let result = incoming("").accept(&Accept::new().header(name(reserved), value("x")));
        assert_eq!(result.err(), Some(AcceptError::ReservedHeader(name(reserved))));
    }
}

/// Types, not checks: what could end a line is no `HeaderValue`, so `Accept` cannot be given it.
#[test]
fn a_line_cannot_be_injected() {
    for bad in ["a\r\nX: b", "a\n", "\r", "a\0", "\u{7f}"] {
        assert!(HeaderValue::from_str(bad).is_err(), "{bad:?}");
        assert!(HeaderName::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
    }
    for bad in ["", "a b", "a:b", "ä"] {
        assert!(HeaderName::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

#[test]
fn a_rejection_is_a_whole_response_that_ends_the_connection() {
    assert_eq!(
        text(&incoming("").reject(StatusCode::NOT_FOUND)),
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 9\r\n\r\nNot Found"
    );
}

#[test]
fn section_4_2_2_item_2_a_rejection_has_the_applications_status_headers_and_body() {
    let mut response = Response::new(Bytes::from_static(b"who are you?"));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response.headers_mut().insert("www-authenticate", value("Basic realm=\"x\""));
    let bytes = incoming("").reject(response);
    let (head, body) = text(&bytes).split_once("\r\n\r\n").expect("the head ends");
    assert!(head.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    assert!(head.contains("\r\nWww-Authenticate: Basic realm=\"x\""));
    assert_eq!(body, "who are you?");
}

#[test]
fn the_framing_of_a_rejection_is_not_the_applications() {
    let mut response = Response::new(Bytes::from_static(b"four"));
    *response.status_mut() = StatusCode::FORBIDDEN;
    *response.headers_mut() = HeaderMap::from_iter([
        (name("content-length"), value("400")),
        (name("transfer-encoding"), value("chunked")),
        (name("connection"), value("keep-alive")),
    ]);
    let bytes = incoming("").reject(response);
    let lower = text(&bytes).to_ascii_lowercase();
    assert!(lower.contains("\r\ncontent-length: 4\r\n") && !lower.contains("400"));
    assert!(lower.contains("\r\nconnection: close\r\n") && !lower.contains("keep-alive"));
    assert!(!lower.contains("transfer-encoding"));
}

#[test]
fn a_rejection_never_looks_like_an_acceptance() {
    for status in [100, 101, 103] {
        let status = StatusCode::from_u16(status).expect("it is a status");
        assert!(incoming("").reject(status).starts_with(b"HTTP/1.1 500 "));
    }
}

/// RFC 9110 sections 8.6, 15.3.5 and 15.4.5.
#[test]
fn a_rejection_without_content_has_no_body() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let bytes = incoming("").reject(status);
        assert!(text(&bytes).ends_with("\r\n\r\n"), "{status} has no body");
    }
    let mut response = Response::new(Bytes::from_static(b"four"));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert("content-length", value("4"));
    let bytes = incoming("").reject(response);
    assert!(text(&bytes).ends_with("\r\n\r\n"));
    assert!(!text(&bytes).to_ascii_lowercase().contains("content-length"));
}

#[test]
fn frames_that_came_with_the_request_are_the_connections_first() {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(format!("{HEAD}\r\n").as_bytes());
    rx.extend_from_slice(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    let server = ServerHandshake::new(ServerOptions::default());
    let Ok(Progress::Done(incoming)) = server.advance(&mut rx) else { panic!("it is whole") };
    assert_eq!(rx.unread().len(), 11);
    let mut conn = Connection::server(Default::default());
    conn.transmit().put_slice(&incoming.accept(&Accept::new()).expect("it is plain").to_bytes());
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Text("Hello"))));
}

#[test]
fn nothing_after_a_refused_request_is_answered() {
    let mut rx = RecvBuf::new();
    let refused = HEAD.replace("Version: 13", "Version: 8");
    rx.extend_from_slice(format!("{refused}\r\n{HEAD}\r\n").as_bytes());
    let refusal = ServerHandshake::new(ServerOptions::default()).advance(&mut rx);
    let refusal = refusal.expect_err("the version is another");
    assert_eq!(text(&refusal.response).matches("HTTP/1.1").count(), 1);
}

const HEAD: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";
const PROTOCOLS: &str = "Sec-WebSocket-Protocol: chat, superchat\r\n";

/// A good request with further lines.
fn incoming(lines: &str) -> Incoming {
    let mut options = ServerOptions::default();
    options.origins = OriginPolicy::Any;
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(format!("{HEAD}{lines}\r\n").as_bytes());
    match ServerHandshake::new(options).advance(&mut rx) {
        Ok(Progress::Done(incoming)) => incoming,
        other => panic!("the request is good and whole: {other:?}"),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the response is ASCII")
}

fn name(text: &str) -> HeaderName {
    text.parse().expect("it is a name")
}

fn value(text: &str) -> HeaderValue {
    text.parse().expect("it is a value")
}
