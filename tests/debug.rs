//! What `Debug` shows: no secret of a request or a response, no body and no message that something holds.
#![cfg(feature = "handshake")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use std::fmt::Debug;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, COOKIE, HeaderName, HeaderValue, PROXY_AUTHORIZATION, SET_COOKIE,
};
use hybi::handshake::{
    Accept, ClientHandshake, HandshakeError, Incoming, Progress, Rejection, Request,
    ServerHandshake,
};
use hybi::proxy::{Proxies, Proxy, ProxyError, Tunnel};
use hybi::{Connection, Message, Prepared, RecvBuf, SendError};

const REFUSAL: &[u8] = b"HTTP/1.1 403 No\r\nSet-Cookie: secret\r\nContent-Length: 6\r\n\r\nsecret";

#[test]
fn a_refusal_is_shown_by_its_status_and_the_length_of_its_body() {
    let (client, _) = client();
    let error = client.advance(&mut received(REFUSAL)).unwrap_err();
    assert_eq!(hides(&error), "Refused { status: 403, body: 6 bytes, .. }");
    assert_eq!(hides(&hybi::blocking::Error::from(error.clone())), format!("Handshake({error:?})"));
    let HandshakeError::Refused(response) = error else { panic!("{error:?}") };
    assert_eq!(response.body(), "secret");

    let proxy = "http://user:secret@proxy.example".parse().unwrap();
    let tunnel = Tunnel::new(&proxy, "server.example", 80).unwrap();
    hides(&tunnel);
    let error = tunnel.advance(&mut received(REFUSAL), &mut Vec::new()).unwrap_err();
    assert_eq!(hides(&error), "Refused { status: 403, body: 6 bytes, .. }");
    assert_eq!(hides(&Rejection::from(response.map(|body| body))), format!("Rejection({error:?})"));
}

#[test]
fn errors_without_a_response_are_shown_by_their_names() {
    let errors = [HandshakeError::Timeout, HandshakeError::MissingHeader("Host")];
    assert_eq!(format!("{errors:?}"), r#"[Timeout, MissingHeader("Host")]"#);
    let errors =
        [ProxyError::NoMethod, ProxyError::Reply(5), ProxyError::Http(HandshakeError::Method)];
    assert_eq!(format!("{errors:?}"), "[NoMethod, Reply(5), Http(Method)]");
}

#[test]
fn a_body_that_is_being_read_is_not_shown() {
    let (client, _) = client();
    let Progress::Continue(client) =
        client.advance(&mut received(&REFUSAL[..REFUSAL.len() - 1])).unwrap()
    else {
        panic!("a byte is missing")
    };
    assert!(hides(&client).contains("bytes: 5"));
}

#[test]
fn a_request_that_has_come_is_shown_without_query_and_credentials() {
    let mut head = "GET /chat?token=secret HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        .to_owned();
    for name in SECRET {
        head += &format!("{name}: secret\r\n");
    }
    let server = ServerHandshake::new(Default::default());
    let Progress::Done(incoming) =
        server.advance(&mut received(format!("{head}\r\n").as_bytes())).unwrap()
    else {
        panic!("it is whole")
    };
    let shown = hides(&incoming);
    assert!(shown.contains("/chat?..") && shown.contains("\"host\": \"a\""), "{shown}");
    assert!(SECRET.iter().all(|name| incoming.header(name.as_str()) == Some("secret")));

    // The same, read by another library.
    let mut request = http::Request::get("/chat?token=secret").body(()).unwrap();
    for (name, value) in incoming.headers() {
        let value = HeaderValue::from_bytes(value).unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, value);
    }
    hides(&Incoming::from_request(&request, &Default::default()).unwrap());

    let accept = Accept::new().header(SET_COOKIE, HeaderValue::from_static("secret"));
    hides(&accept);
    let accepted = incoming.accept(&accept).unwrap();
    hides(&accepted);
    assert_eq!(accepted.into_response().0.headers()[SET_COOKIE], "secret");
}

#[test]
fn a_response_that_accepts_is_shown_without_its_cookies() {
    let (client, _) = client();
    let response =
        b"HTTP/1.1 101 On\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSet-Cookie: secret\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let Progress::Done(done) = client.advance(&mut received(response)).unwrap() else {
        panic!("it is whole")
    };
    hides(&done);
}

#[test]
fn what_is_sent_and_what_proxies_ask_for_is_not_shown() {
    let (client, bytes) = client();
    assert_eq!(bytes.windows(6).filter(|window| window == b"secret").count(), 4);
    hides(&client);
    let value = HeaderValue::from_static("secret");
    let proxy: Proxy = "socks5://secret:secret@proxy.example".parse().unwrap();
    hides(&proxy.clone().header(PROXY_AUTHORIZATION, value).unwrap());
    assert!(!proxy.to_string().contains("secret"));
    hides(&Tunnel::new(&proxy, "server.example", 80).unwrap());
    hides(&Proxies::from(proxy));
    let wrong = Proxies::from_variables(|_| Some("http://user:secret@bad host".to_owned()));
    assert!(!hides(&wrong).contains("user"));
}

#[test]
fn a_message_that_something_holds_is_not_shown() {
    let mut conn = Connection::server(Default::default());
    conn.send("secret").unwrap();
    hides(&conn);
    hides(conn.transmit());
    hides(&received(b"\x81\x06secret"));
    hides(&Prepared::new(Message::text("secret")));
    conn.close(None, "").unwrap();
    let back = conn.send("secret").unwrap_err();
    assert_eq!(hides(&back), "Closed(..)");
    assert_eq!(back, SendError::Closed("secret".into()));
}

const SECRET: [http::HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// A client whose request has four secrets in it.
fn client() -> (ClientHandshake, Bytes) {
    let mut request = Request::new("ws://example.com/?token=secret").unwrap();
    for name in SECRET {
        request = request.header(name, HeaderValue::from_static("secret")).unwrap();
    }
    ClientHandshake::new(request, *b"the sample nonce")
}

fn received(bytes: &[u8]) -> RecvBuf {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(bytes);
    rx
}

/// What `Debug` shows, by any way of it.
#[track_caller]
fn hides(value: &impl Debug) -> String {
    let shown = format!("{value:?}");
    for shown in [&shown, &format!("{value:#?}"), &format!("{value:x?}")] {
        // As text, and as the numbers of its bytes.
        for secret in ["secret", "115, 101, 99", "73, 65, 63"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    shown
}
