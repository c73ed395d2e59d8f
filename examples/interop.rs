//! Our end of the conversations with other implementations, one mode for each role and adapter: see
//! `tests/interop/README.md`.
//!
//! ```text
//! interop server-tokio|server-blocking 127.0.0.1:PORT
//! interop client-tokio|client-blocking ws://127.0.0.1:PORT [CASES]
//! ```

#[path = "../tests/interop/agent/client.rs"]
mod client;
#[path = "../tests/interop/agent/compression.rs"]
mod compression;
#[path = "../tests/interop/agent/page.rs"]
mod page;
#[path = "../tests/interop/agent/script.rs"]
mod script;
#[path = "../tests/interop/agent/server.rs"]
mod server;
#[path = "../tests/interop/agent/socket.rs"]
mod socket;
#[path = "../tests/interop/agent/words.rs"]
mod words;

use std::future::Future;
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let failed = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server-tokio", addr] => match tokio_runtime()?.block_on(server::serve_tokio(addr))? {},
        ["server-blocking", addr] => match server::serve_blocking(addr)? {},
        ["client-tokio", url, ref cases @ ..] => {
            type Socket = hybi::tokio::WebSocket<hybi::tokio::AnyStream>;
            tokio_runtime()?.block_on(client::run::<Socket>(url, &read(cases)?))
        }
        ["client-blocking", url, ref cases @ ..] => {
            type Socket = hybi::blocking::WebSocket<hybi::blocking::AnyStream>;
            at_once(client::run::<Socket>(url, &read(cases)?))
        }
        _ => return Err("usage: interop server-tokio ADDR | client-tokio URL | ...".into()),
    };
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The queries of `/deflate` that files list.
fn read(files: &[&str]) -> std::io::Result<String> {
    files.iter().map(std::fs::read_to_string).collect()
}

fn tokio_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// The result of a conversation over the blocking adapter, whose futures block and are ready at the first poll.
fn at_once<T>(conversation: impl Future<Output = T>) -> T {
    match pin!(conversation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("a blocking socket's futures never wait"),
    }
}
