//! What makes a request a handshake (RFC 6455 section 4.2.1).

use alloc::vec::Vec;

use http::Uri;

use super::extension::check_extensions;
use super::fields::{ByteSet, is_token, list, name, values};
use super::found::Found;
use super::shown;
use super::url::split_host_and_port;
use super::{HandshakeError, Key, OriginPolicy};

/// Checks what makes a request of HTTP/1.1 an upgrade (items 1 to 5).
pub(super) fn check_upgrade(
    method: &[u8],
    target: &[u8],
    head: &[u8],
    found: &Found,
) -> Result<Key, HandshakeError> {
    if method != b"GET" {
        return Err(HandshakeError::Method);
    }
    if !is_target(target) {
        return Err(HandshakeError::Malformed);
    }
    let length = found.length.optional(head, "Content-Length")?;
    if length.is_some_and(|length| length != b"0") || found.has_coding {
        return Err(HandshakeError::BodyNotAllowed);
    }
    if split_host_and_port(found.host.single(head, name::HOST)?).is_err() {
        return Err(HandshakeError::InvalidHeader(name::HOST));
    }
    found.upgrade.check(name::UPGRADE)?;
    found.connection.check(name::CONNECTION)?;
    Key::parse(found.key.single(head, name::KEY)?).ok_or(HandshakeError::BadKey)
}

/// Checks what holds however the request came (items 6 to 9). `fields` are the header lines; `authority` is the host where
/// it is not in one of them.
pub(super) fn check_offers(
    head: &[u8],
    found: &Found,
    fields: &[u8],
    authority: Option<&str>,
    origins: &OriginPolicy,
) -> Result<(), HandshakeError> {
    if found.version.single(head, name::VERSION)? != b"13" {
        return Err(HandshakeError::UnsupportedVersion);
    }
    if let Some(origin) = found.origin.optional(head, name::ORIGIN)? {
        let host = authority.map_or_else(|| found.host.last(head), str::as_bytes);
        if !origins.allows(origin, host) {
            return Err(HandshakeError::OriginRejected(shown::excerpt(origin)));
        }
    }
    if found.protocols.lines > 0 {
        check_subprotocols(values(fields, name::PROTOCOL))?;
    }
    match found.extensions.lines {
        0 => Ok(()),
        1 => check_extensions(found.extensions.last(head)),
        _ => values(fields, name::EXTENSIONS).try_for_each(check_extensions),
    }
}

/// Whether a target is a path, or a whole http: URL as a proxy sends it (RFC 9112 section 3.2), which `http` can read.
fn is_target(target: &[u8]) -> bool {
    // RFC 3986 sections 3.3 and 3.4: what no parser of URLs objects to, if it is not too long.
    static ORDINARY: ByteSet = ByteSet::alphanumeric_and(b"-._~!$&'()*+,;=:@%/?");
    let is_path = target.first() == Some(&b'/') && target.len() < 1024;
    if is_path && target.iter().all(|byte| ORDINARY.contains(*byte)) {
        return true;
    }
    // `Uri` would drop a fragment without a word.
    if target.contains(&b'#') {
        return false;
    }
    let Ok(uri) = Uri::try_from(target) else { return false };
    match uri.scheme_str() {
        None => uri.path().starts_with('/'),
        Some(scheme) => matches!(scheme, "http" | "https"),
    }
}

/// Nobody offers more; each is compared with all before it.
const MAX_SUBPROTOCOLS: usize = 100;

/// The offered subprotocols are tokens, each once (section 4.1, item 10).
fn check_subprotocols<'h>(values: impl Iterator<Item = &'h [u8]>) -> Result<(), HandshakeError> {
    let invalid = HandshakeError::InvalidHeader(name::PROTOCOL);
    let mut found: Vec<&[u8]> = Vec::new();
    for element in values.flat_map(list).filter(|element| !element.is_empty()) {
        let known = found.len() == MAX_SUBPROTOCOLS || found.contains(&element);
        if !is_token(element) || known {
            return Err(invalid);
        }
        found.push(element);
    }
    if found.is_empty() { Err(invalid) } else { Ok(()) }
}
