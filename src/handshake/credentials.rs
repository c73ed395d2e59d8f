//! Credentials as headers carry them: `Basic` (RFC 7617) and `Bearer` (RFC 6750).

use alloc::format;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderValue;

/// `None` for a user name with a colon, or control characters in either.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
        return None;
    }
    secret(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// `None` for what is no token of RFC 6750 section 2.1.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    let text = token.trim_end_matches('=');
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    if text.is_empty() || !text.bytes().all(fits) {
        return None;
    }
    secret(&format!("Bearer {token}"))
}

/// A value that is not shown where headers are printed.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
