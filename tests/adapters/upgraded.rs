//! A WebSocket over memory, the other end of which is written and read by hand.

use hybi::Role;
use hybi::tokio::{WebSocket, accept_with, connect_over};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::frames::{Frame, parse_one};

/// A connection and its peer's end of the stream, which takes `room` bytes before it is read.
pub(crate) fn upgraded(
    role: Role,
    room: usize,
    config: hybi::Config,
) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(room);
    (WebSocket::from_upgraded(ours, role, b"", Default::default(), config), theirs)
}

/// A client and a server that have shaken hands.
pub(crate) async fn pair(
    config: hybi::Config,
) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    let (a, b) = duplex(64 * 1024);
    let (client, server) = tokio::join!(
        connect_over(a, "ws://example.com/chat", config.clone()),
        accept_with(b, Default::default(), config),
    );
    (client.expect("the server accepts"), server.expect("the client's request is good"))
}

/// Reads one frame, a byte at a time, so that nothing after it is taken.
pub(crate) async fn read_frame(peer: &mut DuplexStream) -> Frame {
    let mut bytes = Vec::new();
    loop {
        bytes.push(peer.read_u8().await.expect("a frame comes before the end"));
        if let Some((frame, _)) = parse_one(&bytes) {
            return frame;
        }
    }
}

/// Reads all that comes until the end of the stream.
pub(crate) async fn read_rest(peer: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).await.expect("memory does not fail");
    bytes
}

pub(crate) async fn write(peer: &mut DuplexStream, bytes: impl AsRef<[u8]>) {
    peer.write_all(bytes.as_ref()).await.expect("memory does not fail");
}
