//! The way through a proxy, and its answers read once more.

use hybi::RecvBuf;
use hybi::handshake::Progress;
use hybi::proxy::{Proxy, ProxyError, Tunnel};

use super::opening::Went;

pub fn ask<'b>(proxy: &Proxy, mut pieces: impl Iterator<Item = &'b [u8]>) -> Went<(), ProxyError> {
    let mut tunnel = Tunnel::new(proxy, "server.example", 443).expect("the name is short");
    let (mut rx, mut tx) = (RecvBuf::new(), Vec::new());
    while let Some(piece) = pieces.next() {
        rx.extend_from_slice(piece);
        match tunnel.advance(&mut rx, &mut tx) {
            Ok(Progress::Continue(next)) => tunnel = next,
            Ok(Progress::Done(())) => {
                let left = pieces.fold(rx.unread().to_vec(), |left, piece| [&left, piece].concat());
                return Went::Done((), left);
            }
            Err(error) => return Went::Failed(error),
        }
        assert!(tx.len() < 300, "a conversation is short");
    }
    Went::Waiting
}

/// How long answers are that open a way, read a field after the other.
pub fn socks_len(bytes: &[u8], password: bool) -> Option<usize> {
    let at = match bytes {
        [5, 0, ..] => 2,
        [5, 2, 1, 0, ..] if password => 4,
        _ => return None,
    };
    let reply = &bytes[at..];
    let [5, 0, _, kind, ..] = reply else { return None };
    let len = match kind {
        1 => 10,
        4 => 22,
        3 => 7 + usize::from(*reply.get(4)?),
        _ => return None,
    };
    (reply.len() >= len).then_some(at + len)
}
