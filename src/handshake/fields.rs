//! Reading header fields: lists of tokens, fields that stand once, names that are ours (RFC 9110 section 5).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::HandshakeError;

/// Header names with the spelling that errors and the wire use.
pub(super) mod name {
    pub(in super::super) const HOST: &str = "Host";
    pub(in super::super) const UPGRADE: &str = "Upgrade";
    pub(in super::super) const CONNECTION: &str = "Connection";
    pub(in super::super) const KEY: &str = "Sec-WebSocket-Key";
    pub(in super::super) const VERSION: &str = "Sec-WebSocket-Version";
    pub(in super::super) const ACCEPT: &str = "Sec-WebSocket-Accept";
    pub(in super::super) const PROTOCOL: &str = "Sec-WebSocket-Protocol";
    pub(in super::super) const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
    pub(in super::super) const ORIGIN: &str = "Origin";
}

/// Whether a header's value is a secret between the client and the server or proxy that it is for.
pub(crate) fn is_secret(name: &HeaderName) -> bool {
    use header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE].contains(name)
}

/// Whether `byte` may stand in a token (RFC 9110 section 5.6.2).
pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// The value without the spaces and tabs around it.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let mut trimmed = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = trimmed {
        trimmed = rest;
    }
    trimmed
}

/// The value of a field that must stand exactly once.
pub(super) fn single<'h>(
    headers: &'h HeaderMap,
    name: &'static str,
) -> Result<&'h [u8], HandshakeError> {
    optional(headers, name)?.ok_or(HandshakeError::MissingHeader(name))
}

/// The value of a field that may stand once.
pub(super) fn optional<'h>(
    headers: &'h HeaderMap,
    name: &'static str,
) -> Result<Option<&'h [u8]>, HandshakeError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(HandshakeError::DuplicateHeader(name));
    }
    Ok(first.map(|value| trim(value.as_bytes())))
}

/// Whether a list of tokens, over all lines of the field, contains `token`, in whatever case.
pub(super) fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    elements(headers, name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// The elements of a comma-separated list, over all lines of the field.
pub(super) fn elements<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b',').map(trim))
}

/// Whether the field belongs to the handshake itself, so that no caller may add it.
pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "upgrade" | "connection" | "content-length" | "transfer-encoding")
        || name.starts_with("sec-websocket-")
}

/// A value made of text that has been checked to be a token or base64.
#[expect(clippy::expect_used, reason = "callers have checked the text")]
pub(super) fn value_of(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("tokens and base64 are visible ASCII")
}
