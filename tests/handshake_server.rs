//! What a server takes for a handshake: a test for each MUST of RFC 6455 sections 4.2.1 and 4.4, named with it.
#![cfg(feature = "handshake")]

use hybi::RecvBuf;
use hybi::handshake::{
    HandshakeError, Incoming, OriginPolicy, Progress, Refusal, ServerHandshake, ServerOptions,
};

#[test]
fn section_1_2_the_request_of_the_example_is_read() {
    let incoming = read(
        "GET /chat HTTP/1.1\r\n\
         Host: server.example.com\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Origin: http://example.com\r\n\
         Sec-WebSocket-Protocol: chat, superchat\r\n\
         Sec-WebSocket-Version: 13\r\n\
         \r\n",
    );
    let incoming = incoming.expect("the example is a handshake");
    assert_eq!(incoming.path(), "/chat");
    assert_eq!(incoming.origin(), Some("http://example.com"));
    assert!(incoming.subprotocols().eq(["chat", "superchat"]));
    assert!(incoming.extensions().is_empty());
    assert_eq!(incoming.header("host"), Some("server.example.com"));
}

#[test]
fn section_4_2_1_header_fields_come_in_any_order_and_case() {
    let mut lines = LINES;
    lines.reverse();
    let head = lines.join("\r\n").to_ascii_lowercase().replace(KEY_LOWER, KEY);
    assert!(read(&format!("GET / HTTP/1.1\r\n{head}\r\n\r\n")).is_ok());
    let head = LINES.join("\r\n").to_ascii_uppercase().replace(KEY_UPPER, KEY);
    assert!(read(&format!("GET / HTTP/1.1\r\n{head}\r\n\r\n")).is_ok());
}

#[test]
fn section_4_2_1_item_2_there_is_one_host() {
    let missing = refused(&without("Host"));
    assert!(matches!(missing.error, HandshakeError::MissingHeader("Host")));
    let twice = refused(&plus("Host: server.example.com"));
    assert!(matches!(twice.error, HandshakeError::DuplicateHeader("Host")));
    assert_eq!((status(&missing), status(&twice)), (400, 400));
}

#[test]
fn section_4_2_1_item_3_upgrade_contains_websocket_in_any_case() {
    for value in
        ["websocket", "WebSocket", "WEBSOCKET", "h2c, websocket", "websocket,h2c", " websocket\t"]
    {
        assert!(read(&request(&replaced("Upgrade", value))).is_ok(), "{value}");
    }
    for value in
        ["", "websockets", "web socket", "h2c", "websocket/13", "\"websocket\"", "websocket;x"]
    {
        let refusal = refused(&replaced("Upgrade", value));
        assert!(matches!(refusal.error, HandshakeError::InvalidHeader("Upgrade")), "{value}");
        assert_eq!(status(&refusal), 400);
    }
    let two_lines = plus("Upgrade: h2c");
    assert!(read(&request(&two_lines)).is_ok());
}

/// The answer is for a browser that comes to the URL by mistake (RFC 9110 section 15.5.22).
#[test]
fn section_4_2_1_item_3_a_request_without_upgrade_is_asked_to_upgrade() {
    let refusal = refused(&without("Upgrade"));
    assert!(matches!(refusal.error, HandshakeError::MissingHeader("Upgrade")));
    assert_eq!(status(&refusal), 426);
    assert_eq!(header(&refusal, "Upgrade"), Some("websocket"));
    let connection = header(&refusal, "Connection").expect("the connection is closed");
    let options: Vec<_> = connection.split(", ").map(str::to_ascii_lowercase).collect();
    assert!(options.contains(&"close".to_owned()));
    assert!(options.contains(&"upgrade".to_owned()), "RFC 9110 section 7.8: MUST also be sent");
}

#[test]
fn section_4_2_1_item_4_connection_includes_the_token_upgrade() {
    for value in [
        "Upgrade",
        "UPGRADE",
        "keep-alive, Upgrade",
        "keep-alive,upgrade",
        ",,upgrade,",
        "upgrade\t, x",
    ] {
        assert!(read(&request(&replaced("Connection", value))).is_ok(), "{value}");
    }
    for value in
        ["", "keep-alive", "upgraded", "upgrade-insecure", "keep-alive upgrade", "\"upgrade\""]
    {
        let refusal = refused(&replaced("Connection", value));
        assert!(matches!(refusal.error, HandshakeError::InvalidHeader("Connection")), "{value}");
        assert_eq!(status(&refusal), 400);
    }
    let missing = refused(&without("Connection"));
    assert!(matches!(missing.error, HandshakeError::MissingHeader("Connection")));
    let mut two_lines = replaced("Connection", "keep-alive");
    two_lines.push("Connection: Upgrade".to_owned());
    assert!(read(&request(&two_lines)).is_ok());
}

