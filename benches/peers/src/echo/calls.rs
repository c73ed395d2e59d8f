//! System calls and allocations a message: counts, so one run of some messages tells them.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};

use super::load::{Load, Shape};
use super::process::{Process, own_program};
use super::server::{Kind, Server};
use super::shape;
use crate::table::Table;

/// What is counted: few messages, since each system call that is counted costs a hundred times what it did.
const SHAPES: [Shape; 4] =
    [shape(8, 1, 32), shape(8, 16, 32), shape(8, 64, 32), shape(8, 1, 1024 * 1024)];

/// How often each connection sends all that it has in flight.
const ROUNDS: u32 = 4;

/// Tells the reads and writes of each server, and its allocations.
pub(super) fn report(servers: &[Server]) -> String {
    let mut calls = Table::new(&["", "driven"]);
    let mut allocations = Table::new(&["", "driven"]);
    for shape in SHAPES {
        calls.head(&[&shape.to_string()]);
        allocations.head(&[&shape.to_string()]);
    }
    for server in servers {
        let row = |cell: fn(&Server, Shape) -> io::Result<String>| {
            let cells = SHAPES.iter().map(|&shape| {
                cell(server, shape).unwrap_or_else(|error| {
                    eprintln!("{} is not counted at {shape}: {error}", server.name);
                    "-".to_owned()
                })
            });
            server.title().into_iter().chain(cells).collect()
        };
        calls.row(row(calls_of));
        if server.kind != Kind::Foreign {
            allocations.row(row(allocations_of));
        }
    }
    format!("{CALLS}\n{calls}\n{ALLOCATIONS}\n{allocations}")
}

const CALLS: &str = "
### System calls a message: reads / writes / others

Counted by `strace -c` on the running server, between the handshakes and the end. Reads that find nothing count.
";

const ALLOCATIONS: &str = "
### Allocations a message

Counted by the allocator of another build of the same servers; an enlargement counts.
";

/// How many messages are sent.
fn messages(shape: Shape) -> f64 {
    f64::from(ROUNDS) * (shape.connections * shape.in_flight) as f64
}

fn calls_of(server: &Server, shape: Shape) -> io::Result<String> {
    let process = Process::start(&server.command)?;
    let load = Load::open(process.port, server.speaks, shape)?;
    load.run(2)?;
    let path = std::env::temp_dir().join(format!("hybi-peers-{}.strace", process.id()));
    let mut strace = Command::new("strace")
        .args(["-f", "-c", "-U", "calls,name", "-p", &process.id().to_string(), "-o"])
        .arg(&path)
        .stderr(Stdio::piped())
        .spawn()?;
    // It says when it has attached itself.
    let mut said = BufReader::new(strace.stderr.take().expect("a pipe was asked for"));
    said.read_line(&mut String::new())?;
    let run = load.run(ROUNDS);
    Command::new("kill").args(["-INT", &strace.id().to_string()]).status()?;
    strace.wait()?;
    let counted = fs::read_to_string(&path)?;
    fs::remove_file(&path)?;
    run?;
    let (mut reads, mut writes, mut others) = (0, 0, 0);
    for line in counted.lines() {
        let Some((calls, name)) = line.trim().split_once(' ') else { continue };
        let Ok(calls) = calls.parse::<u64>() else { continue };
        match name.trim() {
            "read" | "readv" | "recvfrom" | "recvmsg" => reads += calls,
            "write" | "writev" | "sendto" | "sendmsg" => writes += calls,
            "total" => {}
            _ => others += calls,
        }
    }
    let each = |calls| calls as f64 / messages(shape);
    Ok(format!("{:.2} / {:.2} / {:.2}", each(reads), each(writes), each(others)))
}

fn allocations_of(server: &Server, shape: Shape) -> io::Result<String> {
    let mut command = server.command.clone();
    command[0] = own_program("echo-server-counting").display().to_string();
    let mut process = Process::start(&command)?;
    let load = Load::open(process.port, server.speaks, shape)?;
    load.run(2)?;
    let before = process.count()?;
    load.run(ROUNDS)?;
    let counted = process.count()? - before;
    Ok(format!("{:.2}", counted as f64 / messages(shape)))
}
