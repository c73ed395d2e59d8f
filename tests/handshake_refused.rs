//! A server that says no: the client gets the whole response (RFC 6455 section 4.1, RFC 9112 section 6.3).
#![cfg(feature = "handshake")]

use http::Response;
use hybi::RecvBuf;
use hybi::handshake::{ClientHandshake, HandshakeError, Progress, Request};

#[test]
fn section_4_1_item_1_another_status_than_101_is_told_with_headers_and_body() {
    let refused = refused(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nHello",
    );
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["www-authenticate"], "Basic");
    assert_eq!(&refused.body()[..], b"Hello");
}

/// All the right headers do not make a 200 an acceptance.
#[test]
fn section_4_1_item_1_a_200_is_no_upgrade() {
    let response = ACCEPTANCE.replace("101 Switching Protocols", "200 OK");
    assert_eq!(refused(&response).status(), 200);
}

#[test]
fn redirects_are_told_and_not_followed() {
    for status in [300, 301, 302, 303, 307, 308] {
        let refused = refused(&format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: ws://evil.example/\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(refused.status(), status);
        assert_eq!(refused.headers()["location"], "ws://evil.example/");
    }
}

#[test]
fn every_status_of_three_digits_is_told() {
    for status in [200, 204, 206, 400, 426, 500, 503, 599, 600, 999] {
        let refused = refused(&format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(refused.status(), status);
    }
}

/// Load balancers answer so when nobody stands behind them.
#[test]
fn a_refusal_in_http_1_0_is_a_refusal() {
    let refused = refused("HTTP/1.0 503 Service Unavailable\r\n\r\nnobody is there");
    assert_eq!(refused.status(), 503);
    assert_eq!(&refused.body()[..], b"nobody is there");
}

/// Interim responses do not exist in HTTP/1.0 (RFC 9110 section 15.2).
#[test]
fn an_acceptance_is_http_1_1() {
    for version in ["HTTP/1.0", "HTTP/2.0"] {
        let error = read(&ACCEPTANCE.replace("HTTP/1.1", version));
        assert!(matches!(error, HandshakeError::HttpVersion), "{version}: {error}");
    }
}

#[test]
fn a_body_with_a_length_ends_there() {
    let body = whole("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nHello, and more");
    assert_eq!(body, b"Hello");
    assert_eq!(whole("HTTP/1.1 404 X\r\nContent-Length:\t5 \t\r\n\r\nHello, and more"), b"Hello");
    assert_eq!(whole("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\nmore"), b"");
}

#[test]
fn a_body_in_chunks_is_put_together() {
    let head = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in [
        "5\r\nHello\r\n0\r\n\r\n",
        "2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n",
        "5;name=\"val;ue\"\r\nHello\r\n0\r\n\r\n",
        "0005 \r\nHello\r\n000\r\nTrailer: x\r\n\r\n",
        "1\r\nH\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
    ] {
        assert_eq!(whole(&format!("{head}{chunks}")), b"Hello", "{chunks}");
    }
    let longer = "A\r\n0123456789\r\nb\r\nHello world\r\n0\r\n\r\n";
    assert_eq!(whole(&format!("{head}{longer}")), b"0123456789Hello world");
}

#[test]
fn chunks_have_sizes_in_hexadecimal_and_a_coding_has_a_name_in_any_case() {
    let head = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: Chunked\r\n\r\n";
    for len in [0x0f, 0x10, 0x1f, 0x20, 0xab, 0x100, 0xfff] {
        let body = "x".repeat(len);
        assert_eq!(whole(&format!("{head}{len:x}\r\n{body}\r\n0\r\n\r\n")), body.as_bytes());
        assert_eq!(whole(&format!("{head}{len:X}\r\n{body}\r\n0\r\n\r\n")), body.as_bytes());
    }
}

#[test]
fn a_body_is_the_same_however_it_was_cut() {
    for rest in [
        "Content-Length: 5\r\n\r\nHello, and more",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nHe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n005\r\nHello\r\n0\r\nTrailer: x\r\n\r\n",
    ] {
        let response = format!("HTTP/1.1 404 Not Found\r\n{rest}");
        for cut in 1..response.len() {
            let (before, behind) = response.split_at(cut);
            let mut rx = RecvBuf::new();
            rx.extend_from_slice(before.as_bytes());
            let refused = match start().advance(&mut rx) {
                Ok(Progress::Continue(client)) => {
                    rx.extend_from_slice(behind.as_bytes());
                    client.advance(&mut rx)
                }
                ended => ended,
            };
            let Err(HandshakeError::Refused(refused)) = refused else {
                panic!("{rest:?} cut at {cut}: {refused:?}")
            };
            assert_eq!(&refused.body()[..], b"Hello", "{rest:?} cut at {cut}");
        }
    }
}

#[test]
fn chunks_come_before_a_length() {
    let response = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nHello\r\n0\r\n\r\n";
    assert_eq!(whole(response), b"Hello");
}

/// The last coding decides, on whichever line it stands; if it is not `chunked`, the transport's end does.
#[test]
fn the_last_transfer_coding_decides() {
    let chunked = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: gzip\r\n\
        Transfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n";
    assert_eq!(whole(chunked), b"Hello");
    let other =
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\nHello";
    assert_eq!(&refused(other).body()[..], b"Hello");
}

#[test]
fn a_body_without_a_length_ends_with_the_transport() {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(b"HTTP/1.1 404 Not Found\r\n\r\nHel");
    let Ok(Progress::Continue(client)) = start().advance(&mut rx) else { panic!("it goes on") };
    rx.extend_from_slice(b"lo");
    let Ok(Progress::Continue(client)) = client.advance(&mut rx) else { panic!("it goes on") };
    let HandshakeError::Refused(refused) = client.handle_eof() else { panic!("it is a refusal") };
    assert_eq!(&refused.body()[..], b"Hello");
}

#[test]
fn a_status_that_has_no_body_is_told_at_once() {
    for status in [204, 304] {
        assert_eq!(whole(&format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n")), b"");
        assert_eq!(whole(&format!("HTTP/1.1 {status} X\r\n\r\n")), b"");
    }
}

/// As far as it came: the status matters more than the rest of the page.
#[test]
fn a_body_that_breaks_off_or_makes_no_sense_is_told_as_far_as_it_came() {
    let head = "HTTP/1.1 500 X\r\n";
    for (rest, body) in [
        ("Content-Length: 50\r\n\r\nHello", "Hello"),
        ("Content-Length: 5, 5\r\n\r\nHello", "Hello"),
        ("Content-Length: 99999999999999999999999\r\n\r\nHello", "Hello"),
        ("Transfer-Encoding: chunked\r\n\r\nff\r\nHello", "Hello"),
        ("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nHello", "Hello"),
        ("Transfer-Encoding: chunked\r\n\r\n", ""),
    ] {
        assert_eq!(refused(&format!("{head}{rest}")).body(), body, "{rest}");
    }
}

#[test]
fn an_interim_response_is_followed_by_the_final_one() {
    let interim =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(
        refused(&format!("{interim}HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")).status(),
        404
    );
}

#[test]
fn a_transport_that_ends_before_the_response_does_is_told() {
    for response in ["", "H", "HTTP/1.1 101", "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n"] {
        assert!(matches!(read(response), HandshakeError::Incomplete), "{response}");
    }
}

/// At the first byte that no response begins with, not after twenty seconds.
#[test]
fn what_is_no_http_is_refused_at_its_first_line() {
    for bytes in [
        "SSH-2.0-x\r\n",
        "\x16\x03\x01",
        "h",
        "HTTP/1.1",
        "HTTP/11",
        "\r\n",
        " HTTP/1.1",
        "HTTP\r",
        // A folded line, of nothing.
        "HTTP/1.1 101 X\r\n ",
    ] {
        let mut rx = RecvBuf::new();
        rx.extend_from_slice(bytes.as_bytes());
        let refused = start().advance(&mut rx).is_err();
        assert_eq!(refused, bytes != "HTTP/1.1" && bytes != "HTTP/11", "{bytes}");
    }
    for line in ["HTTP/1.1 1010 X", "HTTP/1.1 20 X", "HTTP/1.1 2x0 X", "HTTP/1.1 099 X"] {
        let error = read(&format!("{line}\r\n\r\n"));
        assert!(matches!(error, HandshakeError::Malformed), "{line}: {error}");
    }
}

const ACCEPTANCE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn start() -> ClientHandshake {
    let request = Request::new("ws://server.example.com/chat").expect("the URL is good");
    ClientHandshake::new(request, *b"the sample nonce").0
}

/// The error of a response after which the transport ends.
fn read(response: &str) -> HandshakeError {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(response.as_bytes());
    match start().advance(&mut rx) {
        Ok(Progress::Continue(client)) => client.handle_eof(),
        Ok(Progress::Done(_)) => panic!("the response is no acceptance"),
        Err(error) => error,
    }
}

fn refused(response: &str) -> Response<bytes::Bytes> {
    match read(response) {
        HandshakeError::Refused(refused) => *refused,
        other => panic!("the response is a refusal: {other}"),
    }
}

/// The body of a refusal that is told without the transport's end.
fn whole(response: &str) -> Vec<u8> {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(response.as_bytes());
    match start().advance(&mut rx) {
        Err(HandshakeError::Refused(refused)) => refused.body().to_vec(),
        other => panic!("the refusal is whole: {other:?}"),
    }
}
