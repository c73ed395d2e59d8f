//! A server in a program of its own, pinned to the first core.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The core of the servers.
const SERVERS_CORE: &str = "0";
/// The core of who sends to them.
const OWN_CORE: &str = "1";

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Where it listens.
    pub(super) port: u16,
}

/// A program of this package.
pub(super) fn own_program(name: &str) -> PathBuf {
    std::env::current_exe().expect("a program has a path").with_file_name(name)
}

/// Moves this thread, and all that it starts from here on, to the core that the servers leave free.
pub(super) fn pin_self() {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-p", "-c", OWN_CORE, &pid]).output();
    assert!(pinned.is_ok_and(|output| output.status.success()), "two cores, and taskset");
}

impl Process {
    /// Starts a program, which prints its port first.
    pub(super) fn start(command: &[String]) -> std::io::Result<Self> {
        let mut child = Command::new("taskset")
            .args(["-c", SERVERS_CORE])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().expect("a pipe was asked for");
        let answers = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let mut process = Self { child, orders, answers, port: 0 };
        process.port = process.answer()? as u16;
        Ok(process)
    }

    /// What the program counts.
    pub(super) fn count(&mut self) -> std::io::Result<u64> {
        writeln!(self.orders)?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<u64> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        line.trim().parse().map_err(|_| std::io::ErrorKind::InvalidData.into())
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The time that its threads have been on a processor, in the kernel or outside.
    pub(super) fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs");
        let nanos = tasks.map(|task| {
            let path = task.expect("it runs").path().join("schedstat");
            let text = fs::read_to_string(path).unwrap_or_default();
            text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
        });
        Duration::from_nanos(nanos.sum())
    }

    /// Bytes of its memory that are resident.
    pub(super) fn resident(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.expect("the kernel tells it") * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
