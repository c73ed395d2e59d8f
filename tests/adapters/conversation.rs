//! How an application holds a session: with either adapter, in each way in which messages can be received.

use std::io::ErrorKind;

use hybi::blocking::{Error, Transport};
use hybi::{CloseCode, Closed, Config, Event, Message, Role, SendError};

use super::session::{END, Session};

/// What an application has seen of a session.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Why there is no connection.
    pub(crate) refused: Option<Error>,
    pub(crate) messages: Vec<Message>,
    /// Pings and pongs, where they are told.
    pub(crate) controls: Vec<String>,
    pub(crate) errors: Vec<Error>,
    pub(crate) closed: Option<Closed>,
}

/// How messages are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Messages,
    Events,
    /// Events again, messages in pieces.
    Chunks,
    Halves,
}

/// Holds a session over a stream of the blocking adapter's. One that does not block is tried again.
pub(crate) fn over_transport<S: Transport>(session: &Session, way: Way, stream: S) -> Outcome {
    use hybi::blocking::{accept_with, connect_over};

    let config = config(session, way);
    let opened = match session.role {
        Role::Server => accept_with(stream, Default::default(), config),
        Role::Client => connect_over(stream, URL, config),
    };
    let ws = match opened {
        Ok(ws) => ws,
        Err(error) => return refused(error),
    };
    match way {
        Way::Messages => converse(session, &mut Whole { ws, pieces: None }),
        Way::Events | Way::Chunks => converse(session, &mut Whole { ws, pieces: Some(Vec::new()) }),
        Way::Halves => {
            let (sender, receiver) = ws.split().unwrap();
            converse(session, &mut ByHalves(sender, receiver))
        }
    }
}

/// Holds a session over a stream of the tokio adapter's. Each future is polled by hand.
#[cfg(feature = "tokio")]
pub(crate) fn over_async<S>(session: &Session, way: Way, stream: S) -> Outcome
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    use super::poll::drive;
    use hybi::tokio::{accept_with, connect_over};

    let config = config(session, way);
    let opened = drive(async {
        match session.role {
            Role::Server => accept_with(stream, Default::default(), config).await,
            Role::Client => connect_over(stream, URL, config).await,
        }
    });
    let ws = match opened {
        Ok(ws) => ws,
        Err(error) => return refused(error),
    };
    match way {
        Way::Messages => converse(session, &mut Whole { ws, pieces: None }),
        Way::Events | Way::Chunks => converse(session, &mut Whole { ws, pieces: Some(Vec::new()) }),
        Way::Halves => {
            let (sender, receiver) = ws.split();
            converse(session, &mut ByHalves(sender, receiver))
        }
    }
}

const URL: &str = "ws://example.com/chat";

fn config(session: &Session, way: Way) -> Config {
    let mut config = session.config();
    if way == Way::Chunks {
        config.delivery = hybi::Delivery::Chunks;
    }
    config
}

fn refused(error: Error) -> Outcome {
    Outcome { refused: Some(error), ..Outcome::default() }
}

/// An open connection, and how it is used.
trait Talker {
    fn hear(&mut self) -> Result<Option<Heard>, Error>;
    fn say(&mut self, message: Message) -> Result<(), Error>;
    /// Queues a ping and a message in two pieces.
    fn say_last(&mut self) -> Result<(), SendError<()>>;
    fn close(&mut self) -> Result<(), Error>;
    fn closed(&self) -> Option<Closed>;
}

enum Heard {
    Message(Message),
    Control(String),
    /// Of a message that has not ended.
    Piece,
}

/// Echoes until the end.
fn converse(session: &Session, talker: &mut impl Talker) -> Outcome {
    let mut outcome = Outcome::default();
    let mut said_last = false;
    for _ in 0..MOST_CALLS {
        if session.is_ours() && outcome.messages == session.messages() && outcome.errors.is_empty()
        {
            if !std::mem::replace(&mut said_last, true) {
                outcome.errors.extend(talker.say_last().err().map(Error::Send));
            }
            match talker.close() {
                Err(error) if is_a_wait(&error) => continue,
                closed => outcome.errors.extend(closed.err()),
            }
        }
        match talker.hear() {
            Ok(Some(Heard::Message(message))) => {
                outcome.messages.push(message.clone());
                outcome.errors.extend(talker.say(message).err());
            }
            Ok(Some(Heard::Control(told))) => outcome.controls.push(told),
            Ok(Some(Heard::Piece)) => {}
            Ok(None) => {
                outcome.closed = talker.closed();
                return outcome;
            }
            Err(error) if is_a_wait(&error) => {}
            Err(error) => outcome.errors.push(error),
        }
    }
    panic!("the session never ends");
}

