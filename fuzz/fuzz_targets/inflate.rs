//! Compressed messages inflate to what a slow reader of DEFLATE makes of them, or fail where it fails, however they
//! are cut; never to more than the limit.
#![no_main]

mod shared;

use flate2::{Decompress, FlushDecompress, Status};
use hybi::deflate::{Direction, InflateError, Params};
use hybi::{Cause, Error, Role};
use libfuzzer_sys::fuzz_target;
use shared::common::{End, Told, config, frame};
use shared::outcome::join;
use shared::puff::{Broken, Puff};
use shared::{Cuts, pieces};

fuzz_target!(|input: (u8, Cuts, [u8; 2], &[u8])| {
    let (knobs, cuts, lengths, bytes) = input;
    let (bits, takeover, limit) =
        (8 + (knobs & 7), knobs & 8 != 0, if knobs & 16 != 0 { 900 } else { 300_000 });
    let config = config(|config| {
        config.max_message_size = limit as u64;
        if knobs & 32 != 0 {
            config.delivery = hybi::Delivery::Chunks;
        }
    });
    let direction = Direction { context_takeover: takeover, window_bits: bits };
    let mut end = End::of(Role::Client, config);
    end.conn = end.conn.with_compression(Params { server: direction, client: direction }, None);

    let mut puff = Puff::new(bits, takeover, limit);
    let (mut wire, mut expected, mut broken) = (Vec::new(), Vec::new(), None);
    for message in split(bytes, lengths) {
        // In two fragments.
        let (first, last) = message.split_at(message.len().min(cuts[0].into()));
        wire.extend_from_slice(&frame(0x42, first));
        wire.extend_from_slice(&frame(0x80, last));
        if broken.is_none() {
            match puff.message(message) {
                Ok(plain) => {
                    assert!(!zlib_differs(message, &plain, takeover), "two oracles differ");
                    expected.push(Told::binary(&plain));
                }
                Err(error) => broken = Some(error),
            }
        }
    }
    let mut told = Vec::new();
    for piece in pieces(&wire, cuts) {
        told.extend(end.hear_bytes(piece));
        assert!(end.rx.capacity() <= 2 * wire.len() + 2 * limit + 150_000, "{:?}", end.rx);
    }
    told.extend(end.hear_eof());
    let (mut told, unfinished) = join(told);
    assert!(unfinished.len() <= limit);
    let Some(Told::Closed(closed)) = told.pop() else { panic!("the end is told last: {told:?}") };
    match (closed.cause, broken) {
        // Restarting after final blocks has a bound of its own.
        (Cause::Failed(Error::Inflate(InflateError::FinalBlocks)), _) => {
            assert!(expected.starts_with(&told))
        }
        (Cause::Failed(Error::MessageTooLarge { .. }), Some(Broken::TooLarge | Broken::Data))
        | (Cause::Failed(Error::Inflate(_)), Some(_))
        | (Cause::Lost, None) => assert_eq!(told, expected),
        (cause, broken) => panic!("{cause:?}, but {broken:?}"),
    }
});

/// Up to three messages.
fn split(bytes: &[u8], lengths: [u8; 2]) -> [&[u8]; 3] {
    let (first, rest) = bytes.split_at(bytes.len().min(lengths[0].into()));
    let (second, third) = rest.split_at(rest.len().min(lengths[1].into()));
    [first, second, third]
}

/// Whether an inflater that is widely used makes something else of a message of its own.
fn zlib_differs(message: &[u8], plain: &[u8], takeover: bool) -> bool {
    if takeover || message.is_empty() {
        return false;
    }
    let input = [message, &[0, 0, 0xff, 0xff]].concat();
    let mut out = Vec::with_capacity(plain.len() + 64);
    match Decompress::new(false).decompress_vec(&input, &mut out, FlushDecompress::Sync) {
        Ok(Status::StreamEnd) => !plain.starts_with(&out),
        Ok(_) => plain != out,
        Err(_) => true,
    }
}
