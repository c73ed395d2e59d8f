//! The fields of a request that the handshake looks at, noted in one pass over its lines.

use super::HandshakeError;
use super::fields::{list, trim};

/// Where those fields stand in a head.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub(super) host: Field,
    pub(super) key: Field,
    pub(super) version: Field,
    pub(super) origin: Field,
    pub(super) length: Field,
    pub(super) protocols: Field,
    pub(super) extensions: Field,
    pub(super) upgrade: Token,
    pub(super) connection: Token,
    pub(super) has_coding: bool,
}

/// A field: how many lines it has, and where the value of the last stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field {
    pub(super) lines: usize,
    start: usize,
    end: usize,
}

/// A token that a field must have among those that it lists.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Token {
    has_field: bool,
    has_token: bool,
}

impl Found {
    /// Notes a line: a name, of token bytes alone, and the value, which begins at `start`.
    #[inline]
    pub(super) fn note(&mut self, name: &[u8], value: &[u8], start: usize) {
        let field = match name.len() {
            4 if is(name, b"host") => &mut self.host,
            6 if is(name, b"origin") => &mut self.origin,
            7 if is(name, b"upgrade") => return self.upgrade.note(value, b"websocket"),
            10 if is(name, b"connection") => return self.connection.note(value, b"upgrade"),
            14 if is(name, b"content-length") => &mut self.length,
            17 if is(name, b"sec-websocket-key") => &mut self.key,
            17 if is(name, b"transfer-encoding") => {
                self.has_coding = true;
                return;
            }
            21 if is(name, b"sec-websocket-version") => &mut self.version,
            22 if is(name, b"sec-websocket-protocol") => &mut self.protocols,
            24 if is(name, b"sec-websocket-extensions") => &mut self.extensions,
            _ => return,
        };
        (field.start, field.end) = (start, start.saturating_add(value.len()));
        field.lines = field.lines.saturating_add(1);
    }
}

impl Field {
    /// The value of a field that must stand exactly once.
    pub(super) fn single<'h>(
        &self,
        head: &'h [u8],
        name: &'static str,
    ) -> Result<&'h [u8], HandshakeError> {
        self.optional(head, name)?.ok_or(HandshakeError::MissingHeader(name))
    }

    /// The value of a field that may stand once.
    pub(super) fn optional<'h>(
        &self,
        head: &'h [u8],
        name: &'static str,
    ) -> Result<Option<&'h [u8]>, HandshakeError> {
        match self.lines {
            0 => Ok(None),
            1 => Ok(Some(self.last(head))),
            _ => Err(HandshakeError::DuplicateHeader(name)),
        }
    }

    /// The value of the last line, without the space around it; empty where there is none.
    pub(super) fn last<'h>(&self, head: &'h [u8]) -> &'h [u8] {
        trim(head.get(self.start..self.end).unwrap_or_default())
    }
}

impl Token {
    fn note<const LEN: usize>(&mut self, value: &[u8], token: &[u8; LEN]) {
        self.has_field = true;
        // Mostly it stands alone.
        let alone = is(value.strip_prefix(b" ").unwrap_or(value), token);
        self.has_token |= alone || list(value).any(|element| is(element, token));
    }

    /// Errors where the field does not stand, or without the token.
    pub(super) fn check(self, name: &'static str) -> Result<(), HandshakeError> {
        match self {
            Self { has_field: false, .. } => Err(HandshakeError::MissingHeader(name)),
            Self { has_token: false, .. } => Err(HandshakeError::InvalidHeader(name)),
            _ => Ok(()),
        }
    }
}

/// Whether a text without controls is `expected`, which consists of lower-case letters and hyphens, in whatever case: no
/// other byte but CR becomes one of these by the bit that tells the cases.
#[inline]
fn is<const LEN: usize>(text: &[u8], expected: &[u8; LEN]) -> bool {
    let Ok(text) = <&[u8; LEN]>::try_from(text) else { return false };
    let differs = |differs, (byte, wanted)| differs | ((byte | 0x20) ^ wanted);
    text.iter().zip(expected).fold(0, differs) == 0
}
