//! The same over both adapters, where clocks and sockets have bounds of their own; the tokio adapter on a made-up clock.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use std::future::Future;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use hybi::handshake::{Limits, ServerOptions};
use hybi::rate::Rate;
use hybi::reconnect::{Event, Options};
use hybi::tokio::{ServeOptions, Shutdown};
use hybi::{CloseCode, Config, Connect, TcpOptions};
use tokio::io::duplex;
use tokio::time::timeout;

use crate::adapters::door::{self, quiet};
use crate::adapters::{bounded, reconnecting, tcp, upgraded};
use crate::values::{CONFIG, EXTREMES, Extreme, Field, OPTIONS, all};

/// Longer than anything takes that ends at all.
const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[test]
fn a_conversation_over_sockets_ends() {
    bounded(|| {
        all(CONFIG, &Config::default(), |what, config| {
            eprintln!("{what}");
            let (mut client, mut server) = tcp::pair(&config);
            let echo = thread::spawn(move || {
                while let Ok(Some(message)) = server.recv() {
                    if server.send(message).is_err() {
                        break;
                    }
                }
            });
            if client.send("a text that repeats a text that repeats a text").is_ok() {
                let _ = client.recv();
            }
            let _ = client.close(CloseCode::NORMAL, "bye");
            drop(client);
            echo.join().unwrap();
        });
    });
}

#[test]
fn a_conversation_of_tasks_ends() {
    for_ages(|| async {
        let mut cases = Vec::new();
        all(CONFIG, &Config::default(), |what, config| cases.push((what, config)));
        for (what, config) in cases {
            eprintln!("{what}");
            let (mut client, mut server) = upgraded::pair(config).await;
            let echo = tokio::spawn(async move {
                while let Ok(Some(message)) = server.recv().await {
                    if server.send(message).await.is_err() {
                        break;
                    }
                }
            });
            let _ = client.send("a text that repeats a text that repeats a text").await;
            let _ = timeout(LONG, client.recv()).await;
            let _ = client.close(CloseCode::NORMAL, "bye").await;
            drop(client);
            echo.await.unwrap();
        }
    });
}

const LIMITS: &[Field<Limits>] = &[
    ("max_size", |limits, value| limits.max_size = value.number()),
    ("max_headers", |limits, value| limits.max_headers = value.number()),
    ("timeout", |limits, value| limits.timeout = value.time()),
];

/// By URL, over sockets, with either adapter; the keepalive probes of TCP among what can be set.
#[test]
fn a_handshake_is_done_or_refused() {
    bounded(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        all(LIMITS, &Limits::default(), |what, limits| {
            eprintln!("{what}");
            for (ours, theirs) in [(limits, Limits::default()), (Limits::default(), limits)] {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let url = format!("ws://{}/", listener.local_addr().unwrap());
                let server = thread::spawn(move || {
                    for _ in 0..2 {
                        let mut options = ServerOptions::default();
                        options.limits = theirs;
                        let stream = listener.accept().unwrap().0;
                        let accepted = hybi::blocking::accept_with(stream, options, quiet());
                        drop(accepted.map(|mut ws| ws.close(CloseCode::NORMAL, "")));
                    }
                });
                let mut tcp = TcpOptions::default();
                #[cfg(feature = "tcp-keepalive")]
                {
                    tcp.keepalive = Some(ours.timeout).filter(|time| !time.is_zero());
                }
                tcp.nodelay = true;
                let connect = Connect::new(&url).unwrap().limits(ours).tcp(tcp).config(quiet());
                drop(hybi::blocking::connect(connect.clone()).map(|mut ws| ws.recv().map(drop)));
                drop(runtime.block_on(async {
                    match hybi::tokio::connect(connect).await {
                        Ok(mut ws) => ws.recv().await.map(drop),
                        Err(error) => Err(error.into()),
                    }
                }));
                // Where an end has given up before it dialed, nobody else would.
                let _ = std::net::TcpStream::connect(
                    url.trim_start_matches("ws://").trim_end_matches('/'),
                );
                let _ = std::net::TcpStream::connect(
                    url.trim_start_matches("ws://").trim_end_matches('/'),
                );
                server.join().unwrap();
            }
        });
    });
}

