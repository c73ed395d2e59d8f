//! Negotiation of permessage-deflate in both roles (RFC 7692 sections 5 and 7.1).
#![cfg(all(feature = "deflate", feature = "handshake"))]

#[path = "deflate_common/opening.rs"]
mod opening;

use hybi::Connection;
use hybi::deflate::{Compression, Direction, Params};
use hybi::handshake::{
    Accept, ClientHandshake, DeflateOffer, HandshakeError, Incoming, OriginPolicy, Request,
    WindowHint, parse_extensions,
};
use opening::{answer_to, everything, judged, plain, request, request_with, verdict};

const NAME: &str = "permessage-deflate";

#[test]
fn a_server_that_may_do_everything_answers_what_it_was_asked() {
    for (offers, answer) in [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
        (
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
        // A hint that spares us the memory of a window.
        (
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        (
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            "permessage-deflate; server_max_window_bits=\"8\"",
            "permessage-deflate; server_max_window_bits=8",
        ),
        (
            "permessage-deflate; server_max_window_bits=\"1\\2\"",
            "permessage-deflate; server_max_window_bits=12",
        ),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
             permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=10",
        ),
        ("x-webkit-deflate-frame, permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; server_max_window_bits=7, permessage-deflate", "permessage-deflate"),
        (
            "permessage-deflate; unknown, permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
    ] {
        assert_eq!(answer_to(offers, &everything()).as_deref(), Some(answer), "{offers}");
    }
}

/// Declined, never answered with an error (section 7).
#[test]
fn an_offer_that_breaks_a_rule_is_declined() {
    for offer in [
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=08",
        "client_max_window_bits=+10",
        "client_max_window_bits=\"\"",
        "client_max_window_bits=1000",
        "client_max_window_bits=4294967305",
        "client_max_window_bits=ten",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=0",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "unknown",
        "unknown=1",
        "server_no_context_takeover; server_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits; client_max_window_bits=10",
    ] {
        if offer.ends_with("\"\"") {
            continue; // Not a token: the request itself is refused (RFC 6455 section 9.1).
        }
        let offers = format!("{NAME}; {offer}");
        assert_eq!(answer_to(&offers, &everything()), None, "{offers}");
        let extensions = parse_extensions([offers.as_bytes()]).expect("it is well-formed");
        assert_eq!(DeflateOffer::parse(&extensions[0]), None, "{offers}");
    }
    assert_eq!(answer_to("x-webkit-deflate-frame", &everything()), None);
    assert_eq!(answer_to("", &everything()), None);
}

#[test]
fn a_server_asks_for_what_it_wishes() {
    let light = Compression::default();
    assert_eq!(
        answer_to("permessage-deflate", &light).as_deref(),
        Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
    );
    let mut small = everything();
    (small.send.window_bits, small.receive.window_bits) = (9, 11);
    for (offer, answer) in [
        // A client that does not say that it can may not be limited.
        ("permessage-deflate", "permessage-deflate; server_max_window_bits=9"),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=11",
        ),
        (
            "permessage-deflate; client_max_window_bits=15; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=11",
        ),
    ] {
        assert_eq!(answer_to(offer, &small).as_deref(), Some(answer), "{offer}");
    }
}

/// Section 7.1.2.2: an answer to a limit is that limit or a smaller one.
#[test]
fn a_server_answers_no_larger_window_than_the_client_will_use() {
    for ours in 8..=15 {
        for hint in 8..=15 {
            let mut settings = everything();
            settings.receive.window_bits = ours;
            let offer = format!("{NAME}; client_max_window_bits={hint}");
            let answer = answer_to(&offer, &settings).expect("it is accepted");
            let answered = answer.split_once("client_max_window_bits=").map(|(_, bits)| bits);
            // Without an answer the client keeps to what it has said.
            let agreed: u8 = answered.map_or(hint, |bits| bits.parse().expect("a number"));
            assert_eq!(agreed, hint.min(ours), "{answer}");
        }
    }
}

#[test]
fn the_application_sees_the_offer_and_who_makes_it_and_may_decline() {
    let request = request_with("permessage-deflate; client_max_window_bits");
    let incoming = Incoming::from_request(&request, &OriginPolicy::Any).expect("it is good");
    let offer = incoming.extensions().iter().find_map(DeflateOffer::parse);
    assert_eq!(offer.expect("an offer").client_max_window_bits, Some(WindowHint::Any));
    assert_eq!(incoming.header("user-agent"), Some("Old/1.0"));
    for declining in [Accept::new().compression(None), Accept::new()] {
        let (response, negotiated) =
            incoming.accept(&declining).expect("it is fine").into_response();
        assert!(!response.headers().contains_key("sec-websocket-extensions"));
        assert_eq!((negotiated.compression, negotiated.extensions.len()), (None, 0));
    }
    let accept = Accept::new().compression(&Compression::default());
    let (_, negotiated) = incoming.accept(&accept).expect("it is fine").into_response();
    assert!(negotiated.compression.is_some());
    assert_eq!(negotiated.extensions[0].name, NAME);
}

#[test]
fn a_client_takes_every_answer_that_its_offer_allows() {
    let any = DeflateOffer { client_max_window_bits: Some(WindowHint::Any), ..plain() };
    let ten = DeflateOffer { client_max_window_bits: Some(WindowHint::AtMost(10)), ..plain() };
    let small = DeflateOffer { server_max_window_bits: Some(10), ..plain() };
    for (offer, answer, server, client) in [
        (plain(), "", (true, 15), (false, 15)),
        (ten, "", (true, 15), (false, 10)),
        (ten, "; client_max_window_bits=10", (true, 15), (false, 10)),
        (ten, "; client_max_window_bits=9", (true, 15), (false, 9)),
        (ten, "; client_max_window_bits=15", (true, 15), (false, 10)),
        (any, "", (true, 15), (false, 15)),
        (any, "; server_max_window_bits=12", (true, 12), (false, 15)),
        (any, "; client_max_window_bits=9", (true, 15), (false, 9)),
        (any, "; client_max_window_bits=\"9\"", (true, 15), (false, 9)),
        (any, "; client_max_window_bits=15; server_max_window_bits=15", (true, 15), (false, 15)),
        // What we have said to use at most holds, whatever is answered.
        (at_most(12), "", (true, 15), (false, 12)),
        (at_most(12), "; client_max_window_bits=12", (true, 15), (false, 12)),
        (at_most(12), "; client_max_window_bits=11", (true, 15), (false, 11)),
        (small, "; server_max_window_bits=10", (true, 10), (false, 15)),
        (small, "; server_max_window_bits=9", (true, 9), (false, 15)),
        (any, "; client_no_context_takeover", (true, 15), (false, 15)),
        (plain(), "; server_no_context_takeover", (false, 15), (false, 15)),
        (
            any,
            "; client_max_window_bits=8; server_max_window_bits=8; server_no_context_takeover",
            (false, 8),
            (false, 8),
        ),
    ] {
        let params = verdict(&[offer], Some(&format!("{NAME}{answer}"))).expect(answer);
        let params = params.expect("it was accepted");
        let told = |direction: Direction| (direction.context_takeover, direction.window_bits);
        assert_eq!((told(params.server), told(params.client)), (server, client), "{answer}");
    }
    assert_eq!(verdict(&[any], None).expect("declining is fine"), None);
}

/// Section 7.1.1.2 and 7.1.2.2: what was offered, what was answered and what we wish bound us alike.
#[test]
fn a_client_keeps_to_the_narrowest_of_wish_offer_and_answer() {
    for (hint, fresh, answer, takeover, bits) in [
        (None, false, "", true, 12),
        (None, true, "", false, 12),
        (None, false, "; client_no_context_takeover", false, 12),
        (None, true, "; client_no_context_takeover", false, 12),
        (None, false, "; server_no_context_takeover", true, 12),
        (Some(WindowHint::Any), false, "", true, 12),
        (Some(WindowHint::Any), false, "; client_max_window_bits=13", true, 12),
        (Some(WindowHint::Any), false, "; client_max_window_bits=11", true, 11),
        (Some(WindowHint::AtMost(10)), false, "", true, 10),
        (Some(WindowHint::AtMost(10)), false, "; client_max_window_bits=9", true, 9),
        (Some(WindowHint::AtMost(14)), false, "; client_max_window_bits=13", true, 12),
    ] {
        let mut wish = everything();
        wish.send.window_bits = 12;
        let mut offer = DeflateOffer { client_max_window_bits: hint, ..plain() };
        offer.client_no_context_takeover = fresh;
        let request = request(&[offer]).with_settings(&wish);
        let params = judged(request, Some(&format!("{NAME}{answer}"))).expect(answer);
        let client = Direction { context_takeover: takeover, window_bits: bits };
        assert_eq!(params.expect("it was accepted").client, client, "{hint:?} {fresh} {answer}");
    }
}

#[test]
fn a_client_fails_an_answer_that_breaks_a_rule() {
    let any = DeflateOffer { client_max_window_bits: Some(WindowHint::Any), ..plain() };
    let small = DeflateOffer { server_max_window_bits: Some(10), ..plain() };
    let fresh = DeflateOffer { server_no_context_takeover: true, ..plain() };
    for (offer, answer) in [
        (plain(), "permessage-deflate; client_max_window_bits=15"),
        (any, "permessage-deflate; client_max_window_bits"),
        (any, "permessage-deflate; client_max_window_bits=16"),
        (any, "permessage-deflate; client_max_window_bits=08"),
        (any, "permessage-deflate; server_max_window_bits"),
        (any, "permessage-deflate; server_max_window_bits=7"),
        (any, "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"),
        (any, "permessage-deflate; server_no_context_takeover=1"),
        (any, "permessage-deflate; unknown"),
        (small, "permessage-deflate"),
        (small, "permessage-deflate; server_max_window_bits=11"),
        (fresh, "permessage-deflate"),
        (any, "permessage-deflate, permessage-deflate"),
    ] {
        let error = verdict(&[offer], Some(answer)).expect_err(answer);
        assert!(matches!(error, HandshakeError::InvalidExtension), "{answer}: {error:?}");
    }
    for (offers, answer) in [
        (&[][..], "permessage-deflate"),
        (&[any], "x-webkit-deflate-frame"),
        (&[any], "permessage-deflate, foo"),
        (&[any], "Permessage-Deflat"),
        (&[any], "Permessage-Deflate"),
    ] {
        let error = verdict(offers, Some(answer)).expect_err(answer);
        assert!(matches!(error, HandshakeError::UnexpectedExtension), "{answer}: {error:?}");
    }
}

#[test]
fn a_client_makes_its_offers_in_order() {
    let first = DeflateOffer { server_max_window_bits: Some(10), ..plain() };
    let request = request(&[first, plain()]);
    assert_eq!(request.offers(), [first, plain()]);
    let (_, bytes) = ClientHandshake::new(request, *b"the sample nonce");
    let text = String::from_utf8(bytes.to_vec()).expect("it is text");
    let line = text.lines().find(|line| line.starts_with("Sec-WebSocket-Extensions: "));
    assert_eq!(
        line,
        Some(
            "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10, \
             permessage-deflate"
        )
    );
    let none = Request::new("ws://example.com/").expect("the URL is good");
    let (_, bytes) = ClientHandshake::new(none, *b"the sample nonce");
    assert!(!String::from_utf8_lossy(&bytes).contains("Extensions"));
}

#[test]
fn windows_that_do_not_exist_never_reach_the_wire() {
    for bits in [0, 7, 16, 255] {
        let mut compression = everything();
        (compression.send.window_bits, compression.receive.window_bits) = (bits, bits);
        let offer = DeflateOffer::new(&compression);
        assert_eq!(DeflateOffer::parse(&offer.to_extension()), Some(offer), "{bits}");
        let any = DeflateOffer { client_max_window_bits: Some(WindowHint::Any), ..plain() };
        for offer in [any, at_most(10)] {
            let asked = offer.to_extension().to_string();
            let answer = answer_to(&asked, &compression).expect("it is accepted");
            assert!(verdict(&[offer], Some(&answer)).is_ok(), "{answer}");
        }
    }
}

#[test]
fn a_connection_says_whether_it_compresses() {
    let direction = Direction { context_takeover: true, window_bits: 15 };
    let conn = Connection::server(Default::default());
    assert!(!conn.has_compression());
    let params = Params { server: direction, client: direction };
    assert!(conn.with_compression(params, None).has_compression());
}

/// A client that will use a window of so many bits at most.
fn at_most(bits: u8) -> DeflateOffer {
    DeflateOffer { client_max_window_bits: Some(WindowHint::AtMost(bits)), ..plain() }
}
