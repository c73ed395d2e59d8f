//! Decoding: a server reads masked messages that come in reads of up to 16 KiB.

mod feed;
mod readers;
mod streams;

use std::hint::black_box;

use bytes::Bytes;

use self::feed::Feed;
use self::readers::Reader;
use crate::grid::{self, Entry, Goal, Side};
use crate::measure::{Local, Plan};

const SIZES: [usize; 6] = [8, 32, 125, 1024, 16 * 1024, 1024 * 1024];

/// What is in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Binary,
    Ascii,
    Multibyte,
}

impl Kind {
    fn payload(self, size: usize) -> Bytes {
        let pattern: &[u8] = match self {
            Self::Binary => &[0, 0xff, 7, 0x80],
            Self::Ascii => b"{\"price\":42,\"side\":\"buy\"},",
            // Words of two-byte letters; 8 bytes, so that no size cuts a letter but 125, which is filled up.
            Self::Multibyte => "жди, ".as_bytes(),
        };
        let mut payload: Vec<u8> = pattern.iter().copied().cycle().take(size).collect();
        if self != Self::Binary {
            let valid = match std::str::from_utf8(&payload) {
                Ok(_) => size,
                Err(error) => error.valid_up_to(),
            };
            payload[valid..].fill(b'.');
        }
        payload.into()
    }
}

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    let mut text = String::from(HEAD);
    for (kind, title) in [
        (Kind::Binary, "Binary"),
        (Kind::Ascii, "Text, ASCII"),
        (Kind::Multibyte, "Text, two-byte letters"),
    ] {
        let table = grid::measure(&SIZES, plan, &GOALS, |size| entries(kind, size));
        text += &format!("\n### {title}\n\n{table}");
    }
    text
}

const HEAD: &str = "A server reads masked messages from memory, up to 16 KiB at once, as much as it makes room for (the copy into its
buffer counts), and looks at each payload; text is checked as UTF-8. Nanoseconds a message. `alone`: the peer's codec on a buffer, without its connection.
";

const BORROWED: &str = "next_event: borrowed";
const OWNED: &str = "next_message: owned";
const RECV: &str = "recv: owned, on tokio";

const GOALS: [Goal; 3] = [
    Goal {
        how: BORROWED,
        against: Side::Peer,
        at_most: |size| Some(if size <= 1024 { 0.45 } else { 0.9 }),
    },
    Goal { how: OWNED, against: Side::Peer, at_most: |_| Some(0.8) },
    Goal { how: RECV, against: Side::Peer, at_most: |_| Some(0.8) },
];

fn entries(kind: Kind, size: usize) -> Vec<Entry> {
    let case = (kind, size);
    vec![
        entry::<readers::Floor>(case, "floor", "hand-written"),
        entry::<readers::Borrowed>(case, "hybi", BORROWED),
        entry::<readers::Owned>(case, "hybi", OWNED),
        entry::<streams::Hybi>(case, "hybi", RECV),
        entry::<streams::Tungstenite>(case, "tungstenite", "blocking, read buffer of 16 KiB"),
        entry::<streams::TokioTungstenite>(case, "tokio-tungstenite", "Stream, buffer of 16 KiB"),
        entry::<streams::Fastwebsockets>(case, "fastwebsockets", "FragmentCollector"),
        entry::<streams::TokioWebsockets>(case, "tokio-websockets", "Stream"),
        entry::<streams::Yawc>(case, "yawc", "next_frame, with UTF-8 check"),
        entry::<readers::YawcCodec>(case, "yawc", "codec alone"),
        entry::<streams::Sockudo>(case, "sockudo-ws", "Stream, no timers"),
        entry::<readers::SockudoProtocol>(case, "sockudo-ws", "protocol alone"),
        entry::<streams::Wtx>(case, "wtx", "read_frame, Adaptive: borrowed"),
        entry::<streams::Soketto>(case, "soketto", "receive_data into one Vec"),
    ]
}

fn entry<R: Reader + 'static>(
    (kind, size): (Kind, usize),
    name: &'static str,
    how: &'static str,
) -> Entry {
    let payload = kind.payload(size);
    let batch = (16 * 1024 / size).max(1);
    let mut reader = R::open(Feed::new(&payload, kind != Kind::Binary));
    let mut arrived = 0;
    reader.read(2 * batch, |told| {
        assert_eq!(told, payload, "what {name} tells is what was sent");
        arrived += 1;
    });
    assert_eq!(arrived, 2 * batch, "{name} tells each message once");
    let contender = Local::new(move |_| {
        let mut len = 0;
        reader.read(batch, |told| len += black_box(told).len());
        assert_eq!(len, batch * size);
    });
    Entry { side: Side::of(name), name, how, batch, contender: Box::new(contender) }
}
