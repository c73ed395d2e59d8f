//! Measures hybi beside its peers and writes the tables. `--out FILE` says where, `--quick` measures a little only,
//! to see that all works; the subjects' names choose some of them.

use std::time::Duration;

use hybi_peers::measure::Plan;
use hybi_peers::{decode, deflate, encode, table};

/// A subject's name and what measures it.
type Subject = (&'static str, fn(Plan) -> String);

/// The subjects in the order of the tables.
const SUBJECTS: [Subject; 3] =
    [("decode", decode::report), ("encode", encode::report), ("deflate", deflate::report)];

const USAGE: &str = "usage: hybi-peers [--quick] [--out FILE] [SUBJECT...]";

fn main() {
    let mut plan = Plan { rounds: 101, turn: Duration::from_millis(4) };
    let (mut out, mut chosen) = (None, Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match &*arg {
            "--quick" => plan = Plan { rounds: 5, turn: Duration::from_millis(1) },
            "--out" => out = Some(args.next().expect(USAGE)),
            name if SUBJECTS.iter().any(|(subject, _)| *subject == name) => chosen.push(arg),
            _ => panic!("{USAGE}"),
        }
    }
    let mut text = format!(
        "# hybi beside its peers\n\n\
         Written by `benches/peers/run`: {}. Medians of {} rounds of about {} ms, in which all took turns.\n\
         Figures move from machine to machine; the ratios, taken within each round, are what counts.\n",
        table::machine(),
        plan.rounds,
        plan.turn.as_millis(),
    );
    for (subject, report) in SUBJECTS {
        if chosen.is_empty() || chosen.iter().any(|name| name == subject) {
            text.push('\n');
            text += &report(plan);
        }
    }
    print!("{text}");
    if let Some(out) = out {
        std::fs::write(out, text).expect("the file can be written");
    }
}
