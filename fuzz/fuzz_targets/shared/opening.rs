//! The opening handshake, fed in pieces.

use hybi::RecvBuf;
use hybi::handshake::{
    ClientHandshake, Established, HandshakeError, Incoming, Progress, Refusal, Request,
    ServerHandshake, ServerOptions,
};

/// How a handshake went: not at its end, done with these bytes left, or failed.
pub enum Went<T, E> {
    Waiting,
    Done(T, Vec<u8>),
    Failed(E),
}

impl<T, E: std::fmt::Debug> Went<T, E> {
    /// For comparing; of what is done, what `shown` makes of it.
    pub fn brief<S: std::fmt::Debug>(&self, shown: impl Fn(&T) -> S) -> String {
        match self {
            Self::Waiting => "waiting".to_owned(),
            Self::Done(done, left) => format!("{:?} {left:?}", shown(done)),
            Self::Failed(error) => format!("{error:?}"),
        }
    }
}

/// More than this a head or a body of a refusal never occupies.
const MOST_MEMORY: usize = 8 * 1024;

pub fn serve<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> Went<Incoming, Refusal> {
    let mut server = ServerHandshake::new(ServerOptions::default());
    let (mut rx, mut arrived, mut pieces) = (RecvBuf::new(), 0, pieces);
    while let Some(piece) = pieces.next() {
        rx.extend_from_slice(piece);
        arrived += piece.len();
        assert!(rx.capacity() <= 2 * arrived + MOST_MEMORY, "{rx:?}");
        match server.advance(&mut rx) {
            Ok(Progress::Continue(next)) => server = next,
            Ok(Progress::Done(incoming)) => return Went::Done(incoming, left(&rx, pieces)),
            Err(refusal) => return Went::Failed(refusal),
        }
    }
    assert!(arrived <= 16 * 1024, "a head over the limit is refused");
    Went::Waiting
}

const NONCE: &[u8; 16] = b"the sample nonce";

/// What [`ask`] sends of it: the nonce in base64.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub fn ask<'b>(
    request: Request,
    pieces: impl Iterator<Item = &'b [u8]>,
) -> Went<Established, HandshakeError> {
    let (mut client, _) = ClientHandshake::new(request, *NONCE);
    let (mut rx, mut pieces) = (RecvBuf::new(), pieces);
    while let Some(piece) = pieces.next() {
        rx.extend_from_slice(piece);
        match client.advance(&mut rx) {
            Ok(Progress::Continue(next)) => client = next,
            Ok(Progress::Done(established)) => return Went::Done(established, left(&rx, pieces)),
            Err(error) => return Went::Failed(error),
        }
    }
    Went::Waiting
}

fn left<'b>(rx: &RecvBuf, pieces: impl Iterator<Item = &'b [u8]>) -> Vec<u8> {
    pieces.fold(rx.unread().to_vec(), |left, piece| [&left, piece].concat())
}
