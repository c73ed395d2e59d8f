//! A server in a process of its own that is killed and started again, under a client with 100,000 numbered messages.
#![cfg(all(feature = "handshake", unix))]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use adapters::bounded;
use hybi::CloseCode;
use hybi::blocking::{Reconnecting, accept, connect};
use hybi::reconnect::{Event, MessageId, Options};

const MESSAGES: u32 = 100_000;

/// Where the server's process listens; in the environment of that process alone.
const ADDRESS: &str = "HYBI_TEST_SERVER";

#[test]
fn a_server_process_killed_again_and_again_loses_nothing_confirmed_and_gets_nothing_twice() {
    bounded(|| {
        // A port that was just free, and can be bound again by each process in turn.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let url = format!("ws://{address}/");
        let server = thread::spawn(move || serve_and_kill(&address));
        let told = send_all(&url);
        // A server that is told goodbye ends by itself; the last one may be dying instead, and have a successor.
        while !server.is_finished() {
            if let Ok(mut ws) = connect(url.as_str()) {
                let _ = ws.close(CloseCode::NORMAL, "");
            }
        }
        let got = server.join().unwrap();
        let arrived: BTreeSet<u32> = got.iter().copied().collect();
        println!(
            "{} arrived, {} confirmed, {} in doubt, {} losses",
            got.len(),
            told.confirmed.len(),
            told.in_doubt.len(),
            told.losses
        );
        assert!(told.confirmed.is_subset(&arrived), "reported to have arrived, and lost");
        assert_eq!(got.len(), arrived.len(), "nothing that is left alone comes twice");
        assert!(got.is_sorted());
        assert_eq!(told.confirmed.len() + told.in_doubt.len(), MESSAGES as usize);
        assert!(told.losses >= 10, "the server was killed {} times only", told.losses);
    });
}

/// Not a test but the server of the one above, which starts this program for it.
#[test]
fn server_process() {
    let Ok(address) = env::var(ADDRESS) else { return };
    let listener = TcpListener::bind(address).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\nlistening").unwrap();
    loop {
        let Ok(mut ws) = accept(listener.accept().unwrap().0) else { continue };
        while let Ok(Some(message)) = ws.recv() {
            // Written before the pong to any later ping can leave.
            writeln!(out, "got {}", message.as_text().unwrap()).unwrap();
        }
        if ws.closed().is_some_and(|closed| closed.is_clean()) {
            return;
        }
    }
}

/// Starts the server, kills it after so many messages, and so on; what all of them got.
fn serve_and_kill(address: &str) -> Vec<u32> {
    let mut got = Vec::new();
    for life in [500, 1, 4_999, 30, 9_000].into_iter().cycle() {
        let mut child = start(address);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = life;
        for line in lines {
            let line = line.unwrap();
            let Some(number) = line.strip_prefix("got ") else { continue };
            got.push(number.parse().unwrap());
            left -= 1;
            if left == 0 {
                child.kill().unwrap();
                // What it wrote before it died is still to be read.
            }
        }
        if child.wait().unwrap().success() {
            break;
        }
    }
    got
}

fn start(address: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "server_process", "--nocapture"])
        .env(ADDRESS, address)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[derive(Default)]
struct Told {
    confirmed: BTreeSet<u32>,
    in_doubt: BTreeSet<u32>,
    losses: usize,
}

/// Sends all numbers, and closes when it is known what became of each.
fn send_all(url: &str) -> Told {
    let mut options = Options::default();
    options.first_delay = Duration::from_millis(5);
    options.max_delay = Duration::from_millis(20);
    options.max_messages = 500;
    let mut client = Reconnecting::to(url, options).unwrap();
    let (mut told, mut open, mut next) = (Told::default(), BTreeSet::new(), 0);
    while next < MESSAGES || !open.is_empty() {
        while next < MESSAGES && client.send(next.to_string()).is_ok() {
            open.insert(next);
            next += 1;
        }
        match client.next().unwrap() {
            Event::Confirmed { through: MessageId(through) } => {
                let later = open.split_off(&(u32::try_from(through).unwrap() + 1));
                told.confirmed.extend(std::mem::replace(&mut open, later));
            }
            Event::InDoubt(messages) => {
                for queued in messages {
                    let number = u32::try_from(queued.id.0).unwrap();
                    open.remove(&number);
                    told.in_doubt.insert(number);
                }
            }
            Event::Lost { uptime: Some(_), .. } => told.losses += 1,
            _ => {}
        }
    }
    told
}
