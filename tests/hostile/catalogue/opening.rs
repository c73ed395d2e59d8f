//! Rows about the opening handshake, in both roles, and the frames that come right behind it.

use base64::Engine;
use hybi::RecvBuf;
use hybi::connect::{RedirectError, redirect};
use hybi::handshake::{
    Accept, ClientHandshake, HandshakeError, Key, Limits, OriginPolicy, Progress, Request,
    ServerHandshake, ServerOptions,
};
use serde_json::Value;

#[cfg(feature = "deflate")]
use super::compression;
use super::outcome::Outcome;
use super::row::Row;
use super::{frames, names};

/// Runs a row as the server to which its bytes are a request.
pub(crate) fn server(row: &Row, piece: usize) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut handshake = ServerHandshake::new(options(row));
    let mut rx = RecvBuf::new();
    let bytes = row.bytes().unwrap_or_default();
    let mut fed = 0;
    let incoming = loop {
        match handshake.advance(&mut rx) {
            Ok(Progress::Done(incoming)) => break incoming,
            Err(refusal) => {
                outcome.error = Some(names::of_handshake_error(&refusal.error));
                note_response(&refusal.response, &mut outcome);
                return Ok(outcome);
            }
            Ok(Progress::Continue(next)) => handshake = next,
        }
        if fed == bytes.len() {
            outcome.error = Some(match row.eof() {
                true => names::of_handshake_error(&handshake.handle_eof()),
                false => "waits for more".into(),
            });
            return Ok(outcome);
        }
        let end = bytes.len().min(fed.saturating_add(piece));
        rx.extend_from_slice(&bytes[fed..end]);
        fed = end;
    };
    if row.config("require_origin").is_some_and(|wanted| *wanted == true)
        && incoming.origin().is_none()
    {
        outcome.error = Some("OriginRejected".into());
        note_response(&incoming.reject(http::StatusCode::FORBIDDEN), &mut outcome);
        return Ok(outcome);
    }
    let mut accept = Accept::new();
    let supported = row.config_texts("subprotocols");
    let supported: Vec<&str> = supported.iter().map(String::as_str).collect();
    if let Some(chosen) = incoming.choose_subprotocol(&supported) {
        accept = accept.subprotocol(chosen);
    }
    #[cfg(feature = "deflate")]
    let accept = compression::accept(row, accept);
    match incoming.accept(&accept) {
        Ok(accepted) => {
            note_response(&accepted.to_bytes(), &mut outcome);
            let conn = frames::connection(row, false);
            #[cfg(feature = "deflate")]
            let conn = compression::agree(row, accepted.negotiated().compression, conn);
            frames::drive(conn, rx, &bytes[fed..], piece, row.eof(), &mut outcome);
        }
        Err(error) => outcome.error = Some(names::variant(&error)),
    }
    Ok(outcome)
}

/// Runs a row as the client to which its bytes are the response.
pub(crate) fn client(row: &Row, piece: usize) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let request = request(row)?;
    let (handshake, _) = ClientHandshake::new(request.clone(), nonce(row)?);
    let mut handshake = handshake.with_limits(limits(row));
    let mut rx = RecvBuf::new();
    let bytes = row.bytes().unwrap_or_default();
    let mut fed = 0;
    let established = loop {
        match handshake.advance(&mut rx) {
            Ok(Progress::Done(established)) => break established,
            Err(error) => {
                note_error(row, &request, &error, &mut outcome);
                return Ok(outcome);
            }
            Ok(Progress::Continue(next)) => handshake = next,
        }
        if fed == bytes.len() {
            // A body that ends with the transport is the only thing to wait for here.
            let error = handshake.handle_eof();
            match (row.eof(), &error) {
                (false, HandshakeError::Incomplete) => {
                    outcome.error = Some("waits for more".into());
                }
                _ => note_error(row, &request, &error, &mut outcome),
            }
            return Ok(outcome);
        }
        let end = bytes.len().min(fed.saturating_add(piece));
        rx.extend_from_slice(&bytes[fed..end]);
        fed = end;
    };
    let negotiated = established.negotiated;
    outcome.extension = negotiated.extensions.first().map(ToString::to_string);
    outcome.subprotocol = negotiated.subprotocol;
    let conn = frames::connection(row, true);
    #[cfg(feature = "deflate")]
    let conn = compression::agree(row, negotiated.compression, conn);
    frames::drive(conn, rx, &bytes[fed..], piece, row.eof(), &mut outcome);
    Ok(outcome)
}

