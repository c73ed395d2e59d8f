//! Whose fault it is: [`Error`] is the peer's, [`SendError`] the caller's.

use core::fmt;

use crate::frame::{CloseCode, ClosePayloadError, HeaderError};
use crate::message::Message;

/// What the peer did that fails the connection (RFC 6455 section 7.1.7).
///
/// It is told in [`Cause::Failed`](crate::Cause::Failed) after a Close frame with
/// [`close_code`](Self::close_code) has been queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A frame header that breaks section 5.
    Header(HeaderError),
    /// A Close frame whose payload breaks section 5.5.1 or 7.4.
    ClosePayload(ClosePayloadError),
    /// A text message that is not UTF-8 (section 8.1).
    InvalidUtf8,
    /// A frame larger than [`Config::max_frame_size`](crate::Config::max_frame_size).
    FrameTooLarge {
        /// The length in the header.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// A message larger than [`Config::max_message_size`](crate::Config::max_message_size).
    MessageTooLarge {
        /// What it comes to at least: by the headers of its frames, or, where it is too large inflated, one byte more
        /// than the limit.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// More fragments in a message than [`Config::max_fragments`](crate::Config::max_fragments).
    TooManyFragments {
        /// The limit.
        limit: u32,
    },
    /// More empty fragments in a message than
    /// [`Config::max_empty_fragments`](crate::Config::max_empty_fragments).
    TooManyEmptyFragments {
        /// The limit.
        limit: u32,
    },
    /// A compressed message that cannot be inflated (RFC 7692 section 7.2.2).
    #[cfg(feature = "deflate")]
    Inflate(crate::deflate::InflateError),
    /// A compressed message more than [`max_ratio`](crate::Compression::max_ratio) times as large as on the wire.
    #[cfg(feature = "deflate")]
    RatioTooLarge {
        /// The limit.
        limit: u32,
    },
    /// More control frames without data between them than
    /// [`Config::control_frame_burst`](crate::Config::control_frame_burst).
    TooManyControlFrames {
        /// The limit.
        limit: u32,
    },
}

impl Error {
    /// The code of the Close frame that tells the peer.
    #[must_use]
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::Header(_)
            | Self::ClosePayload(ClosePayloadError::Length | ClosePayloadError::Code(_)) => {
                CloseCode::PROTOCOL_ERROR
            }
            Self::ClosePayload(ClosePayloadError::Utf8) | Self::InvalidUtf8 => {
                CloseCode::INVALID_DATA
            }
            Self::FrameTooLarge { .. } | Self::MessageTooLarge { .. } => CloseCode::TOO_BIG,
            #[cfg(feature = "deflate")]
            Self::Inflate(_) => CloseCode::INVALID_DATA,
            #[cfg(feature = "deflate")]
            Self::RatioTooLarge { .. } => CloseCode::TOO_BIG,
            Self::TooManyFragments { .. }
            | Self::TooManyEmptyFragments { .. }
            | Self::TooManyControlFrames { .. } => CloseCode::POLICY_VIOLATION,
        }
    }

    /// The reason in that Close frame: a fixed text without anything the peer sent.
    #[must_use]
    pub(crate) const fn close_reason(&self) -> &'static str {
        match self {
            Self::Header(_) => "protocol error",
            Self::ClosePayload(_) => "invalid close frame",
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::FrameTooLarge { .. } => "frame too large",
            Self::MessageTooLarge { .. } => "message too large",
            Self::TooManyFragments { .. } | Self::TooManyEmptyFragments { .. } => {
                "too many fragments"
            }
            #[cfg(feature = "deflate")]
            Self::Inflate(_) => "invalid compressed data",
            #[cfg(feature = "deflate")]
            Self::RatioTooLarge { .. } => "message too large",
            Self::TooManyControlFrames { .. } => "too many control frames",
        }
    }
}