#[test]
fn section_4_2_1_item_5_the_key_is_16_bytes_in_base64() {
    for key in
        [KEY, "AQIDBAUGBwgJCgsMDQ4PEC==", "++++////++++////++++//==", " dGhlIHNhbXBsZSBub25jZQ==\t"]
    {
        assert!(read(&request(&replaced("Sec-WebSocket-Key", key))).is_ok(), "{key}");
    }
    for key in [
        "",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZWY=",
        "dGhlIHNhbXBsZSBub25jZWY0",
        "dGhlIHNhbXBsZSBub25j-_==",
        "dGhlIHNhbXBsZSBub25 ZQ==",
        "=GhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
    ] {
        let refusal = refused(&replaced("Sec-WebSocket-Key", key));
        assert!(matches!(refusal.error, HandshakeError::BadKey), "{key}");
        assert_eq!(status(&refusal), 400);
    }
    let missing = refused(&without("Sec-WebSocket-Key"));
    assert!(matches!(missing.error, HandshakeError::MissingHeader("Sec-WebSocket-Key")));
}

#[test]
fn section_11_3_1_the_key_stands_once() {
    let refusal = refused(&plus("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
    assert!(matches!(refusal.error, HandshakeError::DuplicateHeader("Sec-WebSocket-Key")));
}

#[test]
fn section_4_2_2_item_4_and_4_4_another_version_is_told_ours() {
    for version in
        ["0", "7", "8", "12", "14", "25", "255", "256", "", "013", "+13", "13.0", "13, 8", "x"]
    {
        let refusal = refused(&replaced("Sec-WebSocket-Version", version));
        assert!(matches!(refusal.error, HandshakeError::UnsupportedVersion), "{version}");
        assert!(matches!(status(&refusal), 400 | 426), "{version}");
        assert_eq!(header(&refusal, "Sec-WebSocket-Version"), Some("13"), "{version}");
    }
    let missing = refused(&without("Sec-WebSocket-Version"));
    assert_eq!(status(&missing), 400);
    assert_eq!(header(&missing, "Sec-WebSocket-Version"), Some("13"));
}

/// Clients of the drafts may differ in more than their version; they are told ours all the same.
#[test]
fn section_4_4_another_version_is_told_ours_whatever_else_is_wrong() {
    let mut lines = replaced("Sec-WebSocket-Version", "8");
    lines.retain(|line| !line.starts_with("Sec-WebSocket-Key"));
    assert_eq!(header(&refused(&lines), "Sec-WebSocket-Version"), Some("13"));
    let twice = refused(&plus("Sec-WebSocket-Version: 8"));
    assert!(matches!(twice.error, HandshakeError::DuplicateHeader("Sec-WebSocket-Version")));
    assert_eq!(header(&twice, "Sec-WebSocket-Version"), Some("13"));
}

#[test]
fn section_4_1_item_10_subprotocols_are_tokens_each_once() {
    for (list, expected) in [
        ("chat", vec!["chat"]),
        ("chat,superchat", vec!["chat", "superchat"]),
        (" chat\t,, superchat ,", vec!["chat", "superchat"]),
        ("Chat, chat", vec!["Chat", "chat"]),
        ("!#$%&'*+-.^_`|~09azAZ", vec!["!#$%&'*+-.^_`|~09azAZ"]),
    ] {
        let line = format!("Sec-WebSocket-Protocol: {list}");
        let incoming = read(&request(&plus(&line))).expect("the list is fine");
        assert_eq!(incoming.subprotocols().collect::<Vec<_>>(), expected, "{list}");
    }
    for list in ["", ",", "cha t", "cha/t", "chat;x", "\"chat\"", "ch@t", "chät", "chat, chat"] {
        let refusal = refused(&plus(&format!("Sec-WebSocket-Protocol: {list}")));
        let expected = HandshakeError::InvalidHeader("Sec-WebSocket-Protocol");
        assert_eq!(format!("{:?}", refusal.error), format!("{expected:?}"), "{list}");
    }
}

/// Nobody offers more, and each is compared with all before it.
#[test]
fn a_hundred_subprotocols_may_be_offered() {
    let offer = |count: u32| {
        let list: Vec<_> = (0..count).map(|number| format!("v{number}")).collect();
        read(&request(&plus(&format!("Sec-WebSocket-Protocol: {}", list.join(",")))))
    };
    assert!(offer(100).is_ok_and(|incoming| incoming.subprotocols().count() == 100));
    let error = offer(101).expect_err("it is one too many").error;
    assert!(matches!(error, HandshakeError::InvalidHeader("Sec-WebSocket-Protocol")));
}

/// Section 9.1.
#[test]
fn every_line_of_extensions_keeps_the_grammar() {
    let lines = |extensions: &[&str]| {
        let mut lines = LINES.map(str::to_owned).to_vec();
        lines.extend(extensions.iter().map(|line| format!("Sec-WebSocket-Extensions: {line}")));
        read(&request(&lines))
    };
    assert!(lines(&["a", "b; c=d", "e"]).is_ok_and(|incoming| incoming.extensions().len() == 3));
    for bad in [["a; =", "b", "c"], ["a", "b; =", "c"], ["a", "b", "c; ="]] {
        let error = lines(&bad).expect_err("a line breaks the grammar").error;
        assert!(matches!(error, HandshakeError::InvalidHeader("Sec-WebSocket-Extensions")));
    }
}

#[test]
fn section_11_3_4_subprotocols_may_stand_on_several_lines() {
    let mut lines = plus("Sec-WebSocket-Protocol: a, b");
    lines.push("Sec-WebSocket-Protocol: c".to_owned());
    let incoming = read(&request(&lines)).expect("a list over two lines is one list");
    assert!(incoming.subprotocols().eq(["a", "b", "c"]));
    lines.push("Sec-WebSocket-Protocol: a".to_owned());
    assert_eq!(status(&refused(&lines)), 400);
}

/// A field is known by its whole name: one of the same length is another.
#[test]
fn a_field_of_another_name_is_none_of_the_handshakes() {
    for (at, name) in
        ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]
            .into_iter()
            .enumerate()
    {
        let mut lines = LINES.map(str::to_owned).to_vec();
        lines[at] = lines[at].replace(name, &format!("{}q", &name[..name.len() - 1]));
        let error = refused(&lines).error;
        let missing = matches!(error, HandshakeError::MissingHeader(missing) if missing == name);
        assert!(missing, "{}: {error}", lines[at]);
    }
    for line in [
        "Hosq: other.example",
        "Origiq: null",
        "Content-Lengtq: 5",
        "Sec-WebSocket-Keq: x",
        "Transfer-Encodinq: chunked",
        "Sec-WebSocket-Versioq: 12",
        "Sec-WebSocket-Protocoq: chat, chat",
        "Sec-WebSocket-Extensionq: =",
    ] {
        assert!(read(&request(&plus(line))).is_ok(), "{line}");
    }
}

#[test]
fn section_4_2_1_item_10_unknown_header_fields_are_ignored() {
    for line in ["X: y", "X:", "X:y", "X: \u{e4}", "Expect: 100-continue", "Cookie: a=b; c=d"] {
        assert!(read(&request(&plus(line))).is_ok(), "{line}");
    }
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const KEY_LOWER: &str = "dghlihnhbxbszsbub25jzq==";
const KEY_UPPER: &str = "DGHLIHNHBXBSZSBUB25JZQ==";
const LINES: [&str; 5] = [
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// The good header lines and one more.
fn plus(line: &str) -> Vec<String> {
    LINES.iter().copied().chain([line]).map(str::to_owned).collect()
}

/// The good header lines but one.
fn without(name: &str) -> Vec<String> {
    let kept = LINES.iter().filter(|line| !line.starts_with(&format!("{name}:")));
    kept.map(|line| (*line).to_owned()).collect()
}

/// The good header lines, one of them with another value.
fn replaced(name: &str, value: &str) -> Vec<String> {
    let mut lines = without(name);
    lines.push(format!("{name}: {value}"));
    lines
}

fn request(lines: &[String]) -> String {
    format!("GET /chat HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"))
}

fn read(request: &str) -> Result<Incoming, Refusal> {
    let mut options = ServerOptions::default();
    options.origins = OriginPolicy::Any;
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(request.as_bytes());
    match ServerHandshake::new(options).advance(&mut rx)? {
        Progress::Done(incoming) => Ok(incoming),
        Progress::Continue(_) => panic!("the request is whole"),
    }
}

#[track_caller]
fn refused(lines: &[String]) -> Refusal {
    read(&request(lines)).expect_err("the request is not a handshake")
}

/// The status on the wire, which is that of the error.
fn status(refusal: &Refusal) -> u16 {
    let status = refusal.error.status().expect("an answer is owed").as_u16();
    assert!(refusal.response.starts_with(format!("HTTP/1.1 {status} ").as_bytes()));
    assert!(header(refusal, "Connection").is_some_and(|value| value.contains("close")));
    status
}

fn header<'r>(refusal: &'r Refusal, name: &str) -> Option<&'r str> {
    let text = std::str::from_utf8(&refusal.response).expect("a response of ours is ASCII");
    let mut lines = text.split("\r\n\r\n").next()?.split("\r\n").filter_map(|l| l.split_once(": "));
    lines.find(|line| line.0 == name).map(|line| line.1)
}
