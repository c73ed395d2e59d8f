//! Frames as a peer writes and reads them, with a codec of its own.

use hybi::Role;

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
pub(crate) const CLOSE: u8 = 0x88;
/// The first fragment of a text message, one between, and the last.
pub(crate) const TEXT_BEGINS: u8 = 0x01;
pub(crate) const GOES_ON: u8 = 0x00;
pub(crate) const ENDS: u8 = 0x80;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame that was read: its first byte and its payload, unmasked.
pub(crate) type Frame = (u8, Vec<u8>);

/// A frame as `role` sends it.
pub(crate) fn frame(role: Role, first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let masked = if role == Role::Client { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(masked | len as u8),
        len @ 126..=0xffff => {
            bytes.push(masked | 126);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            bytes.push(masked | 127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    if role == Role::Client {
        bytes.extend_from_slice(&KEY);
        bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        bytes.extend_from_slice(payload);
    }
    bytes
}

/// A Close frame as `role` sends it.
pub(crate) fn close(role: Role, code: u16, reason: &str) -> Vec<u8> {
    frame(role, CLOSE, close_payload(code, reason))
}

pub(crate) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// The first frame of `bytes` and how long it is, if it is whole.
pub(crate) fn parse_one(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (len, mut at) = match second & 0x7f {
        126 => (u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()).into(), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()), 10),
        len => (u64::from(len), 2),
    };
    let mut key = [0; 4];
    if second & 0x80 != 0 {
        key = bytes.get(at..at + 4)?.try_into().unwrap();
        at += 4;
    }
    let end = at + len as usize;
    let payload = bytes.get(at..end)?.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    Some(((first, payload.collect()), end))
}

/// All frames of `bytes`, and what is left of one that is not whole.
pub(crate) fn parse(mut bytes: &[u8]) -> (Vec<Frame>, &[u8]) {
    let mut frames = Vec::new();
    while let Some((frame, len)) = parse_one(bytes) {
        frames.push(frame);
        bytes = &bytes[len..];
    }
    (frames, bytes)
}

/// All frames of `bytes`, which end with a whole one.
pub(crate) fn parse_all(bytes: &[u8]) -> Vec<Frame> {
    let (frames, rest) = parse(bytes);
    assert_eq!(rest, b"", "bytes of a frame that is not whole");
    frames
}

pub(crate) fn text(text: &str) -> Frame {
    (TEXT, text.as_bytes().to_vec())
}

pub(crate) fn pong(payload: &str) -> Frame {
    (PONG, payload.as_bytes().to_vec())
}

/// A client's opening handshake, and the beginning of the answer that it asks for.
pub(crate) const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The response to a request, as it was written by a client: empty while it is not whole.
pub(crate) fn response_to(request: &[u8]) -> Vec<u8> {
    response_with(request, "")
}

/// The same with one more line, which ends with its line end.
pub(crate) fn response_with(request: &[u8], line: &str) -> Vec<u8> {
    let request = String::from_utf8_lossy(request);
    if !request.ends_with("\r\n\r\n") {
        return Vec::new();
    }
    let field = |line: &str| line.strip_prefix("Sec-WebSocket-Key: ").map(str::to_owned);
    let key = request.lines().find_map(field).expect("the request has a key");
    let accept = hybi::handshake::accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{line}\r\n"
    )
    .into_bytes()
}
