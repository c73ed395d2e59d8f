//! Which pages may connect (RFC 6455 sections 4.2.2 and 10.2).
#![cfg(feature = "handshake")]

use hybi::RecvBuf;
use hybi::handshake::{HandshakeError, OriginPolicy, Progress, ServerHandshake, ServerOptions};

#[test]
fn section_4_2_2_item_4_an_origin_that_is_not_taken_is_refused_with_403() {
    let error = check(OriginPolicy::List(vec![]), "example.com", &["http://example.com"]);
    assert!(matches!(error, Err(HandshakeError::OriginRejected(_))));
}

#[test]
fn by_default_a_page_of_the_same_host_is_taken() {
    for (host, origin) in [
        ("example.com", "http://example.com"),
        ("example.com", "https://example.com"),
        ("example.com:80", "http://example.com"),
        ("example.com", "http://example.com:80"),
        ("example.com:443", "https://example.com"),
        ("example.com:8080", "http://example.com:8080"),
        ("EXAMPLE.com", "http://example.COM"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("[::1]", "https://[::1]"),
        ("[::1]:80", "http://[::1]"),
        ("[::1]", "https://[::1]:443"),
        ("example.com:", "http://example.com"),
        ("example.com", "HTTP://example.com"),
        ("example.com", "HTTPS://example.com:443"),
    ] {
        assert!(check(OriginPolicy::SameHost, host, &[origin]).is_ok(), "{origin} at {host}");
        assert!(check(OriginPolicy::default(), host, &[origin]).is_ok(), "{origin} at {host}");
    }
}

#[test]
fn by_default_a_page_of_another_host_is_refused() {
    for (host, origin) in [
        ("example.com", "http://evil.example"),
        ("example.com", "http://example.com.evil.example"),
        ("example.com", "http://evil-example.com"),
        ("example.com", "http://www.example.com"),
        ("example.com", "http://example.com:8080"),
        ("example.com:8080", "http://example.com"),
        ("example.com:443", "http://example.com"),
        ("example.com", "http://example.com@evil.example"),
        ("example.com", "http://evil.example/http://example.com"),
        ("example.com", "http://example.com/"),
        ("example.com", "http://example.com#"),
        ("example.com", "example.com"),
        ("example.com", "//example.com"),
        ("example.com", "file://example.com"),
        ("example.com", "chrome-extension://example.com"),
        ("example.com", "http://"),
        ("example.com", "null"),
        ("example.com", ""),
        ("[::1]", "http://[::1]:1"),
        ("example.com:80", "https://example.com"),
        ("example.com:443", "http://example.com:80"),
        ("example.com", "http://exämple.com"),
        ("null", "null"),
    ] {
        let error = check(OriginPolicy::SameHost, host, &[origin]);
        assert!(matches!(error, Err(HandshakeError::OriginRejected(_))), "{origin} at {host}");
    }
}

#[test]
fn a_list_is_compared_whole() {
    let list = || OriginPolicy::List(vec!["https://good.example".into(), "null".into()]);
    for origin in ["https://good.example", "https://GOOD.example", "null"] {
        assert!(check(list(), "api.example", &[origin]).is_ok(), "{origin}");
    }
    for origin in [
        "https://good.example.evil.example",
        "https://evilgood.example",
        "https://good.example/",
        "https://good.example.",
        "https://good.example:8443",
        "http://good.example",
        "good.example",
        "https://good.example https://evil.example",
        "https://api.example",
        "",
    ] {
        let error = check(list(), "api.example", &[origin]);
        assert!(matches!(error, Err(HandshakeError::OriginRejected(_))), "{origin}");
    }
}

#[test]
fn any_page_is_taken_where_that_is_asked_for() {
    for origin in ["https://evil.example", "null", "whatever"] {
        assert!(check(OriginPolicy::Any, "example.com", &[origin]).is_ok());
    }
}

/// Section 4.2.1, item 7: no browser leaves it out.
#[test]
fn a_request_without_origin_is_taken_under_every_policy() {
    for policy in [OriginPolicy::SameHost, OriginPolicy::List(vec![]), OriginPolicy::Any] {
        assert!(check(policy, "example.com", &[]).is_ok());
    }
}

#[test]
fn two_origins_are_none() {
    for policy in [OriginPolicy::SameHost, OriginPolicy::Any] {
        let error = check(policy, "example.com", &["http://example.com", "http://evil.example"]);
        assert!(matches!(error, Err(HandshakeError::DuplicateHeader("Origin"))));
    }
}

fn check(origins: OriginPolicy, host: &str, sent: &[&str]) -> Result<(), HandshakeError> {
    let mut options = ServerOptions::default();
    options.origins = origins;
    let sent: String = sent.iter().map(|origin| format!("Origin: {origin}\r\n")).collect();
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{sent}\r\n"
    );
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(request.as_bytes());
    match ServerHandshake::new(options).advance(&mut rx) {
        Ok(Progress::Done(_)) => Ok(()),
        Ok(Progress::Continue(_)) => panic!("the request is whole"),
        Err(refusal) => {
            let status = refusal.error.status().expect("an answer is owed").as_u16();
            let forbidden = matches!(refusal.error, HandshakeError::OriginRejected(_));
            assert_eq!(status, if forbidden { 403 } else { 400 });
            assert!(refusal.response.starts_with(format!("HTTP/1.1 {status} ").as_bytes()));
            Err(refusal.error)
        }
    }
}
