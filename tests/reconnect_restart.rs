//! A server that is killed and restarted at random points under a client with 100,000 numbered messages: nothing is lost
//! that was reported to have arrived, nothing comes twice unless it was in doubt.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::{on_threads, simulate};
use hybi::handshake::{Request, Url};
use hybi::reconnect::{Confirm, Event, MessageId, Options};
use hybi::tokio::{Error, Reconnecting, WebSocket, accept, connect_over};
use hybi::{CloseCode, Config};
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

const MESSAGES: u32 = 100_000;

#[test]
fn killed_and_restarted_nothing_that_a_pong_confirmed_is_lost_and_nothing_comes_twice() {
    for seed in 1..=3 {
        simulate(move || async move {
            let (mut client, server) = over_memory(seed, options(Confirm::Pong));
            let tally = run(&mut client, InDoubt::Leave).await;
            tally.check(&server);
        });
    }
}

#[test]
fn killed_and_restarted_nothing_that_the_application_acknowledged_is_lost_and_nothing_comes_twice()
{
    for seed in 1..=3 {
        simulate(move || async move {
            let (mut client, server) = over_memory(seed, options(Confirm::Application));
            let tally = run(&mut client, InDoubt::Leave).await;
            tally.check(&server);
        });
    }
}

#[test]
fn killed_and_restarted_everything_arrives_where_what_was_in_doubt_is_sent_again() {
    simulate(|| async {
        let (mut client, server) = over_memory(4, options(Confirm::Pong));
        let tally = run(&mut client, InDoubt::SendAgain).await;
        tally.check(&server);
        let arrived: BTreeSet<u32> = server.got().into_iter().collect();
        assert_eq!(arrived.len(), MESSAGES as usize, "every message arrives at least once");
    });
}

#[test]
fn killed_and_restarted_over_tcp_nothing_confirmed_is_lost_and_nothing_comes_twice() {
    on_threads(|| async {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = Server::default();
        let kept = server.clone();
        let mut options = options(Confirm::Pong);
        options.first_delay = Duration::from_millis(5);
        options.max_delay = Duration::from_millis(20);
        options.max_messages = 200;
        let mut client = Reconnecting::new(&url, options, move |url: Url| {
            let (kept, listener) = (kept.clone(), listener.clone());
            async move {
                let io = TcpStream::connect((url.host(), url.port())).await?;
                // The server lives as long as one connection, at most so many messages.
                let task = tokio::spawn(async move {
                    let (stream, _) = listener.accept().await.unwrap();
                    kept.serve(stream, 3_000).await;
                });
                let opened = connect_over(io, Request::from(url), Config::default()).await;
                if opened.is_err() {
                    task.abort();
                }
                opened
            }
        })
        .unwrap();
        let tally = run(&mut client, InDoubt::Leave).await;
        tally.check(&server);
    });
}

#[derive(PartialEq)]
enum InDoubt {
    Leave,
    SendAgain,
}

/// What the client was told.
#[derive(Default)]
struct Tally {
    confirmed: BTreeSet<u32>,
    in_doubt: BTreeSet<u32>,
    losses: usize,
    resent: u64,
}

/// Sends all numbers and follows what becomes of them.
async fn run<S>(client: &mut Reconnecting<S>, policy: InDoubt) -> Tally
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut tally = Tally::default();
    let mut next = 0;
    // Messages are numbered as they are queued, so a number is its id.
    let mut open: BTreeSet<u32> = BTreeSet::new();
    while next < MESSAGES || !open.is_empty() {
        while next < MESSAGES {
            match client.send(next.to_string()) {
                Ok(taken) => assert_eq!(taken.id, MessageId(u64::from(next))),
                Err(_full) => break,
            }
            open.insert(next);
            next += 1;
        }
        match client.next().await.expect("it never gives up") {
            Event::Confirmed { through } => {
                let later = open.split_off(&(u32::try_from(through.0).unwrap() + 1));
                tally.confirmed.extend(std::mem::replace(&mut open, later));
            }
            Event::Message(message) => {
                // The server says which number it has.
                let number: u32 = message.as_text().unwrap().parse().unwrap();
                if client.acknowledge(MessageId(u64::from(number))) {
                    open.remove(&number);
                    tally.confirmed.insert(number);
                }
            }
            Event::InDoubt(messages) => {
                for queued in &messages {
                    let number = u32::try_from(queued.id.0).unwrap();
                    tally.in_doubt.insert(number);
                    if policy == InDoubt::Leave {
                        open.remove(&number);
                    }
                }
                if policy == InDoubt::SendAgain {
                    client.requeue(messages);
                }
            }
            Event::Lost { .. } => tally.losses += 1,
            _ => {}
        }
    }
    tally.resent = client.machine().counters().resent;
    client.close(CloseCode::NORMAL, "").await.unwrap();
    tally
}

