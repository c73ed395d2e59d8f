//! A conversation with an application that echoes, over the tokio adapter.

use hybi::tokio::WebSocket;
use hybi::{Config, Role};

use super::frames::{self, BINARY, PING, PONG, TEXT};
use super::poll::drive;
use super::stream::Planned;

/// What the peer of `role` says, up to its Close frame.
pub fn conversation(role: Role, script: &[(u8, u16)]) -> Vec<u8> {
    let peer = if role == Role::Client { Role::Server } else { Role::Client };
    let said = script.iter().take(8).flat_map(|&(kind, len)| said(peer, kind, len));
    said.chain(frames::close(peer, 1000, "bye")).collect()
}

/// What a peer sends: a frame, or a message in two fragments with a ping between.
fn said(peer: Role, kind: u8, len: u16) -> Vec<u8> {
    // Most are short, some are longer than what is copied into a queue.
    let len = if len < 0xc000 { len % 200 } else { len % 6000 };
    let payload: Vec<u8> = (0..len).map(|i| b'a' + (i % 26) as u8).collect();
    let control = &payload[..payload.len().min(125)];
    let frame = |first, payload: &[u8]| frames::frame(peer, first, payload);
    match kind % 5 {
        0 => frame(TEXT, &payload),
        1 => frame(BINARY, &payload),
        2 => frame(PING, control),
        3 => frame(PONG, control),
        _ => [frame(0x01, &payload), frame(PING, control), frame(0x80, &payload)].concat(),
    }
}

/// Echoes; returns what came and whether the end was clean. After an error, `recv` says that it is over.
pub fn echo(role: Role, stream: &mut Planned<'_>) -> (Vec<String>, bool) {
    let mut ws = WebSocket::from_upgraded(stream, role, b"", Default::default(), Config::default());
    let (mut got, mut failed) = (Vec::new(), false);
    loop {
        match drive(ws.recv()) {
            Ok(Some(message)) => {
                got.push(format!("{message:?}"));
                failed |= drive(ws.send(message)).is_err();
            }
            Ok(None) => break,
            Err(_) => {
                failed = true;
                assert!(matches!(drive(ws.recv()), Ok(None)), "an error is told once");
                break;
            }
        }
    }
    assert!(ws.closed().is_some(), "the end is known");
    (got, !failed)
}
