//! Whether an outcome is what a row expects.

use serde_json::Value;

use super::events::Told;
use super::outcome::Outcome;
use super::row::Row;
use super::{names, reply};

/// What is wrong with an outcome; empty where nothing is.
pub(crate) fn faults(row: &Row, outcome: &Outcome) -> Vec<String> {
    let mut faults = outcome.broken.clone();
    faults.extend(verdict(row, outcome));
    faults.extend(status(row, outcome));
    faults.extend(close_code(row, outcome));
    if let Some(code) = row.expects_number("close_code_local") {
        if !outcome.local_code.is_some_and(|code| row.takes_number("close_code_local", code)) {
            faults.push(format!("the local code is not {code}"));
        }
    }
    if row.expects("http_status") == Some(&Value::Null) && outcome.status.is_some() {
        faults.push("a response".into());
    }
    if row.expects("close_code") == Some(&Value::Null) && outcome.close_sent().is_some() {
        faults.push("a code in a Close frame".into());
    }
    if let Some(events) = row.expects("events").and_then(Value::as_array) {
        let told = &outcome.events;
        let same =
            |(event, written): (&Told, &Value)| written.as_str().is_some_and(|x| event.is(x));
        let same = told.len() == events.len() && told.iter().zip(events).all(same);
        if !same && !is_excused(row, outcome) {
            faults.push("other events".into());
        }
    }
    let agreed = [
        ("accept", &outcome.accept, "another Sec-WebSocket-Accept"),
        ("subprotocol", &outcome.subprotocol, "another subprotocol"),
    ];
    for (key, got, fault) in agreed {
        let expected = row.expects(key).filter(|_| !is_excused(row, outcome));
        if expected.is_some_and(|expected| expected.as_str() != got.as_deref()) {
            faults.push(fault.into());
        }
    }
    if let Some(count) = row.expects_number("responses") {
        if u64::try_from(outcome.responses) != Ok(count) {
            faults.push("another number of responses".into());
        }
    }
    faults.extend(reply(row, outcome));
    faults.extend(extension(row, outcome));
    faults.extend(headers(row, outcome));
    faults.extend(must_not(row, outcome));
    for (part, value) in parts(row) {
        let known = outcome.parts.iter().find(|(name, _)| name == part);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if known.is_some_and(|(_, got)| *got != value) && !is_excused(row, outcome) {
            faults.push(format!("another {part}"));
        }
    }
    faults
}

/// What a row expects that nobody looks at here, and what it sets that means nothing here.
fn unknown(row: &Row, outcome: &Outcome) -> Vec<String> {
    let strange = row.expected_keys().filter(|key| !is_understood(row, key));
    let mut unknown: Vec<String> = strange.map(|key| format!("`{key}` is not compared")).collect();
    let strange = parts(row).map(|(part, _)| part).filter(|part| {
        !outcome.parts.iter().any(|(name, _)| name == *part) && !is_understood(row, part)
    });
    unknown.extend(strange.map(|part| format!("`{part}` is not compared")));
    unknown.extend(row.unknown_config().map(|key| format!("config `{key}` is not known")));
    unknown
}

/// What a row can expect. `bound` and `ok_if_following` are words for people.
const EXPECTATIONS: [&str; 15] = [
    "ok",
    "error",
    "http_status",
    "accept",
    "extension",
    "subprotocol",
    "headers",
    "response_headers",
    "responses",
    "events",
    "close_code",
    "close_code_local",
    "also_acceptable",
    "bound",
    "ok_if_following",
];

/// The parts that a row expects of what it succeeds with.
fn parts(row: &Row) -> impl Iterator<Item = (&String, &Value)> {
    row.expects("ok").and_then(Value::as_object).into_iter().flatten()
}

/// What is right and named otherwise, or lies outside of what the row says.
pub(crate) fn remarks(row: &Row, outcome: &Outcome) -> Vec<String> {
    let mut remarks = Vec::new();
    let expected = row.expects_text("error").filter(|_| !is_second_choice(row, outcome));
    if let (Some(expected), Some(got)) = (expected, &outcome.error) {
        if !names::agree(expected, got) && !row.also_accepts(format!("error {got}")) {
            remarks.push(format!("named {got}"));
        }
    }
    let failed = !row.expects_success() && row.expects("events").is_none();
    if failed && outcome.messages().next().is_some() {
        remarks.push("messages before the failure".into());
    }
    remarks.extend(unknown(row, outcome));
    remarks
}

