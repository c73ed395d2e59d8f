//! Who takes part.

use super::load::Speaks;
use super::process;
use crate::grid::Side;

/// A server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) side: Side,
    /// Its crate.
    pub(super) name: &'static str,
    /// How it is driven.
    pub(super) how: &'static str,
    pub(super) speaks: Speaks,
    pub(super) command: Vec<String>,
    pub(super) kind: Kind,
}

/// What a server is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One thread of this package's program.
    Own,
    /// The same as one before it in the list, driven otherwise: its memory is no other.
    Again,
    /// A thread for each connection.
    Threads,
    /// A program of its own, in another language.
    Foreign,
}

/// Where raw TCP, hybi as its README shows it, and hybi without a copy of the message stand in the list.
pub(super) const RAW: usize = 0;
pub(super) const HYBI: usize = 2;
pub(super) const BORROWED: usize = 3;

pub(super) fn all() -> Vec<Server> {
    let mut servers = vec![
        own("raw TCP", "on tokio", "raw"),
        own("floor", "hand-written, on tokio", "floor"),
        own("hybi", "recv, feed (flushes before it waits)", "hybi"),
        again("hybi", "readable, parts: borrowed", "hybi-borrowed"),
        again("hybi", "recv, send each", "hybi-send"),
        own("tungstenite", "blocking, a thread each; send each", "tungstenite"),
        own("tokio-tungstenite", "send each", "tokio-tungstenite"),
        again("tokio-tungstenite", "feed, flush before waiting", "tokio-tungstenite-batch"),
        own(
            "tokio-tungstenite",
            "its own buffer of 128 KiB; send each",
            "tokio-tungstenite-default",
        ),
        own("fastwebsockets", "send each, its only mode", "fastwebsockets"),
        own("tokio-websockets", "send each", "tokio-websockets"),
        again("tokio-websockets", "feed, flush before waiting", "tokio-websockets-batch"),
        own("yawc", "send each", "yawc"),
        again("yawc", "feed, flush before waiting", "yawc-batch"),
        own("sockudo-ws", "send each", "sockudo-ws"),
        again("sockudo-ws", "feed, flush before waiting", "sockudo-ws-batch"),
        own("wtx", "send each, its only mode", "wtx"),
        own("soketto", "send and flush each, its only mode", "soketto"),
    ];
    // `run` installs them, and says where they are.
    for (name, how, variable) in [
        ("uWebSockets", "C++, driven from C; corked", "HYBI_PEERS_UWEBSOCKETS"),
        ("ws", "JavaScript, on node", "HYBI_PEERS_WS"),
    ] {
        match std::env::var(variable) {
            Ok(command) => {
                let command = command.split(' ').map(str::to_owned).collect();
                let (side, speaks) = (Side::Peer, Speaks::WebSocket);
                servers.push(Server { side, name, how, speaks, command, kind: Kind::Foreign });
            }
            Err(_) => eprintln!("{name} IS LEFT OUT: it is not installed ({variable} is not set)"),
        }
    }
    servers
}

fn own(name: &'static str, how: &'static str, program: &str) -> Server {
    let path = process::own_program("echo-server").display().to_string();
    let (side, speaks) = match program {
        "raw" => (Side::Floor, Speaks::Raw),
        _ => (Side::of(name), Speaks::WebSocket),
    };
    let kind = if program == "tungstenite" { Kind::Threads } else { Kind::Own };
    Server { side, name, how, speaks, command: vec![path, program.to_owned()], kind }
}

/// The server before this one, driven otherwise.
fn again(name: &'static str, how: &'static str, program: &str) -> Server {
    Server { kind: Kind::Again, ..own(name, how, program) }
}

impl Server {
    /// The beginning of its row.
    pub(super) fn title(&self) -> Vec<String> {
        vec![self.name.to_owned(), self.how.to_owned()]
    }
}
