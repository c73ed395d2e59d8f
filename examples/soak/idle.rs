//! What idle connections cost: many of them, spread over processes, for a process may open only so many files.
//!
//! A group is a server process and a client process on an address of its own in 127.0.0.0/8. The memory of the server
//! processes is read from `/proc`, less what they took before the first connection. Beside the library stands a
//! server whose tasks hold a `TcpStream` and wait for bytes: the difference is the library's share.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::process::{Memory, memory};
use crate::{Options, Result};

/// The whole measurement ends after this at the latest.
const LIMIT: Duration = Duration::from_secs(1800);

/// Files of a process that are no connections.
const OWN_FILES: usize = 64;

/// Where a process may hold fewer connections than this, its own weight and the number of processes would be what is measured.
const FEWEST: usize = 100;

/// How long a process may settle before it is measured.
const SETTLE: Duration = Duration::from_secs(1);

/// A kind of server, and what is done with it once the connections stand.
struct Run {
    kind: &'static str,
    about: &'static str,
    /// Orders to the clients, and what they are in words.
    steps: &'static [(&'static str, &'static str)],
}

const RUNS: [Run; 3] = [
    Run { kind: "bare", about: "tokio tasks with a TcpStream, no library", steps: &[] },
    Run {
        kind: "plain",
        about: "hybi, defaults",
        steps: &[
            ("echo text 32", "each echoed 32 B"),
            ("echo binary 262144", "each echoed 256 KiB"),
        ],
    },
    Run {
        kind: "deflate",
        about: "hybi, compression without context takeover",
        steps: &[("echo text 1024", "each echoed 1 KiB, compressed both ways")],
    },
];

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        eprintln!("this takes too long: given up");
        // The other processes end with their standard input.
        std::process::exit(2);
    });
    let files = most_files()?;
    let per_process = options.per_process.min(files.saturating_sub(OWN_FILES));
    if per_process < options.per_process.min(FEWEST) {
        return Err(format!("a process may open {files} files only: raise `ulimit -n`").into());
    }
    if per_process < options.per_process.min(options.connections) {
        println!(
            "a process may open {files} files (`ulimit -n`): there are more processes for that"
        );
    }
    let groups = options.connections.div_ceil(per_process);
    println!(
        "{} connections, {groups} server and {groups} client processes with at most {per_process} each",
        options.connections
    );
    println!("per connection, in bytes; `kernel` is both ends of all sockets on this machine");
    for run in &RUNS {
        println!("\n{}", run.about);
        measure(options.connections, per_process, run)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(total: usize, per_process: usize, run: &Run) -> Result<()> {
    let kernel = kernel_memory()?;
    let mut groups = Vec::new();
    for (number, start) in (0..total).step_by(per_process).enumerate() {
        groups.push(Group::start(number, run.kind, per_process.min(total - start))?);
    }
    println!("{}", groups[0].about);
    println!("{:<42} {:>9} {:>10} {:>8} {:>8}", "", "resident", "anonymous", "kernel", "took");
    let report = |groups: &[Group], what: &str, start: Instant| -> Result<()> {
        let took = start.elapsed().as_secs_f64();
        std::thread::sleep(SETTLE);
        let (mut resident, mut anonymous) = (0, 0);
        for group in groups {
            let now = memory(&group.server.child.id().to_string())?;
            resident += now.resident.saturating_sub(group.empty.resident);
            anonymous += now.anonymous.saturating_sub(group.empty.anonymous);
        }
        let each = |kib: u64| kib * 1024 / total as u64;
        let kernel = each(kernel_memory()?.saturating_sub(kernel));
        let (resident, anonymous) = (each(resident), each(anonymous));
        println!("{what:<42} {resident:>9} {anonymous:>10} {kernel:>8} {took:>6.1} s");
        Ok(())
    };

    let start = Instant::now();
    for group in &mut groups {
        group.client.order("connect")?;
    }
    report(&groups, "after the handshake", start)?;
    for (order, what) in run.steps {
        let start = Instant::now();
        for group in &mut groups {
            group.client.order(order)?;
        }
        report(&groups, what, start)?;
    }
    // Clients first: who ends a connection first keeps its address for a minute.
    groups.into_iter().try_for_each(Group::end)
}

/// A server process and its clients.
struct Group {
    server: Process,
    client: Process,
    /// The server's memory before the first connection.
    empty: Memory,
    /// What the server says of itself.
    about: String,
}

impl Group {
    fn start(number: usize, kind: &str, connections: usize) -> Result<Self> {
        let host = format!("127.{}.{}.1", 1 + number / 250, 1 + number % 250);
        let mut server = Process::start(&["idle-server", kind, &host])?;
        let (about, addr) = (server.line()?, server.line()?);
        let client = Process::start(&["idle-client", kind, &addr, &connections.to_string()])?;
        std::thread::sleep(SETTLE);
        let empty = memory(&server.child.id().to_string())?;
        Ok(Self { server, client, empty, about })
    }

    fn end(self) -> Result<()> {
        self.client.end()?;
        self.server.end()
    }
}

/// A process that takes orders, a line each, answers each with a line, and ends with its standard input.
struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(args: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Ok(Self { child, orders, answers })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("a process of the measurement has ended early".into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    fn order(&mut self, order: &str) -> Result<()> {
        writeln!(self.orders, "{order}")?;
        match self.line()?.as_str() {
            "done" => Ok(()),
            answer => Err(format!("{order}: {answer}").into()),
        }
    }

    fn end(mut self) -> Result<()> {
        drop(self.orders);
        self.child.wait()?;
        Ok(())
    }
}

/// How many files a process may have open.
fn most_files() -> Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    Ok(soft.ok_or("no limit in /proc/self/limits")?.parse()?)
}

/// What the kernel's own objects take, sockets and files among them, and the buffers of TCP, in KiB.
fn kernel_memory() -> Result<u64> {
    let number = |text: &str, before: &str, word: usize| -> Option<u64> {
        text.lines()
            .find(|line| line.starts_with(before))?
            .split_whitespace()
            .nth(word)?
            .parse()
            .ok()
    };
    let slab = number(&fs::read_to_string("/proc/meminfo")?, "Slab:", 1);
    let pages = number(&fs::read_to_string("/proc/net/sockstat")?, "TCP:", 10);
    match (slab, pages) {
        (Some(slab), Some(pages)) => Ok(slab + pages * 4),
        _ => Err("no figures of the kernel in /proc".into()),
    }
}
