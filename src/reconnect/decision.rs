//! What a loss means: dial again, leave the endpoint, or give up, and why.

use core::fmt;
use core::time::Duration;

use super::Options;
use super::endpoints::Past;
use crate::connection::{Cause, Closed};
use crate::frame::CloseCode;

/// Why there is no connection, or none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The network: nobody listens, no way there, no such name, the transport broke.
    Transport,
    /// The dial took longer than [`Options::dial_timeout`], or than the handshake allows itself.
    TimedOut,
    /// The server answered the opening handshake with another status than 101.
    Refused {
        /// The status.
        status: u16,
        /// When the server wants to be asked again: see [`retry_after`](super::retry_after).
        retry_after: Option<Duration>,
    },
    /// The server's answer was no opening handshake.
    Handshake,
    /// Others of this process dialed the host, and the turn did not come within [`Options::dial_timeout`].
    NoTurn,
    /// The server's certificate is not valid, or not for the host.
    Untrusted,
    /// TLS failed in another way: an alert, nothing in common, another protocol on that port.
    Tls,
    /// There is nothing that could be dialed: the caller is at fault.
    Request,
    /// The connection ended.
    Closed(Closed),
}

/// What to do about a [`Loss`], and why.
///
/// This is what the library does ([`Reconnect::propose`](super::Reconnect::propose)) unless the application decides
/// otherwise:
///
/// | loss | decision |
/// |---|---|
/// | the network, a timeout, no turn, an end without a Close frame | retry |
/// | TLS, but for the certificate | retry |
/// | status 408, 425, 429, 5xx but 501 and 505 | retry, not before `Retry-After` and up to a quarter more (*) |
/// | any other status, an answer that is no handshake | refused: see below |
/// | a certificate that is not valid, a request that cannot be made | refused: see below |
/// | 1000, 1001, 1005, 1011, 1014, our idle or lifetime timeout | retry |
/// | 1012 | retry after 5 to 30 s |
/// | 1013 | retry after 30 to 60 s |
/// | 1002, 1003, 1007, 1008, 1009, 1010, 3000 to 4999 | leave the endpoint |
/// | the peer broke the protocol | leave the endpoint |
///
/// An endpoint that refuses is left for good if it has never been open: then the URL, the request or whom to trust is
/// wrong. One that has been open in the life of this client once took the same request, and somebody may stand in
/// between for a while: a captive portal, a proxy, a load balancer during an update. It is dialed again after
/// [`Options::max_delay`] and up to a quarter more (*).
///
/// (*) Or up to [`Options::first_delay`], where that is longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// What to do.
    pub verdict: Verdict,
    /// Why.
    pub why: Why,
}

/// What to do about a [`Loss`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Dial again when the backoff says so.
    Retry,
    /// The same, but this endpoint not before `at_least` has passed and a random part of `spread` after it, which
    /// keeps those apart that were told the same time.
    RetryAfter {
        /// What must pass.
        at_least: Duration,
        /// The most that may come on top.
        spread: Duration,
    },
    /// Never dial this endpoint again. When it was the last, give up.
    Retire,
    /// Give up.
    GiveUp,
}

/// Why a [`Decision`] was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It may work next time.
    Transient,
    /// The server said when to come back (`Retry-After`).
    RetryAfter,
    /// The server restarts (1012): its registry asks for 5 to 30 s.
    Restart,
    /// The server is overloaded (1013): another endpoint, or much later.
    Overloaded,
    /// The server refuses this request, and is likely to do so again.
    Refused,
    /// An end broke the protocol or a limit, and would again.
    Protocol,
    /// The server refused by a policy (1008) or by a code of the application's (3000 to 4999): what such a code
    /// means, only the application knows.
    Policy,
    /// The server could not prove who it is.
    Untrusted,
    /// The request cannot be made.
    Request,
    /// [`Options::max_losses`] losses in a row.
    Exhausted,
    /// The application stopped it.
    Stopped,
    /// The application decided so.
    Application,
}

