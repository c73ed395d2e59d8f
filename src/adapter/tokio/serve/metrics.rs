//! Numbers over all connections of a server.

use std::time::Duration;

use crate::connection::{Cause, Closed, Timeout};
use crate::frame::CloseCode;

/// What a [`Server`](super::Server) has seen, at the moment in which [`Handle::metrics`](super::Handle::metrics) was
/// called. Counters only grow; `open` and `handshakes` come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Connections that are open.
    pub open: usize,
    /// The most that were open at once.
    pub peak: usize,
    /// Handshakes under way, with connections that wait to be taken by `accept`.
    pub handshakes: usize,
    /// Connections that were opened; less `open`, those that have ended.
    pub opened: u64,
    /// Requests that the hook of [`Server::authorize`](super::Server::authorize) refused.
    pub refused: u64,
    /// Handshakes that failed: no WebSocket request, too late, gone, a hook that took too long or
    /// panicked.
    pub failed: u64,
    /// Requests that were answered with status 503, since the server was full or shutting down.
    pub turned_away: u64,
    /// Connections over [`ServeOptions::handshakes_per_address`](super::ServeOptions::handshakes_per_address).
    pub throttled: u64,
    /// How often a connection was over one of the [`MessageLimits`](super::MessageLimits).
    pub too_fast: u64,
    /// Errors of the listener, such as too many open files.
    pub accept_errors: u64,
    /// Bytes received after the opening handshakes, headers included; beneath TLS, if any, they are more.
    pub bytes_received: u64,
    /// Bytes sent, the responses of the handshakes included.
    pub bytes_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Messages queued.
    pub messages_sent: u64,
    /// With which codes connections ended.
    pub close_codes: CloseCodes,
    /// Why connections ended.
    pub endings: Endings,
    /// How long the answers to keepalive pings took.
    pub round_trips: RoundTripHistogram,
}

/// How many connections ended with which code: that of the end that closed or failed the connection, 1006 where neither
/// did.
///
/// What peers make up takes no memory: codes of libraries and of applications are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseCodes {
    counts: [u64; NAMES.len()],
}

const NAMES: [&str; 18] = [
    "1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010", "1011",
    "1012", "1013", "1014", "1015", "3xxx", "4xxx",
];

impl CloseCodes {
    /// How many ended with this code; for 3000 and more, with any code of the same thousand.
    #[must_use]
    pub fn count(&self, code: CloseCode) -> u64 {
        Self::index(code).map_or(0, |index| self.counts[index])
    }

    /// All that have occurred: `("1001", 7)`; `"3xxx"` are the codes of libraries, `"4xxx"` those of applications.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        NAMES.into_iter().zip(self.counts).filter(|(_, count)| *count > 0)
    }

    fn index(code: CloseCode) -> Option<usize> {
        match code.0 {
            1000..=1015 => Some(usize::from(code.0) - 1000),
            3000..=3999 => Some(16),
            4000..=4999 => Some(17),
            _ => None,
        }
    }

    fn note(&mut self, code: CloseCode) {
        if let Some(index) = Self::index(code) {
            self.counts[index] += 1;
        }
    }
}

/// Why connections ended: see [`Cause`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endings {
    /// We closed them.
    pub local: u64,
    /// The peer closed them.
    pub remote: u64,
    /// The peer broke the protocol or a limit.
    pub failed: u64,
    /// The transport ended without a Close frame.
    pub lost: u64,
    /// The peer was silent after a ping: [`Timeout::Pong`].
    pub silent: u64,
    /// The peer took no data: [`Timeout::Write`].
    pub stalled: u64,
    /// The peer did not answer our Close frame: [`Timeout::Close`].
    pub unanswered: u64,
    /// No message for the idle timeout, or too old: [`Timeout::Idle`], [`Timeout::Lifetime`].
    pub expired: u64,
    /// The application dropped them while they were open.
    pub dropped: u64,
}

/// How many round trips took how long, in steps of a factor of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTripHistogram {
    /// The first up to 1 µs, each of the others up to twice as long.
    counts: [u64; 32],
    sum: Duration,
}

