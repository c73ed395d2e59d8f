//! Resident memory a connection, of 10,000 that are idle.

use std::io;

use super::load::Load;
use super::process::Process;
use super::server::{Kind, Server};
use super::shape;
use crate::table::Table;

const CONNECTIONS: usize = 10_000;

/// How large the messages are that each connection echoes before it is idle again.
const SIZES: [usize; 2] = [16 * 1024, 64 * 1024];

/// Tells the memory of each server, and how fast it shakes hands.
pub(super) fn report(servers: &[Server]) -> String {
    let mut table = Table::new(&["", "driven"]);
    table.head(&[
        "after the handshake",
        "after 16 KiB each",
        "after 64 KiB each",
        "handshakes/s of CPU",
    ]);
    for server in servers.iter().filter(|s| matches!(s.kind, Kind::Own | Kind::Foreign)) {
        let cells = measure(server).unwrap_or_else(|error| {
            eprintln!("{} is left out of the memory table: {error}", server.name);
            vec!["-".to_owned(); 4]
        });
        table.row(server.title().into_iter().chain(cells).collect());
    }
    format!("{HEAD}\n{table}")
}

const HEAD: &str = "### KiB of resident memory a connection, 10,000 connections

The whole process, less what it had before the first; after each has echoed one message, one connection after the other, it is
measured again. tungstenite alone is left out: it would be 10,000 threads.
";

fn measure(server: &Server) -> io::Result<Vec<String>> {
    let process = Process::start(&server.command)?;
    let before = process.resident();
    let kib = || {
        let grown = process.resident().saturating_sub(before);
        format!("{:.2}", grown as f64 / (1024 * CONNECTIONS) as f64)
    };
    let spent = process.cpu();
    let mut load = Load::connect(process.port, server.speaks, shape(CONNECTIONS, 1, 32))?;
    let spent = process.cpu() - spent;
    let mut cells = vec![kib()];
    for size in SIZES {
        load.set_message(server.speaks, size, 1);
        load.run_one_by_one()?;
        cells.push(kib());
    }
    cells.push(format!("{:.0}", CONNECTIONS as f64 / spent.as_secs_f64()));
    Ok(cells)
}
