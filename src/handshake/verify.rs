//! What a client checks in the server's answer (RFC 6455 section 4.1).

use alloc::borrow::ToOwned;

use http::header::HeaderValue;
use http::{StatusCode, Version};

use super::fields::{self, name};
use super::{HandshakeError, Key, Negotiated, Request, parse_extensions};

/// Checks every part of a 101 response against the request it answers.
///
/// # Errors
///
/// The first rule that it breaks; [`HandshakeError::Refused`], without the body, for another status.
pub fn verify<B>(
    response: &http::Response<B>,
    request: &Request,
    key: &Key,
) -> Result<Negotiated, HandshakeError> {
    let headers = response.headers();
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let mut refused = http::Response::new(bytes::Bytes::new());
        *refused.status_mut() = response.status();
        *refused.headers_mut() = headers.clone();
        return Err(HandshakeError::Refused(refused.into()));
    }
    if response.version() != Version::HTTP_11 {
        return Err(HandshakeError::HttpVersion);
    }
    if !fields::single(headers, name::UPGRADE)?.eq_ignore_ascii_case(b"websocket") {
        return Err(HandshakeError::InvalidHeader(name::UPGRADE));
    }
    if !headers.contains_key(name::CONNECTION) {
        return Err(HandshakeError::MissingHeader(name::CONNECTION));
    }
    if !fields::has_token(headers, name::CONNECTION, "upgrade") {
        return Err(HandshakeError::InvalidHeader(name::CONNECTION));
    }
    if fields::single(headers, name::ACCEPT)? != key.answer() {
        return Err(HandshakeError::AcceptMismatch);
    }
    let subprotocol = match fields::optional(headers, name::PROTOCOL)? {
        None => None,
        Some(chosen) => {
            let offered = request.subprotocols().iter();
            let chosen = offered.into_iter().find(|offered| offered.as_bytes() == chosen);
            Some(chosen.ok_or(HandshakeError::UnexpectedSubprotocol)?.to_owned())
        }
    };
    let chosen = headers.get_all(name::EXTENSIONS).iter().map(HeaderValue::as_bytes);
    let extensions = parse_extensions(chosen)?;
    #[cfg(feature = "deflate")]
    let compression =
        super::deflate::verify(&extensions, request.offers(), request.compression_settings())?;
    #[cfg(not(feature = "deflate"))]
    if !extensions.is_empty() {
        return Err(HandshakeError::UnexpectedExtension);
    }
    Ok(Negotiated {
        subprotocol,
        extensions,
        #[cfg(feature = "deflate")]
        compression,
    })
}
