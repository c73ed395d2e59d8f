//! URLs of sockets in the file system: `ws+unix:/path/to/socket:/resource`.

use alloc::format;
use alloc::string::String;

use crate::handshake::{Url, UrlError, percent_decode};

/// The socket's path and what is asked of the server behind it, whose name is `localhost`; `None` for another scheme.
pub(crate) fn parse(text: &str) -> Result<Option<(String, Url)>, UrlError> {
    let Some((scheme, rest)) = text.split_once(':') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("ws+unix") {
        return Ok(None);
    }
    // `///path` has an empty authority; `//host/path` names a host, which a socket here has not, and is no absolute path.
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, resource) = rest.split_once(':').unwrap_or((rest, ""));
    if path.contains('#') {
        return Err(UrlError::Fragment);
    }
    let fits = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b'?');
    let path = percent_decode(path).filter(|path| fits && !path.contains('\0'));
    let path = path.ok_or(UrlError::SocketPath)?;
    if !resource.is_empty() && !resource.starts_with(['/', '?']) {
        return Err(UrlError::Syntax);
    }
    let url = format!("ws://localhost{resource}").parse()?;
    Ok(Some((path, url)))
}
