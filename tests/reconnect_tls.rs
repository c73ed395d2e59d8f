//! A client that stays connected to a `wss:` URL, over both adapters, while the server restarts with other certificates.
#![cfg(all(feature = "tokio", feature = "tls-ring"))]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;
#[allow(dead_code, reason = "the tests of TLS use all of it")]
#[path = "tls/certificates.rs"]
mod certificates;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use adapters::{bounded, on_threads};
use certificates::{AUTHORITY, Authority};
use hybi::blocking::{TlsStream, accept};
use hybi::reconnect::{Event, Loss, Options, Verdict, Why};
use hybi::tls::{Identity, ServerTls};
use hybi::{Connect, Message, blocking, tokio};

#[test]
fn a_server_whose_certificate_has_expired_is_dialed_until_it_has_a_new_one() {
    bounded(|| {
        let (connect, server) = serve(lives());
        let mut client = blocking::Reconnecting::to(connect, quick()).unwrap();
        let told = Told::of(|| client.next());
        told.check();
        drop(client);
        server.join().unwrap();
    });
}

#[test]
fn a_server_whose_certificate_has_expired_is_dialed_until_it_has_a_new_one_by_tokio() {
    on_threads(|| async {
        let (connect, server) = serve(lives());
        let mut client = tokio::Reconnecting::to(connect, quick()).unwrap();
        let mut told = Told::default();
        while told.takes(client.next().await) {}
        told.check();
        drop(client);
        server.join().unwrap();
    });
}

#[test]
fn a_server_that_was_never_trusted_is_given_up() {
    bounded(|| {
        let identities = [AUTHORITY.expired(&[NAME]), AUTHORITY.identity(&["other.example"])];
        for identity in identities {
            let (connect, server) = serve(vec![Life::Tls(identity)]);
            let mut client = blocking::Reconnecting::to(connect, quick()).unwrap();
            let last = std::iter::from_fn(|| client.next()).last();
            assert_eq!(last, Some(Event::GaveUp { why: Why::Untrusted }));
            server.join().unwrap();
        }
    });
}

#[test]
fn a_server_that_was_never_trusted_is_given_up_by_tokio() {
    on_threads(|| async {
        let (connect, server) = serve(vec![Life::Tls(AUTHORITY.expired(&[NAME]))]);
        let mut client = tokio::Reconnecting::to(connect, quick()).unwrap();
        let mut last = None;
        while let Some(event) = client.next().await {
            last = Some(event);
        }
        assert_eq!(last, Some(Event::GaveUp { why: Why::Untrusted }));
        server.join().unwrap();
    });
}

/// Anything but a certificate that is not valid may be better next time.
#[test]
fn tls_that_fails_otherwise_is_tried_again_though_it_never_worked() {
    bounded(|| {
        let lives = vec![Life::Plain, Life::Tls(AUTHORITY.identity(&[NAME]))];
        let (connect, server) = serve(lives);
        let mut client = blocking::Reconnecting::to(connect, quick()).unwrap();
        let told: Vec<Event> = std::iter::from_fn(|| client.next())
            .take_while(|event| !matches!(event, Event::Open { .. }))
            .collect();
        let lost = told.iter().find_map(|event| match event {
            Event::Lost { loss, decision, .. } => Some((loss, decision.verdict)),
            _ => None,
        });
        assert_eq!(lost, Some((&Loss::Tls, Verdict::Retry)));
        drop(client);
        server.join().unwrap();
    });
}

/// The losses and messages of a client whose server has the lives below.
#[derive(Default)]
struct Told {
    heard: Vec<Message>,
    losses: Vec<(Loss, Verdict)>,
}

impl Told {
    fn of(mut next: impl FnMut() -> Option<Event>) -> Self {
        let mut told = Self::default();
        while told.takes(next()) {}
        told
    }

    /// Whether there is more to come.
    fn takes(&mut self, event: Option<Event>) -> bool {
        match event.expect("it goes on") {
            Event::Message(message) => self.heard.push(message),
            Event::Lost { loss, decision, .. } => self.losses.push((loss, decision.verdict)),
            _ => {}
        }
        self.heard.len() < 2
    }

    fn check(&self) {
        assert_eq!(self.heard, [Message::text("hello"), Message::text("hello")]);
        let [(Loss::Closed(_), Verdict::Retry), rest @ ..] = &self.losses[..] else {
            panic!("{:?}", self.losses)
        };
        let longest = quick().max_delay;
        let slowly = |verdict: &Verdict| match verdict {
            Verdict::RetryAfter { at_least, .. } => *at_least == longest,
            _ => false,
        };
        let [(Loss::Untrusted, first), (Loss::Untrusted, second), (Loss::Tls, third)] = rest else {
            panic!("{rest:?}")
        };
        assert!(slowly(first) && slowly(second), "{rest:?}");
        assert_eq!(*third, Verdict::Retry);
    }
}

/// What the server is from one restart to the next; each life takes one connection.
enum Life {
    Tls(Identity),
    Plain,
}

fn lives() -> Vec<Life> {
    vec![
        Life::Tls(AUTHORITY.identity(&[NAME])),
        Life::Tls(AUTHORITY.expired(&[NAME])),
        Life::Tls(Authority::new("theirs").identity(&[NAME])),
        Life::Plain,
        Life::Tls(AUTHORITY.identity(&[NAME])),
    ]
}

/// A server that greets each client and goes, to be restarted by a supervisor that keeps its socket.
fn serve(lives: Vec<Life>) -> (Connect, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        for life in lives {
            let mut stream = listener.accept().unwrap().0;
            match life {
                Life::Tls(identity) => {
                    let tls = ServerTls::new(identity).unwrap();
                    // A client that does not trust it goes.
                    let Ok(stream) = TlsStream::accept(stream, &tls) else { continue };
                    let mut ws = accept(stream).unwrap();
                    let _ = ws.send("hello");
                    let _ = ws.close(None, "");
                }
                Life::Plain => {
                    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
                    // Read to the end, so that the answer is not cut off by a reset.
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            }
        }
    });
    let tls = certificates::client().build().unwrap();
    let url = format!("wss://{NAME}:{}/", address.port());
    (Connect::new(&url).unwrap().tls(tls).addresses([address]), server)
}

const NAME: &str = "server.example";

/// Waits of a few milliseconds: these tests run on the system's clock.
fn quick() -> Options {
    let mut options = Options::default();
    options.first_delay = Duration::from_millis(2);
    options.max_delay = Duration::from_millis(5);
    options
}
