//! What `Debug` shows of requests and responses: neither queries nor bodies, which may be long, and secret. Headers that are
//! secrets are marked as such where they are read or set.

use core::fmt;

use bytes::Bytes;
use http::Uri;
use http::header::{HeaderMap, HeaderValue};

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

/// Marks the values that are secrets, so that `Debug` does not show them.
pub(super) fn mark_secrets(headers: &mut HeaderMap) {
    let secrets = headers.iter_mut().filter(|(name, _)| is_secret(name));
    secrets.for_each(|(_, value)| HeaderValue::set_sensitive(value, true));
}