impl RoundTripHistogram {
    /// How many were measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all took together.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// The steps: up to how long, and how many took no longer, as Prometheus has it.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.counts.iter().enumerate().scan(0, |total, (step, count)| {
            *total += count;
            Some((Duration::from_micros(1 << step), *total))
        })
    }

    /// The step that `percent` of the round trips do not exceed; `None` before the first.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        let count = self.count();
        let rank = (u128::from(count) * u128::from(percent.min(100))).div_ceil(100).max(1);
        self.cumulative().find(|(_, total)| u128::from(*total) >= rank).map(|(step, _)| step)
    }

    pub(super) fn note(&mut self, rtt: Duration) {
        let micros = u64::try_from(rtt.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX).max(1);
        let step = micros.checked_next_power_of_two().map_or(64, u64::ilog2) as usize;
        self.counts[step.min(self.counts.len() - 1)] += 1;
        self.sum = self.sum.saturating_add(rtt);
    }
}

impl Metrics {
    /// Counts how a connection has ended.
    pub(super) fn note_end(&mut self, closed: Option<&Closed>) {
        let endings = &mut self.endings;
        let ending = match closed.map(|closed| closed.cause) {
            None => &mut endings.dropped,
            Some(Cause::Local) => &mut endings.local,
            Some(Cause::Remote) => &mut endings.remote,
            Some(Cause::Failed(_)) => &mut endings.failed,
            Some(Cause::Lost) => &mut endings.lost,
            Some(Cause::Timeout(Timeout::Pong)) => &mut endings.silent,
            Some(Cause::Timeout(Timeout::Write)) => &mut endings.stalled,
            Some(Cause::Timeout(Timeout::Close)) => &mut endings.unanswered,
            Some(Cause::Timeout(Timeout::Idle | Timeout::Lifetime)) => &mut endings.expired,
        };
        *ending += 1;
        let frame = closed.and_then(|closed| match closed.cause {
            Cause::Remote => closed.received.as_ref(),
            _ => closed.sent.as_ref().or(closed.received.as_ref()),
        });
        self.close_codes.note(frame.map_or(CloseCode::ABNORMAL, |frame| frame.code));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_counted_in_the_first_step_that_is_no_shorter() {
        for (nanos, step) in [
            (0, 1),
            (1000, 1),
            (1001, 2),
            (2000, 2),
            (2001, 4),
            (1_000_000, 1024),
            (1_024_000, 1024),
            (1_024_001, 2048),
            (u64::MAX, 1 << 31),
        ] {
            let mut histogram = RoundTripHistogram::default();
            histogram.note(Duration::from_nanos(nanos));
            assert_eq!(histogram.percentile(50), Some(Duration::from_micros(step)), "{nanos} ns");
            assert_eq!((histogram.count(), histogram.sum()), (1, Duration::from_nanos(nanos)));
            let steps: Vec<_> = histogram.cumulative().collect();
            assert_eq!(steps.len(), 32);
            for (most, count) in steps {
                assert_eq!(count, u64::from(most >= Duration::from_micros(step)), "{nanos} ns");
            }
        }
        let mut histogram = RoundTripHistogram::default();
        assert_eq!(histogram.percentile(50), None);
        histogram.note(Duration::MAX);
        histogram.note(Duration::MAX);
        assert_eq!((histogram.count(), histogram.sum()), (2, Duration::MAX));
    }

    #[test]
    fn so_many_percent_do_not_exceed_the_step() {
        let mut histogram = RoundTripHistogram::default();
        for (count, micros) in [(90, 1), (9, 8), (1, 64)] {
            (0..count).for_each(|_| histogram.note(Duration::from_micros(micros)));
        }
        for (percent, micros) in
            [(0, 1), (1, 1), (50, 1), (90, 1), (91, 8), (99, 8), (100, 64), (101, 64), (255, 64)]
        {
            let step = Some(Duration::from_micros(micros));
            assert_eq!(histogram.percentile(percent), step, "{percent} %");
        }
        assert_eq!(histogram.sum(), Duration::from_micros(90 + 72 + 64));
    }

    #[test]
    fn close_codes_are_counted_one_by_one_or_by_the_thousand() {
        let mut codes = CloseCodes::default();
        for code in [1000, 1001, 1001, 1015, 3000, 3999, 4000, 4500, 4999, 999, 1016, 2999, 5000] {
            codes.note(CloseCode(code));
        }
        let counted: Vec<_> = codes.iter().collect();
        let expected = [("1000", 1), ("1001", 2), ("1015", 1), ("3xxx", 2), ("4xxx", 3)];
        assert_eq!(counted, expected);
        for (code, count) in
            [(1000, 1), (1001, 2), (1002, 0), (1015, 1), (3500, 2), (4001, 3), (2000, 0), (5000, 0)]
        {
            assert_eq!(codes.count(CloseCode(code)), count, "{code}");
        }
    }
}
