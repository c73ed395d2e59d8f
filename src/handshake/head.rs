//! Reading a request's or response's head as it comes, in time linear in its length however it is cut.
//!
//! What no later byte can mend is refused at once: controls, bare CR or LF, lines that are none, too many of them.

use core::ops::Range;
use core::time::Duration;

use super::fields::is_token_byte;
use super::parts::Parts;
use super::{HandshakeError, runs};

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

/// The most header lines, whatever the limits say.
pub(super) const MAX_HEADERS: usize = 256;

/// The state of the scan between two reads.
#[derive(Clone, Debug)]
pub(super) struct Scanner<P> {
    parts: P,
    part: Part,
    at: usize,
    line_start: usize,
    /// Where the name ends in the line, or in the one that is being folded.
    name_end: usize,
    /// Whether the first line has come.
    begun: bool,
    headers: usize,
    blank_lines: usize,
}

/// What the next byte is a part of.
#[derive(Clone, Copy, Debug)]
enum Part {
    FirstLine,
    /// A header's name, or the beginning of another line.
    Name,
    Value,
    /// LF, after CR.
    LineEnd,
}

impl<P: Parts> Scanner<P> {
    pub(super) fn new() -> Self {
        Self {
            parts: P::default(),
            part: Part::FirstLine,
            at: 0,
            line_start: 0,
            name_end: 0,
            begun: false,
            headers: 0,
            blank_lines: 0,
        }
    }

