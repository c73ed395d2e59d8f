//! Writing a server's responses.

use alloc::vec::Vec;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderValue};

use super::{HandshakeError, Refusal, Rejection};

/// The status line and the headers, in HTTP/1.1.
pub(super) fn encode_head<B>(response: &http::Response<B>) -> Vec<u8> {
    let status = response.status();
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
    encode_headers(response.headers(), &mut head);
    head.extend_from_slice(b"\r\n");
    head
}

/// Header fields, names in the spelling of the specifications where they have one.
pub(crate) fn encode_headers(headers: &http::HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        match name.as_str() {
            "sec-websocket-extensions" => out.extend_from_slice(b"Sec-WebSocket-Extensions"),
            "sec-websocket-key" => out.extend_from_slice(b"Sec-WebSocket-Key"),
            "sec-websocket-protocol" => out.extend_from_slice(b"Sec-WebSocket-Protocol"),
            "sec-websocket-version" => out.extend_from_slice(b"Sec-WebSocket-Version"),
            other => {
                let mut before = b'-';
                out.extend(other.bytes().map(|byte| {
                    let begins = core::mem::replace(&mut before, byte) == b'-';
                    if begins { byte.to_ascii_uppercase() } else { byte }
                }));
            }
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// A response after which the connection is closed. What frames the body is ours to say.
pub(super) fn encode_rejection(response: &http::Response<Bytes>) -> Bytes {
    let mut framed = http::Response::new(());
    *framed.status_mut() = match response.status() {
        // An interim status would leave the client waiting, or believing.
        status if status.is_informational() => StatusCode::INTERNAL_SERVER_ERROR,
        status => status,
    };
    *framed.headers_mut() = response.headers().clone();
    let headers = framed.headers_mut();
    headers.remove(header::TRANSFER_ENCODING);
    let connection = if headers.contains_key(header::UPGRADE) { "close, Upgrade" } else { "close" };
    headers.insert(header::CONNECTION, HeaderValue::from_static(connection));
    if matches!(framed.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        // These never have a body (RFC 9110 section 8.6).
        framed.headers_mut().remove(header::CONTENT_LENGTH);
        return encode_head(&framed).into();
    }
    let length = HeaderValue::from(response.body().len());
    framed.headers_mut().insert(header::CONTENT_LENGTH, length);
    let mut bytes = encode_head(&framed);
    bytes.extend_from_slice(response.body());
    bytes.into()
}

/// The answer to a request that is no handshake.
pub(super) fn refuse(error: HandshakeError) -> Refusal {
    let Some(status) = error.status() else { return Refusal { error, response: Bytes::new() } };
    let mut response = Rejection::from(status).into_inner();
    let headers = response.headers_mut();
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        StatusCode::UPGRADE_REQUIRED => {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        _ => {}
    }
    if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UPGRADE_REQUIRED) {
        // A server that refuses a version says which it speaks (RFC 6455 section 4.4); the version may be
        // wrong beside what was found first.
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    Refusal { response: encode_rejection(&response), error }
}
