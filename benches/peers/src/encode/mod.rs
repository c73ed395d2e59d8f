//! Encoding: binary messages are sent one by one into a transport that takes all.

mod writers;

use std::hint::black_box;

use bytes::Bytes;
use hybi::{Connection, Received, RecvBuf, Role};

use self::writers::Writer;
use crate::drain::Drain;
use crate::grid::{self, Entry, Goal, Side};
use crate::measure::{Local, Plan};

const SIZES: [usize; 6] = [8, 32, 125, 1024, 16 * 1024, 1024 * 1024];

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    let server = grid::measure(&SIZES, plan, &SERVER, |size| {
        let mut entries = vec![entry::<writers::Floor>(
            (Role::Server, size),
            "floor",
            "a plain copy of header and payload",
        )];
        entries.extend(libraries(Role::Server, size));
        entries
    });
    let client = grid::measure(&SIZES, plan, &CLIENT, |size| libraries(Role::Client, size));
    format!("{HEAD}\n### Server\n\n{server}\n### Client (masks)\n\n{client}")
}

const HEAD: &str = "Binary messages are sent and flushed one by one into a transport in memory that takes all and keeps nothing. The message
is a `Bytes` that the caller keeps, so a client cannot mask it in place: fastwebsockets, soketto and wtx borrow it, the other
peers are given a clone, which costs two atomic operations, and hybi is driven both ways, without an adapter (as
tungstenite, which blocks) and over tokio (as the others). Nanoseconds a message. Mask keys: hybi from the operating system,
through a pool; tungstenite, fastwebsockets, yawc and soketto from `rand`; tokio-websockets and sockudo-ws from `fastrand`,
wtx from a generator seeded with the time: those three can be predicted, and the goal does not count them.
";

const BORROWED: &str = "send_binary: borrowed";
const OWNED: &str = "send: owned";
const TOKIO_BORROWED: &str = "tokio, send_binary and flush: borrowed";

const SERVER: [Goal; 4] = [
    Goal {
        how: BORROWED,
        against: Side::Peer,
        like: None,
        at_most: |size| (size <= 125).then_some(0.7),
    },
    Goal {
        how: BORROWED,
        against: Side::Floor,
        like: None,
        at_most: |size| (size == 1024).then_some(1.2),
    },
    Goal { how: OWNED, against: Side::Peer, like: None, at_most: |_| None },
    Goal { how: TOKIO_BORROWED, against: Side::Peer, like: None, at_most: |_| None },
];
const CLIENT: [Goal; 3] = [
    Goal { how: BORROWED, against: Side::Peer, like: None, at_most: |_| Some(0.7) },
    Goal { how: OWNED, against: Side::Peer, like: None, at_most: |_| None },
    Goal { how: TOKIO_BORROWED, against: Side::Peer, like: None, at_most: |_| None },
];

fn libraries(role: Role, size: usize) -> Vec<Entry> {
    let case = (role, size);
    let mut entries = vec![
        entry::<writers::Hybi<true>>(case, "hybi", BORROWED),
        entry::<writers::Hybi<false>>(case, "hybi", OWNED),
        entry::<writers::HybiTokio<true>>(case, "hybi", TOKIO_BORROWED),
        entry::<writers::HybiTokio<false>>(case, "hybi", "tokio, send: owned"),
        entry::<writers::Tungstenite>(case, "tungstenite", "blocking, write and flush"),
        entry::<writers::TokioTungstenite>(case, "tokio-tungstenite", "Sink"),
        entry::<writers::Fastwebsockets>(case, "fastwebsockets", "write_frame"),
        entry::<writers::TokioWebsockets>(case, "tokio-websockets", "Sink"),
        entry::<writers::Yawc>(case, "yawc", "Sink"),
        entry::<writers::Sockudo>(case, "sockudo-ws", "Sink, no timers"),
        entry::<writers::Soketto>(case, "soketto", "send_binary, flush"),
        match role {
            Role::Server => entry::<writers::Wtx<false>>(case, "wtx", "write_frame"),
            Role::Client => entry::<writers::Wtx<true>>(case, "wtx", "write_frame of a copy"),
        },
    ];
    if role == Role::Client {
        for entry in &mut entries {
            if matches!(entry.name, "tokio-websockets" | "sockudo-ws" | "wtx") {
                entry.side = Side::Predictable;
            }
        }
    }
    entries
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
    Entry { side: Side::of(name), name, how, batch: 1, contender: Box::new(contender) }
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
