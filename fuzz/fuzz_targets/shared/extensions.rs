//! What holds of every extension that is read, and of every agreement.

use http::header::SEC_WEBSOCKET_EXTENSIONS;
use hybi::deflate::{Compression, Direction, Params};
use hybi::handshake::{
    Accept, DeflateOffer, Extension, Incoming, Key, OriginPolicy, Request, WindowHint, verify,
};

pub fn keeps_the_grammar(extension: &Extension) {
    let is_token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&b))
    };
    assert!(is_token(&extension.name), "{extension:?}");
    for param in &extension.params {
        assert!(is_token(&param.name) && param.value.as_deref().is_none_or(is_token), "{param:?}");
    }
}

/// A client makes the offers, a server that is ready for what `knobs` say answers, the client reads the answer.
pub fn negotiate(knobs: u8, offers: &[DeflateOffer]) {
    let mut ours = Compression::default();
    let direction =
        |bits: u8, takeover| Direction { window_bits: 8 + (bits & 7), context_takeover: takeover };
    (ours.send, ours.receive) =
        (direction(knobs, knobs & 64 != 0), direction(knobs >> 3, knobs & 128 != 0));
    let request = Request::new("ws://example.com/").expect("the URL is good");
    let request = offers.iter().fold(request, |request, offer| request.offer(*offer));
    let key = Key::from_nonce([0; 16]);
    let incoming = Incoming::from_request(&request.to_http(&key), &OriginPolicy::Any)
        .expect("a request of ours");
    let accepted =
        incoming.accept(&Accept::new().compression(&ours)).expect("nothing else is asked for");
    let (response, negotiated) = accepted.into_response();
    let verified = verify(&response, &request, &key).expect("the client takes the answer");
    assert_eq!(negotiated.compression.is_some(), !offers.is_empty());
    assert_eq!(response.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS), !offers.is_empty());
    let (Some(server), Some(client)) = (negotiated.compression, verified.compression) else {
        return;
    };
    assert_eq!(server.server, client.server);
    // The client may keep to less than it was allowed.
    assert!(client.client.window_bits <= server.client.window_bits);
    assert!(!client.client.context_takeover || server.client.context_takeover);
    for direction in [server.server, server.client, client.client] {
        assert!((8..=15).contains(&direction.window_bits));
    }
    assert!(server.server.window_bits <= ours.send.window_bits);
    let offer = offers[0];
    assert!(server.server.window_bits <= offer.server_max_window_bits.unwrap_or(15));
    assert!(!(offer.server_no_context_takeover && server.server.context_takeover));
    assert!(offer.client_max_window_bits.is_some() || server.client.window_bits == 15);
}

/// What a client offers, or that it offers nothing.
pub fn offer(knobs: u8) -> Option<DeflateOffer> {
    (knobs & 64 != 0).then(|| DeflateOffer {
        server_no_context_takeover: knobs & 16 != 0,
        client_no_context_takeover: knobs & 128 != 0,
        server_max_window_bits: (knobs & 16 != 0).then_some(10),
        client_max_window_bits: (knobs & 32 != 0).then_some(WindowHint::Any),
    })
}

/// The elements of an answer choose the one thing that was offered, and ask for what it allows (RFC 7692 section 7.1).
pub fn keeps_to(offer: Option<DeflateOffer>, chosen: &[String], agreed: Option<Params>) {
    let chosen: Vec<&String> = chosen.iter().filter(|element| !element.is_empty()).collect();
    assert_eq!(chosen.len(), usize::from(agreed.is_some()), "{chosen:?}");
    let (Some(agreed), [chosen]) = (agreed, &chosen[..]) else { return };
    let offer = offer.expect("what is chosen was offered");
    let mut params = chosen.split(';').map(|part| part.trim_matches([' ', '\t']));
    assert_eq!(params.next(), Some("permessage-deflate"));
    let limits_client = params.any(|param| param.starts_with("client_max_window_bits"));
    assert!(!limits_client || offer.client_max_window_bits.is_some());
    assert!(!(offer.server_no_context_takeover && agreed.server.context_takeover));
    assert!(agreed.server.window_bits <= offer.server_max_window_bits.unwrap_or(15));
}
