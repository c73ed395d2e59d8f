//! The catalogue of hostile inputs, `tests/data/bad-inputs.json` and `more-inputs-*.json`: every row, in pieces of
//! every size, in little memory.
#![cfg(feature = "handshake")]

mod catalogue;
mod memory;

use catalogue::{PIECES, Row, Verdict, judge, load, run};

#[test]
fn every_row_comes_to_what_it_expects() {
    let mut wrong = Vec::new();
    let mut passed = 0;
    for row in rows() {
        let report = judge(&row);
        match report.verdict {
            Verdict::Skipped => {}
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
    assert!(passed > 300, "only {passed} rows were run");
}

/// And these only where there is none.
#[test]
fn only_rows_about_compression_are_skipped() {
    for row in rows() {
        let report = judge(&row);
        let skipped = report.verdict == Verdict::Skipped;
        assert!(!skipped || report.got == "no compression", "{}: {}", row.id(), report.got);
        assert!(!skipped || !cfg!(feature = "deflate"), "{} is skipped", row.id());
    }
}

/// A peer pays for the memory it makes us use: what it has sent, as the buffer grows, and a constant. Where it
/// compresses there is a decompressor as well, and the message that it inflates, within its limit.
#[test]
fn no_row_takes_more_memory_than_three_times_its_bytes_and_64_kib() {
    let mut wrong = Vec::new();
    for row in rows() {
        let Some(len) = row.bytes().map(<[u8]>::len) else { continue };
        // Where no limit is set, messages inflate to about as much again.
        let limit = row.config_number("max_message_size");
        let limit = limit.map_or(len, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let inflated = if row.negotiated().is_some() { limit } else { 0 };
        let codec = if row.negotiated().is_some() { 64 * 1024 } else { 0 };
        let bound = 3 * (len + inflated) + codec + 64 * 1024;
        for piece in PIECES {
            let peak = memory::peak_of(|| drop(run(&row, piece)));
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
    for (id, expect) in [
        ("REQ-01", r#"{"http_status": 400, "error": "Malformed"}"#),
        ("REQ-01", r#"{"ok": true, "http_status": 101, "accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo"}"#),
        ("REQ-02", r#"{"ok": true, "http_status": 101}"#),
        ("REQ-30", r#"{"http_status": 426, "error": "UnsupportedVersion", "responses": 2}"#),
        ("REQ-61", r#"{"ok": true, "http_status": 101, "events": ["text:Hell"]}"#),
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
        #[cfg(feature = "deflate")]
        ("PMO-04", r#"{"ok": true, "http_status": 101, "extension": null}"#),
        #[cfg(feature = "deflate")]
        ("PMR-14", r#"{"error": "InvalidExtension"}"#),
        #[cfg(feature = "deflate")]
        ("PMD-02/server", r#"{"ok": true, "events": ["text:Hello", "text:"]}"#),
        #[cfg(feature = "deflate")]
        ("PMD-14/client", r#"{"ok": true}"#),
    ] {
        let row = rows().into_iter().find(|row| row.id() == id).expect("the row is there");
        let expect = serde_json::from_str(expect).expect("the expectation is JSON");
        assert_eq!(judge(&row.expecting(expect)).verdict, Verdict::Fail, "{id}");
    }
}

#[test]
fn a_file_of_the_same_form_may_say_more_and_less() {
    let text = r#"[{"id": "X-1", "area": "frame-header", "role": "client", "bytes_hex": "8a00",
        "expect": {"ok": true, "colour": "blue"}, "more": [1]}]"#;
    let rows = load(text).expect("a list of rows is a file too");
    assert_eq!(judge(&rows[0]).verdict, Verdict::Pass);
    assert!(load("{}").is_err());
    assert!(load(r#"[{"id": "X-2", "bytes_hex": "8"}]"#).is_err());
}

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
        ("890200ff", r#""events": ["ping:2"]"#, r#""events": ["ping:3"]"#),
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

fn rows() -> Vec<Row> {
    let files =
        [include_str!("../data/bad-inputs.json"), include_str!("../data/more-inputs-frames.json")];
    files.iter().flat_map(|file| load(file).expect("the catalogue is well-formed")).collect()
}