/// Whether it succeeds or fails as expected.
fn verdict(row: &Row, outcome: &Outcome) -> Option<String> {
    if outcome.error.as_deref() == Some("waits for more") {
        return Some("nothing is decided".into());
    }
    if is_excused(row, outcome) {
        return None;
    }
    match &outcome.error {
        // A row that goes well up to the end of the transport names the code of that end.
        Some(error) if row.expects_success() && row.expects("close_code_local").is_none() => {
            Some(format!("fails with {error}"))
        }
        None if !row.expects_success() => Some("nothing fails".into()),
        _ => None,
    }
}

/// Whether another outcome than the expected one is as good, and this is it.
fn is_excused(row: &Row, outcome: &Outcome) -> bool {
    let other_way = row.acceptable().any(|other| {
        let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
        // `400`, `close 1002`, `101 without extension`.
        let text = text.strip_prefix("close ").unwrap_or(&text);
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        let codes = [outcome.status, outcome.close_sent()];
        let has_code = codes.into_iter().flatten().any(|known| code.parse() == Ok(known));
        has_code && (rest != "without extension" || outcome.extension.is_none())
    });
    match &outcome.error {
        None => row.also_accepts("ok") || other_way,
        // By whatever name, where there is no status to tell by.
        Some(_) => {
            let has_name = outcome.status.is_none() && row.also_accepts_an_error();
            other_way || (has_name && row.expects_success())
        }
    }
}

/// Whether the outcome is one of those that are acceptable beside the expected one.
fn is_second_choice(row: &Row, outcome: &Outcome) -> bool {
    let differs = |key, got: Option<u16>| {
        row.expects_number(key).is_some_and(|expected| got.map(u64::from) != Some(expected))
    };
    differs("http_status", outcome.status) || differs("close_code", outcome.close_sent())
}

fn status(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = row.expects_number("http_status").filter(|_| !is_excused(row, outcome))?;
    let fine = match outcome.status {
        Some(status) => row.takes_number("http_status", status),
        None => row.also_accepts("close without response"),
    };
    (!fine).then(|| format!("the status is not {expected}"))
}

fn close_code(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = row.expects_number("close_code").filter(|_| !is_excused(row, outcome))?;
    let fine = outcome.close_sent().is_some_and(|code| row.takes_number("close_code", code));
    (!fine).then(|| format!("the code sent is not {expected}"))
}

fn reply(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = row.expects_text("reply").filter(|_| !is_excused(row, outcome))?;
    (!reply::is_sent(outcome, expected)).then(|| format!("the reply is not {expected:?}"))
}

/// `permessage-deflate` alone, or with all of its parameters in whatever order.
fn extension(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = row.expects("extension").filter(|_| !is_excused(row, outcome))?.as_str();
    let got = outcome.extension.as_deref();
    let parameters = |text: &str| {
        let mut parts: Vec<String> = text.split(';').map(|part| part.trim().to_owned()).collect();
        parts.sort();
        parts
    };
    let fine = match (expected, got) {
        (Some(expected), Some(got)) if expected.contains(';') => {
            parameters(expected) == parameters(got)
        }
        (Some(expected), Some(got)) => got.split(';').next() == Some(expected),
        (None, None) => true,
        _ => false,
    };
    (!fine).then(|| format!("the extension is not {expected:?}"))
}

/// Headers of the response to a request: an object of names and values.
fn headers(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = row.expects("headers").or_else(|| row.expects("response_headers"));
    let mut expected = expected.and_then(Value::as_object)?.iter();
    let differs =
        |(name, value): &(&String, &Value)| outcome.header(name).as_deref() != value.as_str();
    let differs = expected.find(differs).filter(|_| !is_excused(row, outcome));
    differs.map(|(name, _)| format!("another {name}"))
}

fn must_not(row: &Row, outcome: &Outcome) -> Option<String> {
    let forbidden = row.expects_text("must_not")?;
    let done = match forbidden.split_once(' ') {
        Some(("deliver", text)) => {
            outcome.messages().any(|message| message.to_string().ends_with(text))
        }
        Some(("report", _)) => outcome.error.is_some(),
        Some(("answer", _)) => outcome.responses > 1,
        _ => false,
    };
    done.then(|| format!("it must not {forbidden}"))
}

/// Whether the words of `must_not` and `reply` are among those that are understood.
fn is_understood(row: &Row, key: &str) -> bool {
    let words = row.expects_text(key);
    match key {
        "must_not" => {
            let known = ["deliver", "report", "answer"];
            words.is_some_and(|words| known.iter().any(|known| words.starts_with(known)))
        }
        "reply" => words.is_some_and(reply::is_understood),
        _ => EXPECTATIONS.contains(&key),
    }
}
