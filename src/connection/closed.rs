//! How a connection ended.

use core::fmt;

use super::CloseFrame;
use crate::error::Error;
use crate::frame::CloseCode;

/// How a connection ended: who ended it, why, and what each end said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Who ended it and why.
    pub cause: Cause,
    /// Our Close frame, if one was queued.
    pub sent: Option<CloseFrame>,
    /// The peer's Close frame, if one came.
    pub received: Option<CloseFrame>,
}

impl Closed {
    /// The close code of the connection (RFC 6455 section 7.1.5): that of the peer's Close frame, 1005
    /// where it carried none, 1006 where none came.
    #[must_use]
    pub fn code(&self) -> CloseCode {
        self.received.as_ref().map_or(CloseCode::ABNORMAL, |frame| frame.code)
    }

    /// The peer's reason; empty where it gave none.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.received.as_ref().map_or("", |frame| &frame.reason)
    }

    /// Whether both ends said goodbye and neither broke the protocol.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.sent.is_some() && self.received.is_some() && !matches!(self.cause, Cause::Failed(_))
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = match self.cause {
            Cause::Remote => self.received.as_ref(),
            _ => self.sent.as_ref(),
        };
        fmt::Display::fmt(&self.cause, f)?;
        if let Some(frame) = frame {
            write!(f, " ({}", frame.code)?;
            if !frame.reason.is_empty() {
                write!(f, ", {:?}", frame.reason)?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// Who ended a connection and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// We closed it.
    Local,
    /// The peer closed it.
    Remote,
    /// The peer broke the protocol or a limit, and we failed the connection.
    Failed(Error),
    /// The transport ended without a Close frame from the peer.
    Lost,
    /// A timeout of ours passed.
    Timeout(Timeout),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed by us"),
            Self::Remote => f.write_str("closed by the peer"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Lost => f.write_str("connection lost without a close frame"),
            Self::Timeout(timeout) => fmt::Display::fmt(timeout, f),
        }
    }
}

/// Which timeout ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timeout {
    /// The peer stayed silent after a keepalive ping.
    Pong,
    /// The peer did not answer our Close frame.
    Close,
    /// No message for the idle timeout.
    Idle,
    /// The transport took none of the bytes that wait.
    Write,
    /// The maximum lifetime was reached.
    Lifetime,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pong => "no sign of life from the peer within pong_timeout",
            Self::Close => "no close frame from the peer within close_timeout",
            Self::Idle => "no message within idle_timeout",
            Self::Write => "the peer took no data within write_timeout",
            Self::Lifetime => "max_lifetime reached",
        })
    }
}
