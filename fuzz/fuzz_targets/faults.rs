//! A connection under any order of bytes, calls, writes, losses and ticks: one Close frame, one end, nothing after
//! it, bounded memory, no timer that is due again at once; and silence ends it.
#![no_main]

mod shared;

use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Buf;
use hybi::frame::OpCode;
use hybi::{CloseCode, Config, Instant, Role};
use libfuzzer_sys::fuzz_target;
use shared::actions::Payload;
use shared::common::{End, Told, masked};
use shared::{Knobs, read_frames};

#[derive(Arbitrary, Debug)]
enum Step<'b> {
    /// Frames, masked on the way where they have to be.
    Frames(&'b [u8]),
    Bytes(&'b [u8]),
    Send(Payload),
    Write(Payload, bool),
    Ping(&'b [u8]),
    Close(u16, &'b str),
    /// The transport takes this many bytes.
    Take(u16),
    Tick(u16),
    ShutDown,
    Eof,
    Broken,
}

fuzz_target!(|input: (u8, Vec<Step<'_>>)| {
    let (knobs, steps) = input;
    let config = configure(Knobs(knobs));
    let mut end = Knobs(knobs).end(&config);
    let (mut now, mut told, mut sent) = (Instant::ORIGIN, Vec::new(), Vec::new());
    let (mut heard, mut largest) = (0, 0);
    for step in steps {
        let is_over = told.iter().any(|told| matches!(told, Told::Closed(_)));
        match step {
            Step::Frames(frames) if end.conn.role() == Role::Server => {
                let bytes = masked(frames, [1, 2, 3, 4]).0;
                heard += bytes.len();
                end.rx.extend_from_slice(&bytes);
            }
            Step::Frames(bytes) | Step::Bytes(bytes) => {
                heard += bytes.len();
                end.rx.extend_from_slice(bytes);
            }
            Step::Send(payload) => {
                let message = payload.message();
                largest = message.len().max(largest);
                let sent = end.conn.send(message);
                assert!(sent.is_err() || !is_over, "a message after the end");
            }
            Step::Write(payload, last) => {
                let payload = payload.bytes_as(hybi::Kind::Binary);
                largest = payload.len().max(largest);
                if let Ok(mut writer) = end.conn.writer(hybi::Kind::Binary) {
                    let _ = if last { writer.finish(&payload) } else { writer.write(&payload) };
                }
            }
            Step::Ping(payload) => drop(end.conn.ping(payload)),
            Step::Close(code, reason) => drop(end.conn.close(CloseCode(code), reason)),
            Step::Take(count) => {
                let tx = end.conn.transmit();
                sent.extend_from_slice(&tx.copy_to_bytes(tx.remaining().min(count.into())));
            }
            Step::Tick(millis) => now = now + Duration::from_millis(u64::from(millis)),
            Step::ShutDown if end.conn.wants_shutdown() => end.conn.handle_shutdown(),
            Step::ShutDown => {}
            Step::Eof => end.conn.handle_eof(),
            Step::Broken => end.conn.handle_transport_error(),
        }
        tick(&mut end, now);
        told.extend(end.events());
        assert!(end.rx.capacity() <= 2 * heard + MEMORY, "{:?}", end.rx);
        let most = config.write_high_water + largest + PONGS;
        assert!(end.conn.transmit().len() <= most, "{:?}", end.conn);
    }
    // Silence: each time something is due, until nothing is.
    for turn in 0.. {
        assert!(turn < 8, "the end never comes: {:?}", end.conn);
        let Some(due) = end.conn.poll_timeout(now) else { break };
        assert!(due > now, "due already");
        tick(&mut end, due);
        now = due;
        told.extend(end.events());
    }
    while end.conn.wants_write() {
        let tx = end.conn.transmit();
        sent.extend_from_slice(&tx.copy_to_bytes(tx.remaining()));
    }
    check_told(&told);
    check_sent(&sent, end.conn.role());
});

/// Room for a first read, and for what is inflated.
const MEMORY: usize = 8 * 1024 + 300_000;

/// What pongs and the Close frame may add to a full queue, headers included.
const PONGS: usize = 17 * 1024;

fn tick(end: &mut End, now: Instant) {
    end.conn.handle_timeout(now);
    let due = end.conn.poll_timeout(now);
    assert!(due.is_none_or(|due| due > now), "a timer is due again as soon as it was handled");
}

fn configure(knobs: Knobs) -> Config {
    let mut config = knobs.config();
    config.write_high_water = 2000;
    config.max_lifetime = knobs.has(Knobs::AS_IT_IS).then_some(Duration::from_secs(60));
    config.idle_timeout = knobs.has(Knobs::STRICT).then_some(Duration::from_secs(30));
    config
}

/// One end, and it comes last.
fn check_told(told: &[Told]) {
    let ends = told.iter().filter(|told| matches!(told, Told::Closed(_))).count();
    assert_eq!(ends, 1, "{told:?}");
    assert!(matches!(told.last(), Some(Told::Closed(_))), "{told:?}");
}

/// Frames that keep the rules up to where the transport was given up; a Close frame is the last.
fn check_sent(sent: &[u8], role: Role) {
    let (frames, rest) = read_frames(sent, role);
    if let Some(at) = frames.iter().position(|(header, _)| header.opcode == OpCode::Close) {
        assert!(at + 1 == frames.len() && rest.is_empty(), "bytes after Close");
    }
}
