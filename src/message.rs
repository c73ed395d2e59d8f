//! Messages as values of their own, for those who keep or send them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use core::str::Utf8Error;

use bytes::Bytes;

use crate::frame::{Header, OpCode};
use crate::unchecked::as_checked_str;

/// Whether a message is text or binary (RFC 6455 section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl Kind {
    pub(crate) const fn opcode(self) -> OpCode {
        match self {
            Self::Text => OpCode::Text,
            Self::Binary => OpCode::Binary,
        }
    }
}

/// A whole message. Cloning it copies no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    pub fn binary(data: impl Into<Bytes>) -> Self {
        Self::Binary(data.into())
    }

    /// Whether it is text or binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// The text of a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The payload, of either kind.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }

    /// The payload, of either kind, without copying it.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(data) => data,
        }
    }

    /// The payload's length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Message {
    fn from(data: Bytes) -> Self {
        Self::Binary(data)
    }
}

impl From<Vec<u8>> for Message {
    fn from(data: Vec<u8>) -> Self {
        Self::Binary(data.into())
    }
}

impl From<&[u8]> for Message {
    fn from(data: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(data))
    }
}

/// [`Bytes`] that have been checked as UTF-8, once: cheap to clone and to read as `&str`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utf8Bytes {
    bytes: Bytes,
}

impl Utf8Bytes {
    /// Text that lives as long as the program; nothing is copied.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self { bytes: Bytes::from_static(text.as_bytes()) }
    }

    /// The text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        as_checked_str(&self.bytes)
    }

    /// The bytes, without copying them.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Text that the receive buffer has checked in full.
    pub(crate) const fn from_checked(bytes: Bytes) -> Self {
        Self { bytes }
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Utf8Bytes {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Utf8Bytes {
    fn from(text: &str) -> Self {
        Self { bytes: Bytes::copy_from_slice(text.as_bytes()) }
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self { bytes: Bytes::from(text) }
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        core::str::from_utf8(&bytes)?;
        Ok(Self { bytes })
    }
}

impl PartialEq<str> for Utf8Bytes {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Utf8Bytes {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

/// A message encoded once to be sent to many peers: a server sends the same bytes to each of them.
///
/// A client has to mask every frame with a key of its own (RFC 6455 section 5.3), so it saves nothing.
///
/// ```
/// use hybi::{Connection, Message, Prepared};
/// # let mut peers = vec![Connection::server(Default::default())];
///
/// let news = Prepared::new(Message::text("to all of you"));
/// for peer in &mut peers {
///     peer.send_prepared(&news)?;
/// }
/// # Ok::<(), hybi::SendError<()>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prepared {
    message: Message,
    header: crate::frame::HeaderBytes,
    /// Header and payload in one, where copying them costs less than pointing to them.
    flat: Bytes,
}

impl Prepared {
    /// Encodes `message`.
    #[must_use]
    pub fn new(message: Message) -> Self {
        let header = Header {
            fin: true,
            rsv1: false,
            opcode: message.kind().opcode(),
            mask: None,
            len: message.len() as u64,
        }
        .encode();
        let mut flat = Vec::new();
        if message.len() < crate::buffer::SPLICE {
            flat.reserve_exact(header.len() + message.len());
            flat.extend_from_slice(&header);
            flat.extend_from_slice(message.as_bytes());
        }
        Self { message, header, flat: flat.into() }
    }

    /// The message.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    pub(crate) fn header(&self) -> &[u8] {
        &self.header
    }

    pub(crate) fn flat(&self) -> Option<&[u8]> {
        (!self.flat.is_empty()).then_some(&self.flat)
    }
}
