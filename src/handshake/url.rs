//! WebSocket URLs (RFC 6455 section 3), parsed over [`http::Uri`].

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

use super::UrlError;
use super::fields::ByteSet;

/// A checked `ws:` or `wss:` URL.
///
/// ```
/// use hybi::handshake::Url;
///
/// let url: Url = "ws://[::1]:9000/chat?room=1".parse()?;
/// assert_eq!((url.host(), url.port(), url.resource()), ("::1", 9000, "/chat?room=1"));
/// assert!("ws://example.com/#part".parse::<Url>().is_err());
/// # Ok::<(), hybi::handshake::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    /// In lower case; an IPv6 address without its brackets.
    host: String,
    port: u16,
    resource: String,
}

impl Url {
    /// Whether the URL asks for TLS (`wss:`).
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host in lower case: a name or an address, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port: 80 or 443 where the URL names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as they stand in the request line; still percent-encoded, and without the question mark of a
    /// query of nothing (RFC 6455 section 3).
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The value of the `Host` header: the port only where it is not the scheme's own.
    #[must_use]
    pub fn host_header(&self) -> String {
        let host = bracketed(&self.host);
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether both URLs have scheme, host and port in common.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        (self.tls, &*self.host, self.port) == (other.tls, &*other.host, other.port)
    }
}

/// A host as it stands before a port.
pub(crate) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

const fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            let authority = text.split_once("://").map_or("", |(_, rest)| rest);
            let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
            let is_ascii = authority.is_ascii();
            return Err(if is_ascii { UrlError::Syntax } else { UrlError::NonAsciiHost });
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Syntax)?;
        let tls = match scheme {
            _ if scheme.eq_ignore_ascii_case("ws") => false,
            _ if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, resource) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = parse_host_and_port(authority, default_port(tls))?;
        Ok(Self { tls, host, port, resource: parse_resource(resource)? })
    }
}

/// Host and port of an authority without user information; an IPv6 address comes without its brackets.
pub(crate) fn parse_host_and_port(
    authority: &str,
    default_port: u16,
) -> Result<(String, u16), UrlError> {
    let (host, port) = split_host_and_port(authority.as_bytes())?;
    let host = match host {
        Host::Name(name) => name.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect(),
        Host::V6(address) => format!("{address}"),
    };
    Ok((host, port.unwrap_or(default_port)))
}

/// A host as an authority has it.
pub(super) enum Host<'a> {
    /// A name or an IPv4 address: letters, digits and what else stands in them.
    Name(&'a [u8]),
    V6(Ipv6Addr),
}

/// The same where it lies, with the port if there is one.
pub(super) fn split_host_and_port(authority: &[u8]) -> Result<(Host<'_>, Option<u16>), UrlError> {
    let (host, rest) = match authority.strip_prefix(b"[") {
        Some(rest) => {
            let end = rest.iter().position(|byte| *byte == b']').ok_or(UrlError::Host)?;
            let (address, rest) = rest.split_at(end);
            let address = core::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
            (Host::V6(address.ok_or(UrlError::Host)?), rest.strip_prefix(b"]").unwrap_or_default())
        }
        None => {
            let end = authority.iter().position(|byte| !is_host_byte(*byte));
            let (host, rest) = authority.split_at(end.unwrap_or(authority.len()));
            if host.is_empty() {
                return Err(UrlError::Host);
            }
            (Host::Name(host), rest)
        }
    };
    match rest {
        [] | [b':'] => Ok((host, None)),
        [b':', digits @ ..] => match parse_port(digits) {
            None | Some(0) => Err(UrlError::Port),
            port => Ok((host, port)),
        },
        _ => Err(UrlError::Host),
    }
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |port, byte| {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
        port.checked_mul(10)?.checked_add(digit.into())
    })
}

/// Names in the domain name system, underscores included, and IPv4 addresses; names in other scripts come
/// in their ASCII form (`xn--`).
fn is_host_byte(byte: u8) -> bool {
    static HOST: ByteSet = ByteSet::alphanumeric_and(b"-._");
    HOST.contains(byte)
}

/// The text that `%` and two hexadecimal digits stand for in `text`; `None` where they do not follow or it is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn parse_resource(resource: &str) -> Result<String, UrlError> {
    let mut bytes = resource.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_hexdigit());
        let fits = match byte {
            b'%' => hex(bytes.next()) && hex(bytes.next()),
            // RFC 3986 sections 3.3 and 3.4.
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte),
        };
        if !fits {
            return Err(UrlError::Syntax);
        }
    }
    let resource =
        if resource.starts_with('/') { resource.to_owned() } else { format!("/{resource}") };
    // The question mark goes only before a query that is not empty (RFC 6455 section 3).
    let resource = match resource.split_once('?') {
        Some((path, "")) => path.to_owned(),
        _ => resource,
    };
    // The request is made of this as a value of `http`'s.
    http::uri::PathAndQuery::from_str(&resource).map_err(|_| UrlError::Syntax)?;
    Ok(resource)
}

/// Without the query, in which there may be secrets.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{self}");
        match text.split_once('?') {
            Some((rest, _)) => write!(f, "Url({rest}?..)"),
            None => write!(f, "Url({text})"),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.host_header(), self.resource)
    }
}
