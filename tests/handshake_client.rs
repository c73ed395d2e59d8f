//! What a client sends and what it checks: a test for each MUST of RFC 6455 section 4.1, named with it.
#![cfg(feature = "handshake")]

use http::header::{self, HeaderName, HeaderValue};
use hybi::handshake::{
    ClientHandshake, Established, HandshakeError, Key, Progress, Request, RequestError,
};
use hybi::{Connection, Event, RecvBuf};

#[test]
fn section_1_2_the_request_of_the_example_is_sent() {
    let request = Request::new("ws://server.example.com/chat")
        .expect("the URL is good")
        .subprotocol("chat")
        .and_then(|request| request.subprotocol("superchat"))
        .and_then(|r| r.header(header::ORIGIN, HeaderValue::from_static("http://example.com")))
        .expect("the parts are good");
    assert_eq!(
        sent(request),
        "GET /chat HTTP/1.1\r\n\
         Host: server.example.com\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: chat, superchat\r\n\
         Origin: http://example.com\r\n\
         \r\n"
    );
}

#[test]
fn section_4_1_items_3_and_4_target_and_host_are_those_of_the_url() {
    for (url, target, host) in [
        ("ws://example.com", "/", "example.com"),
        ("ws://EXAMPLE.com:80/a?b", "/a?b", "example.com"),
        ("wss://example.com:443/", "/", "example.com"),
        ("wss://example.com:80/", "/", "example.com:80"),
        ("ws://example.com:443?x=1", "/?x=1", "example.com:443"),
        ("ws://[::1]:9000/%0d%0a", "/%0d%0a", "[::1]:9000"),
    ] {
        let request = sent(Request::new(url).expect("the URL is good"));
        let start = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n");
        assert!(request.starts_with(&start), "{url}: {request}");
        assert_eq!(request.matches("Host:").count(), 1);
    }
}

