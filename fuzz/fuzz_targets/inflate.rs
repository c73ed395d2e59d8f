//! Compressed messages inflate to what a slow reader of DEFLATE makes of them, or fail where it fails, however they
//! are cut; never to more than the limit.
#![no_main]

mod shared;

use hybi::{Cause, Error};
use libfuzzer_sys::fuzz_target;
use shared::common::Told;
use shared::deflated::Inflating;
use shared::outcome::join;
use shared::puff::Broken;
use shared::{Cuts, pieces};

fuzz_target!(|input: (u8, Cuts, [u8; 2], &[u8])| {
    let (knobs, cuts, lengths, bytes) = input;
    let Inflating { mut end, wire, expected, broken, limit } =
        Inflating::new(knobs, usize::from(cuts[0]), lengths, bytes);
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
        (Cause::Failed(Error::MessageTooLarge { .. }), Some(Broken::TooLarge | Broken::Data))
        | (Cause::Failed(Error::Inflate(_)), Some(_))
        | (Cause::Lost, None) => assert_eq!(told, expected),
        (cause, broken) => panic!("{cause:?}, but {broken:?}"),
    }
});
