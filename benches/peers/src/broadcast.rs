//! One message to many: encoded once for all ([`hybi::Prepared`]), or sent to each.

use std::hint::black_box;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use hybi::deflate::{Direction, Params};
use hybi::handshake::Negotiated;
use hybi::{Compression, Config, Connection, Message, Prepared, Role};

use crate::echo::thread_cpu;
use crate::grid::{self, Entry, Side};
use crate::measure::{Contender, Local, Plan};
use crate::messages::json;

const SIZES: [usize; 3] = [32, 1024, 16 * 1024];

const IN_MEMORY: usize = 10_000;
/// Where each compresses for itself, which takes long.
const COMPRESSING: usize = 500;
const OVER_SOCKETS: usize = 1_000;

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    let rarely = Plan { rounds: plan.rounds.min(21), turn: plan.turn };
    let memory = grid::measure(&SIZES, rarely, &[], in_memory);
    let sockets = grid::measure(&SIZES, rarely, &[], over_sockets);
    format!("{HEAD}\n### In memory\n\n{memory}\n### Over loopback\n\n{sockets}")
}

const HEAD: &str = "Text messages of JSON from a server to each of its connections, nanoseconds a connection. In memory: 10,000 connections, each
drained after it was sent to (500 where each compresses for itself). Over loopback: 1,000 connections on one tokio thread, a
flush each; the processor time of that thread, in the kernel and outside.
";

fn in_memory(size: usize) -> Vec<Entry> {
    let text = json(size).swap_remove(0);
    let text = String::from_utf8(text.into()).expect("text");
    let message = Message::text(text.clone());
    let plain = Prepared::new(message.clone());
    let compression = Compression::default();
    let compressed = Prepared::compressed(message.clone(), &compression);
    let mut settings = Config::default();
    settings.compression = Some(compression);
    let (own, settings) = (Arc::new(Config::default()), Arc::new(settings));
    let whole = || Connection::server(own.clone());
    let compressing = || {
        let direction = Direction { context_takeover: false, window_bits: 15 };
        let params = Params { server: direction, client: direction };
        Connection::server(settings.clone()).with_compression(params, None)
    };
    let owned = message.clone();
    vec![
        each("Prepared", IN_MEMORY, whole, move |conn| conn.send_prepared(&plain).is_ok()),
        each("send, a Message that others share", IN_MEMORY, whole, move |conn| {
            conn.send(owned.clone()).is_ok()
        }),
        each("send_text, borrowed", IN_MEMORY, whole, move |conn| conn.send_text(&text).is_ok()),
        each("Prepared::compressed", IN_MEMORY, compressing, move |conn| {
            conn.send_prepared(&compressed).is_ok()
        }),
        each("send, compressed for each", COMPRESSING, compressing, move |conn| {
            conn.send(message.clone()).is_ok()
        }),
    ]
}

fn each(
    how: &'static str,
    count: usize,
    open: impl Fn() -> Connection,
    mut send: impl FnMut(&mut Connection) -> bool + 'static,
) -> Entry {
    let mut connections: Vec<_> = (0..count).map(|_| open()).collect();
    let contender = Local::new(move |_| {
        for conn in &mut connections {
            assert!(send(conn), "there is room");
            let tx = conn.transmit();
            while tx.has_remaining() {
                let len = black_box(tx.chunk()).len();
                tx.advance(len);
            }
        }
    });
    Entry { side: Side::Ours, name: "hybi", how, batch: count, contender: Box::new(contender) }
}

fn over_sockets(size: usize) -> Vec<Entry> {
    let text: Bytes = json(size).swap_remove(0);
    let message = Message::text(String::from_utf8(text.into()).expect("text"));
    let entry = |how, prepared| Entry {
        side: Side::Ours,
        name: "hybi",
        how,
        batch: OVER_SOCKETS,
        contender: Box::new(Room::open(message.clone(), prepared)),
    };
    let prepared = Prepared::new(message.clone());
    vec![entry("Prepared", Some(prepared)), entry("send, a Message that others share", None)]
}

/// Connections on one thread, each read empty by another.
struct Room {
    runtime: tokio::runtime::Runtime,
    members: Vec<hybi::tokio::WebSocket<tokio::net::TcpStream>>,
    message: Message,
    prepared: Option<Prepared>,
}

impl Room {
    fn open(message: Message, prepared: Option<Prepared>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let config = Arc::new(Config::default());
        let (mut members, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..OVER_SOCKETS {
            readers.push(TcpStream::connect(address).expect("it listens"));
            let (stream, _) = listener.accept().expect("it was connected to");
            stream.set_nodelay(true).expect("it can be set");
            stream.set_nonblocking(true).expect("it can be set");
            let _entered = runtime.enter();
            let stream = tokio::net::TcpStream::from_std(stream).expect("a runtime is entered");
            let (role, agreed) = (Role::Server, Negotiated::default());
            let ws =
                hybi::tokio::WebSocket::from_upgraded(stream, role, &[], agreed, config.clone());
            members.push(ws);
        }
        std::thread::spawn(move || drain(readers));
        Self { runtime, members, message, prepared }
    }
}

/// Reads from one after the other until they end. Who is slow here waits in the kernel's buffers meanwhile.
fn drain(readers: Vec<TcpStream>) {
    let mut buf = vec![0; 256 * 1024];
    while readers.iter().all(|mut reader| reader.read(&mut buf).is_ok_and(|len| len > 0)) {}
}

impl Contender for Room {
    fn run(&mut self, count: u32) -> Duration {
        let before = thread_cpu();
        self.runtime.block_on(async {
            for _ in 0..count {
                for ws in &mut self.members {
                    match &self.prepared {
                        Some(prepared) => ws.feed_prepared(prepared).await.expect("it is open"),
                        None => ws.feed(self.message.clone()).await.expect("it is open"),
                    }
                    ws.flush().await.expect("it is read from");
                }
            }
        });
        thread_cpu() - before
    }
}