impl From<HeaderError> for Error {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl From<ClosePayloadError> for Error {
    fn from(error: ClosePayloadError) -> Self {
        Self::ClosePayload(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer sent ")?;
        match self {
            Self::Header(error) => fmt::Display::fmt(error, f),
            Self::ClosePayload(error) => fmt::Display::fmt(error, f),
            Self::InvalidUtf8 => f.write_str("a text message that is not UTF-8"),
            Self::FrameTooLarge { len, limit } => {
                write!(f, "a frame of {len} bytes, the limit is {limit} (Config::max_frame_size)")
            }
            Self::MessageTooLarge { len, limit } => write!(
                f,
                "a message of {len} bytes or more, the limit is {limit} (Config::max_message_size)"
            ),
            Self::TooManyFragments { limit } => {
                write!(f, "a message in more than {limit} fragments (Config::max_fragments)")
            }
            Self::TooManyEmptyFragments { limit } => write!(
                f,
                "a message with more than {limit} empty fragments (Config::max_empty_fragments)"
            ),
            #[cfg(feature = "deflate")]
            Self::Inflate(error) => fmt::Display::fmt(error, f),
            #[cfg(feature = "deflate")]
            Self::RatioTooLarge { limit } => write!(
                f,
                "a compressed message that inflates to more than {limit} times its size \
                 (Compression::max_ratio)"
            ),
            Self::TooManyControlFrames { limit } => write!(
                f,
                "more than {limit} control frames without data between them, faster than they are welcome \
                 (Config::control_frame_burst, Config::control_frames_per_second)"
            ),
        }
    }
}

impl core::error::Error for Error {}

/// Why something was not sent. The message comes back in it; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError<M = Message> {
    /// More than [`Config::write_high_water`](crate::Config::write_high_water) bytes wait already: send
    /// again when some have left.
    Full(M),
    /// The connection is closing or closed: nothing more can be sent on it.
    Closed(M),
    /// A message begun with a [`MessageWriter`](crate::MessageWriter) has not been finished.
    Unfinished(M),
    /// A control frame's payload of more than 125 bytes.
    ControlTooLong,
    /// A close reason of more than 123 bytes.
    ReasonTooLong,
    /// A close code that may not be sent (RFC 6455 section 7.4).
    InvalidCloseCode(CloseCode),
    /// A piece of a text message that is not UTF-8.
    InvalidUtf8,
}

impl<M> SendError<M> {
    /// The same error without the message.
    pub fn without_message(self) -> SendError<()> {
        self.map(|_| ())
    }

    /// The same error with what `f` makes of the message.
    pub(crate) fn map<N>(self, f: impl FnOnce(M) -> N) -> SendError<N> {
        match self {
            Self::Full(message) => SendError::Full(f(message)),
            Self::Closed(message) => SendError::Closed(f(message)),
            Self::Unfinished(message) => SendError::Unfinished(f(message)),
            Self::ControlTooLong => SendError::ControlTooLong,
            Self::ReasonTooLong => SendError::ReasonTooLong,
            Self::InvalidCloseCode(code) => SendError::InvalidCloseCode(code),
            Self::InvalidUtf8 => SendError::InvalidUtf8,
        }
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => {
                f.write_str("send queue is full (Config::write_high_water): flush, then send again")
            }
            Self::Closed(_) => {
                f.write_str("connection is closing or closed: nothing more can be sent on it")
            }
            Self::Unfinished(_) => f.write_str(
                "a message begun with a writer has not been finished: finish it, then send",
            ),
            Self::ControlTooLong => {
                f.write_str("payload of a control frame is longer than 125 bytes")
            }
            Self::ReasonTooLong => f.write_str("close reason is longer than 123 bytes"),
            Self::InvalidCloseCode(code) => write!(
                f,
                "close code {code} may not be sent: take one of 1000 to 1003, 1007 to 1014, 3000 to 4999"
            ),
            Self::InvalidUtf8 => f.write_str("a piece of a text message is not UTF-8"),
        }
    }
}

impl<M> fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
            Self::Unfinished(_) => "Unfinished(..)",
            Self::ControlTooLong => "ControlTooLong",
            Self::ReasonTooLong => "ReasonTooLong",
            Self::InvalidCloseCode(code) => {
                return f.debug_tuple("InvalidCloseCode").field(code).finish();
            }
            Self::InvalidUtf8 => "InvalidUtf8",
        })
    }
}

impl<M> core::error::Error for SendError<M> {}
