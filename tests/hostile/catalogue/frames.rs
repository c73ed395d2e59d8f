//! Rows about an open connection: bytes in, events and frames out.

use bytes::{Buf, BufMut};
use hybi::{Cause, CloseCode, Config, Connection, Event, RecvBuf};

#[cfg(feature = "deflate")]
use super::compression;
use super::events::Told;
use super::names;
use super::outcome::{CLOSE, Outcome, Sent};
use super::row::Row;

/// Runs a row on a connection whose handshake is done.
pub(crate) fn established(row: &Row, piece: usize) -> Outcome {
    let bytes = row.bytes().unwrap_or_default();
    // Where neither end is named, the mask tells which one it can only be.
    let unmasked = || bytes.get(1).is_none_or(|second| second & 0x80 == 0);
    let conn = connection(row, row.is_client() || (row.role() != "server" && unmasked()));
    #[cfg(feature = "deflate")]
    let conn = compression::agree(row, None, conn);
    let mut conn = conn;
    let mut outcome = Outcome { closed_first: follows_our_close(row), ..Outcome::default() };
    if outcome.closed_first {
        conn.close(CloseCode::NORMAL, "").expect("the code is fine");
        let sent = conn.transmit().remaining();
        conn.transmit().advance(sent);
    }
    drive(conn, RecvBuf::new(), bytes, piece, row.eof(), &mut outcome);
    outcome
}

/// Whether the bytes come after a Close of ours, which a row can only say in words. Where it asks for a code there was none.
fn follows_our_close(row: &Row) -> bool {
    const WORDS: [&str; 4] = ["our close", "close locally", "local close", "we close"];
    let said = format!("{} {}", row.name(), row.procedure().unwrap_or_default()).to_lowercase();
    row.expects("close_code").is_none() && WORDS.iter().any(|words| said.contains(words))
}

/// A connection with the limits that a row asks for.
pub(crate) fn connection(row: &Row, is_client: bool) -> Connection {
    let mut config = Config::default();
    let limit = |key, default| {
        let number = row.config_number(key).unwrap_or(default);
        if row.lifts(key) { u64::MAX } else { number }
    };
    config.max_frame_size = limit("max_frame_size", config.max_frame_size);
    config.max_message_size = limit("max_message_size", config.max_message_size);
    let limit = |key, default: u32| {
        let number = limit(key, default.into());
        u32::try_from(number).unwrap_or(u32::MAX)
    };
    config.max_fragments = limit("max_fragments", config.max_fragments);
    config.max_empty_fragments = limit("max_empty_fragments", config.max_empty_fragments);
    config.control_frame_burst = limit("control_frame_burst", config.control_frame_burst);
    config.control_frames_per_second =
        limit("control_frames_per_second", config.control_frames_per_second);
    #[cfg(feature = "deflate")]
    {
        config.compression = compression::limit(row);
    }
    if is_client {
        let mut number = 0u32;
        let keys = move || {
            number = number.wrapping_add(0x9E37_79B9);
            number.to_be_bytes()
        };
        Connection::client(config.into(), keys)
    } else {
        Connection::server(config.into())
    }
}

/// Feeds a connection and notes what it tells and sends.
pub(crate) fn drive(
    mut conn: Connection,
    mut rx: RecvBuf,
    bytes: &[u8],
    piece: usize,
    eof: bool,
    outcome: &mut Outcome,
) {
    let mut wire = Vec::new();
    listen(&mut conn, &mut rx, &mut wire, outcome);
    for piece in bytes.chunks(piece.min(bytes.len().max(1))) {
        if !conn.wants_read() {
            break;
        }
        rx.extend_from_slice(piece);
        listen(&mut conn, &mut rx, &mut wire, outcome);
    }
    if eof {
        conn.handle_eof();
        listen(&mut conn, &mut rx, &mut wire, outcome);
    }
    read_frames(&wire, conn.role() == hybi::Role::Client, outcome);
}

fn listen(conn: &mut Connection, rx: &mut RecvBuf, wire: &mut Vec<u8>, outcome: &mut Outcome) {
    while let Some(event) = conn.next_event(rx) {
        if outcome.local_code.is_some() {
            outcome.broken.push("an event after the end".into());
        }
        match event {
            Event::Text(text) => outcome.events.push(Told::text(text)),
            Event::Binary(data) => outcome.events.push(Told::binary(data)),
            Event::Ping(payload) => {
                outcome.last_ping = Some(payload.to_vec());
                outcome.events.push(Told::ping(payload));
            }
            Event::Pong(payload) => outcome.events.push(Told::pong(payload)),
            Event::Closed(closed) => {
                if let Some(frame) = &closed.received {
                    outcome.events.push(Told::close(frame.code.0, &frame.reason));
                }
                outcome.local_code = Some(closed.code().0);
                outcome.error = match closed.cause {
                    Cause::Failed(error) => Some(names::of_error(&error)),
                    Cause::Lost => Some("UnexpectedEof".into()),
                    _ => None,
                };
            }
            other => outcome.broken.push(format!("an event that was not asked for: {other:?}")),
        }
    }
    wire.put(&mut *conn.transmit());
    assert!(!conn.transmit().has_remaining(), "all that was queued has been taken");
}

/// Reads what was sent with a parser of its own, which knows only the short forms of section 5.2.
fn read_frames(mut wire: &[u8], masked: bool, outcome: &mut Outcome) {
    while let Some((&[first, second], rest)) = wire.split_first_chunk() {
        let len = usize::from(second & 0x7F);
        let key_len = if second & 0x80 == 0 { 0 } else { 4 };
        let fits = len <= 125 && rest.len() >= key_len + len;
        if first & 0xF0 != 0x80 || (key_len == 4) != masked || !fits {
            outcome.broken.push(format!("a frame that begins {first:02x} {second:02x}"));
            return;
        }
        if outcome.sent.iter().any(|frame| frame.opcode == CLOSE) {
            outcome.broken.push("a frame after our Close".into());
        }
        let (key, rest) = rest.split_at(key_len);
        let (payload, rest) = rest.split_at(len);
        let mut key = key.iter().copied().cycle();
        let payload = payload.iter().map(|byte| byte ^ key.next().unwrap_or_default()).collect();
        outcome.sent.push(Sent { opcode: first & 0x0F, payload });
        wire = rest;
    }
    if !wire.is_empty() {
        outcome.broken.push("half a frame".into());
    }
}
