//! Rows about what the application hands in: URLs, headers, subprotocols, codes, payloads.

use std::fmt::Debug;

use http::header::{HeaderName, HeaderValue};
use hybi::handshake::{Accept, Incoming, OriginPolicy, Request, Url};
use hybi::{CloseCode, Connection};

use super::frames;
use super::names::variant;
use super::outcome::Outcome;
use super::row::Row;

pub(crate) fn url(row: &Row) -> Outcome {
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

/// What the API says to a call, which the row writes as text; `None` where the text says no call.
pub(crate) fn outbound(row: &Row) -> Option<Outcome> {
    let text = std::str::from_utf8(row.bytes()?).ok()?;
    let error = if let Some(call) = Call::parse(text) {
        let role = row.is_client();
        call.make(frames::connection(row, role)).or(call.make(frames::connection(row, !role)))?
    } else if let Some((chosen, rest)) = text.split_once(" (offered: ") {
        choose(chosen, rest.trim_end_matches(')'))?
    } else if row.name().contains("subprotocol") {
        failure(example().subprotocol(text))?
    } else if let Some((name, value)) = text.split_once(": ") {
        header(row, name, value)?
    } else {
        return None;
    };
    Some(Outcome { error: (!error.is_empty()).then_some(error), ..Outcome::default() })
}

/// A call as `close(1000, 'r' x 124)` or `ping('p' x 126)`.
struct Call<'t> {
    name: &'t str,
    code: Option<u16>,
    payload: String,
}

impl<'t> Call<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let (name, arguments) = text.strip_suffix(')')?.split_once('(')?;
        let mut call = Self { name, code: None, payload: String::new() };
        for argument in arguments.split(", ").filter(|argument| !argument.is_empty()) {
            match argument.split_once(" x ") {
                Some((letter, count)) => {
                    call.payload = letter.trim_matches('\'').repeat(count.parse().ok()?);
                }
                None => call.code = Some(argument.parse().ok()?),
            }
        }
        matches!(name, "close" | "ping" | "pong").then_some(call)
    }

    /// The error, or an empty string where the call is taken.
    fn make(&self, mut conn: Connection) -> Option<String> {
        failure(match self.name {
            "close" => conn.close(self.code.map(CloseCode), &self.payload),
            "ping" => conn.ping(self.payload.as_bytes()),
            _ => conn.pong(self.payload.as_bytes()),
        })
    }
}

fn header(row: &Row, name: &str, value: &str) -> Option<String> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Some("InvalidHeaderName".into());
    };
    let Ok(value) = HeaderValue::from_str(value) else { return Some("InvalidHeaderValue".into()) };
    if row.is_client() {
        failure(example().header(name, value))
    } else {
        failure(incoming("chat").accept(&Accept::new().header(name, value)))
    }
}

fn choose(chosen: &str, offered: &str) -> Option<String> {
    failure(incoming(offered).accept(&Accept::new().subprotocol(chosen)))
}

fn example() -> Request {
    Request::new("ws://example.com/").expect("the URL is good")
}

fn incoming(subprotocols: &str) -> Incoming {
    let request = http::Request::get("/")
        .header("host", "example.com")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", subprotocols)
        .body(())
        .expect("the request is good");
    Incoming::from_request(&request, &OriginPolicy::Any).expect("the request is an upgrade")
}

/// The name of a call's error; empty where there is none.
fn failure<T, E: Debug>(result: Result<T, E>) -> Option<String> {
    Some(result.err().map(|error| variant(&error)).unwrap_or_default())
}
