//! How bytes were cut on their way makes no difference: same events, same answers, same end; and memory stays
//! bounded by what has arrived.
#![no_main]

mod shared;

use hybi::Delivery;
use libfuzzer_sys::fuzz_target;
use shared::common::the_end;
use shared::outcome::{run, run_chunks};
use shared::{Cuts, Knobs, SINGLE};

fuzz_target!(|input: (u8, Cuts, &[u8])| {
    let (knobs, cuts, bytes) = input;
    let knobs = Knobs(knobs);
    let (config, wire) = (knobs.config(), knobs.wire(bytes));
    assert_eq!(config.delivery, Delivery::Messages);

    let whole = run(knobs, &config, &wire, None);
    the_end(&whole.told);
    for cuts in [SINGLE, cuts] {
        assert_eq!(run(knobs, &config, &wire, Some(cuts)), whole);
    }

    let chunks = run_chunks(knobs, &config, &wire, None);
    assert_eq!((&chunks.told, &chunks.sent), (&whole.told, &whole.sent));
    for cuts in [SINGLE, cuts] {
        let cut = run_chunks(knobs, &config, &wire, Some(cuts));
        assert_eq!((&cut.told, &cut.sent), (&whole.told, &whole.sent));
        // Of a message that fails, more is told the earlier it is looked at.
        let shared = cut.unfinished.len().min(chunks.unfinished.len());
        assert_eq!(cut.unfinished[..shared], chunks.unfinished[..shared]);
    }
});
