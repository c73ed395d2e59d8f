//! The HTTP around the handshake: request line, target, header lines and body (RFC 9112), without which no
//! MUST of RFC 6455 section 4 can be checked.
#![cfg(feature = "handshake")]

use hybi::RecvBuf;
use hybi::handshake::{
    ClientHandshake, Established, HandshakeError, Incoming, OriginPolicy, Progress, Request,
    ServerHandshake, ServerOptions,
};

#[test]
fn section_4_2_1_item_1_the_method_is_get() {
    for method in ["POST", "HEAD", "PUT", "OPTIONS", "get", "GETS"] {
        let error = refused(&format!("{method} / HTTP/1.1"), "");
        assert!(matches!(error, HandshakeError::Method), "{method}: {error}");
    }
    for line in ["CONNECT example.com:80 HTTP/1.1", "OPTIONS * HTTP/1.1"] {
        assert!(matches!(refused(line, ""), HandshakeError::Method), "{line}");
    }
}

/// RFC 9110 section 15.5.6.
#[test]
fn a_refused_method_is_told_the_right_one() {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n");
    let refusal = ServerHandshake::new(ServerOptions::default()).advance(&mut rx);
    let response = refusal.expect_err("it is no GET").response;
    let response = String::from_utf8(response.to_vec()).expect("a response of ours is ASCII");
    assert!(response.starts_with("HTTP/1.1 405 ") && response.contains("\r\nAllow: GET\r\n"));
}

#[test]
fn section_4_2_1_item_1_the_version_is_at_least_http_1_1() {
    for version in ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/3.0"] {
        let error = refused(&format!("GET / {version}"), "");
        assert!(matches!(error, HandshakeError::HttpVersion), "{version}: {error}");
    }
    for version in ["HTTP/1", "HTTP/1.", "HTTP/1.10", "HTTP/01.1", "HTTP/1,1"] {
        let error = refused(&format!("GET / {version}"), "");
        assert!(matches!(error, HandshakeError::Malformed), "{version}: {error}");
    }
}

/// RFC 9110 section 2.5.
#[test]
fn a_later_version_of_http_1_is_read_like_1_1() {
    for minor in 1..=9 {
        assert!(serve(&format!("GET / HTTP/1.{minor}"), "").is_ok(), "{minor}");
        assert!(ask(&format!("HTTP/1.{minor} 101 X"), "").is_ok(), "{minor}");
    }
    for version in ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.10"] {
        let error = ask(&format!("{version} 101 X"), "").expect_err("it is another HTTP");
        assert!(matches!(error, HandshakeError::HttpVersion), "{version}: {error}");
    }
}

#[test]
fn section_4_2_1_item_1_what_is_no_request_line_is_malformed() {
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / chat HTTP/1.1",
        "GET / HTTPS/1.1",
        "GET / http/1.1",
        "G@T / HTTP/1.1",
        "GET /\u{1} HTTP/1.1",
        "GET /\u{7f} HTTP/1.1",
        "GET /ü HTTP/1.1",
        // Not even a request in another version.
        "GET / HTTP/1.x",
        "GET / HTTP/x.1",
        "GET /a b HTTP/1.0",
        "GET  HTTP/1.0",
        "GET HTTP/1.0",
    ] {
        let error = refused(line, "");
        assert!(matches!(error, HandshakeError::Malformed), "{line}: {error}");
    }
}

/// At the first bytes, not after ten seconds.
#[test]
fn what_is_no_http_is_refused_at_its_first_line() {
    for bytes in [
        &b"\x16\x03\x01"[..],
        b"\x05\x01",
        b"\0",
        b"\nGET",
        b"SSH-2.0-x\r\n",
        b"*1\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"\r\n\r\n",
        b" ",
        b":",
        b"\r\n\x16",
    ] {
        let mut rx = RecvBuf::new();
        rx.extend_from_slice(bytes);
        let server = ServerHandshake::new(ServerOptions::default());
        assert!(server.advance(&mut rx).is_err(), "{bytes:?}");
    }
}

