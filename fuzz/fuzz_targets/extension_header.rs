//! `Sec-WebSocket-Extensions`: reading, printing and reading again changes nothing; a server's answer is one that
//! the client takes, both understand the same by it, and it asks for nothing that was not offered.
#![no_main]

mod shared;

use hybi::handshake::{DeflateOffer, parse_extensions};
use libfuzzer_sys::fuzz_target;
use shared::extensions::{keeps_the_grammar, negotiate};

fuzz_target!(|input: (u8, &[u8])| {
    let (knobs, value) = input;
    let lines: Vec<&[u8]> = value.split(|byte| *byte == b'\n').collect();
    let Ok(found) = parse_extensions(lines.iter().copied()) else { return };
    assert!(found.len() <= 32, "an unbounded number of extensions");
    found.iter().for_each(keeps_the_grammar);
    let printed: Vec<String> = found.iter().map(ToString::to_string).collect();
    for values in [vec![printed.join(", ")], printed] {
        let again = parse_extensions(values.iter().map(String::as_bytes)).ok();
        assert_eq!(again.as_ref(), Some(&found), "{values:?}");
    }
    let offers: Vec<DeflateOffer> = found.iter().filter_map(DeflateOffer::parse).collect();
    for offer in &offers {
        assert_eq!(DeflateOffer::parse(&offer.to_extension()).as_ref(), Some(offer));
        assert!(offer.server_max_window_bits.is_none_or(|bits| (8..=15).contains(&bits)));
    }
    negotiate(knobs, &offers);
});
