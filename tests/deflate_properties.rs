//! Any messages, with any parameters, sent by any call, cut anywhere: they arrive, another decoder reads them as
//! well, and no distance is beyond its window.
#![cfg(feature = "deflate")]

mod common;
mod deflate_common;

use common::{End, Pair, Told};
use deflate_common::{Independent, TAIL, data_sets, eager, frames, noise, pair, params};
use hybi::deflate::{Compression, Direction, DistanceCheck, Params, Strategy as Kinds};
use hybi::frame::{Header, OpCode};
use hybi::{Compress, Delivery, Kind, Message, Outgoing, Prepared};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn messages_arrive_and_another_decoder_reads_them(
        agreed in agreed(),
        settings in settings(),
        actions in vec((any::<bool>(), any::<bool>(), action()), 1..16),
        step in prop_oneof![Just(usize::MAX), 1usize..5, 1usize..5000],
    ) {
        let config = eager(|config| config.compression = Some(settings.clone()));
        let mut pair = pair(agreed, config, step);
        let mut ears = [Ear::new(agreed.client), Ear::new(agreed.server)];
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        for (from_client, carry_now, action) in actions {
            match from_client {
                true => action.perform(&mut pair.client, &settings, &mut to_server),
                false => action.perform(&mut pair.server, &settings, &mut to_client),
            }
            if carry_now {
                run(&mut pair, &mut ears, step);
            }
        }
        run(&mut pair, &mut ears, step);
        let plain = |told: &[Told]| -> Vec<Told> {
            told.iter().filter(|told| !matches!(told, Told::Pong(_))).cloned().collect()
        };
        prop_assert!(plain(&pair.server_told) == to_server, "the server was told something else");
        prop_assert!(plain(&pair.client_told) == to_client, "the client was told something else");
        for (ear, expected) in ears.into_iter().zip([to_server, to_client]) {
            let data = expected.into_iter().filter(|told| !matches!(told, Told::Ping(_)));
            prop_assert!(ear.messages.into_iter().eq(data), "another decoder reads something else");
        }
    }

    /// In chunks of any size, the same bytes.
    #[test]
    fn chunks_make_up_the_message(
        agreed in agreed(),
        actions in vec(action(), 1..8),
        step in 1usize..3000,
    ) {
        let config = eager(|config| config.delivery = Delivery::Chunks);
        let settings = config.compression.clone().expect("it is set");
        let mut pair = pair(agreed, config, step);
        let mut expected = Vec::new();
        for action in actions {
            action.perform(&mut pair.client, &settings, &mut expected);
            pair.run();
        }
        expected.retain(|told| !matches!(told, Told::Ping(_)));
        let mut joined: Vec<(Kind, Vec<u8>)> = Vec::new();
        let mut open = false;
        for told in &pair.server_told {
            let Told::Chunk { kind, data, first, last } = told else { continue };
            prop_assert_eq!(*first, !open);
            if *first {
                joined.push((*kind, Vec::new()));
            }
            joined.last_mut().expect("it has begun").1.extend(&data.0);
            open = !last;
        }
        prop_assert!(!open);
        let whole = joined.into_iter().map(|(kind, data)| told(kind, &data));
        prop_assert!(whole.eq(expected), "the chunks make up something else");
    }

    /// Whatever comes in a compressed frame: no panic, bounded output, and the same end however it is cut.
    #[test]
    fn any_bytes_come_to_the_same_end_however_they_are_cut(
        payload in prop_oneof![
            vec(any::<u8>(), 0..200),
            (any::<u8>(), any::<prop::sample::Index>(), any::<u32>()).prop_map(|(byte, at, seed)| {
                let mut payload = compressed(&noise(seed, 400).repeat(3));
                let at = at.index(payload.len());
                payload[at] ^= byte;
                payload
            }),
        ],
        bits in 8u8..=15,
        delivery in prop_oneof![Just(Delivery::Messages), Just(Delivery::Chunks)],
        pieces in vec(1usize..50, 1..20),
    ) {
        let outcome = |pieces: &mut dyn Iterator<Item = usize>| {
            let config = eager(|config| {
                config.delivery = delivery;
                config.max_message_size = 5000;
            });
            let mut end = deflate_common::end(hybi::Role::Client, params(true, bits), config);
            let frames = [common::frame(0xc2, &payload).0, common::frame(0xc2, &[0]).0].concat();
            let (mut rest, mut all) = (&frames[..], Vec::new());
            let mut ends = 0;
            while !rest.is_empty() {
                let (now, later) = rest.split_at(pieces.next().unwrap_or(usize::MAX).min(rest.len()));
                for told in end.hear_bytes(now) {
                    match told {
                        Told::Binary(data) | Told::Chunk { data, .. } => all.extend(data.0),
                        Told::Closed(_) => ends += 1,
                        other => panic!("{other:?}"),
                    }
                }
                rest = later;
            }
            assert!(all.len() <= 5000 && end.conn.stats().inflated_received <= 5001);
            // What was told before a failure depends on when it was told.
            let code = (ends == 1).then(|| common::said_code(&mut end));
            (ends, code, (ends == 0).then_some(all))
        };
        let whole = outcome(&mut std::iter::empty());
        prop_assert_eq!(outcome(&mut pieces.iter().copied().cycle()), whole);
    }
}