#[test]
fn section_4_2_1_item_1_the_target_is_a_resource_name_or_an_absolute_http_uri() {
    for (target, path) in [
        ("/", "/"),
        ("/chat?room=%201", "/chat"),
        ("//x", "//x"),
        ("http://server.example.com/chat", "/chat"),
        ("https://server.example.com:8443/chat?x", "/chat"),
        ("http://server.example.com", "/"),
    ] {
        let incoming = serve(&format!("GET {target} HTTP/1.1"), "").expect("the target is fine");
        assert_eq!(incoming.path(), path, "{target}");
    }
    for target in [
        "*",
        "chat",
        "a.example:80",
        "?x",
        "ftp://a.example/",
        "ws://a.example/",
        "/#x",
        "/#",
        "http:///x",
        "http://:80/x",
        "http://a.example:99999/",
        "http://[::zz]/",
        "http://b@a.example/",
    ] {
        let error = refused(&format!("GET {target} HTTP/1.1"), "");
        assert!(matches!(error, HandshakeError::Malformed), "{target}: {error}");
    }
}

#[test]
fn section_4_2_1_item_2_the_host_is_an_authority() {
    for host in ["example.com", "example.com:80", "example.com:", "1.2.3.4:80", "[::1]:80", "a_b"] {
        let request = request(GET, "").replace("server.example.com", host);
        assert!(read(&request).is_ok(), "{host}");
    }
    for host in [
        "a b", "a@b", "a/b", "a?b", "a#b", "a, b", "http://a", "a:b", "a:99999", "a:-1", "a:1:2",
        "[::1", "::1", "[zz]", ":80", "a\"b", "ä",
    ] {
        let error = read(&request(GET, "").replace("server.example.com", host)).err();
        assert!(matches!(error, Some(HandshakeError::InvalidHeader("Host"))), "{host}: {error:?}");
    }
}

#[test]
fn header_lines_are_a_name_a_colon_and_a_value() {
    for line in ["X: y", "X:", "X:y", "X:\ty\t", "X: \u{e4}", "X: y: z", "!#$%&'*+-.^_`|~09: y"] {
        assert!(serve(GET, &format!("{line}\r\n")).is_ok(), "{line}");
        assert!(ask(OK, &format!("{line}\r\n")).is_ok(), "{line}");
    }
    for line in [
        "X",
        "X : y",
        "X\t: y",
        ": y",
        "X Y: z",
        "X(Y): z",
        "X\u{e4}: y",
        "X\0: y",
        "X: y\0",
        "X: y\u{1}",
        "X: y\u{1b}",
        "X: y\u{7f}",
        "X: y\rz",
        "X: y\r",
        "\rX: y",
        "X: y\nZ: z",
        "X: y\n",
        "\0",
    ] {
        let error = refused(GET, &format!("{line}\r\n"));
        assert!(matches!(error, HandshakeError::Malformed), "{line:?}: {error}");
        let error = ask(OK, &format!("{line}\r\n")).err();
        assert!(matches!(error, Some(HandshakeError::Malformed)), "{line:?}: {error:?}");
    }
}

/// Which byte is the last of a read must not decide what is looked at.
#[test]
fn every_byte_of_a_header_line_is_looked_at_however_it_was_cut() {
    for line in ["X:\u{1}y", "X:\u{7f}", "X: \u{0}", "X :y", "\u{1}X: y", " X: y"] {
        let request = request(GET, &format!("{line}\r\n"));
        for cut in 1..request.len() {
            let (before, behind) = request.split_at(cut);
            let mut rx = RecvBuf::new();
            rx.extend_from_slice(before.as_bytes());
            let read = match ServerHandshake::new(ServerOptions::default()).advance(&mut rx) {
                Ok(Progress::Continue(server)) => {
                    rx.extend_from_slice(behind.as_bytes());
                    server.advance(&mut rx)
                }
                ended => ended,
            };
            let refusal = read.expect_err("the line is none");
            assert!(matches!(refusal.error, HandshakeError::Malformed), "{line:?} cut at {cut}");
        }
    }
}

#[test]
fn lines_end_with_cr_and_lf() {
    for bare in ["\n", "\r"] {
        for head in
            [request(GET, "").replace("\r\n", bare), request(GET, "").replacen("\r\n", bare, 1)]
        {
            assert!(matches!(read(&head), Err(HandshakeError::Malformed)), "{head:?}");
        }
        let last = format!("{}{bare}", request(GET, "").trim_end());
        let last = format!("{last}{bare}");
        assert!(matches!(read(&last), Err(HandshakeError::Malformed)), "{last:?}");
    }
}

