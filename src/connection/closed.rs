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
        fmt::Display::fmt(&self.cause, f)?;
        let (sent, received) = (self.sent.as_ref(), self.received.as_ref());
        match (self.cause, sent, received) {
            (Cause::Remote, _, Some(theirs)) => return write!(f, " with {}", Said(theirs)),
            (Cause::Local, Some(ours), _) => write!(f, " with {}", Said(ours))?,
            (_, Some(ours), _) => write!(f, "; we closed with {}", Code(ours.code))?,
            _ => {}
        }
        // Our own code that comes back says nothing more.
        let echoed = sent.map(|ours| (ours.code, ""));
        match received {
            Some(theirs) if echoed != Some((theirs.code, &*theirs.reason)) => {
                write!(f, "; the peer closed with {}", Said(theirs))
            }
            _ => Ok(()),
        }
    }
}

/// A Close frame for people to read: the reason is theirs who sent it, so it comes in quotes, with controls escaped.
struct Said<'a>(&'a CloseFrame);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CloseFrame { code, reason } = self.0;
        fmt::Display::fmt(&Code(*code), f)?;
        if reason.is_empty() { Ok(()) } else { write!(f, " {reason:?}") }
    }
}

/// A close code and what it means.
struct Code(CloseCode);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.0.meaning()) {
            (CloseCode::NO_STATUS, _) => f.write_str("no code"),
            (code, Some(meaning)) => write!(f, "{code} ({meaning})"),
            (code, None) => fmt::Display::fmt(&code, f),
        }
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
            Self::Failed(error) => fmt::Display::fmt(error, f),
            Self::Lost => {
                f.write_str("lost: the transport ended without a close frame from the peer")
            }
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
            Self::Pong => "no sign of life from the peer for Config::pong_timeout after a ping",
            Self::Close => "no close frame from the peer within Config::close_timeout",
            Self::Idle => "no message for Config::idle_timeout",
            Self::Write => "the peer took no data for Config::write_timeout",
            Self::Lifetime => "the connection reached Config::max_lifetime",
        })
    }
}
