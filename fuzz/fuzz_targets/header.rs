//! A header is accepted if and only if it keeps every rule of RFC 6455 section 5.2, and is the bytes it encodes to.
#![no_main]

mod shared;

use hybi::frame::{Expect, Header, MAX_HEADER, Masking};
use libfuzzer_sys::fuzz_target;
use shared::framing::breaks_a_rule;

fuzz_target!(|input: (u8, &[u8])| {
    let (knobs, bytes) = input;
    let masking = if knobs & 1 != 0 { Masking::Required } else { Masking::Forbidden };
    let expect = Expect { masking, rsv1: knobs & 2 != 0, in_message: knobs & 4 != 0 };
    let parsed = Header::parse(bytes, expect);
    assert_eq!(parsed.is_err(), breaks_a_rule(bytes, expect), "{parsed:?}");
    match parsed {
        Ok(Some((header, used))) => {
            assert_eq!(&*header.encode(), &bytes[..used]);
            for len in 0..used {
                assert_eq!(Header::parse(&bytes[..len], expect), Ok(None), "{len} of {used} bytes");
            }
            let unkeyed = used - header.mask.map_or(0, |key| key.len());
            for len in 0..=used {
                let early = Header::parse_unkeyed(&bytes[..len], expect);
                let whole = (Header { mask: None, ..header }, unkeyed);
                assert_eq!(
                    early,
                    Ok((len >= unkeyed).then_some(whole)),
                    "{len} of {unkeyed} bytes"
                );
            }
        }
        Ok(None) => assert!(bytes.len() < MAX_HEADER, "asks for more than a header can have"),
        Err(_) => {}
    }
});
