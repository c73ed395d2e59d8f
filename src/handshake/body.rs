//! The body of a response that refuses the upgrade, as far as it helps to understand why.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap};

use super::fields;
use crate::buffer::RecvBuf;

/// The most of a body that is kept.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// A body that is being read.
pub(super) struct Body {
    framing: Framing,
    bytes: Vec<u8>,
}

/// How the end of the body is known (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// This many bytes are left.
    Length(u64),
    /// It ends with the transport.
    Close,
    /// A chunk's size line comes; its digits are read until another byte ends them.
    ChunkSize { size: u64, digits_end: bool },
    /// This many bytes of a chunk are left.
    Chunk(u64),
    /// The line end after a chunk comes.
    ChunkEnd,
}

impl Body {
    pub(super) fn new(status: http::StatusCode, headers: &HeaderMap) -> Self {
        // The last coding decides, and a coding makes the length void.
        let coding = fields::elements(headers, "Transfer-Encoding").last();
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let framing = match (coding, length.and_then(|length| length.parse().ok())) {
            _ if matches!(status.as_u16(), 204 | 304) => Framing::Length(0),
            (Some(coding), _) if coding.eq_ignore_ascii_case(b"chunked") => {
                Framing::ChunkSize { size: 0, digits_end: false }
            }
            (None, Some(length)) => Framing::Length(length),
            _ => Framing::Close,
        };
        Self { framing, bytes: Vec::new() }
    }

    /// Reads on; true where the body is at its end or enough of it is kept.
    pub(super) fn advance(&mut self, rx: &mut RecvBuf) -> bool {
        loop {
            let unread = rx.unread();
            if self.framing == Framing::Length(0) || self.bytes.len() >= MAX_BODY {
                return true;
            }
            let Some(&first) = unread.first() else { return false };
            let used = match self.framing {
                Framing::Length(left) => {
                    let used = self.keep(unread, left);
                    self.framing = Framing::Length(left.saturating_sub(used as u64));
                    used
                }
                Framing::Close => self.keep(unread, u64::MAX),
                Framing::Chunk(left) => {
                    let used = self.keep(unread, left);
                    let left = left.saturating_sub(used as u64);
                    self.framing = if left > 0 { Framing::Chunk(left) } else { Framing::ChunkEnd };
                    used
                }
                Framing::ChunkEnd => {
                    if first == b'\n' {
                        self.framing = Framing::ChunkSize { size: 0, digits_end: false };
                    }
                    1
                }
                Framing::ChunkSize { size, digits_end } => {
                    let digit = char::from(first).to_digit(16).filter(|_| !digits_end);
                    self.framing = match (digit, first) {
                        (Some(digit), _) => {
                            let size = size.saturating_mul(16).saturating_add(digit.into());
                            Framing::ChunkSize { size, digits_end }
                        }
                        (None, b'\n') if size == 0 => Framing::Length(0),
                        (None, b'\n') => Framing::Chunk(size),
                        (None, _) => Framing::ChunkSize { size, digits_end: true },
                    };
                    1
                }
            };
            rx.consume(used);
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }

    fn keep(&mut self, unread: &[u8], left: u64) -> usize {
        let room = MAX_BODY.saturating_sub(self.bytes.len());
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let kept = unread.get(..left.min(room)).unwrap_or(unread);
        self.bytes.extend_from_slice(kept);
        kept.len()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { framing, bytes } = self;
        f.debug_struct("Body").field("framing", framing).field("bytes", &bytes.len()).finish()
    }
}
