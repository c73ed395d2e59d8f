//! Rows about what the application hands in: URLs, headers, subprotocols; calls stand in `calls`.

use std::fmt::Debug;

use http::header::{HeaderName, HeaderValue};
use hybi::handshake::{Accept, Incoming, OriginPolicy, Request, Url};

use super::calls::Calls;
use super::frames;
use super::names::variant;
use super::outcome::Outcome;
use super::row::Row;

pub(crate) fn url(row: &Row) -> Outcome {
    // Bytes that are no text become characters that no URL has.
    let text = String::from_utf8_lossy(row.bytes().unwrap_or_default());
    match text.parse::<Url>() {
        Err(error) => Outcome { error: Some(format!("{error:?}")), ..Outcome::default() },
        Ok(url) => {
            let parts = vec![
                ("host", url.host().to_owned()),
                ("port", url.port().to_string()),
                ("tls", url.is_tls().to_string()),
                ("resource", url.resource().to_owned()),
                ("host_header", url.host_header()),
            ];
            Outcome { parts, ..Outcome::default() }
        }
    }
}

/// What the API says to a call, which the row writes as text; an error where the text says no call.
pub(crate) fn outbound(row: &Row) -> Result<Outcome, String> {
    let bytes = row.bytes().unwrap_or_default();
    let text = escaped(bytes);
    let error = if let Some(calls) = Calls::parse(&text) {
        in_each_role(row, |client| calls.make(frames::connection(row, client)))
    } else if let Some((chosen, offered)) = text.split_once(" (offered: ") {
        failure(incoming(offered.trim_end_matches(')'))?.accept(&Accept::new().subprotocol(chosen)))
    } else if row.name().contains("subprotocol") {
        let names = if text.is_empty() { vec![""] } else { text.split(", ").collect() };
        failure(names.into_iter().try_fold(example(), Request::subprotocol))
    } else if let Some((name, value)) = split_header(bytes) {
        header(row, name, value)?
    } else {
        return Err(format!("no way to call {text:?}"));
    };
    Ok(Outcome { error, ..Outcome::default() })
}

/// Text, with what is none written as calls write it.
fn escaped(bytes: &[u8]) -> String {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let rest = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        chunk.valid().to_owned() + &rest.collect::<String>()
    };
    bytes.utf8_chunks().map(chunk).collect()
}

/// `Name: value`, or `Name:value`.
fn split_header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = |separator: &[u8]| line.windows(separator.len()).position(|part| part == separator);
    let separator: &[u8] = if at(b": ").is_some() { b": " } else { b":" };
    let at = at(separator)?;
    Some((&line[..at], &line[at + separator.len()..]))
}

/// The error of the role that the row names, or of both, which are to be at one.
fn in_each_role(row: &Row, make: impl Fn(bool) -> Option<String>) -> Option<String> {
    match row.role() {
        "client" => make(true),
        "server" => make(false),
        _ => {
            let (client, server) = (make(true), make(false));
            let differ = client != server;
            let both = || format!("{client:?} as a client and {server:?} as a server");
            if differ { Some(both()) } else { client }
        }
    }
}

fn header(row: &Row, name: &[u8], value: &[u8]) -> Result<Option<String>, String> {
    let Ok(name) = HeaderName::from_bytes(name) else {
        return Ok(Some("InvalidHeaderName".into()));
    };
    let Ok(value) = HeaderValue::from_bytes(value) else {
        return Ok(Some("InvalidHeaderValue".into()));
    };
    Ok(if row.is_client() {
        failure(example().header(name, value))
    } else {
        failure(incoming("chat")?.accept(&Accept::new().header(name, value)))
    })
}

fn example() -> Request {
    Request::new("ws://example.com/").expect("the URL is good")
}

/// A request that offers these subprotocols; an error says why there is none.
fn incoming(subprotocols: &str) -> Result<Incoming, String> {
    let mut request = http::Request::get("/")
        .header("host", "example.com")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    if !subprotocols.is_empty() {
        request = request.header("sec-websocket-protocol", subprotocols);
    }
    let request = request.body(()).map_err(|error| error.to_string())?;
    let incoming = Incoming::from_request(&request, &OriginPolicy::Any);
    incoming.map_err(|refusal| format!("no request that offers {subprotocols:?}: {refusal}"))
}

/// The name of a call's error.
fn failure<T, E: Debug>(result: Result<T, E>) -> Option<String> {
    result.err().map(|error| variant(&error))
}