/// One prepared message goes to peers of every kind, each of which is told the same.
#[test]
fn a_prepared_message_is_the_same_for_every_peer() {
    let mut compression = Compression::default();
    compression.send.window_bits = 11;
    let text = "all of you, and you, and you ".repeat(100);
    let other = "somebody else, and only them; ".repeat(100);
    let news = Prepared::compressed(Message::text(text.clone()), &compression);
    let mut payloads = Vec::new();
    for (takeover, bits) in
        [(true, 15), (false, 15), (true, 11), (false, 11), (true, 10), (false, 8)]
    {
        let mut pair = pair(params(takeover, bits), eager(|_| {}), 100);
        let direction = params(takeover, bits).server;
        let mut ears = [Ear::new(direction), Ear::new(direction)];
        for prepared in [false, true, false, true, true, false] {
            match prepared {
                true => pair.server.conn.send_prepared(&news).expect("room"),
                false => pair.server.conn.send_text(&other).expect("room"),
            }
            let before = ears[1].compressed;
            run(&mut pair, &mut ears, 100);
            let ear = &ears[1];
            if prepared {
                assert_eq!(ear.compressed - before, usize::from(bits >= 11), "{bits} bits");
                payloads.extend((bits >= 11).then(|| ear.last.clone()));
            }
        }
        let expected = [&other, &text, &other, &text, &text, &other].map(|text| Told::text(text));
        assert!(pair.client_told == expected);
        let stats = pair.server.conn.stats();
        assert_eq!(stats.messages_sent, 6);
        assert_eq!(stats.payload_sent, 3 * (text.len() + other.len()) as u64);
        assert!(ears[1].messages == pair.client_told);
    }
    payloads.dedup();
    assert_eq!(payloads.len(), 1, "it is compressed once");
}

/// Moves bytes both ways until none is left, past one who listens to the client and one to the server.
fn run(pair: &mut Pair, ears: &mut [Ear; 2], step: usize) {
    while pair.client.conn.wants_write() || pair.server.conn.wants_write() {
        carry(&mut pair.client, &mut pair.server, &mut ears[0], step, &mut pair.server_told);
        carry(&mut pair.server, &mut pair.client, &mut ears[1], step, &mut pair.client_told);
    }
}

fn carry(from: &mut End, to: &mut End, ear: &mut Ear, step: usize, told: &mut Vec<Told>) {
    let bytes = from.sent();
    for (header, payload) in frames(&bytes, from.conn.role()) {
        ear.hear(header, payload);
    }
    for piece in bytes.chunks(step) {
        told.extend(to.hear_bytes(piece));
    }
}

fn told(kind: Kind, data: &[u8]) -> Told {
    match kind {
        Kind::Text => Told::text(std::str::from_utf8(data).expect("text is UTF-8")),
        Kind::Binary => Told::binary(data),
    }
}

/// A payload as zlib makes it.
fn compressed(data: &[u8]) -> Vec<u8> {
    let config = eager(|_| {});
    let mut end = deflate_common::end(hybi::Role::Server, params(true, 15), config);
    end.conn.send_binary(data).expect("room");
    deflate_common::said(&mut end).remove(0).1
}

/// A way to send something.
#[derive(Clone, Debug)]
enum Action {
    Send(Vec<u8>, Compress),
    Text(String),
    Borrowed(Vec<u8>),
    Pieces(Vec<Vec<u8>>),
    Prepared(Vec<u8>),
    Ping,
}

fn action() -> impl Strategy<Value = Action> {
    let compress = prop_oneof![Just(Compress::Auto), Just(Compress::Always), Just(Compress::Never)];
    prop_oneof![
        3 => (data(), compress).prop_map(|(data, compress)| Action::Send(data, compress)),
        2 => "\\PC{0,200}".prop_map(Action::Text),
        1 => data().prop_map(Action::Borrowed),
        2 => vec(data(), 1..4).prop_map(Action::Pieces),
        1 => data().prop_map(Action::Prepared),
        1 => Just(Action::Ping),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        vec(any::<u8>(), 0..300),
        (any::<u32>(), 0usize..40_000).prop_map(|(seed, len)| noise(seed, len)),
        (any::<prop::sample::Index>(), 0usize..9_000).prop_map(|(which, len)| {
            let mut sets = data_sets(len);
            sets.swap_remove(which.index(sets.len()))
        }),
    ]
}

