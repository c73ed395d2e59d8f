//! What one end sends by any call the other is told: exactly, in order, both ways, however the bytes are cut. Each
//! frame keeps the rules, and each frame of a client takes a key of its own.
#![no_main]

mod shared;

use hybi::frame::OpCode;
use libfuzzer_sys::fuzz_target;
use shared::actions::{Action, without_pongs};
use shared::common::{End, Pair, config};

fuzz_target!(|input: (u16, Vec<(bool, bool, Action)>)| {
    let (step, mut actions) = input;
    actions.truncate(12);
    let mut pair = Pair::new(&config(|_| {}), usize::from(step) + 1);
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    for (from_client, carry_now, action) in &actions {
        match from_client {
            true => action.perform(&mut pair.client, &mut to_server),
            false => action.perform(&mut pair.server, &mut to_client),
        }
        if *carry_now {
            pair.run();
        }
    }
    pair.run();
    assert_eq!(without_pongs(pair.server_told), to_server);
    assert_eq!(without_pongs(pair.client_told), to_client);
    assert!(!pair.client.conn.is_closing() && !pair.server.conn.is_closing());

    for mut end in End::both() {
        actions.iter().for_each(|(_, _, action)| action.perform(&mut end, &mut Vec::new()));
        let frames = end.said_frames();
        assert!(frames.iter().all(|(header, _)| header.opcode != OpCode::Close));
        let mut masks = frames.windows(2).map(|two| (two[0].0.mask, two[1].0.mask));
        assert!(masks.all(|(one, next)| one.is_none() || one != next));
    }
});
