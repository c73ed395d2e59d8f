//! What one end compresses, by any call and with any parameters, the other is told exactly; a slow inflater with the
//! agreed window and a widely used one make the same of each message; no distance exceeds the window.
#![no_main]

mod shared;

use arbitrary::Arbitrary;
use flate2::{Decompress, FlushDecompress};
use hybi::deflate::{Compression, Direction, DistanceCheck, Params, Strategy};
use hybi::{Message, Prepared, Role};
use libfuzzer_sys::fuzz_target;
use shared::actions::{Action, Payload};
use shared::common::{End, Told, config};
use shared::outcome::message;
use shared::puff::Puff;
use shared::read_frames;

#[derive(Arbitrary, Debug)]
enum Act {
    Plain(Action),
    /// Compressed once for many.
    Compressed(Payload),
}

fuzz_target!(|input: (u8, u8, u8, bool, u16, Vec<Act>)| {
    let (bits, level, knobs, is_client, step, acts) = input;
    let direction = Direction { context_takeover: knobs & 1 != 0, window_bits: 8 + (bits & 7) };
    let mut settings = Compression::default();
    settings.level = level % 10;
    settings.mem_level = 1 + (level >> 4) % 9;
    settings.min_size = if knobs & 2 != 0 { 128 } else { 0 };
    settings.send = direction;
    settings.strategy = match knobs >> 4 {
        0 => Strategy::Filtered,
        1 => Strategy::HuffmanOnly,
        2 => Strategy::Rle,
        3 => Strategy::Fixed,
        _ => Strategy::Default,
    };
    let config = config(|config| config.compression = Some(settings.clone()));
    let params = Params { server: direction, client: direction };
    let (role, peer) =
        if is_client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
    let [mut end, mut other] = [role, peer].map(|role| End::of(role, config.clone()));
    end.conn = end.conn.with_compression(params, None);
    other.conn = other.conn.with_compression(params, None);

    let (mut wire, mut expected) = (Vec::new(), Vec::new());
    for act in acts.iter().take(6) {
        match act {
            Act::Plain(action) => action.perform(&mut end, &mut expected),
            Act::Compressed(payload) => {
                let held: Message = payload.message();
                expected.push(message(held.kind(), held.as_bytes()));
                end.conn.send_prepared(&Prepared::compressed(held, &settings)).expect("room");
            }
        }
        wire.extend(end.sent().0);
    }
    let told: Vec<Told> =
        wire.chunks(usize::from(step) + 1).flat_map(|piece| other.hear_bytes(piece)).collect();
    assert_eq!(told, expected);

    let messages = compressed_messages(&wire, role);
    let mut puff = Puff::new(direction.window_bits, direction.context_takeover, usize::MAX);
    let mut zlib = Decompress::new(false);
    let mut distances = DistanceCheck::new(direction.window_bits);
    let told: Vec<&[u8]> = told.iter().filter_map(payload).collect();
    let mut from = 0;
    for deflated in &messages {
        if !direction.context_takeover {
            zlib.reset(false);
            distances = DistanceCheck::new(direction.window_bits);
        }
        let plain = puff.message(deflated).expect("the slow inflater takes it");
        let whole = [deflated, &[0, 0, 0xff, 0xff][..]].concat();
        distances.feed(&whole).expect("within the window");
        let mut out = Vec::with_capacity(plain.len() + 64);
        zlib.decompress_vec(&whole, &mut out, FlushDecompress::Sync).expect("it is DEFLATE");
        assert_eq!(out, plain);
        from += 1 + told[from..].iter().position(|told| *told == plain).expect("what was told");
    }
});

/// The payloads of the messages that were sent compressed.
fn compressed_messages(wire: &[u8], role: Role) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut compressed = false;
    let (frames, rest) = read_frames(wire, role);
    assert!(rest.is_empty(), "whole frames");
    for (header, payload) in frames {
        if header.opcode.is_control() {
            continue;
        }
        if header.opcode as u8 != 0 {
            compressed = header.rsv1;
            messages.extend(compressed.then(Vec::new));
        }
        if let Some(message) = messages.last_mut().filter(|_| compressed) {
            message.extend(payload);
        }
    }
    messages
}

fn payload(told: &Told) -> Option<&[u8]> {
    match told {
        Told::Text(text) => Some(text.as_bytes()),
        Told::Binary(data) => Some(data),
        _ => None,
    }
}