/// What a row's server takes.
fn options(row: &Row) -> ServerOptions {
    let mut options = ServerOptions::default();
    let origins = row.config_texts("origins");
    options.limits = limits(row);
    options.origins = match (row.config("origins"), origins.first().map(String::as_str)) {
        (Some(Value::Array(_)), _) => OriginPolicy::List(origins),
        (_, Some("any" | "*")) => OriginPolicy::Any,
        (_, Some(one)) if one.contains("://") || one == "null" => OriginPolicy::List(origins),
        _ => OriginPolicy::SameHost,
    };
    options
}

fn limits(row: &Row) -> Limits {
    let mut limits = Limits::default();
    let number = |key, default| {
        let number = row.config_number(key).and_then(|number| usize::try_from(number).ok());
        number.unwrap_or(default)
    };
    limits.max_headers = number("max_headers", limits.max_headers);
    limits.max_size = number("max_header_size", limits.max_size);
    limits
}

/// What a row's client asks for; an error says what it cannot.
fn request(row: &Row) -> Result<Request, String> {
    let url = row.config("url").and_then(Value::as_str).unwrap_or("ws://example.com/chat");
    let why =
        |what: &str, error: &dyn std::fmt::Debug| format!("no request with {what}: {error:?}");
    let mut request = Request::new(url).map_err(|error| why(url, &error))?;
    for name in row.config_texts("subprotocols") {
        request = request.subprotocol(&name).map_err(|error| why(&name, &error))?;
    }
    for (name, value) in row.config("headers").and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let value = text.parse().map_err(|error| why(text, &error))?;
        let parsed = name.parse().map_err(|error| why(name, &error))?;
        request = request.header(parsed, value).map_err(|error| why(name, &error))?;
    }
    #[cfg(feature = "deflate")]
    let request = compression::offer(row, request)?;
    Ok(request)
}

/// The nonce of the key that all answers are for, unless the row names another.
fn nonce(row: &Row) -> Result<[u8; 16], String> {
    let key = row.config("key").and_then(Value::as_str).unwrap_or("dGhlIHNhbXBsZSBub25jZQ==");
    let nonce = base64::engine::general_purpose::STANDARD.decode(key).unwrap_or_default();
    nonce.try_into().map_err(|_| format!("no request with the key {key}"))
}

/// Notes why a handshake failed: of a redirect that is to be followed, whether it may be.
fn note_error(row: &Row, request: &Request, error: &HandshakeError, outcome: &mut Outcome) {
    outcome.error = Some(names::of_handshake_error(error));
    let follows = row.config("follow_redirects").is_some_and(|wanted| *wanted == true);
    let HandshakeError::Refused(response) = error else { return };
    if !follows {
        return;
    }
    match redirect(request, response) {
        Ok(None) => {}
        Ok(Some(next)) => {
            let of = |request: &Request| {
                let url = request.url();
                (url.is_tls(), url.host().to_owned(), url.port())
            };
            let sent = next.to_http(&Key::from_nonce([0; 16]));
            let secrets = ["authorization", "cookie", "proxy-authorization"];
            let carried = secrets.iter().any(|name| sent.headers().contains_key(*name));
            if carried && of(&next) != of(request) {
                outcome.broken.push("a secret is carried to another origin".into());
            }
        }
        Err(RedirectError::Weaker) => outcome.error = Some("InsecureRedirect".into()),
        Err(error) => outcome.error = Some(format!("Redirect({error:?})")),
    }
}

/// Notes what a server's response says, reading it as text.
fn note_response(bytes: &[u8], outcome: &mut Outcome) {
    let text = String::from_utf8_lossy(bytes);
    outcome.responses = text.matches("HTTP/1.1 ").count();
    outcome.status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    outcome.headers = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    outcome.accept = outcome.header("Sec-WebSocket-Accept");
    outcome.extension = outcome.header("Sec-WebSocket-Extensions");
    outcome.subprotocol = outcome.header("Sec-WebSocket-Protocol");
    if outcome.status.is_some_and(|status| status == 101) {
        return;
    }
    let connection = outcome.header("Connection").unwrap_or_default();
    if !bytes.is_empty() && !connection.split(", ").any(|option| option == "close") {
        outcome.broken.push("a refusal that does not say `Connection: close`".into());
    }
    let versions = outcome.header("Sec-WebSocket-Version");
    if outcome.error.as_deref() == Some("UnsupportedVersion") && versions.as_deref() != Some("13") {
        outcome.broken.push("a refused version without ours (RFC 6455 section 4.4)".into());
    }
}
