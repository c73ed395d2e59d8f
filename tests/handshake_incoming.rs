//! What the application sees of a request before it answers.
#![cfg(feature = "handshake")]

use http::{Method, Request as HttpRequest, Uri, Version};
use hybi::RecvBuf;
use hybi::handshake::{
    HandshakeError, Incoming, OriginPolicy, Progress, Refusal, ServerHandshake, ServerOptions,
};

#[test]
fn a_header_is_found_in_whatever_case() {
    let incoming = read("/", "X-Room: \t 7 \r\nX-ROOM: 8\r\nX-Empty:\r\n").expect("it is good");
    for name in ["x-room", "X-Room", "X-ROOM"] {
        assert_eq!(incoming.header(name), Some("7"), "the first line counts");
    }
    assert_eq!(incoming.header("x-empty"), Some(""));
    for absent in ["x-roo", "x-rooms", "", "x-room:", "GET / HTTP/1.1"] {
        assert_eq!(incoming.header(absent), None, "{absent:?}");
    }
}

#[test]
fn all_header_lines_come_in_their_order_as_they_stand() {
    let incoming = read("/", "b: 1, 2\r\nA: :x:\r\nb:\u{e4}\u{f6}\r\n").expect("it is good");
    let lines: Vec<_> = incoming.headers().skip(OURS).collect();
    let expected: [(&str, &[u8]); 3] =
        [("b", b"1, 2"), ("A", b":x:"), ("b", "\u{e4}\u{f6}".as_bytes())];
    assert_eq!(lines, expected);
    assert_eq!(incoming.headers().count(), OURS + 3);
}

#[test]
fn a_value_that_is_no_utf_8_is_there_as_bytes() {
    let mut head = head("/", "X: \u{0}\r\n").into_bytes();
    let at = head.iter().position(|byte| *byte == 0).expect("it was put there");
    head[at] = 0xE4;
    let incoming = read_bytes(&head).expect("obs-text may stand in a value");
    assert_eq!(incoming.header("x"), None);
    assert_eq!(incoming.headers().last(), Some(("X", &b"\xE4"[..])));
    assert_eq!(incoming.to_http().headers()["x"].as_bytes(), b"\xE4");
}

#[test]
fn path_and_query_are_those_of_every_form_of_target() {
    for target in [
        "/",
        "//",
        "//x/y?z",
        "/chat",
        "/chat?",
        "/chat?a=1&b=/?",
        "/%e4?%00",
        "/a:b@c;d=e,f!$&'()*+~._-",
        "/\"{}|^\\[]",
        "http://a.example",
        "http://a.example?x",
        "http://a.example/?x",
        "https://[::1]:8443/a/b?c?d",
        "HTTP://a.example/x",
        "http://a.example/x?from=http://b.example/y",
        "http://a.example?from=http://b.example/y",
    ] {
        let incoming = read(target, "").expect("the target is fine");
        let uri: Uri = target.parse().expect("it is one of http's");
        assert_eq!((incoming.path(), incoming.query()), (uri.path(), uri.query()), "{target}");
        assert_eq!(incoming.target(), target);
        assert_eq!(incoming.to_http().uri(), &uri);
    }
}

/// A target is taken if `http` can read it, so that it can be had as one of `http`'s.
#[test]
fn every_byte_of_a_target_is_judged_as_http_does() {
    for byte in b'!'..=b'~' {
        for target in [format!("/a{}b", char::from(byte)), format!("/?a{}b", char::from(byte))] {
            let fits = byte != b'#' && target.parse::<Uri>().is_ok();
            match read(&target, "") {
                Ok(incoming) => assert!(fits && incoming.to_http().uri() == &*target, "{target}"),
                Err(refusal) => assert!(!fits, "{target}: {refusal}"),
            }
        }
    }
    for len in [1022, 1023, 1024, 5000] {
        let target = format!("/{}", "x".repeat(len));
        assert_eq!(read(&target, "").expect("it is not too long").to_http().uri(), &*target);
    }
}

