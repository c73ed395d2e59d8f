//! Which web pages may connect (RFC 6455 section 10.2).

use alloc::string::String;
use alloc::vec::Vec;

/// Which `Origin` a server takes.
///
/// Browsers send it and let no page forge it, so it keeps other sites' pages from using a visitor's cookies.
/// A request without it does not come from a browser and is taken under every policy; who needs it
/// checks [`Incoming::origin`](super::Incoming::origin).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginPolicy {
    /// Pages that this host served: host and port equal those of the `Host` header. An opaque origin
    /// (`null`) is refused.
    #[default]
    SameHost,
    /// These origins, each written as browsers do (`https://example.com`, a port only where it is not the
    /// scheme's own), compared whole.
    List(Vec<String>),
    /// Any page on the web.
    Any,
}

impl OriginPolicy {
    pub(super) fn allows(&self, origin: &[u8], host: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::List(list) => {
                list.iter().any(|allowed| origin.eq_ignore_ascii_case(allowed.as_bytes()))
            }
            Self::SameHost => is_same_host(origin, host),
        }
    }
}

fn is_same_host(origin: &[u8], host: &[u8]) -> bool {
    // As browsers write it, mostly.
    let by_http = origin.strip_prefix(b"http://").or(origin.strip_prefix(b"https://"));
    if by_http == Some(host) {
        return true;
    }
    let schemes = [(&b"http://"[..], "80"), (b"https://", "443")];
    let read = |(scheme, port): (&[u8], _)| {
        let (start, authority) = origin.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some((authority, port))
    };
    let Some((authority, default)) = schemes.into_iter().find_map(read) else { return false };
    let (Ok(authority), Ok(host)) = (core::str::from_utf8(authority), core::str::from_utf8(host))
    else {
        return false;
    };
    let (origin_host, origin_port) = split_port(authority, default);
    let (host, port) = split_port(host, default);
    origin_host.eq_ignore_ascii_case(host) && origin_port == port
}

/// Host and port of an authority; a colon inside brackets belongs to an IPv6 address.
fn split_port<'a>(authority: &'a str, default: &'a str) -> (&'a str, &'a str) {
    match authority.rsplit_once(':') {
        Some((host, "")) => (host, default),
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (authority, default),
    }
}
