//! The client: it stays connected, proves who it is, subscribes, and shows a book only while that is right.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use hybi::reconnect::{Decision, Event, Options, Why};
use hybi::tokio::{Error, Reconnecting, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};

use crate::book::Book;
use crate::exchange::{KEY, SECRET};
use crate::follow::{Counters, Follower, Outcome};
use crate::protocol::{Reply, Request, sign};

pub struct Client<S> {
    connection: Reconnecting<S>,
    followers: HashMap<&'static str, Follower>,
    started: Instant,
}

/// What the client has to show.
pub enum Shown<'a> {
    /// A book has changed, and is right.
    Book(&'static str, &'a Book),
    /// The connection has changed: opened, lost, waiting.
    Change(Event),
}

/// How the connection is kept: impatient, for prices age.
pub fn options() -> Options {
    let mut options = Options::default();
    options.first_delay = Duration::from_millis(100);
    options.base_delay = Duration::from_millis(100);
    options.max_delay = Duration::from_secs(2);
    options.stable_after = Duration::from_millis(500);
    options
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Client<S> {
    pub fn new(connection: Reconnecting<S>, symbols: &[&'static str]) -> Self {
        let names: Vec<String> = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
        let connection = connection
            .greet(move |mut ws| {
                let subscribe = Request::Subscribe { symbols: names.clone() };
                async move {
                    authenticate(&mut ws).await?;
                    ws.send(subscribe.to_text()).await?;
                    Ok(ws)
                }
            })
            // This exchange restarts within a second, whatever 1012 means elsewhere.
            .decide(|_lost, proposed| match proposed.why {
                Why::Restart => Decision::retry(),
                _ => proposed,
            });
        let followers = symbols.iter().map(|symbol| (*symbol, Follower::default())).collect();
        Self { connection, followers, started: Instant::now() }
    }

    /// The next thing to show; `None` when it has given up.
    pub async fn next(&mut self) -> Option<Shown<'_>> {
        let symbol = loop {
            let due = self.followers.values().filter_map(Follower::poll_timeout).min();
            let due = due.map(|due| self.started + due);
            // Both are cancel safe: whichever loses goes on next time.
            let event = tokio::select! {
                event = self.connection.next() => event?,
                () = sleep_until(due.unwrap_or(self.started)), if due.is_some() => {
                    self.handle_timeout();
                    continue;
                }
            };
            match event {
                Event::Message(message) => match serde_json::from_slice(message.as_bytes()) {
                    Ok(reply) => {
                        if let Some(symbol) = self.handle_reply(reply) {
                            break symbol;
                        }
                    }
                    Err(error) => eprintln!("not a reply of the exchange's: {error}"),
                },
                // Requests for snapshots of a connection that is gone: the next one brings them anyway.
                Event::InDoubt(_) | Event::Confirmed { .. } => {}
                change => {
                    if matches!(change, Event::Lost { .. }) {
                        self.followers.values_mut().for_each(Follower::reset);
                    }
                    return Some(Shown::Change(change));
                }
            }
        };
        self.followers[symbol].book().map(|book| Shown::Book(symbol, book))
    }

    /// What became of the updates, over all books.
    pub fn counters(&self) -> Counters {
        let add = |sum: Counters, follower: &Follower| sum + follower.counters;
        self.followers.values().fold(Counters::default(), add)
    }

    pub fn connection(&self) -> &Reconnecting<S> {
        &self.connection
    }

    /// The symbol whose book is new and right.
    fn handle_reply(&mut self, reply: Reply) -> Option<&'static str> {
        let now = self.started.elapsed();
        let named = match &reply {
            Reply::Snapshot(levels) | Reply::Update(levels) => &levels.symbol,
            _ => return None,
        };
        let (symbol, follower) = self.followers.iter_mut().find(|(symbol, _)| *symbol == named)?;
        let symbol = *symbol;
        let outcome = match reply {
            Reply::Snapshot(snapshot) => follower.handle_snapshot(&snapshot, now),
            Reply::Update(update) => follower.handle_update(update, now),
            _ => Outcome::Unchanged,
        };
        match outcome {
            Outcome::Changed => return Some(symbol),
            Outcome::Unchanged => {}
            Outcome::Resync => self.resync(symbol),
        }
        None
    }

    fn handle_timeout(&mut self) {
        let now = self.started.elapsed();
        let lost: Vec<&'static str> = self
            .followers
            .iter_mut()
            .filter_map(|(symbol, follower)| {
                (follower.handle_timeout(now) == Outcome::Resync).then_some(*symbol)
            })
            .collect();
        lost.into_iter().for_each(|symbol| self.resync(symbol));
    }

    fn resync(&mut self, symbol: &str) {
        let request = Request::Snapshot { symbol: symbol.to_owned() };
        if let Err(error) = self.connection.send(request.to_text()) {
            eprintln!("no snapshot of {symbol}: {error}");
        }
    }
}

/// Proves to the exchange who we are.
async fn authenticate<S>(ws: &mut WebSocket<S>) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    ws.send(Request::Challenge { key: KEY.to_owned() }.to_text()).await?;
    if let Reply::Challenge { nonce } = receive(ws).await? {
        ws.send(Request::Auth { signature: sign(SECRET, &nonce) }.to_text()).await?;
        if let Reply::Auth { success: true } = receive(ws).await? {
            return Ok(());
        }
    }
    Err(io::Error::other("the exchange does not take our key").into())
}

async fn receive<S>(ws: &mut WebSocket<S>) -> Result<Reply, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let message = ws.recv().await?.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?;
    serde_json::from_slice(message.as_bytes()).map_err(|error| io::Error::from(error).into())
}
