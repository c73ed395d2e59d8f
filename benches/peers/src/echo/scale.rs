//! Whether the cost of a message stays as it is when there are more connections, and that of a byte when there are more bytes.

use super::server::{BORROWED, HYBI, RAW, Server};
use super::{Running, measure, shape};
use crate::grid::{nanos, size_name};
use crate::measure::{Plan, Samples};
use crate::table::Table;

const CONNECTIONS: [usize; 5] = [1, 10, 100, 1000, 10_000];

/// So many connections cannot be held to all servers at once: there are not enough file descriptors.
const ALONE: usize = 5_000;

const SIZES: [usize; 8] = [8, 64, 512, 4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024];

pub(super) fn report(servers: &[Server], plan: Plan) -> String {
    let servers = [&servers[RAW], &servers[HYBI], &servers[BORROWED]];
    let plan = Plan { rounds: plan.rounds.min(9), turn: plan.turn };
    let columns = ["raw TCP, ns", "recv, feed, ns", "x raw", "borrowed, ns", "x raw"];

    let mut by_connections = Table::new(&["connections"]);
    by_connections.head(&columns);
    for connections in CONNECTIONS {
        let cells = row(&servers, connections, 32, plan);
        by_connections.row([vec![connections.to_string()], cells].concat());
    }
    let mut by_size = Table::new(&["size"]);
    by_size.head(&columns);
    by_size.head(&["recv, feed, ns a byte"]);
    for size in SIZES {
        let mut cells = row(&servers, 8, size, plan);
        let whole: f64 = cells[1].parse().expect("a number");
        cells.push(format!("{:.3}", whole / size as f64));
        by_size.row([vec![size_name(size)], cells].concat());
    }
    format!("{BY_CONNECTIONS}\n{by_connections}\n{BY_SIZE}\n{by_size}")
}

const BY_CONNECTIONS: &str =
    "### hybi's processor time a message by connections, 32 B, one in flight on each
";

const BY_SIZE: &str =
    "### hybi's processor time a message by size, 8 connections, one in flight on each
";

fn row(servers: &[&Server; 3], connections: usize, size: usize, plan: Plan) -> Vec<String> {
    let shape = shape(connections, 1, size);
    let start = |servers: &[&Server]| -> Vec<_> {
        servers.iter().map(|server| Running::start(server, shape)).collect()
    };
    let samples = if connections < ALONE {
        measure(&mut start(servers), plan)
    } else {
        servers.chunks(1).flat_map(|server| measure(&mut start(server), plan)).collect()
    };
    let [raw, owned, borrowed] = &samples[..] else { panic!("there are three") };
    let of = |samples: &Option<Samples>| {
        let samples = samples.as_ref().expect("it runs");
        let ratio = samples.over(raw.as_ref().expect("it runs"));
        [nanos(samples.nanos() / connections as f64), format!("{ratio:.2}")]
    };
    [&of(raw)[..1], &of(owned), &of(borrowed)].concat()
}
