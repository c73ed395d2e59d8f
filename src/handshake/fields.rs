//! Reading header fields: lists of tokens, fields that stand once, names that are ours (RFC 9110 section 5).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{HandshakeError, runs};

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
pub(super) fn is_secret(name: &HeaderName) -> bool {
    use header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE].contains(name)
}

/// Which bytes belong to a set, asked for often.
pub(super) struct ByteSet([bool; 256]);

impl ByteSet {
    /// Letters, digits and these.
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "the compiler has tried it"
    )]
    pub(super) const fn alphanumeric_and(others: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < u8::MAX {
            table[byte as usize] = byte.is_ascii_alphanumeric();
            byte += 1;
        }
        let mut i = 0;
        while i < others.len() {
            table[others[i] as usize] = true;
            i += 1;
        }
        Self(table)
    }

    #[inline]
    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)) == Some(&true)
    }
}

/// Whether `byte` may stand in a token (RFC 9110 section 5.6.2).
#[inline]
pub(super) fn is_token_byte(byte: u8) -> bool {
    static TOKEN: ByteSet = ByteSet::alphanumeric_and(b"!#$%&'*+-.^_`|~");
    TOKEN.contains(byte)
}

pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && runs::token(text) == text.len()
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
    headers.get_all(name).into_iter().flat_map(|value| list(value.as_bytes()))
}

/// The elements of a comma-separated list in one line of a field.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(trim)
}

/// The header lines of a head that has been checked: names, and values without the space around them.
pub(super) fn lines(fields: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let mut rest = fields;
    core::iter::from_fn(move || {
        let (line, behind) = rest.split_at_checked(rest.iter().position(|b| *b == b'\r')?)?;
        rest = behind.strip_prefix(b"\r\n").unwrap_or_default();
        let (name, value) = line.split_at_checked(line.iter().position(|b| *b == b':')?)?;
        Some((core::str::from_utf8(name).ok()?, trim(value.strip_prefix(b":").unwrap_or_default())))
    })
}

/// The values of all lines of a field in such a head.
pub(super) fn values<'h>(fields: &'h [u8], name: &str) -> impl Iterator<Item = &'h [u8]> {
    lines(fields).filter(move |line| line.0.eq_ignore_ascii_case(name)).map(|line| line.1)
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
