//! Random traffic for a given time, every message checked; and what idle connections cost.
//!
//! ```text
//! cargo run --release --features tokio,deflate --example soak -- --connections 200 --seconds 60
//! cargo run --release --features tokio,deflate --example soak -- idle --connections 50000
//! ```
//!
//! The first holds so many connections over loopback for so long. Both ends send numbered messages at random
//! (text, binary, characters of several bytes, fragments, prepared messages; from nothing to 1 MiB; a third
//! of the connections without compression, with it, with context takeover), ping, close, or reset the connection. A
//! connection that has ended makes room for the next. The exit code is 1 if a message was lost, came twice or
//! came changed, if a connection ended by itself, if descriptors are left, or if memory grows: after half an hour by more
//! than `--growth` KiB a minute, after two and a half minutes by more than a hundred times as much.
//!
//! A message counts as sent when the library has queued it. It is *lost* if it does not arrive on a connection that
//! was not reset on purpose; on one that was, what is missing at its end was *cut off*, but a gap before a message
//! that arrived is a loss all the same.
//!
//! The second opens idle connections and leaves them; what each costs is measured from outside: see `idle.rs`.

mod end;
mod idle;
mod idle_ends;
mod process;
mod soak;
mod tally;
mod traffic;

use std::process::ExitCode;
use std::time::Duration;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("idle") => idle::run(&Options::read(&args[1..])?),
        Some("idle-server") => idle_ends::serve(&args[1..]),
        Some("idle-client") => idle_ends::connect(&args[1..]),
        _ => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(soak::run(&Options::read(&args)?))
        }
    }
}

/// What the command line says.
#[derive(Clone, Debug)]
struct Options {
    connections: usize,
    time: Duration,
    seed: u64,
    /// The mean pause between two bursts of an end.
    pace: Duration,
    /// Of a thousand messages, before how many the connection is reset.
    resets: u64,
    /// How often memory is looked at.
    every: Duration,
    /// How much resident memory may grow, in KiB a minute.
    growth: f64,
    /// How many idle connections a process holds.
    per_process: usize,
}

impl Options {
    fn read(args: &[String]) -> Result<Self> {
        let mut options = Self {
            connections: 200,
            time: Duration::from_secs(60),
            seed: 1,
            pace: Duration::from_millis(50),
            resets: 10,
            every: Duration::from_secs(5),
            growth: 128.0,
            per_process: 10_000,
        };
        for pair in args.chunks(2) {
            let [name, value] = pair else { return Err(USAGE.into()) };
            match name.as_str() {
                "--connections" => options.connections = value.parse()?,
                "--seconds" => options.time = Duration::from_secs(value.parse()?),
                "--seed" => options.seed = value.parse()?,
                "--pace-ms" => options.pace = Duration::from_millis(value.parse()?),
                "--resets-per-mille" => options.resets = value.parse()?,
                "--every" => options.every = Duration::from_secs(value.parse()?),
                "--growth" => options.growth = value.parse()?,
                "--per-process" => options.per_process = value.parse()?,
                _ => return Err(USAGE.into()),
            }
        }
        if options.connections == 0 || options.per_process == 0 || options.every.is_zero() {
            return Err("connections, per-process and every are at least 1".into());
        }
        Ok(options)
    }
}

const USAGE: &str = "usage: soak [--connections N] [--seconds S] [--seed N] [--pace-ms MS] \
    [--resets-per-mille N] [--every S] [--growth KIB_A_MINUTE] | soak idle [--connections N] [--per-process N]";
