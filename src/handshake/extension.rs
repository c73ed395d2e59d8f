//! `Sec-WebSocket-Extensions` (RFC 6455 section 9.1): the grammar, for any extension.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::HandshakeError;
use super::fields::{is_token_byte, name};

/// An extension as it is offered or agreed on: a name and parameters in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The extension's registered name, as `permessage-deflate`.
    pub name: String,
    /// Its parameters.
    pub params: Vec<Param>,
}

/// A parameter of an [`Extension`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// The parameter's name.
    pub name: String,
    /// Its value, without quotes.
    pub value: Option<String>,
}

/// How many extensions are kept of one handshake; what follows them is read and dropped.
const MAX_EXTENSIONS: usize = 32;

/// How many parameters are kept of each. None has half as many, so one with more is known for one that is not understood.
const MAX_PARAMS: usize = 32;

/// Reads the values of all `Sec-WebSocket-Extensions` lines as one list, of which the first 32 are kept, with 32 parameters each.
///
/// ```
/// let offers = hybi::handshake::parse_extensions([&b"foo; a=\"1\", bar"[..]])?;
/// assert_eq!(offers[0].params[0].value.as_deref(), Some("1"));
/// assert_eq!(offers[1].to_string(), "bar");
/// # Ok::<(), hybi::handshake::HandshakeError>(())
/// ```
///
/// # Errors
///
/// [`HandshakeError::InvalidHeader`] where a value breaks the grammar of RFC 6455 section 9.1, a quoted value
/// that is no token included.
pub fn parse_extensions<'v>(
    values: impl IntoIterator<Item = &'v [u8]>,
) -> Result<Vec<Extension>, HandshakeError> {
    let mut found: Vec<Extension> = Vec::new();
    let mut count = 0_usize;
    for value in values {
        let keep = |part: Part<'_>| match part {
            Part::Name(name) => {
                count = count.saturating_add(1);
                if count <= MAX_EXTENSIONS {
                    found.push(Extension { name: text(name), params: Vec::new() });
                }
            }
            Part::Param(name, value) => {
                let extension = found.last_mut().filter(|_| count <= MAX_EXTENSIONS);
                if let Some(extension) = extension.filter(|known| known.params.len() < MAX_PARAMS) {
                    extension.params.push(Param { name: text(name), value: value.map(text) });
                }
            }
        };
        read_value(value, keep).ok_or(HandshakeError::InvalidHeader(name::EXTENSIONS))?;
    }
    Ok(found)
}

/// Checks the grammar alone.
pub(super) fn check_extensions(value: &[u8]) -> Result<(), HandshakeError> {
    read_value(value, |_| {}).ok_or(HandshakeError::InvalidHeader(name::EXTENSIONS))
}

/// A part of a list of extensions, where it lies; a quoted value without its quotes.
enum Part<'v> {
    Name(&'v [u8]),
    Param(&'v [u8], Option<&'v [u8]>),
}

/// Copies a token, which may have stood in quotes and have escapes.
fn text(token: &[u8]) -> String {
    let mut bytes = token.iter().copied();
    let next = || bytes.next().and_then(|b| if b == b'\\' { bytes.next() } else { Some(b) });
    core::iter::from_fn(next).map(char::from).collect()
}

/// Tells the parts of a value in order; `None` where the grammar is broken.
fn read_value<'v>(value: &'v [u8], mut tell: impl FnMut(Part<'v>)) -> Option<()> {
    let mut rest = Cursor { rest: value };
    let mut any = false;
    loop {
        rest.skip_space();
        // A list may have empty elements (RFC 9110 section 5.6.1.2).
        while rest.take(b',') {
            rest.skip_space();
        }
        if rest.rest.is_empty() && any {
            return Some(());
        }
        tell(Part::Name(rest.token()?));
        rest.skip_space();
        while rest.take(b';') {
            rest.skip_space();
            tell(rest.param()?);
            rest.skip_space();
        }
        any = true;
        if rest.rest.is_empty() {
            return Some(());
        }
        rest.take(b',').then_some(())?;
    }
}

/// What has not been read of a value.
struct Cursor<'v> {
    rest: &'v [u8],
}

impl<'v> Cursor<'v> {
    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn token(&mut self) -> Option<&'v [u8]> {
        let len = self.rest.iter().position(|byte| !is_token_byte(*byte));
        let (token, rest) = self.rest.split_at(len.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    fn param(&mut self) -> Option<Part<'v>> {
        let name = self.token()?;
        self.skip_space();
        if !self.take(b'=') {
            return Some(Part::Param(name, None));
        }
        self.skip_space();
        let value = if self.take(b'"') { self.quoted()? } else { self.token()? };
        Some(Part::Param(name, Some(value)))
    }

    /// The rest of a quoted string, which without quotes and escapes must be a token.
    fn quoted(&mut self) -> Option<&'v [u8]> {
        let start = self.rest;
        loop {
            self.token();
            if self.take(b'\\') {
                let (escaped, rest) = self.rest.split_first()?;
                self.rest = is_token_byte(*escaped).then_some(rest)?;
            } else {
                let (quoted, _) = start.split_at(start.len().saturating_sub(self.rest.len()));
                return (self.take(b'"') && !quoted.is_empty()).then_some(quoted);
            }
        }
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for param in &self.params {
            write!(f, "; {}", param.name)?;
            if let Some(value) = &param.value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}
