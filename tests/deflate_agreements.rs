//! Whatever two ends wish for, what they agree on fits (RFC 7692 section 7.1).
#![cfg(all(feature = "deflate", feature = "handshake"))]

#[path = "deflate_common/opening.rs"]
mod opening;

use hybi::deflate::{Compression, Direction};
use hybi::handshake::{DeflateOffer, WindowHint, parse_extensions};
use opening::{accepted, judged, request, verdict};
use proptest::option;
use proptest::prelude::*;

fn offers() -> impl Strategy<Value = Vec<DeflateOffer>> {
    let hint = prop_oneof![Just(WindowHint::Any), (8u8..=15).prop_map(WindowHint::AtMost)];
    let offer = (any::<bool>(), any::<bool>(), option::of(8u8..=15), option::of(hint));
    let offer = offer.prop_map(|(server, client, server_bits, client_bits)| DeflateOffer {
        server_no_context_takeover: server,
        client_no_context_takeover: client,
        server_max_window_bits: server_bits,
        client_max_window_bits: client_bits,
    });
    proptest::collection::vec(offer, 1..4)
}

fn settings() -> impl Strategy<Value = Compression> {
    let direction = || {
        (any::<bool>(), 8u8..=15)
            .prop_map(|(context_takeover, window_bits)| Direction { context_takeover, window_bits })
    };
    (direction(), direction()).prop_map(|(send, receive)| {
        let mut compression = Compression::default();
        (compression.send, compression.receive) = (send, receive);
        compression
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is wished for, each end reads what the other sends.
    #[test]
    fn what_two_ends_agree_on_fits(offers in offers(), server in settings()) {
        let header: Vec<String> = offers.iter().map(|o| o.to_extension().to_string()).collect();
        let (answer, ours) = accepted(&header.join(", "), &server).expect("valid offers are accepted");
        let theirs = verdict(&offers, Some(&answer));
        let theirs = theirs.expect("the answer is allowed").expect("it is accepted");
        for (sends, reads) in [(ours.server, theirs.server), (theirs.client, ours.client)] {
            prop_assert!(sends.window_bits <= reads.window_bits, "{answer}: {sends:?}, {reads:?}");
            prop_assert!(!sends.context_takeover || reads.context_takeover, "{answer}");
        }
        prop_assert!(ours.server.window_bits <= server.send.window_bits);
        prop_assert!(!ours.server.context_takeover || server.send.context_takeover);
        prop_assert!(!ours.client.context_takeover || server.receive.context_takeover);
    }

    #[test]
    fn an_offer_is_read_as_it_was_written(offers in offers()) {
        for offer in offers {
            let text = offer.to_extension().to_string();
            let read = parse_extensions([text.as_bytes()]).expect("it is well-formed");
            prop_assert_eq!(DeflateOffer::parse(&read[0]), Some(offer));
        }
    }

    /// The adapters' offer gets what was wished for, or less.
    #[test]
    fn a_wish_is_an_offer(client in settings(), server in settings()) {
        let offer = DeflateOffer::new(&client);
        let (answer, ours) = accepted(&offer.to_extension().to_string(), &server).expect("it is good");
        let request = request(&[]).compression(&client);
        prop_assert_eq!(request.offers(), [offer]);
        let theirs = judged(request, Some(&answer)).expect("it is good");
        let theirs = theirs.expect("it is accepted");
        prop_assert!(theirs.server.window_bits <= client.receive.window_bits);
        prop_assert!(!theirs.server.context_takeover || client.receive.context_takeover);
        prop_assert!(ours.server.window_bits <= theirs.server.window_bits);
        prop_assert!(!theirs.client.context_takeover || client.send.context_takeover);
        prop_assert!(theirs.client.window_bits <= client.send.window_bits.min(ours.client.window_bits));
    }
}
