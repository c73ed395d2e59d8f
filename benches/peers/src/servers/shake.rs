//! The least of an opening handshake, for those who are measured on what comes after it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Ended;

/// Answers the request. The client sends no more until it is answered.
pub(super) async fn shake(stream: &mut TcpStream) -> Ended {
    let mut head = Vec::with_capacity(1024);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err("the peer went away".into());
        }
    }
    stream.write_all(&answer(&head).ok_or("not a WebSocket request")?).await?;
    Ok(())
}

/// The response to a request.
pub fn answer(head: &[u8]) -> Option<Vec<u8>> {
    let accept = accept(head)?;
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Some(response.into_bytes())
}

/// What a request's key must be answered with.
pub fn accept(head: &[u8]) -> Option<String> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).ok()?;
    let is_key = |name: &str| name.eq_ignore_ascii_case("sec-websocket-key");
    let key = request.headers.iter().find(|header| is_key(header.name))?.value;
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    Some(BASE64_STANDARD.encode(hash.finalize()))
}