#[test]
fn a_request_can_be_had_as_a_value_of_http() {
    let incoming = read("/a?b", "X: 1\r\nY: 2\r\nx: 3\r\n").expect("it is good");
    let request = incoming.to_http();
    assert_eq!((request.method(), request.version()), (&Method::GET, Version::HTTP_11));
    assert_eq!(request.headers()["host"], "example.com");
    assert!(request.headers().get_all("x").iter().eq(["1", "3"]));
    assert_eq!(request.headers().len(), OURS + 3);
    let again = Incoming::from_request(&request, &OriginPolicy::SameHost).expect("it is good");
    assert_eq!(format!("{:?}", again.to_http()), format!("{request:?}"));
}

#[test]
fn a_request_of_http_2_stays_one() {
    let request = HttpRequest::builder()
        .method(Method::CONNECT)
        .version(Version::HTTP_2)
        .uri("https://server.example.com/chat?x")
        .header("sec-websocket-version", "13")
        .header("x-padded", " 1 ")
        .body(())
        .expect("it is well-formed");
    let incoming = Incoming::from_request(&request, &OriginPolicy::SameHost).expect("it is good");
    assert_eq!(incoming.target(), "https://server.example.com/chat?x");
    assert_eq!(incoming.header("x-padded"), Some("1"));
    let request = incoming.to_http();
    assert_eq!((request.method(), request.version()), (&Method::CONNECT, Version::HTTP_2));
    assert_eq!(request.uri().host(), Some("server.example.com"));
}

#[test]
fn nothing_secret_is_shown() {
    let secrets = "Authorization: Bearer s3cret\r\nCookie: id=s3cret\r\n";
    let incoming = read("/chat?token=s3cret", secrets).expect("it is good");
    assert!(!format!("{incoming:?}").contains("s3cret"));
    assert!(!format!("{:?}", incoming.to_http().headers()).contains("s3cret"));
}

/// `http` takes no longer ones.
#[test]
fn names_of_64_kib_are_refused() {
    for (len, fits) in [(65_535, true), (65_536, false)] {
        let bytes = head("/", &format!("{}: v\r\n", "a".repeat(len)));
        let mut options = ServerOptions::default();
        options.limits.max_size = 128 * 1024;
        let mut rx = RecvBuf::new();
        rx.extend_from_slice(bytes.as_bytes());
        match ServerHandshake::new(options).advance(&mut rx) {
            Ok(Progress::Done(incoming)) => {
                assert!(fits);
                assert_eq!(incoming.to_http().headers().len(), OURS + 1);
            }
            Ok(Progress::Continue(_)) => panic!("it is whole"),
            Err(refusal) => {
                assert!(!fits, "{refusal:?}");
                assert!(matches!(refusal.error, HandshakeError::Malformed));
            }
        }
    }
}

#[test]
fn secrets_that_another_library_marked_stay_marked() {
    let mut request = read("/", "X-Api-Key: s3cret\r\n").expect("it is good").to_http();
    let key = request.headers_mut().get_mut("x-api-key").expect("it has come");
    key.set_sensitive(true);
    let again = Incoming::from_request(&request, &OriginPolicy::SameHost).expect("it is good");
    assert!(again.to_http().headers()["x-api-key"].is_sensitive());
    assert!(!format!("{again:?}").contains("s3cret"));
}

/// RFC 9112 section 3.2.2.
#[test]
fn the_host_of_a_whole_url_goes_before_the_header_field() {
    for (url, origin, fits) in [
        ("http://example.com/", "https://example.com", true),
        ("http://other.example/", "https://example.com", false),
        ("http://other.example/", "https://other.example", true),
    ] {
        let read = read(url, &format!("Origin: {origin}\r\n"));
        assert_eq!(read.is_ok(), fits, "{url} {origin}");
    }
}

/// How many header lines `head` has by itself.
const OURS: usize = 5;

fn head(target: &str, further: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{further}\r\n"
    )
}

fn read(target: &str, further: &str) -> Result<Incoming, Refusal> {
    read_bytes(head(target, further).as_bytes())
}

fn read_bytes(head: &[u8]) -> Result<Incoming, Refusal> {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(head);
    match ServerHandshake::new(Default::default()).advance(&mut rx)? {
        Progress::Done(incoming) => Ok(incoming),
        Progress::Continue(_) => panic!("the request is whole"),
    }
}
