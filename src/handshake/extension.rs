//! `Sec-WebSocket-Extensions` (RFC 6455 section 9.1): the grammar, for any extension.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::HandshakeError;
use super::fields::{is_token, is_token_byte, name};

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

/// Reads the values of all `Sec-WebSocket-Extensions` lines as one list, of which the first 32 are kept.
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
    let mut found = Vec::new();
    for value in values {
        parse_value(value, &mut found).ok_or(HandshakeError::InvalidHeader(name::EXTENSIONS))?;
    }
    Ok(found)
}

fn parse_value(value: &[u8], found: &mut Vec<Extension>) -> Option<()> {
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
        let mut extension = Extension { name: rest.token()?, params: Vec::new() };
        rest.skip_space();
        while rest.take(b';') {
            rest.skip_space();
            extension.params.push(rest.param()?);
            rest.skip_space();
        }
        any = true;
        if found.len() < MAX_EXTENSIONS {
            found.push(extension);
        }
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

impl Cursor<'_> {
    fn skip_space(&mut self) {
        while self.take(b' ') || self.take(b'\t') {}
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

    fn token(&mut self) -> Option<String> {
        let len = self.rest.iter().take_while(|b| is_token_byte(**b)).count();
        let (token, rest) = self.rest.split_at(len);
        self.rest = rest;
        (len > 0).then(|| String::from_utf8_lossy(token).into_owned())
    }

    fn param(&mut self) -> Option<Param> {
        let name = self.token()?;
        self.skip_space();
        if !self.take(b'=') {
            return Some(Param { name, value: None });
        }
        self.skip_space();
        let value = if self.take(b'"') { self.quoted()? } else { self.token()? };
        Some(Param { name, value: Some(value) })
    }

    /// The rest of a quoted string, which without quotes and escapes must be a token.
    fn quoted(&mut self) -> Option<String> {
        let mut text = Vec::new();
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'"' => break,
                b'\\' => {
                    let (&escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    text.push(escaped);
                }
                byte => text.push(byte),
            }
        }
        is_token(&text).then(|| String::from_utf8_lossy(&text).into_owned())
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
