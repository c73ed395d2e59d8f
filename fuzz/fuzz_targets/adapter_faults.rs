//! The tokio adapter over a stream that interrupts, resets, ends or takes nothing at any operation: no hang, no
//! message that was not sent whole, one error at most, and what is written are frames that keep the rules.
#![no_main]

mod shared;

use hybi::Role;
use hybi::frame::OpCode;
use libfuzzer_sys::fuzz_target;
use shared::echo::{conversation, echo};
use shared::read_frames;
use shared::stream::{Planned, RESET, ZERO, runtime};

fuzz_target!(|input: (bool, [u8; 12], Vec<(u8, u16)>)| {
    let _entered = runtime();
    let (is_client, plan, script) = input;
    let role = if is_client { Role::Client } else { Role::Server };
    let incoming = conversation(role, &script);
    let (whole, clean) = echo(role, &mut Planned::new(&incoming, &[]));
    assert!(clean);
    let mut stream = Planned::new(&incoming, &plan);
    stream.faulty = true;
    let (got, clean) = echo(role, &mut stream);
    assert!(whole.starts_with(&got) && (!clean || got == whole), "{got:?} of {whole:?}");

    // A signal in between is no failure.
    assert!(clean || plan.iter().any(|step| [RESET, ZERO].contains(step)), "{got:?} of {whole:?}");

    let (sent, _) = read_frames(&stream.written, role);
    let close = sent.iter().position(|(header, _)| header.opcode == OpCode::Close);
    assert!(close.is_none_or(|at| at + 1 == sent.len()), "a frame behind Close");
});