/// RFC 9112 section 5.2: a server refuses a folded line, a client replaces the fold with a space.
#[test]
fn a_folded_line_is_refused_by_servers_and_unfolded_by_clients() {
    for fold in ["X: y\r\n z\r\n", "X: y\r\n\tz\r\n", "X: y\r\n \r\n"] {
        assert!(matches!(refused(GET, fold), HandshakeError::Malformed), "{fold:?}");
    }
    for fold in ["X: y\r\n z\r\n", "X: y\r\n\tz\r\n", "X: y\r\n  z\r\n", "X:\r\n y\r\n z\r\n"] {
        let established = ask(OK, fold).expect("a fold is a space");
        let value = established.response.headers()["x"].to_str().expect("it is ASCII");
        assert_eq!(value.split_whitespace().collect::<Vec<_>>(), ["y", "z"], "{fold:?}");
        assert!(!value.contains(['\r', '\n']));
    }
}

#[test]
fn nothing_can_be_folded_into_the_first_line() {
    for first in [GET, OK] {
        let head = format!("{first}\r\n folded\r\n\r\n");
        let mut rx = RecvBuf::new();
        rx.extend_from_slice(head.as_bytes());
        match first {
            GET => assert!(read(&head).is_err()),
            _ => assert!(matches!(start().advance(&mut rx), Err(HandshakeError::Malformed))),
        }
    }
}

/// The grammar of RFC 9112 section 4 wants a space and a reason, which may be empty; some servers omit both.
#[test]
fn the_reason_does_not_matter() {
    for line in [
        "HTTP/1.1 101 ",
        "HTTP/1.1 101",
        "HTTP/1.1 101 a\tb",
        "HTTP/1.1 101 \u{e4}",
        "HTTP/1.1 101 200",
    ] {
        assert!(ask(line, "").is_ok(), "{line}");
    }
    for line in ["HTTP/1.1 101 a\0", "HTTP/1.1 101 a\u{7f}", "HTTP/1.1  101 x", "HTTP/1.1 101x"] {
        assert!(ask(line, "").is_err(), "{line}");
    }
}

/// Whoever looks at the frames must not take a body for them, nor the other way round.
#[test]
fn a_request_to_upgrade_has_no_body() {
    assert!(serve(GET, "Content-Length: 0\r\n").is_ok());
    for line in [
        "Content-Length: 5",
        "Content-Length: -1",
        "Content-Length: +0",
        "Content-Length: 0, 0",
        "Content-Length:",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
    ] {
        let error = refused(GET, &format!("{line}\r\n"));
        assert!(matches!(error, HandshakeError::BodyNotAllowed), "{line}: {error}");
    }
    let twice = refused(GET, "Content-Length: 0\r\nContent-Length: 5\r\n");
    assert!(matches!(twice, HandshakeError::DuplicateHeader("Content-Length")));
}

const GET: &str = "GET /chat HTTP/1.1";
const OK: &str = "HTTP/1.1 101 Switching Protocols";

/// A request that is good but for its first line and what stands before its last.
fn request(line: &str, further: &str) -> String {
    format!(
        "{line}\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{further}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

fn read(request: &str) -> Result<Incoming, HandshakeError> {
    let mut options = ServerOptions::default();
    options.origins = OriginPolicy::Any;
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(request.as_bytes());
    match ServerHandshake::new(options).advance(&mut rx) {
        Ok(Progress::Done(incoming)) => Ok(incoming),
        Ok(Progress::Continue(_)) => panic!("the request is whole or wrong: {request:?}"),
        Err(refusal) => {
            let status = refusal.error.status().expect("an answer is owed").as_str().to_owned();
            assert!(refusal.response.starts_with(format!("HTTP/1.1 {status} ").as_bytes()));
            Err(refusal.error)
        }
    }
}

fn serve(line: &str, further: &str) -> Result<Incoming, HandshakeError> {
    read(&request(line, further))
}

#[track_caller]
fn refused(line: &str, further: &str) -> HandshakeError {
    serve(line, further).expect_err("the request is not a handshake")
}

fn start() -> ClientHandshake {
    let request = Request::new("ws://server.example.com/chat").expect("the URL is good");
    ClientHandshake::new(request, *b"the sample nonce").0
}

/// A response that is good but for its first line and what stands before its last.
fn ask(line: &str, further: &str) -> Result<Established, HandshakeError> {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(format!("{line}\r\nUpgrade: websocket\r\n").as_bytes());
    rx.extend_from_slice(format!("Connection: Upgrade\r\n{further}").as_bytes());
    rx.extend_from_slice(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    match start().advance(&mut rx)? {
        Progress::Done(established) => Ok(established),
        Progress::Continue(_) => panic!("the response is whole"),
    }
}
