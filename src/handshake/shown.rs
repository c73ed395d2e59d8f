//! What errors show of what others have chosen: a line of a log, not more. And what `Debug` shows of requests and
//! responses: neither queries nor bodies, which may be long, and secret. Headers that are secrets are marked as such where
//! they are read or set.

use alloc::boxed::Box;
use alloc::format;
use core::fmt::{self, Write};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{StatusCode, Uri};

use super::fields::is_secret;

/// A refusal: its status, and how long its body is.
pub(crate) struct Refused<'a>(pub(crate) &'a http::Response<Bytes>);

impl fmt::Debug for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("status", &self.0.status())
            .field("body", &format_args!("{} bytes", self.0.body().len()))
            .finish_non_exhaustive()
    }
}

/// What is asked for, without its query.
pub(super) struct Target<'a>(pub(super) &'a Uri);

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = self.0.query().map_or("", |_| "?..");
        write!(f, "{}{query}", self.0.path())
    }
}

/// A status and its name, if it has one.
pub(crate) struct Status(pub(crate) StatusCode);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())?;
        self.0.canonical_reason().map_or(Ok(()), |reason| write!(f, " {reason}"))
    }
}

/// What stands in a value, in printable ASCII; cut where it is too long for a line of a log.
pub(super) fn excerpt(value: &[u8]) -> Box<str> {
    let (shown, more) = match value.get(..EXCERPT) {
        Some(start) if value.len() > EXCERPT => (start, ".."),
        _ => (value, ""),
    };
    format!("{}{more}", shown.escape_ascii()).into()
}

/// Of what a peer chose, so much is shown.
const EXCERPT: usize = 100;

/// Text that others may have chosen: controls are escaped, and it is cut where it is too long for a line of a log.
pub(crate) struct Brief<'a>(pub(crate) &'a str);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars().take(BRIEF) {
            match char.is_control() {
                true => write!(f, "{}", char.escape_default())?,
                false => f.write_char(char)?,
            }
        }
        match self.0.chars().nth(BRIEF) {
            Some(_) => write!(f, ".. ({} bytes)", self.0.len()),
            None => Ok(()),
        }
    }
}

/// How many characters stay: a host name in the domain name system has at most 253.
const BRIEF: usize = 300;

/// Marks the values that are secrets, so that `Debug` does not show them.
pub(super) fn mark_secrets(headers: &mut HeaderMap) {
    let secrets = headers.iter_mut().filter(|(name, _)| is_secret(name));
    secrets.for_each(|(_, value)| HeaderValue::set_sensitive(value, true));
}