impl Tally {
    fn check(&self, server: &Server) {
        let got = server.got();
        println!(
            "{} arrivals, {} confirmed, {} in doubt, {} sent again unharmed, {} losses",
            got.len(),
            self.confirmed.len(),
            self.in_doubt.len(),
            self.resent,
            self.losses
        );
        let arrived: BTreeSet<u32> = got.iter().copied().collect();
        let lost: Vec<_> = self.confirmed.difference(&arrived).collect();
        assert!(lost.is_empty(), "reported to have arrived, and lost: {lost:?}");
        let mut seen = BTreeSet::new();
        let twice: Vec<_> = got
            .iter()
            .filter(|number| !seen.insert(**number) && !self.in_doubt.contains(number))
            .collect();
        assert!(twice.is_empty(), "came twice and were never in doubt: {twice:?}");
        let told: BTreeSet<u32> = self.confirmed.union(&self.in_doubt).copied().collect();
        assert_eq!(told.len(), MESSAGES as usize, "each message was told of");
        assert!(self.losses >= 20, "the server was killed {} times only", self.losses);
        assert!(!self.in_doubt.is_empty(), "a kill that never hits a message proves nothing");
        let certain: Vec<_> = got.iter().filter(|number| !self.in_doubt.contains(number)).collect();
        assert!(certain.is_sorted(), "what was never in doubt came in order");
    }
}

/// The server's memory, which outlives it.
#[derive(Clone, Default)]
struct Server {
    got: Arc<Mutex<Vec<u32>>>,
}

impl Server {
    fn got(&self) -> Vec<u32> {
        self.got.lock().unwrap().clone()
    }

    /// Remembers every number and says so; goes away without a word after `life` messages.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, life: u32) {
        let Ok(mut ws) = accept(stream).await else { return };
        let mut left = life;
        while let Ok(Some(message)) = ws.recv().await {
            self.got.lock().unwrap().push(message.as_text().unwrap().parse().unwrap());
            if ws.feed(message).await.is_err() {
                return;
            }
            left -= 1;
            if left == 0 {
                // Not closed: dropped with all that it has read and not looked at.
                return;
            }
        }
    }
}

/// A client whose server is killed at random points in time, seeded, and is down for a while after each.
fn over_memory(seed: u64, options: Options) -> (Reconnecting<tokio::io::DuplexStream>, Server) {
    let server = Server::default();
    let kept = server.clone();
    let mut random = seed;
    let client =
        Reconnecting::new(&format!("ws://restart{seed}.test/"), options, move |url: Url| {
            let kept = kept.clone();
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let dice = random >> 33;
            let life = u32::try_from(dice % 5_000).unwrap();
            async move {
                if dice % 3 == 0 {
                    // It is down.
                    return Err(Error::from(std::io::Error::from(
                        std::io::ErrorKind::ConnectionRefused,
                    )));
                }
                // Between one message at a time and many.
                let room = [64, 1_000, 60_000][(dice % 7 % 3) as usize];
                let (ours, theirs) = duplex(room);
                let task = tokio::spawn(async move {
                    let serve = kept.serve(theirs, life + 1);
                    // A kill in time rather than after a message: wherever it is, in the handshake perhaps.
                    let kill = sleep(Duration::from_millis(u64::from(life % 50)));
                    tokio::select! {
                        () = serve => {}
                        () = kill, if dice % 5 == 0 => {}
                    }
                });
                let opened: Result<WebSocket<_>, Error> =
                    connect_over(ours, Request::from(url), Config::default()).await;
                if opened.is_err() {
                    task.abort();
                }
                opened
            }
        });
    (client.unwrap(), server)
}

fn options(confirm: Confirm) -> Options {
    let mut options = Options::default();
    options.confirm = confirm;
    options.max_messages = 2_000;
    options
}
