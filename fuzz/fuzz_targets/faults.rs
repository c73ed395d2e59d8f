//! A connection under any order of bytes, calls, writes, losses and ticks: one Close frame, one end, nothing after
//! it, bounded memory, no timer that is due again at once; and silence ends it.
#![no_main]

mod shared;

use hybi::frame::OpCode;
use libfuzzer_sys::fuzz_target;
use shared::common::Told;
use shared::steps::{Run, Step};
use shared::{Knobs, read_frames};

fuzz_target!(|input: (u8, Vec<Step<'_>>)| {
    let (knobs, steps) = input;
    let mut run = Run::new(Knobs(knobs));
    for step in steps {
        run.perform(step);
        run.is_bounded();
    }
    run.fall_silent();

    let ends = run.told.iter().filter(|told| matches!(told, Told::Closed(_))).count();
    assert!(ends == 1 && matches!(run.told.last(), Some(Told::Closed(_))), "{:?}", run.told);
    // Frames that keep the rules up to where the transport was given up; a Close frame is the last.
    let (frames, rest) = read_frames(&run.sent, run.end.conn.role());
    if let Some(at) = frames.iter().position(|(header, _)| header.opcode == OpCode::Close) {
        assert!(at + 1 == frames.len() && rest.is_empty(), "bytes after Close");
    }
});
