//! Close frames' payloads (RFC 6455 sections 5.5.1 and 7.4).

use core::fmt;

use super::MAX_CONTROL_PAYLOAD;

/// The longest reason, in bytes: what a control frame holds beside the two bytes of the code.
pub const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// Why a connection is closed (RFC 6455 section 7.4).
///
/// A newtype over the number, so that codes of applications (4000 to 4999) and libraries (3000 to 3999)
/// need no variant and unknown ones survive a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: an end goes away: a server shuts down, a browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: the peer sent a kind of data that this end does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005: reported where a Close frame carried no code; never on the wire.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: reported where the connection ended without a Close frame; never on the wire.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: a message's data did not fit its kind, as invalid UTF-8 in a text message.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: a policy was violated and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message too big to process.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the server did not negotiate an extension that the client needs; sent by clients only.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the server met an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts; come back after a random delay (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded; come back later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response from upstream (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: reported where the TLS handshake failed; never on the wire.
    pub const TLS_HANDSHAKE: Self = Self(1015);

    /// Whether the code may stand in a Close frame: 1000 to 1003, 1007 to 1014, 3000 to 4999.
    ///
    /// RFC 6455 section 7.4.2 leaves open what a receiver does with the others; a Close frame that carries
    /// one of them fails the connection with 1002 here.
    #[must_use]
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// What the code means to everyone, in a few words.
    pub(crate) const fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::NORMAL => "normal",
            Self::GOING_AWAY => "going away",
            Self::PROTOCOL_ERROR => "protocol error",
            Self::UNSUPPORTED => "unsupported data",
            Self::INVALID_DATA => "invalid data",
            Self::POLICY_VIOLATION => "policy violation",
            Self::TOO_BIG => "message too big",
            Self::MANDATORY_EXTENSION => "extension missing",
            Self::INTERNAL_ERROR => "internal error",
            Self::SERVICE_RESTART => "service restart",
            Self::TRY_AGAIN_LATER => "try again later",
            Self::BAD_GATEWAY => "bad gateway",
            _ => return None,
        })
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Reads a Close frame's payload: nothing, or a code and a reason.
///
/// # Errors
///
/// A body of one byte, a code that may not be sent, a reason that is not UTF-8.
pub fn parse_close(payload: &[u8]) -> Result<Option<(CloseCode, &str)>, ClosePayloadError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let (code, reason) = payload.split_first_chunk::<2>().ok_or(ClosePayloadError::Length)?;
    let code = CloseCode(u16::from_be_bytes(*code));
    if !code.is_sendable() {
        return Err(ClosePayloadError::Code(code));
    }
    let reason = core::str::from_utf8(reason).map_err(|_| ClosePayloadError::Utf8)?;
    Ok(Some((code, reason)))
}

/// Writes a Close frame's payload into `buf` and returns the part that was written.
///
/// A reason longer than [`MAX_CLOSE_REASON`] is cut at the last character boundary before that.
pub fn encode_close<'b>(
    code: CloseCode,
    reason: &str,
    buf: &'b mut [u8; MAX_CONTROL_PAYLOAD],
) -> &'b [u8] {
    let fits = |&len: &usize| reason.is_char_boundary(len);
    let len = (0..=reason.len().min(MAX_CLOSE_REASON)).rev().find(fits).unwrap_or(0);
    let bytes = code.0.to_be_bytes().into_iter().chain(reason.bytes().take(len));
    let written = buf.iter_mut().zip(bytes).map(|(place, byte)| *place = byte).count();
    buf.get(..written).unwrap_or_default()
}

/// A Close frame's payload that breaks RFC 6455 section 5.5.1 or 7.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClosePayloadError {
    /// One byte: a code needs two.
    Length,
    /// A code that may not be sent.
    Code(CloseCode),
    /// A reason that is not UTF-8.
    Utf8,
}

impl fmt::Display for ClosePayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("a close frame with a payload of one byte"),
            Self::Code(code) => {
                write!(f, "a close frame with the code {code}, which may not be sent")
            }
            Self::Utf8 => f.write_str("a close frame whose reason is not UTF-8"),
        }
    }
}

impl core::error::Error for ClosePayloadError {}