#[test]
fn section_4_1_item_7_the_key_is_the_nonce_in_base64() {
    let nonce = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    // The RFC's own figure ends in `EC==`, which is the same 16 bytes written carelessly.
    assert_eq!(Key::from_nonce(nonce).as_bytes(), b"AQIDBAUGBwgJCgsMDQ4PEA==");
    assert_eq!(Key::from_nonce(*b"the sample nonce").as_bytes(), b"dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(Key::from_nonce([0xff; 16]).as_bytes(), b"/////////////////////w==");
}

#[test]
fn section_4_1_item_10_offered_subprotocols_are_tokens_each_once() {
    let offer = |name| Request::new("ws://a/").expect("the URL is good").subprotocol(name);
    for name in ["", "a b", "a,b", "a/b", "a;b", "ä", "a\r\nX: y", "\"a\"", "a@b"] {
        assert_eq!(offer(name).err(), Some(RequestError::InvalidSubprotocol), "{name:?}");
    }
    let twice = offer("chat").and_then(|request| request.subprotocol("chat"));
    assert_eq!(twice.err(), Some(RequestError::InvalidSubprotocol));
    assert!(offer("chat").and_then(|request| request.subprotocol("Chat")).is_ok());
}

#[test]
fn section_4_1_item_12_a_request_carries_headers_of_the_application() {
    let request = Request::new("ws://a/")
        .expect("the URL is good")
        .header(header::COOKIE, HeaderValue::from_static("a=1"))
        .and_then(|r| r.header(header::AUTHORIZATION, HeaderValue::from_static("Bearer x")))
        .expect("the headers are the application's own");
    assert!(sent(request).ends_with("\r\nCookie: a=1\r\nAuthorization: Bearer x\r\n\r\n"));
}

/// Not beside the one of the URL: two are none (RFC 9112 section 3.2).
#[test]
fn a_host_of_the_applications_own_takes_the_place_of_the_urls() {
    let host = |request: Request, value| {
        request.header(header::HOST, HeaderValue::from_static(value)).expect("it may be set")
    };
    let request = Request::new("ws://a/").expect("the URL is good");
    let request = host(host(request, "b"), "c");
    let sent = sent(request.clone());
    assert_eq!(sent.matches("\r\nHost: ").count(), 1, "{sent}");
    assert!(sent.starts_with("GET / HTTP/1.1\r\nHost: c\r\n"), "{sent}");
    let http = request.to_http(&Key::from_nonce(*b"the sample nonce"));
    assert!(http.headers().get_all(header::HOST).iter().eq(["c"]));
}

#[test]
fn headers_whose_names_only_contain_a_reserved_one_may_be_set() {
    for name in ["x-sec-websocket-key", "x-upgrade", "x-connection", "sec-fetch-mode"] {
        let name: HeaderName = name.parse().expect("it is a name");
        let request = Request::new("ws://a/").expect("the URL is good");
        assert!(request.header(name, HeaderValue::from_static("x")).is_ok());
    }
}

#[test]
fn a_requests_own_headers_are_not_the_applications_to_set() {
    for name in [
        "upgrade",
        "connection",
        "content-length",
        "transfer-encoding",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "sec-websocket-accept",
    ] {
        let name: HeaderName = name.parse().expect("it is a name");
        let request = Request::new("ws://a/").expect("the URL is good");
        let result = request.header(name.clone(), HeaderValue::from_static("x"));
        assert_eq!(result.err(), Some(RequestError::ReservedHeader(name)));
    }
}

#[test]
fn section_1_3_the_response_of_the_example_establishes_the_connection() {
    let established = answered(&[
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Sec-WebSocket-Protocol: chat",
        "Set-Cookie: a=1",
    ]);
    let established = established.expect("the example is an acceptance");
    assert_eq!(established.negotiated.subprotocol.as_deref(), Some("chat"));
    assert!(established.negotiated.extensions.is_empty());
    assert_eq!(established.response.status(), 101);
    assert_eq!(established.response.headers()["set-cookie"], "a=1");
}

#[test]
fn section_4_1_item_2_upgrade_is_websocket_in_any_case() {
    for value in ["websocket", "WebSocket", " WEBSOCKET\t"] {
        assert!(answered(&replaced("Upgrade", value)).is_ok(), "{value}");
    }
    for value in ["", "websocket, h2c", "websocket/13", "h2c", "websockets"] {
        let error = answered(&replaced("Upgrade", value)).err();
        assert!(matches!(error, Some(HandshakeError::InvalidHeader("Upgrade"))), "{value}");
    }
    let missing = answered(&LINES[1..]);
    assert!(matches!(missing, Err(HandshakeError::MissingHeader("Upgrade"))));
    let twice = answered(&plus("Upgrade: websocket"));
    assert!(matches!(twice, Err(HandshakeError::DuplicateHeader("Upgrade"))));
}

#[test]
fn section_4_1_item_3_connection_contains_the_token_upgrade() {
    for value in ["Upgrade", "upgrade", "keep-alive, UPGRADE", ",upgrade,"] {
        assert!(answered(&replaced("Connection", value)).is_ok(), "{value}");
    }
    for value in ["", "close", "upgraded", "up grade", "\"upgrade\""] {
        let error = answered(&replaced("Connection", value)).err();
        assert!(matches!(error, Some(HandshakeError::InvalidHeader("Connection"))), "{value}");
    }
    let missing = answered(&[LINES[0], LINES[2]]);
    assert!(matches!(missing, Err(HandshakeError::MissingHeader("Connection"))));
    let mut two_lines = replaced("Connection", "keep-alive");
    two_lines.push("Connection: upgrade".to_owned());
    assert!(answered(&two_lines).is_ok());
}

#[test]
fn section_4_1_item_4_accept_answers_the_key() {
    let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    for value in [accept.to_owned(), format!("  {accept}\t ")] {
        assert!(answered(&replaced("Sec-WebSocket-Accept", &value)).is_ok(), "{value}");
    }
    for value in [
        "",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
        "S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=x",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "dGhlIHNhbXBsZSBub25jZQ==",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        let error = answered(&replaced("Sec-WebSocket-Accept", value)).err();
        assert!(matches!(error, Some(HandshakeError::AcceptMismatch)), "{value}");
    }
    let missing = answered(&LINES[..2]);
    assert!(matches!(missing, Err(HandshakeError::MissingHeader("Sec-WebSocket-Accept"))));
    let twice = answered(&plus("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(matches!(twice, Err(HandshakeError::DuplicateHeader("Sec-WebSocket-Accept"))));
}

#[test]
fn section_4_1_item_5_no_extension_that_was_not_offered() {
    for value in ["foo", "permessage-deflate", "permessage-deflate; server_no_context_takeover"] {
        let error = answered(&plus(&format!("Sec-WebSocket-Extensions: {value}"))).err();
        assert!(matches!(error, Some(HandshakeError::UnexpectedExtension)), "{value}: {error:?}");
    }
    for value in ["", "foo;", "\"foo\"", "foo bar"] {
        let error = answered(&plus(&format!("Sec-WebSocket-Extensions: {value}"))).err();
        let expected = HandshakeError::InvalidHeader("Sec-WebSocket-Extensions");
        assert_eq!(format!("{error:?}"), format!("{:?}", Some(expected)), "{value}");
    }
}

#[test]
fn section_4_1_item_6_no_subprotocol_that_was_not_offered() {
    for value in ["chat", "superchat", " chat\t"] {
        let established = answered(&plus(&format!("Sec-WebSocket-Protocol: {value}")));
        let subprotocol = established.expect("it was offered").negotiated.subprotocol;
        assert_eq!(subprotocol.as_deref(), Some(value.trim()));
    }
    for value in ["", "mqtt", "Chat", "chat, superchat", "\"chat\"", "cha"] {
        let error = answered(&plus(&format!("Sec-WebSocket-Protocol: {value}"))).err();
        assert!(matches!(error, Some(HandshakeError::UnexpectedSubprotocol)), "{value}");
    }
    let none = answered(&LINES).expect("a server may choose none");
    assert_eq!(none.negotiated.subprotocol, None);
}

#[test]
fn section_11_3_4_a_response_names_one_subprotocol() {
    let mut lines = plus("Sec-WebSocket-Protocol: chat");
    lines.push("Sec-WebSocket-Protocol: chat".to_owned());
    let error = answered(&lines).err();
    assert!(matches!(error, Some(HandshakeError::DuplicateHeader("Sec-WebSocket-Protocol"))));
}

#[test]
fn frames_that_came_with_the_response_are_the_connections_first() {
    let mut rx = RecvBuf::new();
    // A 101 has no body, whatever it says (RFC 9110 section 15.2).
    let lines = plus("Content-Length: 5\r\nTransfer-Encoding: chunked");
    rx.extend_from_slice(response("HTTP/1.1 101 Switching Protocols", &lines).as_bytes());
    rx.extend_from_slice(b"\x81\x05Hello");
    let Ok(Progress::Done(_)) = start().advance(&mut rx) else { panic!("it is whole") };
    assert_eq!(rx.unread(), b"\x81\x05Hello");
    let mut conn = Connection::client(Default::default(), || [0; 4]);
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Text("Hello"))));
}

