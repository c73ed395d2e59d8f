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

/// Whether a message is compressed on its way, where the connection has agreed on compression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compress {
    /// If it is long enough to be worth it.
    #[default]
    Auto,
    /// Whatever its length, unless it would grow by that and no context is kept.
    Always,
    /// Not at all: it is compressed already, or holds secrets beside what others may have chosen.
    Never,
}

/// A message and how it is to be sent. Anything that is a message is one, sent as the connection thinks best.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The message.
    pub message: Message,
    /// Whether it is compressed.
    pub compress: Compress,
}

/// Without the payload: what waits to be sent, or comes back unsent, ends up in logs.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("kind", &self.message.kind())
            .field("len", &self.message.len())
            .field("compress", &self.compress)
            .finish_non_exhaustive()
    }
}

impl<M: Into<Message>> From<M> for Outgoing {
    fn from(message: M) -> Self {
        Self { message: message.into(), compress: Compress::Auto }
    }
}

impl Message {
    /// The message, to be sent compressed whatever its length: see [`Compress::Always`].
    #[must_use]
    pub const fn compressed(self) -> Outgoing {
        Outgoing { message: self, compress: Compress::Always }
    }

    /// The message, to be sent as it is.
    ///
    /// ```
    /// # let mut conn = hybi::Connection::server(Default::default());
    /// conn.send(hybi::Message::text("secret").uncompressed())?;
    /// # Ok::<(), hybi::SendError>(())
    /// ```
    #[must_use]
    pub const fn uncompressed(self) -> Outgoing {
        Outgoing { message: self, compress: Compress::Never }
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
#[derive(Clone)]
pub struct Prepared {
    message: Message,
    /// Header and payload in one, where copying them costs less than pointing to them.
    flat: Bytes,
    #[cfg(feature = "deflate")]
    compressed: Option<Compressed>,
}

/// A payload compressed without context, for any peer whose window holds it.
#[cfg(feature = "deflate")]
#[derive(Clone)]
struct Compressed {
    payload: Bytes,
    window_bits: u8,
}

impl Prepared {
    /// Encodes `message`.
    #[must_use]
    pub fn new(message: Message) -> Self {
        let len = message.len() as u64;
        let opcode = message.kind().opcode();
        let mut flat = Vec::new();
        if message.len() < crate::buffer::SPLICE {
            let header = Header { fin: true, rsv1: false, opcode, mask: None, len }.encode();
            flat.reserve_exact(header.len().saturating_add(message.len()));
            flat.extend_from_slice(&header);
            flat.extend_from_slice(message.as_bytes());
        }
        Self {
            message,
            flat: flat.into(),
            #[cfg(feature = "deflate")]
            compressed: None,
        }
    }

    /// Encodes `message` and compresses it as well, once, for all peers that agreed on compression and on a window
    /// of at least [`Compression::send`](crate::Compression::send)`.window_bits`; the others get it as it is.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compressed(message: Message, compression: &crate::Compression) -> Self {
        let window_bits = compression.send.window_bits;
        let mut payload = Vec::new();
        crate::deflate::compressor(None, compression.settings(window_bits)).finish(
            message.as_bytes(),
            false,
            &mut payload,
        );
        let smaller = payload.len() < message.len();
        let compressed = smaller.then(|| Compressed { payload: payload.into(), window_bits });
        Self { compressed, ..Self::new(message) }
    }

    /// The message.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    pub(crate) fn flat(&self) -> Option<&[u8]> {
        (!self.flat.is_empty()).then_some(&self.flat)
    }

    /// The compressed payload, if a window of so many bits holds it.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed_for(&self, window_bits: u8) -> Option<&Bytes> {
        let compressed = self.compressed.as_ref()?;
        (compressed.window_bits <= window_bits).then_some(&compressed.payload)
    }
}

/// Without the payload.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("kind", &self.message.kind())
            .field("len", &self.message.len())
            .finish_non_exhaustive()
    }
}
