//! The catalogue of hostile inputs, `tests/data/bad-inputs.json`, and further rows of our own: each in pieces of every
//! size, in little memory.
#![cfg(feature = "handshake")]

mod catalogue;
mod memory;
mod values;

use catalogue::{COMPRESSION, PIECES, Row, Verdict, judge, load, run};
use serde_json::json;

/// All are run; where the library is built without compression, all but those about it.
#[test]
fn every_row_comes_to_what_it_expects() {
    let mut wrong = Vec::new();
    let mut passed = 0;
    for row in rows() {
        let report = judge(&row);
        match report.verdict {
            Verdict::Skipped if !COMPRESSION && report.got == "no compression" => {}
            Verdict::Pass if report.remarks.is_empty() => passed += 1,
            _ => wrong.push(format!(
                "{}: expected {}, got {} {:?}",
                row.id(),
                report.expected,
                report.got,
                report.remarks
            )),
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(passed > 1000, "only {passed} rows were run");
}

/// A peer pays for the memory it makes us use: what it has sent, as the buffer grows, and a constant. Where it
/// compresses there is a decompressor as well, and the message that it inflates, within its limit.
#[test]
fn no_row_takes_more_memory_than_three_times_its_bytes_and_64_kib() {
    let mut wrong = Vec::new();
    // A call hands in what the application has made itself.
    for row in rows().iter().filter(|row| row.area() != "api-outbound") {
        let Some(len) = row.bytes().map(<[u8]>::len) else { continue };
        // Where no limit is set, messages inflate to about as much again.
        let limit = row.config_number("max_message_size");
        let limit = limit.map_or(len, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let inflated = if row.negotiated().is_some() { limit } else { 0 };
        let codec = if row.negotiated().is_some() { 64 * 1024 } else { 0 };
        let bound = 3 * (len + inflated) + codec + 64 * 1024;
        for piece in PIECES {
            let peak = memory::peak_of(|| drop(run(row, piece)));
            if peak > bound {
                wrong.push(format!("{}: {peak} bytes for {len} in pieces of {piece}", row.id()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The comparison itself: each of these rows expects something that does not happen.
#[test]
fn a_wrong_expectation_is_found_out() {
    let rows = rows();
    for (id, expect) in [
        ("REQ-01", r#"{"http_status": 400, "error": "Malformed"}"#),
        ("REQ-01", r#"{"ok": true, "http_status": 101, "accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo"}"#),
        ("REQ-02", r#"{"ok": true, "http_status": 101}"#),
        ("REQ-30", r#"{"http_status": 426, "error": "UnsupportedVersion", "responses": 2}"#),
        ("REQ-61", r#"{"ok": true, "http_status": 101, "events": ["text:Hell"]}"#),
        ("REQ-02", r#"{"http_status": [400, 501], "error": "Method"}"#),
        ("REQ-02", r#"{"http_status": 405, "error": "Method", "headers": {"Allow": "PUT"}}"#),
        ("REQ-02", r#"{"http_status": null, "error": "Method"}"#),
        ("CLS-01/client", r#"{"ok": true, "close_code": [1001, 1002]}"#),
        ("CLS-02/client", r#"{"ok": true, "close_code": null, "close_code_local": [1001, 1002]}"#),
        ("REQ-62", r#"{"http_status": 101, "ok": true, "also_acceptable": "error Malformed"}"#),
        #[cfg(feature = "deflate")]
        ("REQ-44", r#"{"http_status": 400, "also_acceptable": ["101 without extension"]}"#),
        ("REQ-X229", r#"{"ok": true, "http_status": 101, "subprotocol": null}"#),
        ("REQ-X229", r#"{"ok": {"subprotocol": "chat"}}"#),
        ("REQ-X229", r#"{"ok": true, "http_status": 101, "subprotocol": "chat"}"#),
        ("RSP-26", r#"{"error": "Malformed", "events": ["text:Hello"]}"#),
        ("RSP-03", r#"{"ok": true}"#),
        ("RSP-38", r#"{"ok": true, "events": []}"#),
        ("FRM-01/client", r#"{"close_code": 1009, "error": "ReservedBits"}"#),
        ("FRM-44", r#"{"ok": true, "close_code_local": 1000}"#),
        ("CTL-01/server", r#"{"ok": true, "reply": "close 1000"}"#),
        ("CTL-14/client", r#"{"ok": true, "events": ["text:Hello", "ping:p"]}"#),
        ("CTL-18/server", r#"{"ok": true, "reply": "close 1001 only, no pong"}"#),
        ("CLS-01/client", r#"{"ok": true, "events": ["close:1005"], "reply": "close 1005"}"#),
        ("CLS-03/server", r#"{"ok": true, "reply": "close with empty body"}"#),
        ("FRG-01/client", r#"{"ok": true, "must_not": "deliver Hello"}"#),
        ("UTF-01/server", r#"{"ok": true}"#),
        ("URL-03", r#"{"ok": {"host": "EXAMPLE.com"}}"#),
        ("URL-03", r#"{"error": "Scheme"}"#),
        ("OUT-10", r#"{"ok": true}"#),
        ("OUT-X041", r#"{"ok": true}"#),
        #[cfg(feature = "deflate")]
        ("PMO-04", r#"{"ok": true, "http_status": 101, "extension": null}"#),
        #[cfg(feature = "deflate")]
        ("PMO-11", r#"{"ok": true, "extension": "permessage-deflate; server_max_window_bits=9"}"#),
        #[cfg(feature = "deflate")]
        ("PMR-14", r#"{"error": "InvalidExtension"}"#),
        #[cfg(feature = "deflate")]
        ("PMR-14", r#"{"ok": true, "extension": null}"#),
        #[cfg(feature = "deflate")]
        ("PMD-02/server", r#"{"ok": true, "events": ["text:Hello", "text:"]}"#),
        #[cfg(feature = "deflate")]
        ("PMD-14/client", r#"{"ok": true}"#),
    ] {
        let row = rows.iter().find(|row| row.id() == id).expect("the row is there").clone();
        let expect = serde_json::from_str(expect).expect("the expectation is JSON");
        assert_eq!(judge(&row.expecting(expect)).verdict, Verdict::Fail, "{id}");
    }
}

/// Expectations that say the same in other words, or less.
#[test]
fn an_expectation_may_be_written_in_other_ways() {
    let rows = rows();
    for (id, expect, remarks) in [
        ("REQ-02", r#"{"http_status": [400, 405]}"#, 0),
        ("REQ-02", r#"{"http_status": 400, "also_acceptable": 405}"#, 0),
        ("REQ-02", r#"{"http_status": 400, "also_acceptable": ["405"]}"#, 0),
        ("REQ-02", r#"{"http_status": 405, "headers": {"allow": "GET", "X": null}}"#, 0),
        ("REQ-02", r#"{"http_status": 405, "error": "NotGet"}"#, 1),
        ("REQ-02", r#"{"http_status": 405, "colour": "blue", "reply": "a 405"}"#, 2),
        ("RSP-03", r#"{"ok": true, "also_acceptable": ["error NoAccept"]}"#, 0),
        ("REQ-45", r#"{"http_status": 400, "also_acceptable": ["101 without extension"]}"#, 0),
        ("FRM-01/client", r#"{"close_code": 1009, "also_acceptable": ["close 1002"]}"#, 0),
        ("URL-03", r#"{"ok": {"host": "example.com", "path": "/"}}"#, 1),
        ("OUT-X012", r#"{"ok": {"sent": "a Close frame"}}"#, 1),
        ("REQ-X229", r#"{"ok": {"http_status": 101, "subprotocol": "superchat"}}"#, 0),
        #[cfg(feature = "deflate")]
        (
            "PMO-11",
            r#"{"ok": true, "extension": "permessage-deflate;server_max_window_bits=10"}"#,
            0,
        ),
    ] {
        let row = rows.iter().find(|row| row.id() == id).expect("the row is there").clone();
        let expect = serde_json::from_str(expect).expect("the expectation is JSON");
        let report = judge(&row.expecting(expect));
        assert_eq!(report.verdict, Verdict::Pass, "{id}: {} {}", report.expected, report.got);
        assert_eq!(report.remarks.len(), remarks, "{id}: {:?}", report.remarks);
    }
}

/// And so may calls.
#[test]
fn a_call_may_be_written_in_other_ways() {
    for (call, error) in [
        ("close(1000)", None),
        ("close(code=1000, reason='bye')", None),
        (r#"close(1000, "it's over")"#, None),
        ("close(1000, 'r' * 124)", Some("ReasonTooLong")),
        (r"close(1000, '\xff')", Some("InvalidUtf8")),
        ("close(70000)", Some("InvalidCloseCode")),
        ("close(-1)", Some("InvalidCloseCode")),
        (r"send(b'\xff')", None),
        (r"send('\xff')", Some("InvalidUtf8")),
        (r"ping(b'\x00' x 126)", Some("ControlTooLong")),
        ("text('a'); close(); text('b')", Some("Closed")),
    ] {
        let expect = error.map_or(json!({"ok": true}), |name| json!({"error": name}));
        let row = json!([{"area": "api-outbound", "role": "both", "text": call, "expect": expect}]);
        let row = row.to_string();
        let report = judge(&load(&row).expect("a row")[0]);
        assert_eq!(report.verdict, Verdict::Pass, "{call}: {}", report.got);
        assert!(report.remarks.is_empty(), "{call}: {:?}", report.remarks);
    }
}

/// And so may what an end is set to.
#[test]
fn a_configuration_may_be_written_in_other_ways() {
    let request = "GET / HTTP/1.1\\r\\nHost: a\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n";
    for (config, header, status) in [
        (r#"{"origin": "any"}"#, "Origin: null", 101),
        (r#"{"origin_policy": "same-host"}"#, "Origin: http://b", 403),
        (r#"{"allowed_origins": "http://b"}"#, "Origin: http://b", 101),
        (r#"{"origins": []}"#, "Origin: http://a", 403),
        (r#"{"require_origin": true}"#, "X: y", 403),
        (r#"{"require_origin": true}"#, "Origin: http://a", 101),
        (r#"{"max_headers": 5}"#, "X: y", 431),
        (r#"{"max_header_size": 100}"#, "X: y", 431),
        (r#"{"subprotocols": "chat"}"#, "Sec-WebSocket-Protocol: chat", 101),
    ] {
        let row = format!(
            r#"[{{"id": "X-1", "area": "handshake-request", "role": "server", "config": {config},
                "text": "{request}{header}\r\n\r\n", "expect": {{"http_status": {status}, "ok": {}}}}}]"#,
            status == 101
        );
        let report = judge(&load(&row).expect("a row")[0]);
        assert_eq!(report.verdict, Verdict::Pass, "{config}: {}", report.got);
        assert!(report.remarks.is_empty(), "{config}: {:?}", report.remarks);
    }
}

#[test]
fn a_file_of_the_same_form_may_say_more_and_less() {
    let text = r#"[{"id": "X-1", "area": "frame-header", "role": "client", "bytes_hex": "8a00",
        "expect": {"ok": true, "colour": "blue"}, "more": [1]}]"#;
    let rows = load(text).expect("a list of rows is a file too");
    assert_eq!(judge(&rows[0]).verdict, Verdict::Pass);
    assert!(load("{}").is_err());
    let text = r#"[{"area": "api-outbound", "role": "both", "text": "send_text('\\\\\\u0061\ud83d\ude00\udc00')",
        "expect": {"error": "InvalidUtf8"}}]"#;
    let report = judge(&load(text).expect("halves of surrogate pairs spoil no file")[0]);
    assert_eq!(report.verdict, Verdict::Pass, "{}", report.got);
    for strange in STRANGE {
        let rows = load(&format!("[{strange}]")).expect("a row does not spoil the file");
        let report = judge(&rows[0]);
        assert_eq!(report.verdict, Verdict::Skipped, "{strange}: {}", report.got);
    }
}

/// What cannot be run is told so, and is neither right nor wrong.
const STRANGE: [&str; 21] = [
    "1",
    "{}",
    "null",
    r#"{"id": 7, "area": "url", "text": "ws://a/"}"#,
    r#"{"area": "frame-header", "bytes_hex": "8", "expect": {"ok": true}}"#,
    r#"{"area": "frame-header", "bytes_hex": "zz", "expect": {"ok": true}}"#,
    r#"{"area": "frame-header", "bytes_zlib_b64": "?", "expect": {"ok": true}}"#,
    r#"{"area": "frame-header", "bytes_zlib_b64": "eJw=", "expect": {"ok": true}}"#,
    r#"{"area": "frame-header", "bytes_hex": "8a00", "bytes_len": 3, "expect": {"ok": true}}"#,
    r#"{"area": "frame-header", "generator": "os.urandom", "expect": {"ok": true}}"#,
    r#"{"area": "url", "text": "", "generator": "'a' * 9", "expect": {"error": "Syntax"}}"#,
    r#"{"area": "handshake-request", "procedure": "wait", "expect": {"http_status": 408}}"#,
    r#"{"area": "api-outbound", "text": "shout('x')", "expect": {"ok": true}}"#,
    r#"{"area": "api-outbound", "text": "close(1000", "expect": {"ok": true}}"#,
    r#"{"area": "api-outbound", "bytes_hex": "ff", "expect": {"ok": true}}"#,
    r#"{"area": "api-outbound", "text": "a (offered: b;c)", "expect": {"ok": true}}"#,
    r#"{"area": "handshake-response", "role": "client", "text": "", "expect": {"ok": true},
        "config": {"subprotocols": ["a b"]}}"#,
    r#"{"area": "handshake-response", "role": "client", "text": "", "expect": {"ok": true},
        "config": {"headers": {"a b": "c", "d": 1}}}"#,
    r#"{"area": "handshake-response", "role": "client", "text": "", "expect": {"ok": true},
        "config": {"url": "http://a/"}}"#,
    r#"{"area": "handshake-response", "role": "client", "text": "", "expect": {"ok": true},
        "offer": "permessage-deflate; foo"}"#,
    r#"{"area": "permessage-deflate-payload", "bytes_hex": "8a00", "expect": {"ok": true},
        "negotiated": ["foo"]}"#,
];

/// What a row says in another notation is compared, and found wrong where it is.
#[test]
fn events_and_replies_may_be_written_in_other_ways() {
    for (bytes, right, wrong) in [
        ("8203010203", r#""events": ["binary:3 bytes"]"#, r#""events": ["binary:4 bytes"]"#),
        ("8203010203", r#""events": ["binary:01 02 03"]"#, r#""events": ["binary:010204"]"#),
        ("8203010203", r#""events": ["binary:3B"]"#, r#""events": ["text:3B"]"#),
        ("8103e282ac", r#""events": ["text:3 bytes"]"#, r#""events": ["text:1 bytes"]"#),
        ("8103e282ac", r#""events": ["text:1 chars"]"#, r#""events": ["text:3 chars"]"#),
        ("890200ff", r#""events": ["ping:00FF"]"#, r#""events": ["ping:00FE"]"#),
        ("890200ff", r#""events": ["ping:2 bytes"]"#, r#""events": ["ping:3 bytes"]"#),
        ("890139", r#""events": ["ping:9"]"#, r#""events": ["ping:1"]"#),
        ("880503e8627965", r#""events": ["close:1000 bye"]"#, r#""events": ["close:1000 by"]"#),
        ("880503e8627965", r#""events": ["close:1000 (bye)"]"#, r#""events": ["close:1001"]"#),
        ("890170", r#""reply": "a pong, no close""#, r#""reply": "no pong""#),
        ("890170", r#""reply": "pong and nothing else""#, r#""reply": "nothing""#),
        ("8a0170", r#""reply": "no reply""#, r#""reply": "pong""#),
        ("880203e8", r#""reply": "one Close 1000; no pong""#, r#""reply": "no pong, close 1001""#),
        ("8800", r#""reply": "empty close""#, r#""reply": "close 1005""#),
    ] {
        for (expect, verdict) in [(right, Verdict::Pass), (wrong, Verdict::Fail)] {
            let text = format!(
                r#"[{{"id": "X-1", "area": "control-frame", "role": "both", "bytes_hex": "{bytes}",
                    "expect": {{"ok": true, {expect}}}}}]"#
            );
            let rows = load(&text).expect("a list of rows is a file too");
            assert_eq!(judge(&rows[0]).verdict, verdict, "{text}");
        }
    }
}

/// A row can only say in words that we have closed before.
#[test]
fn what_comes_after_our_close_is_told_in_words() {
    let text = r#"[{"id": "X-1", "name": "ping after our Close", "area": "control-frame", "role": "client",
        "bytes_hex": "890170880203e9", "expect": {"ok": true, "events": ["ping:p", "close:1001"],
        "reply": "pong, no close", "close_code_local": 1001}}]"#;
    let rows = load(text).expect("a list of rows is a file too");
    assert_eq!(judge(&rows[0]).verdict, Verdict::Pass, "{}", judge(&rows[0]).got);
}

/// The catalogue, and the rows of our own.
fn rows() -> Vec<Row> {
    let files = [
        include_str!("../data/bad-inputs.json"),
        include_str!("../data/more-inputs-frames.json"),
        include_str!("../data/more-inputs-handshake.json"),
    ];
    files.iter().flat_map(|file| load(file).expect("the catalogue is well-formed")).collect()
}
