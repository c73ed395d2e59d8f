//! Both ends of the opening handshake, as far as they negotiate compression.
#![allow(dead_code, reason = "each test file uses a part of it")]

use hybi::RecvBuf;
use hybi::deflate::{Compression, Params};
use hybi::handshake::{
    Accept, ClientHandshake, DeflateOffer, HandshakeError, Incoming, OriginPolicy, Progress,
    Request, accept_key,
};

pub(crate) fn plain() -> DeflateOffer {
    DeflateOffer::default()
}

/// With takeover and the largest windows in both directions.
pub(crate) fn everything() -> Compression {
    let mut compression = Compression::default();
    (compression.send.context_takeover, compression.receive.context_takeover) = (true, true);
    compression
}

pub(crate) fn request_with(extensions: &str) -> http::Request<()> {
    let mut request = http::Request::get("/")
        .header("host", "example.com")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("user-agent", "Old/1.0");
    if !extensions.is_empty() {
        request = request.header("sec-websocket-extensions", extensions);
    }
    request.body(()).expect("the request is good")
}

pub(crate) fn answer_to(offers: &str, ours: &Compression) -> Option<String> {
    accepted(offers, ours).map(|(answer, _)| answer)
}

/// The answer of a server, and what it goes by.
pub(crate) fn accepted(offers: &str, ours: &Compression) -> Option<(String, Params)> {
    let request = request_with(offers);
    let incoming = Incoming::from_request(&request, &OriginPolicy::Any).expect("it is good");
    let accept = Accept::new().compression(ours);
    let (response, negotiated) = incoming.accept(&accept).expect("it is good").into_response();
    let answer = response.headers().get("sec-websocket-extensions")?;
    let answer = answer.to_str().expect("it is text").to_owned();
    Some((answer, negotiated.compression.expect("what is answered holds")))
}

pub(crate) fn request(offers: &[DeflateOffer]) -> Request {
    let request = Request::new("ws://example.com/").expect("the URL is good");
    offers.iter().fold(request, |request, offer| request.offer(*offer))
}

/// What a client makes of an answer, that compresses without takeover of its own accord.
pub(crate) fn verdict(
    offers: &[DeflateOffer],
    answer: Option<&str>,
) -> Result<Option<Params>, HandshakeError> {
    judged(request(offers), answer)
}

pub(crate) fn judged(
    request: Request,
    answer: Option<&str>,
) -> Result<Option<Params>, HandshakeError> {
    let (client, _) = ClientHandshake::new(request, *b"the sample nonce");
    let accept = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
    let extensions = answer.map(|answer| format!("Sec-WebSocket-Extensions: {answer}\r\n"));
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{}\r\n",
        extensions.unwrap_or_default()
    );
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(response.as_bytes());
    match client.advance(&mut rx)? {
        Progress::Done(established) => Ok(established.negotiated.compression),
        Progress::Continue(_) => panic!("the response is whole"),
    }
}