const LINES: [&str; 3] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/// The good header lines and one more.
fn plus(line: &str) -> Vec<String> {
    LINES.iter().copied().chain([line]).map(str::to_owned).collect()
}

/// The good header lines, one of them with another value.
fn replaced(name: &str, value: &str) -> Vec<String> {
    let kept = LINES.iter().filter(|line| !line.starts_with(&format!("{name}:")));
    kept.map(|line| (*line).to_owned()).chain([format!("{name}: {value}")]).collect()
}

fn response<L: AsRef<str>>(line: &str, lines: &[L]) -> String {
    let lines: String = lines.iter().map(|line| format!("{}\r\n", line.as_ref())).collect();
    format!("{line}\r\n{lines}\r\n")
}

/// A client that has offered `chat` and `superchat`.
fn start() -> ClientHandshake {
    let request = Request::new("ws://server.example.com/chat").expect("the URL is good");
    let request = request.subprotocol("chat").and_then(|request| request.subprotocol("superchat"));
    ClientHandshake::new(request.expect("they are tokens"), *b"the sample nonce").0
}

fn answered<L: AsRef<str>>(lines: &[L]) -> Result<Established, HandshakeError> {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(response("HTTP/1.1 101 Switching Protocols", lines).as_bytes());
    match start().advance(&mut rx)? {
        Progress::Done(established) => Ok(established),
        Progress::Continue(_) => panic!("the response is whole"),
    }
}

fn sent(request: Request) -> String {
    let (_, bytes) = ClientHandshake::new(request, *b"the sample nonce");
    String::from_utf8(bytes.to_vec()).expect("a request of ours is ASCII")
}
