//! The futures of the tokio adapter, dropped after as many polls as a plan says.

use hybi::tokio::WebSocket;
use hybi::{Config, Role};

use super::frames;
use super::poll::poll_times;
use super::stream::Planned;

/// What the application got, the messages that the peer got, and its control frames: when a ping is answered is
/// not fixed.
pub type Held = (Vec<String>, Vec<frames::Frame>, Vec<frames::Frame>);

/// Echoes by each way to send until the peer closes.
pub fn hold(role: Role, incoming: &[u8], plan: &[u8], drops: &mut Drops<'_>) -> Held {
    let mut stream = Planned::new(incoming, plan);
    let mut ws =
        WebSocket::from_upgraded(&mut stream, role, b"", Default::default(), Config::default());
    let mut seen = Vec::new();
    for way in 0.. {
        let received = drops.until(async || ws.recv().await);
        seen.push(format!("{received:?}"));
        let Ok(Some(message)) = received else { break };
        drops.until(async || ws.ready().await).expect("the stream does not fail");
        let done = match way % 3 {
            0 => drops.once(ws.send(message)),
            1 => drops.once(ws.feed(message)),
            _ => {
                ws.try_send(message).expect("it is ready");
                drops.once(ws.ping(b"ours"))
            }
        };
        match done {
            Some(done) => done.expect("the stream does not fail"),
            None => drops.until(async || ws.flush().await).expect("the stream does not fail"),
        }
    }
    seen.push(format!("{:?}", ws.closed()));
    drop(ws);
    let sent = frames::parse_all(&stream.written);
    let (data, control) = sent.into_iter().partition(|(first, _)| first & 0x08 == 0);
    (seen, data, control)
}

/// After how many polls each future is dropped, over and over.
pub struct Drops<'d> {
    polls: &'d [u8],
    turn: usize,
}

impl<'d> Drops<'d> {
    pub fn none() -> Self {
        Self { polls: &[], turn: 0 }
    }

    pub fn after(polls: &'d [u8]) -> Self {
        Self { polls, turn: 0 }
    }

    fn once<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        self.turn += 1;
        let polls = match self.polls {
            [] => 1_000_000,
            polls => usize::from(polls[self.turn % polls.len()]) % 40 + 1,
        };
        poll_times(future, polls)
    }

    fn until<T>(&mut self, mut call: impl AsyncFnMut() -> T) -> T {
        for _ in 0..100_000 {
            if let Some(outcome) = self.once(call()) {
                return outcome;
            }
        }
        panic!("no progress");
    }
}
