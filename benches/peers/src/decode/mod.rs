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
buffer counts), and looks at each payload; text is checked as UTF-8. Nanoseconds a message. `alone`: the peer's codec on a buffer, without its
connection; yawc's tells frames and puts no message together.

Each goal is beside the best of what does as much. `next_event` lends its payloads: beside all peers, owned or borrowed.
`next_message` hands out values of their own and needs no runtime: beside tungstenite and the two codecs, whose messages are `Bytes`. `recv`
does so over an asynchronous stream: beside the peers' streams whose messages are `Bytes` or, of fastwebsockets, `BytesMut`.
wtx lends its payloads and soketto copies them into a `Vec` of the caller's that is used again. A small `Bytes` of a peer's is a part of the
buffer that was read into, which it keeps from being used again; hybi copies what is smaller than 16 KiB.
";

const BORROWED: &str = "next_event: borrowed";
const OWNED: &str = "next_message: owned";
const RECV: &str = "recv: owned, on tokio";

const TUNGSTENITE: &str = "blocking, read buffer of 16 KiB";
const YAWC_CODEC: &str = "codec alone";
const SOCKUDO_PROTOCOL: &str = "protocol alone";

/// How peers are driven that hand out values of their own without a runtime.
const OWNED_BY_PEERS: [&str; 3] = [TUNGSTENITE, YAWC_CODEC, SOCKUDO_PROTOCOL];

const TOKIO_TUNGSTENITE: &str = "Stream, buffer of 16 KiB";
const FASTWEBSOCKETS: &str = "FragmentCollector";
const TOKIO_WEBSOCKETS: &str = "Stream";
const YAWC: &str = "next_frame, with UTF-8 check";
const SOCKUDO: &str = "Stream, no timers";

/// How they are driven that do so over an asynchronous stream.
const STREAMS_OF_PEERS: [&str; 5] =
    [TOKIO_TUNGSTENITE, FASTWEBSOCKETS, TOKIO_WEBSOCKETS, YAWC, SOCKUDO];

const GOALS: [Goal; 3] = [
    Goal {
        how: BORROWED,
        against: Side::Peer,
        like: None,
        at_most: |size| Some(if size <= 1024 { 0.45 } else { 0.9 }),
    },
    Goal {
        how: OWNED,
        against: Side::Peer,
        like: Some((&OWNED_BY_PEERS, "the best peer, owned, without a runtime")),
        at_most: |_| Some(0.8),
    },
    Goal {
        how: RECV,
        against: Side::Peer,
        like: Some((&STREAMS_OF_PEERS, "the best peer, owned, asynchronous")),
        at_most: |_| Some(0.8),
    },
];

fn entries(kind: Kind, size: usize) -> Vec<Entry> {
    let case = (kind, size);
    vec![
        entry::<readers::Floor>(case, "floor", "hand-written"),
        entry::<readers::Borrowed>(case, "hybi", BORROWED),
        entry::<readers::Owned>(case, "hybi", OWNED),
        entry::<streams::Hybi>(case, "hybi", RECV),
        entry::<streams::Tungstenite>(case, "tungstenite", TUNGSTENITE),
        entry::<streams::TokioTungstenite>(case, "tokio-tungstenite", TOKIO_TUNGSTENITE),
        entry::<streams::Fastwebsockets>(case, "fastwebsockets", FASTWEBSOCKETS),
        entry::<streams::TokioWebsockets>(case, "tokio-websockets", TOKIO_WEBSOCKETS),
        entry::<streams::Yawc>(case, "yawc", YAWC),
        entry::<readers::YawcCodec>(case, "yawc", YAWC_CODEC),
        entry::<streams::Sockudo>(case, "sockudo-ws", SOCKUDO),
        entry::<readers::SockudoProtocol>(case, "sockudo-ws", SOCKUDO_PROTOCOL),
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
