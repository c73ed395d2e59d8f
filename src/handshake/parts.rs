//! What is kept of a head while it is scanned.

use core::ops::Range;

use super::found::Found;
use super::runs;

/// What is kept of a request, or of a response.
pub(super) trait Parts: Default {
    const IS_REQUEST: bool;

    /// Takes the first line, which stands in `bytes` there; `None` where it is none.
    fn begin(&mut self, bytes: &[u8], line: Range<usize>) -> Option<()>;

    /// Takes a header line: a name, of token bytes alone, and the value with the space around it, which begins at `start`.
    fn note(&mut self, name: &[u8], value: &[u8], start: usize);
}

/// A request: its first line, and the fields that the handshake looks at.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestParts {
    pub(super) line: RequestLine,
    pub(super) found: Found,
}

impl Parts for RequestParts {
    const IS_REQUEST: bool = true;

    fn begin(&mut self, bytes: &[u8], line: Range<usize>) -> Option<()> {
        self.line = RequestLine::read(bytes, line)?;
        Some(())
    }

    fn note(&mut self, name: &[u8], value: &[u8], start: usize) {
        self.found.note(name, value, start);
    }
}

/// A response, which is read as a whole once it is there.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseParts;

impl Parts for ResponseParts {
    const IS_REQUEST: bool = false;

    fn begin(&mut self, _: &[u8], _: Range<usize>) -> Option<()> {
        Some(())
    }

    fn note(&mut self, _: &[u8], _: &[u8], _: usize) {}
}

/// Where the parts of a request line stand, and the empty line that may come before it.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestLine {
    pub(super) method: Range<usize>,
    pub(super) target: Range<usize>,
    pub(super) end: usize,
    /// Whether the version is HTTP/1.1 or a later one of HTTP/1, which is read like it (RFC 9110 section 2.5).
    pub(super) is_1_1: bool,
}

impl RequestLine {
    /// Method, target and version with one space between: nothing else begins a request (RFC 9112 section 3).
    fn read(bytes: &[u8], line: Range<usize>) -> Option<Self> {
        let text = bytes.get(line.clone())?;
        let method = runs::token(text);
        let (rest, version) = text.split_at(text.len().checked_sub(b" HTTP/1.1".len())?);
        let is_version = matches!(version, [b' ', b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit());
        let target = rest.get(method..)?.strip_prefix(b" ")?;
        let fits = is_version && !target.is_empty() && !target.contains(&b' ');
        let method = line.start..line.start.saturating_add(method);
        let target = method.end.saturating_add(1)..line.end.saturating_sub(version.len());
        let is_1_1 = matches!(version, [.., b'1', b'.', b'1'..=b'9']);
        fits.then_some(Self { method, target, end: line.end, is_1_1 })
    }
}
