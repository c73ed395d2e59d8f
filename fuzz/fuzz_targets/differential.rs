//! The same bytes bring the same messages and the same end as in tungstenite, but for what [`is_allowed`] lists.
#![no_main]

mod shared;

use hybi::Cause;
use libfuzzer_sys::fuzz_target;
use shared::Knobs;
use shared::common::Told;
use shared::outcome::run;
use shared::tungstenite::{Ended, is_allowed, read};

fuzz_target!(|input: (u8, &[u8])| {
    let knobs = Knobs(input.0 & (Knobs::CLIENT | Knobs::AS_IT_IS));
    let (role, wire) = (knobs.role(), knobs.wire(input.1));
    let mut ours = run(knobs, &knobs.config(), &wire, None).told;
    let Some(Told::Closed(end)) = ours.pop() else { panic!("the end is told last: {ours:?}") };
    let (theirs, their_end) = read(role, &wire);
    match (end.cause, &their_end) {
        (Cause::Failed(error), _) if is_allowed(error, &their_end) => {
            assert!(theirs.starts_with(&ours), "{ours:?}, {error:?}; {theirs:?}, {their_end:?}");
            return;
        }
        (Cause::Failed(_), Ended::Failed(_)) | (Cause::Lost, Ended::Lost) => {}
        (Cause::Remote, Ended::Close(close)) => {
            let received = end.received.map(|frame| (frame.code.0, frame.reason.to_string()));
            // 1014 was registered later than their table.
            if received.as_ref().is_none_or(|(code, _)| *code != 1014) {
                assert_eq!(received.as_ref(), Some(close));
            }
        }
        (cause, _) => panic!("{cause:?}, but {their_end:?} after {theirs:?}"),
    }
    assert_eq!(ours, theirs, "{:?}, {their_end:?}", end.cause);
});
