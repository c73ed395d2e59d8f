//! The tokio adapter over a stream that interrupts, resets, ends or takes nothing at any operation: no hang, no
//! message that was not sent whole, one error at most, and what is written are frames that keep the rules.
#![no_main]

mod shared;

use hybi::tokio::WebSocket;
use hybi::{Config, Role};
use libfuzzer_sys::fuzz_target;
use shared::poll::drive;
use shared::stream::{Planned, RESET, ZERO, runtime, said};
use shared::{frames, read_frames};

fuzz_target!(|input: (bool, [u8; 12], Vec<(u8, u16)>)| {
    let _entered = runtime();
    let (is_client, plan, script) = input;
    let (role, peer) =
        if is_client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
    let mut incoming: Vec<u8> =
        script.iter().take(8).flat_map(|&(kind, len)| said(peer, kind, len)).collect();
    incoming.extend(frames::close(peer, 1000, "bye"));

    let (whole, clean) = hold(role, &mut Planned::new(&incoming, &[]));
    assert!(clean);
    let mut stream = Planned::new(&incoming, &plan);
    stream.faulty = true;
    let (got, clean) = hold(role, &mut stream);
    assert!(whole.starts_with(&got) && (!clean || got == whole), "{got:?} of {whole:?}");

    // A signal in between is no failure.
    assert!(clean || plan.iter().any(|step| [RESET, ZERO].contains(step)), "{got:?} of {whole:?}");

    let (sent, _) = read_frames(&stream.written, role);
    let closes = sent.iter().filter(|(header, _)| header.opcode as u8 == 8).count();
    assert!(
        closes <= 1
            && (closes == 0 || sent.last().is_some_and(|(header, _)| header.opcode as u8 == 8))
    );
});

/// Echoes; returns what came and whether the end was clean. After an error, `recv` says that it is over.
fn hold(role: Role, stream: &mut Planned<'_>) -> (Vec<String>, bool) {
    let mut ws = WebSocket::from_upgraded(stream, role, b"", Default::default(), Config::default());
    let (mut got, mut failed) = (Vec::new(), false);
    loop {
        match drive(ws.recv()) {
            Ok(Some(message)) => {
                got.push(format!("{message:?}"));
                failed |= drive(ws.send(message)).is_err();
            }
            Ok(None) => break,
            Err(_) => {
                failed = true;
                assert!(matches!(drive(ws.recv()), Ok(None)), "an error is told once");
                break;
            }
        }
    }
    assert!(ws.closed().is_some(), "the end is known");
    (got, !failed)
}
