//! Encoding: binary messages are sent one by one into a transport that takes all.

mod drain;
mod writers;

use std::hint::black_box;

use bytes::Bytes;
use hybi::{Connection, Received, RecvBuf, Role};

use self::drain::Drain;
use self::writers::Writer;
use crate::grid::{self, Entry};
use crate::measure::{Local, Plan};

const SIZES: [usize; 6] = [8, 32, 125, 1024, 16 * 1024, 1024 * 1024];

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    let mut text = String::from(HEAD);
    let mut losses = String::new();
    for (role, title) in [(Role::Server, "Server"), (Role::Client, "Client (masks)")] {
        let table = grid::measure(title, &SIZES, plan, &mut losses, |size| entries(role, size));
        text += &format!("\n### {title}\n\n{table}");
    }
    text + &grid::losses(&losses)
}

const HEAD: &str = "## Encoding

Binary messages are sent and flushed one by one into a transport in memory that takes all and keeps nothing. The message
is a `Bytes` that others share, so a client cannot mask it in place. Nanoseconds a message. Mask keys: hybi from the operating
system, through a pool; tungstenite, fastwebsockets and yawc from `rand`; tokio-websockets and sockudo-ws from
`fastrand`, which can be predicted.
";

fn entries(role: Role, size: usize) -> Vec<Entry> {
    let case = (role, size);
    vec![
        entry::<writers::Hybi>(case, "hybi", "send"),
        entry::<writers::Tungstenite>(case, "tungstenite", "blocking, write and flush"),
        entry::<writers::Fastwebsockets>(case, "fastwebsockets", "write_frame"),
        entry::<writers::TokioWebsockets>(case, "tokio-websockets", "Sink"),
        entry::<writers::Yawc>(case, "yawc", "Sink"),
        entry::<writers::Sockudo>(case, "sockudo-ws", "Sink, no timers"),
    ]
}

fn entry<W: Writer + 'static>(
    (role, size): (Role, usize),
    name: &'static str,
    how: &'static str,
) -> Entry {
    let message: Bytes = (0..size).map(|i| i as u8).collect();
    verify::<W>(role, &message);
    let mut writer = W::open(role, Drain::new());
    let contender = Local::new(move |_| writer.write(black_box(&message)));
    Entry { name, how, batch: 1, contender: Box::new(contender) }
}

/// Sees that the other end reads what was sent.
fn verify<W: Writer>(role: Role, message: &Bytes) {
    let (drain, record) = Drain::recording();
    let mut writer = W::open(role, drain);
    writer.write(message);
    writer.write(message);
    let mut peer = match role {
        Role::Server => Connection::client(Default::default(), hybi::OsMaskKeys),
        Role::Client => Connection::server(Default::default()),
    };
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(&record.lock().expect("nobody panics"));
    for _ in 0..2 {
        match peer.next_message(&mut rx) {
            Some(Received::Message(told)) => assert_eq!(told.as_bytes(), message),
            told => panic!("a message was sent, and {told:?} came"),
        }
    }
    assert!(rx.is_empty(), "no byte is left");
}
