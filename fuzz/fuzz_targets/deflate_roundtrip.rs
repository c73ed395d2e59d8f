//! What one end compresses, by any call and with any parameters, the other is told exactly; a slow inflater with the
//! agreed window and a widely used one make the same of each message; no distance exceeds the window.
#![no_main]

mod shared;

use hybi::Role;
use hybi::deflate::{Direction, Params};
use libfuzzer_sys::fuzz_target;
use shared::common::{End, Told, config};
use shared::compressed::{Act, Readers, compressed_messages, payload, settings};

fuzz_target!(|input: (u8, u8, u8, bool, u16, Vec<Act>)| {
    let (bits, level, knobs, is_client, step, acts) = input;
    let direction = Direction { context_takeover: knobs & 1 != 0, window_bits: 8 + (bits & 7) };
    let settings = settings(level, knobs, direction);
    let config = config(|config| config.compression = Some(settings.clone()));
    let params = Params { server: direction, client: direction };
    let (role, peer) =
        if is_client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
    let [mut end, mut other] = [role, peer].map(|role| End::of(role, config.clone()));
    end.conn = end.conn.with_compression(params, None);
    other.conn = other.conn.with_compression(params, None);

    let (mut wire, mut expected) = (Vec::new(), Vec::new());
    for act in acts.iter().take(6) {
        act.perform(&settings, &mut end, &mut expected);
        wire.extend(end.sent().0);
    }
    let told: Vec<Told> =
        wire.chunks(usize::from(step) + 1).flat_map(|piece| other.hear_bytes(piece)).collect();
    assert_eq!(told, expected);

    let mut readers = Readers::new(direction);
    let mut told = told.iter().filter_map(payload);
    for deflated in compressed_messages(&wire, role) {
        let plain = readers.agree(&deflated);
        assert!(told.any(|told| *told == plain), "what was told, in order");
    }
});