    /// Goes on where it stopped; returns the head's length, final empty line included, when it is there.
    pub(super) fn scan(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, HandshakeError> {
        let allowed = bytes.get(..limits.max_size).unwrap_or(bytes);
        loop {
            self.take_lines(allowed, limits)?;
            let rest = allowed.get(self.at..).unwrap_or_default();
            let Some(&byte) = rest.first() else {
                let more = bytes.len() > allowed.len();
                return if more {
                    Err(HandshakeError::HeadTooLarge { limit: limits.max_size })
                } else {
                    Ok(None)
                };
            };
            match self.part {
                Part::LineEnd if byte != b'\n' => return Err(HandshakeError::Malformed),
                Part::LineEnd => {
                    if self.end_line(allowed, limits)? {
                        return Ok(Some(self.at));
                    }
                    continue;
                }
                Part::FirstLine => self.read_first_line(rest, limits)?,
                Part::Name if self.column() == 0 && !is_token_byte(byte) => {
                    self.begin(byte)?;
                    continue;
                }
                Part::Name => self.pass(runs::token(rest)),
                Part::Value => self.pass(runs::value(rest)),
            }
            match (self.part, allowed.get(self.at)) {
                (_, None) => {}
                (Part::Name, Some(b':')) => {
                    // The colon is passed with the value, in which it may stand as well.
                    self.name_end = self.at;
                    self.part = Part::Value;
                }
                (Part::FirstLine | Part::Value, Some(b'\r')) => {
                    self.part = Part::LineEnd;
                    self.pass(1);
                }
                _ => return Err(HandshakeError::Malformed),
            }
        }
    }

    /// Takes header lines that are there as a whole and in order, as nearly all are.
    #[expect(clippy::arithmetic_side_effects, reason = "lengths of parts of `bytes`")]
    fn take_lines(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), HandshakeError> {
        if !matches!(self.part, Part::Name) || self.column() > 0 {
            return Ok(());
        }
        let mut rest = bytes.get(self.at..).unwrap_or_default();
        while let Some((name, value, behind)) = split_line(rest) {
            rest = behind;
            let start = bytes.len() - behind.len() - b"\r\n".len() - value.len();
            self.end_header(name, value, start, limits)?;
        }
        self.at = bytes.len() - rest.len();
        self.line_start = self.at;
        Ok(())
    }

    /// What has been kept of a head that is there.
    pub(super) fn into_parts(self) -> P {
        self.parts
    }

    /// How many bytes of the line have been looked at.
    fn column(&self) -> usize {
        self.at.saturating_sub(self.line_start)
    }

    fn pass(&mut self, len: usize) {
        self.at = self.at.saturating_add(len);
    }

    /// Takes the first byte of a line that begins with no name.
    fn begin(&mut self, byte: u8) -> Result<(), HandshakeError> {
        match byte {
            b'\r' => self.part = Part::LineEnd,
            // A folded line (RFC 9112 section 5.2): servers must refuse it, clients may unfold it.
            b' ' | b'\t' if !P::IS_REQUEST && self.headers > 0 => {
                self.part = Part::Value;
            }
            _ => return Err(HandshakeError::Malformed),
        }
        self.pass(1);
        Ok(())
    }

    /// Passes over what can stand in a first line.
    fn read_first_line(&mut self, rest: &[u8], limits: &Limits) -> Result<(), HandshakeError> {
        let column = self.column();
        let is_blank = column == 0 && rest.first() == Some(&b'\r');
        if P::IS_REQUEST {
            if column == 0 && !is_blank && runs::token(rest) == 0 {
                return Err(HandshakeError::Malformed);
            }
            let limit = limits.max_size / 2;
            let room = limit.saturating_sub(column);
            let (fits, behind) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            let len = runs::ascii(fits);
            self.pass(len);
            let ends = behind.first().is_none_or(|byte| matches!(byte, b'\r' | b'\n'));
            let fits = len < fits.len() || ends;
            return if fits { Ok(()) } else { Err(HandshakeError::TargetTooLong { limit }) };
        }
        let expected = b"HTTP/".get(column..).unwrap_or_default();
        let is_expected = |(is, wanted): &(&u8, &u8)| is == wanted;
        let version = rest.iter().zip(expected).take_while(is_expected).count();
        self.pass(version);
        let rest = rest.get(version..).unwrap_or_default();
        if version == expected.len() {
            self.pass(runs::value(rest));
        } else if !rest.is_empty() && !is_blank {
            return Err(HandshakeError::Malformed);
        }
        Ok(())
    }

    /// Counts a line, up to its CR; true where it is the empty one that ends the head.
    fn end_line(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, HandshakeError> {
        let line = self.line_start..self.at.saturating_sub(1);
        self.pass(1);
        self.line_start = self.at;
        if !self.begun {
            return self.end_first_line(bytes, line).map(|()| false);
        }
        if line.is_empty() {
            return Ok(true);
        }
        self.part = Part::Name;
        let name = bytes.get(line.start..self.name_end).unwrap_or_default();
        let start = self.name_end.saturating_add(1);
        let value = bytes.get(start..line.end).unwrap_or_default();
        self.end_header(name, value, start, limits).map(|()| false)
    }

    /// Counts a header line, whose value stands there.
    #[inline]
    fn end_header(
        &mut self,
        name: &[u8],
        value: &[u8],
        start: usize,
        limits: &Limits,
    ) -> Result<(), HandshakeError> {
        // `http` takes no longer names.
        if name.len() > usize::from(u16::MAX) {
            return Err(HandshakeError::Malformed);
        }
        self.headers = self.headers.saturating_add(1);
        let limit = limits.max_headers.min(MAX_HEADERS);
        if self.headers > limit {
            return Err(HandshakeError::TooManyHeaders { limit });
        }
        self.parts.note(name, value, start);
        Ok(())
    }

    fn end_first_line(&mut self, bytes: &[u8], line: Range<usize>) -> Result<(), HandshakeError> {
        if line.is_empty() {
            // One empty line before the request line is forgiven (RFC 9112 section 2.2).
            self.blank_lines = self.blank_lines.saturating_add(1);
            self.part = Part::FirstLine;
            let forgiven = P::IS_REQUEST && self.blank_lines == 1;
            return if forgiven { Ok(()) } else { Err(HandshakeError::Malformed) };
        }
        self.parts.begin(bytes, line).ok_or(HandshakeError::Malformed)?;
        self.begun = true;
        self.part = Part::Name;
        Ok(())
    }
}

/// Name, value and what follows of a header line that is there as a whole and in order.
#[inline]
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, value) = bytes.split_at_checked(runs::token(bytes))?;
    let value = value.strip_prefix(b":").filter(|_| !name.is_empty())?;
    let (value, behind) = value.split_at_checked(runs::value(value))?;
    Some((name, value, behind.strip_prefix(b"\r\n")?))
}
