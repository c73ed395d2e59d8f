//! A contender in another program, which stands beside this one: it is told how many rounds to do and answers how
//! long they took.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Entry;
use crate::measure::Contender;

struct Worker {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// soketto, if its program has been built.
pub(super) fn entry(size: usize) -> Option<Entry> {
    let mut program = std::env::current_exe().ok()?;
    program.set_file_name("c-zlib");
    let spawned = Command::new(program)
        .arg(size.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            eprintln!("soketto is left out: {error}");
            return None;
        }
    };
    let orders = child.stdin.take();
    let answers = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
    let mut worker = Worker { child, orders, answers };
    let wire = worker.answer() as usize;
    Some(Entry {
        name: "soketto",
        settings: "level 1 (fixed), memory 8, zlib in C; the extension alone, no frames".into(),
        wire,
        contender: Box::new(worker),
    })
}

impl Worker {
    fn answer(&mut self) -> u64 {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the worker answers");
        line.trim().parse().expect("the worker answers with a number")
    }
}

impl Contender for Worker {
    fn run(&mut self, count: u32) -> Duration {
        let orders = self.orders.as_mut().expect("it is there until the end");
        writeln!(orders, "{count}").expect("the worker listens");
        Duration::from_nanos(self.answer())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its orders ends the worker.
        self.orders = None;
        let _ = self.child.wait();
    }
}
