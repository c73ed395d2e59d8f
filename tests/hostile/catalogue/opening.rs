//! Rows about the opening handshake, in both roles, and the frames that come right behind it.

use hybi::RecvBuf;
use hybi::handshake::{
    Accept, ClientHandshake, HandshakeError, OriginPolicy, Progress, Request, ServerHandshake,
    ServerOptions,
};
use serde_json::Value;

#[cfg(feature = "deflate")]
use super::compression;
use super::outcome::Outcome;
use super::row::Row;
use super::{frames, names};

/// Runs a row as the server to which its bytes are a request.
pub(crate) fn server(row: &Row, piece: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut options = ServerOptions::default();
    options.origins = match row.config("origins") {
        Some(Value::Array(_)) => OriginPolicy::List(row.config_texts("origins")),
        Some(any) if *any == "any" || *any == "*" => OriginPolicy::Any,
        _ => OriginPolicy::SameHost,
    };
    if let Some(max) = number(row, "max_headers") {
        options.limits.max_headers = max;
    }
    if let Some(max) = number(row, "max_header_size") {
        options.limits.max_size = max;
    }
    let mut handshake = ServerHandshake::new(options);
    let mut rx = RecvBuf::new();
    let bytes = row.bytes().unwrap_or_default();
    let mut fed = 0;
    let incoming = loop {
        match handshake.advance(&mut rx) {
            Ok(Progress::Done(incoming)) => break incoming,
            Err(refusal) => {
                outcome.error = Some(names::of_handshake_error(&refusal.error));
                note_response(&refusal.response, &mut outcome);
                return outcome;
            }
            Ok(Progress::Continue(next)) => handshake = next,
        }
        if fed == bytes.len() {
            outcome.error = Some(match row.eof() {
                true => names::of_handshake_error(&handshake.handle_eof()),
                false => "waits for more".into(),
            });
            return outcome;
        }
        let end = bytes.len().min(fed.saturating_add(piece));
        rx.extend_from_slice(&bytes[fed..end]);
        fed = end;
    };
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
    outcome
}

/// Runs a row as the client to which its bytes are the response.
pub(crate) fn client(row: &Row, piece: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let url = row.config("url").and_then(Value::as_str).unwrap_or("ws://example.com/chat");
    let mut request = match Request::new(url) {
        Ok(request) => request,
        Err(error) => return Outcome { error: Some(format!("{error:?}")), ..outcome },
    };
    for name in row.config_texts("subprotocols") {
        request = request.subprotocol(&name).expect("the catalogue offers tokens");
    }
    for (name, value) in row.config("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = name.parse().expect("the catalogue sets headers with good names");
        let value = value.as_str().and_then(|value| value.parse().ok());
        let value = value.expect("the catalogue sets headers with good values");
        request = request.header(name, value).expect("the catalogue sets headers of its own");
    }
    #[cfg(feature = "deflate")]
    let request = compression::offer(row, request);
    let (mut handshake, _) = ClientHandshake::new(request, *b"the sample nonce");
    let mut rx = RecvBuf::new();
    let bytes = row.bytes().unwrap_or_default();
    let mut fed = 0;
    let established = loop {
        match handshake.advance(&mut rx) {
            Ok(Progress::Done(established)) => break established,
            Err(error) => {
                outcome.error = Some(names::of_handshake_error(&error));
                return outcome;
            }
            Ok(Progress::Continue(next)) => handshake = next,
        }
        if fed == bytes.len() {
            // A body that ends with the transport is the only thing to wait for here.
            let error = handshake.handle_eof();
            outcome.error = Some(match (row.eof(), &error) {
                (false, HandshakeError::Incomplete) => "waits for more".into(),
                _ => names::of_handshake_error(&error),
            });
            return outcome;
        }
        let end = bytes.len().min(fed.saturating_add(piece));
        rx.extend_from_slice(&bytes[fed..end]);
        fed = end;
    };
    outcome.extension = established.negotiated.extensions.first().map(|used| used.name.clone());
    let conn = frames::connection(row, true);
    #[cfg(feature = "deflate")]
    let conn = compression::agree(row, established.negotiated.compression, conn);
    frames::drive(conn, rx, &bytes[fed..], piece, row.eof(), &mut outcome);
    outcome
}

/// Notes what a server's response says, reading it as text.
fn note_response(bytes: &[u8], outcome: &mut Outcome) {
    let text = String::from_utf8_lossy(bytes);
    outcome.responses = text.matches("HTTP/1.1 ").count();
    outcome.status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let header = |name: &str| {
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.find(|line| line.0 == name).map(|line| line.1.to_owned())
    };
    outcome.accept = header("Sec-WebSocket-Accept");
    outcome.extension = header("Sec-WebSocket-Extensions");
    if outcome.status.is_some_and(|status| status == 101) {
        return;
    }
    let closes = header("Connection").is_some_and(|value| value.split(", ").any(|x| x == "close"));
    if !bytes.is_empty() && !closes {
        outcome.broken.push("a refusal that does not say `Connection: close`".into());
    }
    let versions = header("Sec-WebSocket-Version");
    if outcome.error.as_deref() == Some("UnsupportedVersion") && versions.as_deref() != Some("13") {
        outcome.broken.push("a refused version without ours (RFC 6455 section 4.4)".into());
    }
}

fn number(row: &Row, key: &str) -> Option<usize> {
    row.config_number(key).and_then(|number| usize::try_from(number).ok())
}