impl Decision {
    /// What the library does about `loss`.
    pub(super) fn about(loss: &Loss, past: Past, options: &Options) -> Self {
        match loss {
            Loss::Transport | Loss::TimedOut | Loss::NoTurn | Loss::Tls => Self::retry(),
            Loss::Refused { status, retry_after } => match (status, retry_after) {
                (408 | 425 | 429 | 500 | 502..=504 | 506..=599, None) => Self::retry(),
                (408 | 425 | 429 | 500 | 502..=504 | 506..=599, Some(wait)) => {
                    let verdict = Verdict::after((*wait).min(options.max_retry_after), options);
                    Self::because(verdict, Why::RetryAfter)
                }
                _ => Self::about_refusal(Why::Refused, past, options),
            },
            Loss::Handshake => Self::about_refusal(Why::Protocol, past, options),
            Loss::Untrusted => Self::about_refusal(Why::Untrusted, past, options),
            Loss::Request => Self::about_refusal(Why::Request, past, options),
            Loss::Closed(closed) => Self::about_end(closed),
        }
    }

    fn about_refusal(why: Why, past: Past, options: &Options) -> Self {
        let verdict = match past {
            Past::NeverOpen => Verdict::Retire,
            Past::OnceOpen => Verdict::after(options.max_delay, options),
        };
        Self::because(verdict, why)
    }

    fn about_end(closed: &Closed) -> Self {
        if matches!(closed.cause, Cause::Failed(_)) {
            return Self::because(Verdict::Retire, Why::Protocol);
        }
        match closed.code() {
            CloseCode::SERVICE_RESTART => {
                let (at_least, spread) = (Duration::from_secs(5), Duration::from_secs(25));
                Self::because(Verdict::RetryAfter { at_least, spread }, Why::Restart)
            }
            CloseCode::TRY_AGAIN_LATER => {
                let (at_least, spread) = (Duration::from_secs(30), Duration::from_secs(30));
                Self::because(Verdict::RetryAfter { at_least, spread }, Why::Overloaded)
            }
            CloseCode::POLICY_VIOLATION | CloseCode(3000..=4999) => {
                Self::because(Verdict::Retire, Why::Policy)
            }
            CloseCode(1002 | 1003 | 1007 | 1009 | 1010) => {
                Self::because(Verdict::Retire, Why::Protocol)
            }
            _ => Self::retry(),
        }
    }

    /// Dial again when the backoff says so.
    #[must_use]
    pub const fn retry() -> Self {
        Self::because(Verdict::Retry, Why::Transient)
    }

    /// A decision of the application's own.
    #[must_use]
    pub const fn of_application(verdict: Verdict) -> Self {
        Self::because(verdict, Why::Application)
    }

    pub(super) const fn because(verdict: Verdict, why: Why) -> Self {
        Self { verdict, why }
    }
}

impl Verdict {
    /// Retry after `at_least` and up to a quarter more, or up to `first_delay` where that is longer.
    fn after(at_least: Duration, options: &Options) -> Self {
        let spread = at_least
            .checked_div(4)
            .unwrap_or_default()
            .max(options.first_delay.min(options.max_delay));
        Self::RetryAfter { at_least, spread }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport => f.write_str("the transport failed"),
            Self::TimedOut => f.write_str("the dial was not done in time (Options::dial_timeout, or that of the handshake)"),
            Self::Refused { status, .. } => write!(f, "the server answered {status}"),
            Self::Handshake => f.write_str("what the server answered was no opening handshake"),
            Self::NoTurn => f.write_str("others of this process were dialing the host for all of Options::dial_timeout"),
            Self::Untrusted => f.write_str("the server could not prove who it is: its certificate is not valid, or not trusted"),
            Self::Tls => f.write_str("the TLS handshake failed"),
            Self::Request => f.write_str("the request cannot be made: look at the URL, the headers, the proxy and TLS"),
            Self::Closed(closed) => fmt::Display::fmt(closed, f),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "it may work next time",
            Self::RetryAfter => "the server said when to come back (Retry-After)",
            Self::Restart => "the server restarts (1012)",
            Self::Overloaded => "the server is overloaded (1013)",
            Self::Refused => "the server refuses the request, and is likely to do so again",
            Self::Protocol => "an end broke the protocol or a limit, and would again",
            Self::Policy => {
                "the server refused by a policy or an application's code (1008, 3000 to 4999)"
            }
            Self::Untrusted => "the server could not prove who it is",
            Self::Request => "the request cannot be made",
            Self::Exhausted => "Options::max_losses losses came in a row",
            Self::Stopped => "the application stopped it",
            Self::Application => "the application decided so",
        })
    }
}
