//! Echo servers over loopback, one thread each, pinned; what they cost beside a raw TCP echo.

mod calls;
mod load;
mod memory;
mod process;
mod scale;
mod server;

use std::io;
use std::time::Duration;

pub(crate) use self::load::thread_cpu;
use self::load::{Load, Shape};
use self::process::Process;
use self::server::{HYBI, RAW, Server};
use crate::grid::{Side, nanos, verdict};
use crate::measure::{Contender, Plan, Samples, compare};
use crate::table::Table;

/// What is asked of the servers, and what hybi is hoped to cost beside raw TCP.
const SHAPES: [(Shape, Option<f64>); 8] = [
    (shape(1, 1, 32), None),
    (shape(64, 1, 32), Some(1.05)),
    (shape(64, 1, 1024), Some(1.13)),
    (shape(64, 16, 32), Some(1.2)),
    (shape(64, 16, 1024), Some(1.2)),
    (shape(64, 64, 32), Some(1.4)),
    (shape(64, 64, 1024), Some(1.4)),
    (shape(8, 1, 1024 * 1024), Some(1.3)),
];

const fn shape(connections: usize, in_flight: usize, size: usize) -> Shape {
    Shape { connections, in_flight, size }
}

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    process::pin_self();
    // A turn is long here, since all connections have theirs in it.
    let plan = Plan { rounds: plan.rounds.div_ceil(4), turn: plan.turn * 4 };
    let servers = server::all();
    let cpu = report_cpu(&servers, plan);
    let calls = calls::report(&servers);
    let memory = memory::report(&servers);
    let scale = scale::report(&servers, plan);
    format!("{HEAD}\n{cpu}\n{calls}\n{memory}\n{scale}")
}

const HEAD: &str = "Each server is a program of its own, one thread pinned to one core (but the one that is blocking); all run at
once and take turns, and their processor time counts, in the kernel and outside. What sends to them is pinned to another core: it writes
frames that were masked before and counts what comes back, one write and one read for all that is in flight on a
connection. `64 x 16, 32 B`: 64 connections, on each of which 16 messages of 32 bytes are sent in one write, and 16 more when all
have come back. Read buffers are of 16 KiB where they can be chosen; fastwebsockets and yawc are given a handshake by hand, hybi makes
the one it makes always. `send each`: a flush a message, as most examples of the peers have it. `feed, flush before waiting`: what hybi does
unasked, where a peer can be driven so.

### Processor time of the server a message, raw TCP = 1.00
";

fn report_cpu(servers: &[Server], plan: Plan) -> Table {
    let mut table = Table::new(&["", "driven"]);
    let mut rows: Vec<_> = servers.iter().map(Server::title).collect();
    let title = |left: &str, right: &str| vec![left.to_owned(), right.to_owned()];
    let mut absolute = title("*raw TCP*", "*ns a message*");
    let mut own = title("*what sends*", "*beside raw TCP*");
    let mut goal = title("*goal*", "*hybi's recv, feed to raw TCP*");
    let mut best = title("*best peer*", "*hybi's recv, feed to it*");
    for (shape, at_most) in SHAPES {
        table.head(&[&shape.to_string()]);
        let mut running: Vec<_> = servers.iter().map(|s| Running::start(s, shape)).collect();
        let samples = measure(&mut running, plan);
        let (ours, raw) = (&samples[HYBI], &samples[RAW]);
        let (ours, raw) = (ours.as_ref().expect("it runs"), raw.as_ref().expect("it runs"));
        for (row, samples) in rows.iter_mut().zip(&samples) {
            row.push(samples.as_ref().map_or("-".into(), |of| format!("{:.2}", of.over(raw))));
        }
        let messages = (shape.connections * shape.in_flight) as f64;
        absolute.push(nanos(raw.nanos() / messages));
        own.push(format!("{:.2}", running[RAW].as_ref().expect("it runs").own_share()));
        goal.push(verdict(ours.over(raw), at_most));
        let peers = servers.iter().zip(&samples).filter(|(server, _)| server.side == Side::Peer);
        let peers = peers.filter_map(|(_, samples)| samples.as_ref());
        let peer = peers.min_by(|a, b| a.nanos().total_cmp(&b.nanos())).expect("there are some");
        best.push(verdict(ours.over(peer), None));
    }
    rows.into_iter().chain([absolute, own, goal, best]).for_each(|row| table.row(row));
    table
}

/// Lets those that run take turns; the others have no samples.
fn measure(running: &mut [Option<Running>], plan: Plan) -> Vec<Option<Samples>> {
    let mut contenders: Vec<&mut dyn Contender> = Vec::new();
    let mut is_running = Vec::new();
    for server in running {
        is_running.push(server.is_some());
        contenders.extend(server.as_mut().map(|server| server as &mut dyn Contender));
    }
    let mut samples = compare(&mut contenders, plan).into_iter();
    is_running.into_iter().map(|is| if is { samples.next() } else { None }).collect()
}

/// A server with its connections.
struct Running {
    process: Process,
    load: Load,
    /// The processor time of the server, and of what sends to it.
    spent: (Duration, Duration),
}

impl Running {
    /// Starts a server and connects to it; says so where that fails.
    fn start(server: &Server, shape: Shape) -> Option<Self> {
        let start = || -> io::Result<Self> {
            let process = Process::start(&server.command)?;
            let load = Load::open(process.port, server.speaks, shape)?;
            Ok(Self { process, load, spent: Default::default() })
        };
        start()
            .inspect_err(|error| eprintln!("{} ({}) IS LEFT OUT: {error}", server.name, server.how))
            .ok()
    }

    /// What it costs to send to the server beside what the server costs.
    fn own_share(&self) -> f64 {
        let (server, own) = self.spent;
        own.as_secs_f64() / server.as_secs_f64()
    }
}

impl Contender for Running {
    fn run(&mut self, count: u32) -> Duration {
        let before = self.process.cpu();
        let own = self.load.run(count).expect("the server answers");
        let server = self.process.cpu() - before;

        self.spent.0 += server;
        self.spent.1 += own;
        server
    }
}
