//! How a connection fares: `liveness serve ADDR`, `liveness watch URL`, `liveness echo URL`, `liveness close URL`.
//!
//! Words after that set times in seconds and the adapter: `ping=20 pong=20 close=5 write=30 adapter=blocking`, and for
//! `echo` what is sent: `messages=100 size=1000`. Each line told begins with the seconds since the opening.

use std::io::Write;
use std::time::{Duration, Instant};

use hybi::{CloseCode, Closed, Config, Message, RoundTrips, blocking};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let mode = args.next().ok_or("say serve, watch, echo or close")?;
    let address = args.next().ok_or("say where")?;
    let mut task = Task { config: Config::default(), blocking: false, messages: 100, size: 1000 };
    for word in args {
        task.set(&word)?;
    }
    match (mode.as_str(), task.blocking) {
        ("serve", _) => serve(&address, task).await,
        (mode, false) => visit(mode, &address, &task).await,
        (mode, true) => visit_blocking(mode, &address, &task),
    }
}

/// What is to be done.
#[derive(Clone)]
struct Task {
    config: Config,
    blocking: bool,
    messages: u32,
    size: usize,
}

impl Task {
    fn set(&mut self, word: &str) -> Result<(), Failure> {
        let (name, value) = word.split_once('=').ok_or("settings are NAME=VALUE")?;
        let seconds = || value.parse().map(Duration::from_secs_f64);
        match name {
            "ping" => self.config.ping_interval = Some(seconds()?),
            "pong" => self.config.pong_timeout = seconds()?,
            "close" => self.config.close_timeout = seconds()?,
            "write" => self.config.write_timeout = Some(seconds()?),
            "adapter" => self.blocking = value == "blocking",
            "messages" => self.messages = value.parse()?,
            "size" => self.size = value.parse()?,
            _ => return Err(format!("there is no {name}").into()),
        }
        Ok(())
    }

    fn message(&self, number: u32) -> Message {
        Message::binary(vec![number as u8; self.size])
    }
}

/// Says something, at once.
struct Teller(Instant);

impl Teller {
    fn say(&self, what: impl std::fmt::Display) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{:.3} {what}", self.0.elapsed().as_secs_f64());
        let _ = out.flush();
    }

    fn round_trips(&self, trips: &RoundTrips) {
        let ms = |trip: Option<Duration>| trip.map_or(-1.0, |trip| trip.as_secs_f64() * 1000.0);
        self.say(format_args!(
            "round trips {} last {:.1} smoothed {:.1} p50 {:.1} p95 {:.1} ms",
            trips.count(),
            ms(trips.last()),
            ms(trips.smoothed()),
            ms(trips.percentile(50)),
            ms(trips.percentile(95)),
        ));
    }

    fn end(&self, closed: Option<Closed>, error: Option<&dyn std::fmt::Display>) {
        match (closed, error) {
            (Some(closed), _) => self.say(format_args!("ended: {closed}")),
            (None, Some(error)) => self.say(format_args!("ended: {error}")),
            (None, None) => self.say("ended: open"),
        }
    }
}

/// Echoes, and says how each connection ends.
async fn serve(address: &str, task: Task) -> Result<(), Failure> {
    if task.blocking {
        let listener = std::net::TcpListener::bind(address)?;
        println!("listening on {}", listener.local_addr()?);
        for stream in listener.incoming() {
            let (stream, config) = (stream?, task.config.clone());
            std::thread::spawn(move || {
                let Ok(mut ws) = blocking::accept_with(stream, Default::default(), config) else {
                    return;
                };
                let teller = Teller(Instant::now());
                let ended = (|| {
                    while let Some(message) = ws.recv()? {
                        ws.feed(message)?;
                    }
                    Ok::<(), blocking::Error>(())
                })();
                teller.end(ws.closed(), ended.err().as_ref().map(|error| error as _));
            });
        }
        return Ok(());
    }
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut options = hybi::tokio::ServeOptions::default();
    options.config = task.config.into();
    let server = hybi::tokio::Server::with_options(listener, options);
    server
        .serve(|mut ws, _| async move {
            let teller = Teller(Instant::now());
            let ended = async {
                while let Some(message) = ws.recv().await? {
                    ws.feed(message).await?;
                }
                Ok::<(), hybi::tokio::Error>(())
            };
            let error = ended.await.err();
            teller.end(ws.closed(), error.as_ref().map(|error| error as _));
        })
        .await;
    Ok(())
}

async fn visit(mode: &str, url: &str, task: &Task) -> Result<(), Failure> {
    let mut ws = hybi::tokio::connect_with(url, task.config.clone()).await?;
    let teller = Teller(Instant::now());
    teller.say("opened");
    let error = match mode {
        "watch" => loop {
            match tokio::time::timeout(Duration::from_secs(1), ws.recv()).await {
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => break None,
                Ok(Err(error)) => break Some(error),
                Err(_) => teller.round_trips(ws.round_trips()),
            }
        },
        "echo" => {
            let (sender, mut receiver) = ws.split();
            let send = async {
                for number in 0..task.messages {
                    sender.send(task.message(number)).await?;
                }
                Ok(())
            };
            let receive = async {
                for number in 0..task.messages {
                    if receiver.recv().await? != Some(task.message(number)) {
                        return Ok(Some("another message than was sent"));
                    }
                }
                Ok(None)
            };
            let (sent, received) = tokio::join!(send, receive);
            match &received {
                Ok(None) => teller.say(format_args!("echoed {}", task.messages)),
                Ok(Some(wrong)) => teller.say(format_args!("WRONG: {wrong}")),
                Err(_) => {}
            }
            ws = receiver.reunite(sender).map_err(|_| "the halves do not fit")?;
            match received.and(sent) {
                Err(error) => Some(error),
                Ok(()) => ws.close(CloseCode::NORMAL, "").await.err(),
            }
        }
        "close" => {
            tokio::time::sleep(Duration::from_secs(2)).await;
            teller.say("closing");
            ws.close(CloseCode::NORMAL, "").await.err()
        }
        _ => return Err("say serve, watch, echo or close".into()),
    };
    teller.end(ws.closed(), error.as_ref().map(|error| error as _));
    Ok(())
}

fn visit_blocking(mode: &str, url: &str, task: &Task) -> Result<(), Failure> {
    let mut ws = blocking::connect_with(url, task.config.clone())?;
    let teller = Teller(Instant::now());
    teller.say("opened");
    let error = match mode {
        "watch" => ws.recv().err(),
        "close" => {
            std::thread::sleep(Duration::from_secs(2));
            teller.say("closing");
            ws.close(CloseCode::NORMAL, "").err()
        }
        "echo" => (0..task.messages)
            .try_for_each(|number| {
                ws.send(task.message(number))?;
                if ws.recv()? != Some(task.message(number)) {
                    teller.say("WRONG: another message than was sent");
                }
                Ok(())
            })
            .and_then(|()| {
                teller.say(format_args!("echoed {}", task.messages));
                ws.close(CloseCode::NORMAL, "")
            })
            .err(),
        _ => return Err("say serve, watch, echo or close".into()),
    };
    teller.round_trips(ws.round_trips());
    teller.end(ws.closed(), error.as_ref().map(|error| error as _));
    Ok(())
}