fn agreed() -> impl Strategy<Value = Params> {
    let direction = || {
        (any::<bool>(), 8u8..=15)
            .prop_map(|(context_takeover, window_bits)| Direction { context_takeover, window_bits })
    };
    (direction(), direction()).prop_map(|(server, client)| Params { server, client })
}

fn settings() -> impl Strategy<Value = Compression> {
    let kinds = prop_oneof![
        3 => Just(Kinds::Default),
        1 => Just(Kinds::Filtered),
        1 => Just(Kinds::HuffmanOnly),
        1 => Just(Kinds::Rle),
        1 => Just(Kinds::Fixed),
    ];
    (0u8..=9, 1u8..=9, kinds, 0usize..300, 8u8..=15).prop_map(
        |(level, mem_level, strategy, min_size, window_bits)| {
            let mut settings = Compression::default();
            (settings.level, settings.mem_level) = (level, mem_level);
            (settings.strategy, settings.min_size) = (strategy, min_size);
            settings.send.window_bits = window_bits;
            settings
        },
    )
}

impl Action {
    fn perform(self, end: &mut End, settings: &Compression, expected: &mut Vec<Told>) {
        let conn = &mut end.conn;
        match self {
            Self::Send(data, compress) => {
                expected.push(Told::binary(&data));
                let message = Message::from(data);
                conn.send(Outgoing { message, compress }).expect("room");
            }
            Self::Text(text) => {
                expected.push(Told::text(&text));
                conn.send_text(&text).expect("room");
            }
            Self::Borrowed(data) => {
                expected.push(Told::binary(&data));
                conn.send_binary(&data).expect("room");
            }
            Self::Pieces(pieces) => {
                expected.push(Told::binary(&pieces.concat()));
                let (last, first) = pieces.split_last().expect("there is one at least");
                for piece in first {
                    let mut writer = conn.writer(Kind::Binary).expect("nothing else is open");
                    writer.write(piece).expect("room");
                    conn.ping(b"between").expect("room");
                    expected.insert(expected.len() - 1, Told::ping(b"between"));
                }
                let writer = conn.writer(Kind::Binary).expect("nothing else is open");
                writer.finish(last).expect("room");
            }
            Self::Prepared(data) => {
                expected.push(Told::binary(&data));
                let prepared = Prepared::compressed(Message::from(data), settings);
                conn.send_prepared(&prepared).expect("room");
            }
            Self::Ping => {
                conn.ping(b"ping").expect("room");
                expected.push(Told::ping(b"ping"));
            }
        }
    }
}

/// One who listens to what is sent and reads it in another way.
#[derive(Debug)]
struct Ear {
    independent: Independent,
    check: DistanceCheck,
    direction: Direction,
    messages: Vec<Told>,
    /// How many messages were compressed, and the last of them as it was sent.
    compressed: usize,
    last: Vec<u8>,
    open: Option<(Header, Vec<u8>)>,
}

impl Ear {
    fn new(direction: Direction) -> Self {
        Self {
            independent: Independent::new(direction.context_takeover),
            check: DistanceCheck::new(direction.window_bits),
            direction,
            messages: Vec::new(),
            compressed: 0,
            last: Vec::new(),
            open: None,
        }
    }

    fn hear(&mut self, header: Header, payload: Vec<u8>) {
        match header.opcode {
            OpCode::Text | OpCode::Binary => self.open = Some((header, payload)),
            OpCode::Continuation => {
                self.open.as_mut().expect("a message has begun").1.extend(payload);
            }
            _ => return,
        }
        if !header.fin {
            return;
        }
        let (first, payload) = self.open.take().expect("a message has begun");
        let kind = if first.opcode == OpCode::Text { Kind::Text } else { Kind::Binary };
        if !first.rsv1 {
            self.messages.push(told(kind, &payload));
            return;
        }
        if !self.direction.context_takeover {
            self.check = DistanceCheck::new(self.direction.window_bits);
        }
        self.check.feed(&payload).expect("no distance beyond the window");
        self.check.feed(&TAIL).expect("an empty block");
        self.messages.push(told(kind, &self.independent.inflate(&payload)));
        self.compressed += 1;
        self.last = payload;
    }
}
