//! What both ends of a conversation say in the same words: queries, comparisons, verdicts.

use std::fmt::Debug;

use hybi::{CloseCode, Closed};

use crate::Result;

/// What is sent as a ping between the fragments of a message.
pub(crate) const BETWEEN: &[u8] = b"between fragments";

/// How many messages each end of `/stream` sends.
pub(crate) const STREAMED: usize = 100;

/// The messages of `/stream`: together more than the sockets' buffers hold.
pub(crate) fn numbered() -> impl Iterator<Item = String> {
    (0..STREAMED).map(|number| format!("{number} {}", "x".repeat(16_000)))
}

/// The value of a field in a query like `code=4999&reason=627965`.
pub(crate) fn field<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut fields = query.split('&').filter_map(|field| field.split_once('='));
    fields.find_map(|(key, value)| (key == name).then_some(value))
}

/// The bytes that a field spells in hexadecimal digits, which need no escaping in a URL; none where it is absent.
pub(crate) fn bytes_field(query: &str, name: &str) -> Result<Vec<u8>> {
    from_hex(field(query, name).unwrap_or_default())
}

/// The close code in a query; `None` asks for a Close frame without one.
pub(crate) fn code_field(query: &str) -> Result<Option<CloseCode>> {
    Ok(field(query, "code").map(str::parse::<u16>).transpose()?.map(CloseCode))
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(digits: &str) -> Result<Vec<u8>> {
    let pair = |at| digits.get(at..at + 2).ok_or("an odd number of hexadecimal digits");
    (0..digits.len()).step_by(2).map(|at| Ok(u8::from_str_radix(pair(at)?, 16)?)).collect()
}

/// An error that names what differs, unless both are the same.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, found: &T, wanted: &T) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{what} is {}, expected {}", brief(found), brief(wanted)).into())
}

/// What the peer's Close frame must have said.
pub(crate) fn same_close(
    closed: Option<&Closed>,
    code: Option<CloseCode>,
    reason: &str,
) -> Result<()> {
    let closed = closed.ok_or("the connection has not ended")?;
    same("the peer's close code", &closed.code(), &code.unwrap_or(CloseCode::NO_STATUS))?;
    same("the peer's close reason", &closed.reason(), &reason)
}

/// Prints how a conversation went; true if it failed.
pub(crate) fn report(name: &str, outcome: Result<()>) -> bool {
    match &outcome {
        Ok(()) => println!("done {name}"),
        Err(why) => println!("FAILED {name}: {why}"),
    }
    outcome.is_err()
}

/// A value as it fits into a line: a message may have 16 MiB.
fn brief(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.len()),
        None => text,
    }
}