const SERVE: &[Field<(ServeOptions, Shutdown)>] = &[
    ("handshake.limits.max_size", |(options, _), value| {
        options.handshake.limits.max_size = value.number();
    }),
    ("handshake.limits.timeout", |(options, _), value| {
        options.handshake.limits.timeout = value.time();
    }),
    ("max_handshakes", |(options, _), value| options.max_handshakes = value.number()),
    ("max_connections", |(options, _), value| options.max_connections = Some(value.number())),
    ("authorize_timeout", |(options, _), value| options.authorize_timeout = value.time()),
    ("handshakes_per_address", |(options, _), value| {
        options.handshakes_per_address = Some(rate(value));
    }),
    ("messages.per_connection", |(options, _), value| {
        options.messages.per_connection = Some(rate(value));
    }),
    ("messages.per_address", |(options, _), value| {
        options.messages.per_address = Some(rate(value));
    }),
    ("max_addresses", |(options, _), value| options.max_addresses = value.number()),
    ("deadline", |(_, shutdown), value| shutdown.deadline = value.time()),
    ("spread", |(_, shutdown), value| {
        // Over a time in which it can be done.
        shutdown.deadline = Duration::MAX;
        shutdown.spread = value.time();
    }),
];

fn rate(value: Extreme) -> Rate {
    Rate::per_minute(value.number()).burst(value.number())
}

#[test]
fn a_server_serves_and_is_shut_down() {
    for_ages(|| async {
        let mut cases = Vec::new();
        let plain = (ServeOptions::default(), Shutdown::default());
        all(SERVE, &plain, |what, case| cases.push((what, case)));
        for (what, (options, shutdown)) in cases {
            eprintln!("{what}");
            let (street, server) = door::serve(|served| {
                *served = options;
                served.config = quiet().into();
            });
            let handle = server.handle();
            let served = tokio::spawn(server.serve(|mut ws, _| async move {
                while let Ok(Some(message)) = ws.recv().await {
                    if ws.send(message).await.is_err() {
                        break;
                    }
                }
            }));
            let mut visitors = Vec::new();
            for _ in 0..2 {
                let visit = timeout(Duration::from_secs(60), street.visit()).await;
                if let Ok(Ok(mut ws)) = visit {
                    let _ = ws.send("hello").await;
                    let _ = timeout(Duration::from_secs(600), ws.recv()).await;
                    visitors.push(tokio::spawn(async move {
                        while let Ok(Some(_)) = ws.recv().await {}
                    }));
                }
            }
            let report = ends(&what, handle.shutdown(shutdown)).await;
            assert!(report.closed + report.lost + report.dropped <= 2, "{what}: {report}");
            ends(&what, served).await.unwrap();
            for visitor in visitors {
                ends(&what, visitor).await.unwrap();
            }
        }
    });
}

#[test]
fn a_client_that_stays_connected_gives_up_or_goes_on() {
    for_ages(|| async {
        let mut cases = Vec::new();
        all(OPTIONS, &Options::default(), |what, options| cases.push((what, options)));
        for (what, options) in cases {
            eprintln!("{what}");
            let (mut client, mut dialed) = reconnecting::client("example.com", options);
            let server = tokio::spawn(async move {
                while let Some(stream) = dialed.recv().await {
                    let _ = hybi::tokio::accept_with(stream, Default::default(), quiet()).await;
                }
            });
            let _ = client.send("hello");
            // It is never told when it waits for ever.
            for _ in 0..20 {
                let day = Duration::from_secs(24 * 3600);
                match timeout(day, client.next()).await {
                    Ok(Some(Event::GaveUp { .. }) | None) | Err(_) => break,
                    Ok(Some(_)) => {}
                }
            }
            let _ = ends(&what, client.close(CloseCode::NORMAL, "")).await;
            drop(client);
            ends(&what, server).await.unwrap();
        }
    });
}

/// Runs a test on a made-up clock that may go further than a day.
fn for_ages<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    bounded(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(test());
    });
}

/// What must come to an end, however late.
async fn ends<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.unwrap_or_else(|_| panic!("{what}: it hangs"))
}

/// What a stream in memory holds is not what is tried here.
#[test]
fn a_time_of_nothing_is_a_timeout_at_once() {
    for_ages(|| async {
        for extreme in EXTREMES {
            let (ours, _theirs) = duplex(64);
            let mut options = ServerOptions::default();
            options.limits.timeout = extreme.time();
            let accepted = hybi::tokio::accept_with(ours, options, quiet());
            let late = timeout(Duration::from_secs(3600), accepted).await;
            assert_eq!(late.is_err(), matches!(extreme, Extreme::Most), "{extreme:?}");
        }
    });
}
