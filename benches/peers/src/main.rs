//! Measures hybi beside its peers and prints the tables. `--out FILE` writes them into a file, where the tables of other
//! subjects stay; `--quick` measures a little only, to see that all works; names choose some of the subjects.

use std::time::{Duration, Instant};

use hybi_peers::measure::Plan;
use hybi_peers::results::{self, Section};
use hybi_peers::{broadcast, decode, deflate, echo, encode, handshake, mask, utf8};

/// A subject's name, its title and what measures it.
type Subject = (&'static str, &'static str, fn(Plan) -> String);

/// The subjects in the order of the tables.
const SUBJECTS: [Subject; 8] = [
    ("echo", "Echo over loopback", echo::report),
    ("decode", "Decoding", decode::report),
    ("encode", "Encoding", encode::report),
    ("mask", "Masking", mask::report),
    ("utf8", "UTF-8", utf8::report),
    ("handshake", "Opening handshake", handshake::report),
    ("deflate", "Compression", deflate::report),
    ("broadcast", "Broadcast", broadcast::report),
];

const USAGE: &str = "usage: hybi-peers [--quick] [--out FILE] [SUBJECT...]";

fn main() {
    let mut plan = Plan { rounds: 61, turn: Duration::from_millis(3) };
    let (mut out, mut chosen) = (None, Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match &*arg {
            "--quick" => plan = Plan { rounds: 5, turn: Duration::from_millis(1) },
            "--out" => out = Some(args.next().expect(USAGE)),
            name if SUBJECTS.iter().any(|(subject, ..)| *subject == name) => chosen.push(arg),
            _ => panic!("{USAGE}"),
        }
    }
    for (name, title, report) in SUBJECTS {
        if !chosen.is_empty() && !chosen.iter().any(|chosen| chosen == name) {
            continue;
        }
        let started = Instant::now();
        let section = Section::new(title, plan, &report(plan));
        eprintln!("{name} took {} s", started.elapsed().as_secs());
        println!("{section}");
        if let Some(out) = &out {
            let titles = SUBJECTS.map(|(_, title, _)| title);
            results::put(out, &titles, section).expect("the file can be written");
        }
    }
}
