//! A recorded session: what the peer sends, and what has to come of it.

use std::io::ErrorKind;

use hybi::blocking::Error;
use hybi::{Config, Message, Role};

use super::faulty::Faulty;
use super::frames::*;

/// What an application has seen of a session.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Why there is no connection.
    pub(crate) refused: Option<Error>,
    pub(crate) messages: Vec<Message>,
    pub(crate) errors: Vec<Error>,
    pub(crate) closed: Option<hybi::Closed>,
}

/// A session in which everything occurs, from the view of `role`, whose application echoes messages.
#[derive(Debug)]
pub(crate) struct Session {
    /// What the peer sends after the handshake.
    pub(crate) segments: Vec<Vec<u8>>,
    /// The messages in it, each with the number of the segment that completes it.
    messages: Vec<(usize, Message)>,
    /// What the peer gets after the handshake.
    pub(crate) answers: Vec<Frame>,
}

impl Session {
    pub(crate) fn new(role: Role) -> Self {
        let peer = if role == Role::Server { Role::Client } else { Role::Server };
        let data: Vec<u8> = (0..130).collect();
        let segments = vec![
            frame(peer, TEXT, "Hello"),
            frame(peer, BINARY, &data),
            frame(peer, TEXT_BEGINS, "frag"),
            frame(peer, PING, "in between"),
            frame(peer, GOES_ON, "ments \u{e9}"),
            frame(peer, ENDS, ""),
            frame(peer, TEXT, ""),
            frame(peer, PONG, "unasked"),
            [frame(peer, PING, ""), frame(peer, TEXT, "one segment")].concat(),
            close(peer, 4000, "bye"),
        ];
        let messages = vec![
            (0, Message::text("Hello")),
            (1, Message::binary(data.clone())),
            (5, Message::text("fragments \u{e9}")),
            (6, Message::text("")),
            (8, Message::text("one segment")),
        ];
        let answers = vec![
            text("Hello"),
            (BINARY, data),
            pong("in between"),
            text("fragments \u{e9}"),
            text(""),
            pong(""),
            text("one segment"),
            (CLOSE, close_payload(4000, "")),
        ];
        Self { segments, messages, answers }
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.iter().map(|(_, message)| message.clone()).collect()
    }

    /// The messages that are whole in the first `len` bytes of what the peer sends after the handshake.
    pub(crate) fn messages_in(&self, len: usize) -> Vec<Message> {
        let end = |segment: usize| self.segments[..=segment].iter().map(Vec::len).sum::<usize>();
        let whole = self.messages.iter().filter(|(segment, _)| end(*segment) <= len);
        whole.map(|(_, message)| message.clone()).collect()
    }

    /// How many bytes the peer sends after the handshake.
    pub(crate) fn len(&self) -> usize {
        self.segments.iter().map(Vec::len).sum()
    }
}

/// Splits what was written into the handshake's head and the frames after it.
pub(crate) fn after_head(written: &[u8]) -> Option<&[u8]> {
    let end = written.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(&written[end + 4..])
}

/// Holds a session with the blocking adapter. A stream that does not block is tried again.
pub(crate) fn over_blocking(role: Role, stream: &mut Faulty) -> Outcome {
    over_transport(role, hybi::blocking::Untimed(stream))
}

/// The same over any stream of the blocking adapter's.
pub(crate) fn over_transport<S: hybi::blocking::Transport>(role: Role, stream: S) -> Outcome {
    use hybi::blocking::{accept, connect_over};

    let opened = match role {
        Role::Server => accept(stream),
        Role::Client => connect_over(stream, "ws://example.com/chat", Config::default()),
    };
    let mut outcome = Outcome::default();
    let mut ws = match opened {
        Ok(ws) => ws,
        Err(error) => return Outcome { refused: Some(error), ..outcome },
    };
    for _ in 0..MOST_CALLS {
        match ws.recv() {
            Ok(Some(message)) => {
                outcome.messages.push(message.clone());
                if let Err(error) = ws.feed(message) {
                    outcome.errors.push(error);
                }
            }
            Ok(None) => {
                outcome.closed = ws.closed();
                return outcome;
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => outcome.errors.push(error),
        }
    }
    panic!("the session never ends");
}

/// Holds a session with the tokio adapter, of which each future is polled by hand.
#[cfg(feature = "tokio")]
pub(crate) fn over_tokio(role: Role, stream: &mut Faulty) -> Outcome {
    over_async(role, stream)
}

/// The same over any stream of the tokio adapter's.
#[cfg(feature = "tokio")]
pub(crate) fn over_async<S>(role: Role, stream: S) -> Outcome
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    use super::poll::drive;
    use hybi::tokio::{accept, connect_over};

    let opened = drive(async {
        match role {
            Role::Server => accept(stream).await,
            Role::Client => connect_over(stream, "ws://example.com/chat", Config::default()).await,
        }
    });
    let mut outcome = Outcome::default();
    let mut ws = match opened {
        Ok(ws) => ws,
        Err(error) => return Outcome { refused: Some(error), ..outcome },
    };
    for _ in 0..MOST_CALLS {
        match drive(ws.recv()) {
            Ok(Some(message)) => {
                outcome.messages.push(message.clone());
                if let Err(error) = drive(ws.feed(message)) {
                    outcome.errors.push(error);
                }
            }
            Ok(None) => {
                outcome.closed = ws.closed();
                return outcome;
            }
            Err(error) => outcome.errors.push(error),
        }
    }
    panic!("the session never ends");
}

const MOST_CALLS: usize = 10_000;
