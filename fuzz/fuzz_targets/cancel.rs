//! The futures of the tokio adapter are dropped at any poll, over a stream of any pace: both ends get what they get
//! when none is dropped.
#![no_main]

mod shared;

use hybi::Role;
use libfuzzer_sys::fuzz_target;
use shared::drops::{Drops, hold};
use shared::echo::conversation;
use shared::stream::runtime;

fuzz_target!(|input: (bool, [u8; 8], [u8; 8], Vec<(u8, u16)>)| {
    let _entered = runtime();
    let (is_client, plan, drops, script) = input;
    let role = if is_client { Role::Client } else { Role::Server };
    let incoming = conversation(role, &script);
    let undisturbed = hold(role, &incoming, &plan, &mut Drops::none());
    assert_eq!(hold(role, &incoming, &plan, &mut Drops::after(&drops)), undisturbed);
});