/// More calls than any session needs.
const MOST_CALLS: usize = 10_000;

fn is_a_wait(error: &Error) -> bool {
    let waits = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
    matches!(error, Error::Io(error) if waits.contains(&error.kind()))
}

struct Whole<W> {
    ws: W,
    /// Where events are asked for instead of messages: what has come of a message that has not ended.
    pieces: Option<Vec<u8>>,
}

struct ByHalves<T, R>(T, R);

/// What has been heard with an event.
fn heard(event: Option<Event<'_>>, pieces: &mut Vec<u8>) -> Option<Heard> {
    let told = format!("{event:?}");
    Some(match event? {
        Event::Text(text) => Heard::Message(Message::text(text.to_owned())),
        Event::Binary(data) => Heard::Message(Message::binary(data.to_vec())),
        Event::Ping(_) | Event::Pong(_) => Heard::Control(told),
        Event::Chunk(chunk) => {
            assert!(!chunk.first || pieces.is_empty(), "a message began within another");
            pieces.extend_from_slice(&chunk.data);
            if !chunk.last {
                return Some(Heard::Piece);
            }
            let whole = std::mem::take(pieces);
            Heard::Message(match chunk.data.kind() {
                hybi::Kind::Text => Message::text(String::from_utf8(whole).unwrap()),
                hybi::Kind::Binary => Message::binary(whole),
            })
        }
        other => panic!("{other:?}"),
    })
}

/// The same for both adapters, each call of which may have to be driven.
macro_rules! talkers {
    ([$($bound:path),+], $adapter:ident, $driven:path) => {
        const _: () = {
            use hybi::$adapter::{Receiver, Sender, WebSocket};

            impl<S: $($bound +)+> Talker for Whole<WebSocket<S>> {
                fn hear(&mut self) -> Result<Option<Heard>, Error> {
                    match &mut self.pieces {
                        None => {
                            $driven(self.ws.recv()).map(|message| message.map(Heard::Message))
                        }
                        Some(pieces) => {
                            $driven(self.ws.next_event()).map(|event| heard(event, pieces))
                        }
                    }
                }

                fn say(&mut self, message: Message) -> Result<(), Error> {
                    $driven(self.ws.feed(message))
                }

                fn say_last(&mut self) -> Result<(), SendError<()>> {
                    let conn = self.ws.parts().0;
                    conn.ping(b"ours")?;
                    conn.writer(hybi::Kind::Text)?.write(b"two ")?;
                    conn.writer(hybi::Kind::Text)?.finish(b"pieces")
                }

                fn close(&mut self) -> Result<(), Error> {
                    $driven(self.ws.close(CloseCode(END.0), END.1))
                }

                fn closed(&self) -> Option<Closed> {
                    self.ws.closed()
                }
            }

            impl<S: $($bound +)+> Talker for ByHalves<Sender<S>, Receiver<S>> {
                fn hear(&mut self) -> Result<Option<Heard>, Error> {
                    $driven(self.1.recv()).map(|message| message.map(Heard::Message))
                }

                fn say(&mut self, message: Message) -> Result<(), Error> {
                    $driven(self.0.feed(message))
                }

                fn say_last(&mut self) -> Result<(), SendError<()>> {
                    panic!("a half writes no pieces")
                }

                fn close(&mut self) -> Result<(), Error> {
                    $driven(self.0.close(CloseCode(END.0), END.1))
                }

                fn closed(&self) -> Option<Closed> {
                    assert_eq!(self.0.closed(), self.1.closed());
                    self.1.closed()
                }
            }
        };
    };
}

talkers!([Transport], blocking, std::convert::identity);
#[cfg(feature = "tokio")]
talkers!([tokio::io::AsyncRead, tokio::io::AsyncWrite, Unpin], tokio, super::poll::drive);
