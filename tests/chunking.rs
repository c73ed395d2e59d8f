//! How the bytes were cut on their way makes no difference: same events, same answers, same end.

mod common;

use common::{End, KEY, Told, Wire, config, frame, masked};
use hybi::{Config, Delivery, Kind, Role};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn frames_bring_the_same_however_they_are_cut(
        pieces in vec(piece(), 0..12),
        tail in prop_oneof![Just(Vec::new()), vec(any::<u8>(), 0..24)],
        key in any::<[u8; 4]>(),
        cuts in vec(1usize..40, 1..20),
        strict in any::<bool>(),
    ) {
        let mut frames: Vec<u8> = pieces.concat();
        frames.extend(tail);
        check(Role::Client, &frames, &cuts, strict)?;
        check(Role::Server, &masked(&frames, key).0, &cuts, strict)?;
    }

    #[test]
    fn any_bytes_bring_the_same_however_they_are_cut(
        bytes in vec(any::<u8>(), 0..300),
        cuts in vec(1usize..40, 1..20),
        strict in any::<bool>(),
    ) {
        check(Role::Client, &bytes, &cuts, strict)?;
        check(Role::Server, &bytes, &cuts, strict)?;
    }

    /// Bytes that look like frames at every second place reach deeper than random ones.
    #[test]
    fn likely_bytes_bring_the_same_however_they_are_cut(
        bytes in vec(prop_oneof![likely_byte(), 0u8..8], 0..200),
        cuts in vec(1usize..9, 1..20),
    ) {
        check(Role::Client, &bytes, &cuts, true)?;
        check(Role::Server, &masked(&bytes, KEY).0, &cuts, true)?;
    }
}

/// What an end made of a stream of bytes.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Events, those of chunks joined to their message at its last chunk.
    told: Vec<Told>,
    /// What had been told of a message that did not end.
    unfinished: Vec<u8>,
    sent: Wire,
}

/// All ways to cut `bytes` and both deliveries have the same outcome.
fn check(role: Role, bytes: &[u8], cuts: &[usize], strict: bool) -> Result<(), TestCaseError> {
    let outcome = |delivery, cuts: &[usize]| run(role, delivery, strict, bytes, cuts);
    let whole = outcome(Delivery::Messages, &[usize::MAX]);
    let ends = whole.told.iter().filter(|told| matches!(told, Told::Closed(_))).count();
    prop_assert_eq!(ends, 1, "one end");
    prop_assert!(matches!(whole.told.last(), Some(Told::Closed(_))), "and it is the last");
    for cuts in [&[1][..], cuts] {
        prop_assert_eq!(&outcome(Delivery::Messages, cuts), &whole);
    }

    let chunks = outcome(Delivery::Chunks, &[usize::MAX]);
    prop_assert_eq!((&chunks.told, &chunks.sent), (&whole.told, &whole.sent));
    for cuts in [&[1][..], cuts] {
        let cut = outcome(Delivery::Chunks, cuts);
        prop_assert_eq!((&cut.told, &cut.sent), (&whole.told, &whole.sent));
        // Of a message that fails, more is told the earlier it is looked at.
        let shared = cut.unfinished.len().min(chunks.unfinished.len());
        prop_assert_eq!(&cut.unfinished[..shared], &chunks.unfinished[..shared]);
    }
    Ok(())
}

/// Feeds `bytes` in pieces of these lengths, over and over, then the end of the transport.
fn run(role: Role, delivery: Delivery, strict: bool, bytes: &[u8], cuts: &[usize]) -> Outcome {
    let mut end = End::of(
        role,
        config(|config| {
            config.delivery = delivery;
            if strict {
                tighten(config);
            }
        }),
    );
    let mut told = Vec::new();
    let mut sent = Vec::new();
    let mut rest = bytes;
    for &cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(cut.min(rest.len()));
        told.extend(end.hear_bytes(now));
        sent.extend(end.sent().0);
        rest = later;
        let arrived = bytes.len() - rest.len();
        assert!(end.rx.capacity() <= 2 * arrived + 8 * 1024, "memory is bounded");
    }
    told.extend(end.hear_eof());
    sent.extend(end.sent().0);
    assert_eq!(end.events(), [], "nothing after the end");
    assert!(end.conn.is_closed());
    let (told, unfinished) = join(told);
    Outcome { told, unfinished, sent: Wire(sent) }
}

/// Joins chunks to messages and checks their flags.
fn join(told: Vec<Told>) -> (Vec<Told>, Vec<u8>) {
    let mut joined = Vec::new();
    let mut open: Option<(Kind, Vec<u8>)> = None;
    for told in told {
        let Told::Chunk { kind, data, first, last } = told else {
            joined.push(told);
            continue;
        };
        assert_eq!(first, open.is_none(), "`first` begins a message and nothing else does");
        let (open_kind, payload) = open.get_or_insert((kind, Vec::new()));
        assert_eq!(*open_kind, kind);
        assert!(last || !data.is_empty(), "only a last chunk may be empty");
        payload.extend(data.0);
        if last {
            let payload = open.take().map(|(_, payload)| payload).unwrap_or_default();
            joined.push(match kind {
                Kind::Text => Told::Text(String::from_utf8(payload).expect("text")),
                Kind::Binary => Told::binary(&payload),
            });
        }
    }
    (joined, open.map(|(_, payload)| payload).unwrap_or_default())
}

/// Limits that short streams reach.
fn tighten(config: &mut Config) {
    config.max_frame_size = 90;
    config.max_message_size = 150;
    config.max_fragments = 5;
    config.max_empty_fragments = 2;
    config.control_frame_burst = 6;
}

/// Some unmasked frames that belong together, valid more often than not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => message(),
        3 => control(),
        1 => close(),
        1 => vec(prop_oneof![likely_byte(), any::<u8>()], 1..6),
    ]
}

/// A message in fragments with control frames between them.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        6 => any::<String>().prop_map(|text| (0x01, text.into_bytes())),
        4 => vec(any::<u8>(), 0..200).prop_map(|data| (0x02, data)),
        1 => vec(any::<u8>(), 0..20).prop_map(|data| (0x01, data)),
    ];
    let between = prop_oneof![3 => Just(Vec::new()), 1 => control()];
    (payload, vec((any::<prop::sample::Index>(), between), 0..5)).prop_map(
        |((opcode, payload), mut cuts)| {
            cuts.sort_by_key(|(cut, _)| cut.index(payload.len() + 1));
            let mut frames = Vec::new();
            let mut from = 0;
            let mut first = opcode;
            for (cut, between) in cuts {
                let cut = cut.index(payload.len() + 1);
                frames.extend(frame(first, &payload[from..cut]).0);
                frames.extend(between);
                first = 0x00;
                from = cut;
            }
            frames.extend(frame(first | 0x80, &payload[from..]).0);
            frames
        },
    )
}

fn control() -> impl Strategy<Value = Vec<u8>> {
    (prop_oneof![Just(0x89u8), Just(0x8a)], vec(any::<u8>(), 0..126))
        .prop_map(|(first, payload)| frame(first, &payload).0)
}

fn close() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        (1000u16..1016, "[a-z\u{e9}]{0,20}").prop_map(|(code, reason)| [
            &code.to_be_bytes(),
            reason.as_bytes()
        ]
        .concat()),
        vec(any::<u8>(), 0..6),
    ]
    .prop_map(|payload| frame(0x88, &payload).0)
}

fn likely_byte() -> impl Strategy<Value = u8> {
    prop::sample::select(
        &[0x00u8, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0x7e, 0x7f, 0xc3][..],
    )
}
