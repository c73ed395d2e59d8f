//! Where a redirect leads (RFC 9110 section 15.4, RFC 3986 section 5).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use http::header;

use crate::handshake::{Request, Url, UrlError};

/// Why a redirect is not followed. The server is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// More redirects one after the other than are followed.
    TooMany,
    /// From TLS to a connection without it.
    Weaker,
    /// From a socket in the file system to another host.
    LeavesSocket,
    /// More than one `Location`, or one that is no text.
    Location,
    /// A `Location` that is no URL of a WebSocket.
    Url(UrlError),
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "more redirects one after the other than are followed",
            Self::Weaker => "a redirect from wss to ws would go on without TLS",
            Self::LeavesSocket => "a redirect from a socket in the file system to another host",
            Self::Location => "a redirect needs one Location that is text",
            Self::Url(error) => return write!(f, "a redirect to a bad URL: {error}"),
        })
    }
}

impl core::error::Error for RedirectError {}

/// The request that a redirect asks for; `None` where the response is none (301, 302, 303, 307 and 308 with a
/// `Location` are).
///
/// `http:` stands for `ws:` and `https:` for `wss:`. A replaced `Host` is dropped; where scheme, host or port change, so are
/// `Authorization`, `Cookie`, `Proxy-Authorization` and all [sensitive](http::HeaderValue::is_sensitive) headers.
///
/// # Errors
///
/// Why the redirect must not be followed.
pub fn redirect<B>(
    request: &Request,
    response: &http::Response<B>,
) -> Result<Option<Request>, RedirectError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let mut locations = response.headers().get_all(header::LOCATION).iter();
    let Some(location) = locations.next() else { return Ok(None) };
    let location = location.to_str().ok().filter(|_| locations.next().is_none());
    let location = location.ok_or(RedirectError::Location)?;
    let url = resolve(request.url(), location).map_err(RedirectError::Url)?;
    if request.url().is_tls() && !url.is_tls() {
        return Err(RedirectError::Weaker);
    }
    Ok(Some(request.clone().moved_to(url)))
}

/// The URL that a reference means, seen from `base` (RFC 3986 section 5.2.2). Its fragment is dropped.
fn resolve(base: &Url, reference: &str) -> Result<Url, UrlError> {
    // What no URI may contain must not vanish with a segment that `..` takes away.
    if !reference.bytes().all(is_uri_byte) {
        return Err(UrlError::Syntax);
    }
    let reference = reference.split('#').next().unwrap_or_default();
    let own_scheme = if base.is_tls() { "wss" } else { "ws" };
    let (scheme, rest) = match split_scheme(reference) {
        Some((scheme, rest)) => {
            let scheme = match &*scheme.to_ascii_lowercase() {
                "ws" | "http" => "ws",
                "wss" | "https" => "wss",
                _ => return Err(UrlError::Scheme),
            };
            (scheme, Some(rest.strip_prefix("//").ok_or(UrlError::Syntax)?))
        }
        None => (own_scheme, reference.strip_prefix("//")),
    };
    let own_authority = base.host_header();
    let (authority, path, query) = match rest {
        Some(rest) => {
            let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let (path, query) = split_query(resource);
            (authority, path.to_owned(), query)
        }
        None => {
            let (own_path, own_query) = split_query(base.resource());
            let (path, query) = split_query(reference);
            match path {
                "" => (&*own_authority, own_path.to_owned(), query.or(own_query)),
                path if path.starts_with('/') => (&*own_authority, path.to_owned(), query),
                path => {
                    let directory =
                        own_path.rsplit_once('/').map_or("", |(directory, _)| directory);
                    (&*own_authority, format!("{directory}/{path}"), query)
                }
            }
        }
    };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{authority}{}{query}", without_dots(&path)).parse()
}

/// RFC 3986 section 2.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// Scheme and what follows the colon, where there is a scheme (RFC 3986 section 3.1).
fn split_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    (is_scheme && scheme.bytes().all(fits)).then_some((scheme, rest))
}

fn split_query(resource: &str) -> (&str, Option<&str>) {
    match resource.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (resource, None),
    }
}

/// A path without the segments `.` and `..` (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    let Some(path) = path.strip_prefix('/') else { return path.to_owned() };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_dots = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        if !is_dots {
            kept.push(segment);
        } else if segments.peek().is_none() {
            // What ends in dots is a directory.
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}
