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
        if outcome.local_code.map(u64::from) != Some(code) {
            faults.push(format!("the local code is not {code}"));
        }
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
    if let Some(accept) = row.expects_text("accept") {
        if outcome.accept.as_deref() != Some(accept) && !is_excused(row, outcome) {
            faults.push("another Sec-WebSocket-Accept".into());
        }
    }
    if let Some(count) = row.expects_number("responses") {
        if u64::try_from(outcome.responses) != Ok(count) {
            faults.push("another number of responses".into());
        }
    }
    faults.extend(reply(row, outcome));
    faults.extend(extension(row, outcome));
    faults.extend(must_not(row, outcome));
    for (part, value) in row.expects("ok").and_then(Value::as_object).into_iter().flatten() {
        let known = outcome.parts.iter().find(|(name, _)| name == part);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if known.is_some_and(|(_, got)| *got != value) {
            faults.push(format!("another {part}"));
        }
    }
    faults
}

/// What is right and named otherwise, or lies outside of what the row says.
pub(crate) fn remarks(row: &Row, outcome: &Outcome) -> Vec<String> {
    let mut remarks = Vec::new();
    let expected = row.expects_text("error").filter(|_| !is_second_choice(row, outcome));
    if let (Some(expected), Some(got)) = (expected, &outcome.error) {
        if !names::agree(expected, got) {
            remarks.push(format!("named {got}"));
        }
    }
    let failed = !row.expects_success() && row.expects("events").is_none();
    if failed && outcome.messages().next().is_some() {
        remarks.push("messages before the failure".into());
    }
    remarks
}

/// Whether it succeeds or fails as expected.
fn verdict(row: &Row, outcome: &Outcome) -> Option<String> {
    if is_excused(row, outcome) {
        return None;
    }
    match &outcome.error {
        // A row that goes well up to the end of the transport names the code of that end.
        Some(error) if row.expects_success() && row.expects("close_code_local").is_none() => {
            Some(format!("fails with {error}"))
        }
        Some(error) if error == "waits for more" => Some("nothing is decided".into()),
        None if !row.expects_success() => Some("nothing fails".into()),
        _ => None,
    }
}

/// Whether the opposite of what is expected is as good.
fn is_excused(row: &Row, outcome: &Outcome) -> bool {
    let other_way = outcome.status.is_some_and(|status| row.also_accepts(status))
        || outcome.close_sent().is_some_and(|code| row.also_accepts(code));
    match &outcome.error {
        None => row.also_accepts("ok") || other_way,
        Some(error) => row.also_accepts(format!("error {error}")) || other_way,
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
    let expected = row.expects_number("http_status")?;
    let fine = match outcome.status {
        Some(status) => u64::from(status) == expected || row.also_accepts(status),
        None => row.also_accepts("close without response"),
    };
    (!fine).then(|| format!("the status is not {expected}"))
}

fn close_code(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = row.expects_number("close_code")?;
    let fine = match outcome.close_sent() {
        Some(code) => u64::from(code) == expected || row.also_accepts(code),
        None => outcome.error.is_none() && row.also_accepts("ok"),
    };
    (!fine).then(|| format!("the code sent is not {expected}"))
}

fn reply(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = row.expects_text("reply").filter(|_| !is_excused(row, outcome))?;
    (!reply::is_sent(outcome, expected)).then(|| format!("the reply is not {expected:?}"))
}

fn extension(row: &Row, outcome: &Outcome) -> Option<String> {
    let expected = row.expects("extension").filter(|_| !is_excused(row, outcome))?.as_str();
    let got = outcome.extension.as_deref().and_then(|value| value.split(';').next());
    let fine = got == expected || (got.is_none() && row.also_accepts("101 without extension"));
    (!fine).then(|| format!("the extension is not {expected:?}"))
}

fn must_not(row: &Row, outcome: &Outcome) -> Option<String> {
    let forbidden = row.expects_text("must_not")?;
    let done = match forbidden.split_once(' ') {
        Some(("deliver", text)) => {
            outcome.messages().any(|message| message.to_string().ends_with(text))
        }
        Some(("report", _)) => outcome.error.is_some(),
        _ => false,
    };
    done.then(|| format!("it must not {forbidden}"))
}
