//! What holds of every extension that is read, and of every agreement.

use http::header::SEC_WEBSOCKET_EXTENSIONS;
use hybi::deflate::{Compression, Direction};
use hybi::handshake::{
    Accept, DeflateOffer, Extension, Incoming, Key, OriginPolicy, Request, verify,
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
