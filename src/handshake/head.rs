//! Finding the end of a request's or response's head, one look at each byte.
//!
//! The scan also refuses at once what no later byte can mend: controls, bare CR or LF, too many lines.

use core::time::Duration;

use super::HandshakeError;
use super::fields::{is_token, is_token_byte};

/// What the opening handshake may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest head, request or status line included, in bytes: 16 KiB. The request line may take
    /// half of it.
    pub max_size: usize,
    /// The most header lines: 100; never more than 256.
    pub max_headers: usize,
    /// How long the whole handshake may take, not extended by progress: 10 s.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_size: 16 * 1024, max_headers: 100, timeout: Duration::from_secs(10) }
    }
}

/// The most header lines that memory is set aside for on the stack.
pub(super) const MAX_HEADERS: usize = 256;

/// Which kind of message the head belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Response,
}

/// The state of the scan between two reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner {
    kind: Kind,
    at: usize,
    line_start: usize,
    lines: usize,
    blank_lines: usize,
}

impl Scanner {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, at: 0, line_start: 0, lines: 0, blank_lines: 0 }
    }

    /// Goes on where it stopped; returns the head's length, final empty line included, when it is there.
    pub(super) fn scan(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, HandshakeError> {
        loop {
            self.skip_ordinary(bytes, limits);
            let Some(&byte) = bytes.get(self.at) else { return Ok(None) };
            if self.at >= limits.max_size {
                return Err(HandshakeError::HeadTooLarge);
            }
            let in_request_line = self.kind == Kind::Request && self.lines == 0;
            let column = self.column();
            if in_request_line && column >= limits.max_size / 2 && !matches!(byte, b'\r' | b'\n') {
                return Err(HandshakeError::TargetTooLong);
            }
            self.check(byte, self.at.checked_sub(1).and_then(|i| bytes.get(i)).copied())?;
            self.at = self.at.saturating_add(1);
            if in_request_line && byte == b'\n' && column > 1 {
                let line = bytes.get(self.line_start..self.at).unwrap_or_default();
                check_request_line(line.strip_suffix(b"\r\n").unwrap_or(line))?;
            }
            if byte == b'\n' && self.end_line(limits)? {
                return Ok(Some(self.at));
            }
        }
    }

    /// Passes over what the check of each byte would let through, inside a line and up to the next limit: nearly all of
    /// a head.
    fn skip_ordinary(&mut self, bytes: &[u8], limits: &Limits) {
        let column = self.column();
        let (from, end) = match (self.kind, self.lines) {
            (Kind::Request, 0) => (1, self.line_start.saturating_add(limits.max_size / 2)),
            (Kind::Response, 0) => (b"HTTP/".len(), limits.max_size),
            _ => (1, limits.max_size),
        };
        let end = end.min(limits.max_size).min(bytes.len());
        let before = self.at.checked_sub(1).and_then(|before| bytes.get(before));
        if column >= from && before != Some(&b'\r') {
            let rest = bytes.get(self.at..end).unwrap_or_default();
            self.at = self.at.saturating_add(ordinary(rest));
        }
    }

    /// How many bytes of the line have been looked at.
    fn column(&self) -> usize {
        self.at.saturating_sub(self.line_start)
    }

    fn check(&self, byte: u8, before: Option<u8>) -> Result<(), HandshakeError> {
        let after_cr = before == Some(b'\r') && self.at > self.line_start;
        let column = self.column();
        let fine = match byte {
            b'\n' => after_cr,
            _ if after_cr => false,
            b'\r' => true,
            // A folded line (RFC 9112 section 5.2): servers must refuse it, clients may unfold it.
            b' ' | b'\t' if column == 0 => self.lines > 0 && self.kind == Kind::Response,
            _ if self.lines == 0 => self.fits_first_line(byte, column),
            b'\t' => true,
            _ => byte >= b' ' && byte != 0x7F,
        };
        if fine { Ok(()) } else { Err(HandshakeError::Malformed) }
    }

    fn fits_first_line(&self, byte: u8, column: usize) -> bool {
        match self.kind {
            Kind::Request if column == 0 => is_token_byte(byte),
            Kind::Request => (b' '..0x7F).contains(&byte),
            Kind::Response => match b"HTTP/".get(column) {
                Some(expected) => byte == *expected,
                None => byte == b'\t' || (byte >= b' ' && byte != 0x7F),
            },
        }
    }

    /// Counts a line; true where it is the empty one that ends the head.
    fn end_line(&mut self, limits: &Limits) -> Result<bool, HandshakeError> {
        let empty = self.column() == 2;
        self.line_start = self.at;
        if !empty {
            // The first line is none of a header.
            let headers = self.lines;
            self.lines = self.lines.saturating_add(1);
            if headers > limits.max_headers.min(MAX_HEADERS) {
                return Err(HandshakeError::TooManyHeaders);
            }
            return Ok(false);
        }
        if self.lines > 0 {
            return Ok(true);
        }
        // One empty line before the request line is forgiven (RFC 9112 section 2.2).
        self.blank_lines = self.blank_lines.saturating_add(1);
        if self.blank_lines > 1 || self.kind == Kind::Response {
            return Err(HandshakeError::Malformed);
        }
        Ok(false)
    }
}

/// How many visible ASCII characters and spaces come first, or somewhat fewer.
fn ordinary(bytes: &[u8]) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const TOP: u64 = 0x80 * EACH;
    let is_ordinary = |word: &[u8]| {
        let Some(word) = word.first_chunk::<8>() else { return false };
        let word = u64::from_ne_bytes(*word);
        // A byte below 0x20 borrows its top bit, DEL does when it is made zero; the rest have it.
        let low = word.wrapping_sub(0x20 * EACH);
        let del = (word ^ (0x7F * EACH)).wrapping_sub(EACH);
        (word | low | del) & TOP == 0
    };
    bytes.chunks_exact(8).take_while(|word| is_ordinary(word)).count().saturating_mul(8)
}

/// Method, target and version with one space between: nothing else begins a request (RFC 9112 section 3).
fn check_request_line(line: &[u8]) -> Result<(), HandshakeError> {
    let mut parts = line.split(|byte| *byte == b' ');
    let fits = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version), None) => {
            let is_version = matches!(version, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit());
            is_token(method) && !target.is_empty() && is_version
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(HandshakeError::Malformed) }
}
