//! How long the keepalive's answers took.

use core::time::Duration;

/// The round trips of the keepalive pings that were answered: the last, a smoothed one, and percentiles of the last 28.
///
/// For percentiles each takes one byte, exact to a sixteenth, so that they do not weigh on an idle connection: 48 bytes, from
/// its first answer on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips {
    /// How many have been measured, also those that are not kept; it saturates.
    count: u32,
    kept: [u8; KEPT],
    /// In nanoseconds, as what follows.
    last: u64,
    smoothed: u64,
}

/// At the default interval the last nine minutes.
const KEPT: usize = 28;

impl RoundTrips {
    /// None measured.
    pub(super) const NONE: &Self = &Self { count: 0, kept: [0; KEPT], last: 0, smoothed: 0 };

    pub(super) fn note(&mut self, rtt: Duration) {
        let at = usize::try_from(self.count).unwrap_or(0).checked_rem(KEPT).unwrap_or(0);
        if let Some(slot) = self.kept.get_mut(at) {
            *slot = encode(rtt);
        }
        self.last = u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX);
        self.smoothed = match self.count {
            0 => self.last,
            // The estimator of RFC 6298: seven parts of what was, one part of what is.
            _ => self.smoothed.saturating_mul(7).saturating_add(self.last) / 8,
        };
        self.count = self.count.saturating_add(1);
    }

    /// How many have been measured since the connection was opened.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The latest.
    #[must_use]
    pub fn last(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.last))
    }

    /// Smoothed over about eight pings.
    #[must_use]
    pub fn smoothed(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.smoothed))
    }

    /// The round trip that `percent` of the kept ones do not exceed, to a sixteenth: 50 is the median, 100 the longest,
    /// 0 the shortest. `None` before the first.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        let mut kept = self.kept;
        let known = usize::try_from(self.count).unwrap_or(KEPT).min(KEPT);
        let known = kept.get_mut(..known)?;
        known.sort_unstable();
        // The nearest rank, counted from one.
        let rank = known.len().saturating_mul(percent.min(100).into()).div_ceil(100).max(1);
        known.get(rank.checked_sub(1)?).map(|code| decode(*code))
    }
}

/// Microseconds as a floating-point number of one byte: three bits after the leading one.
///
/// ```text
///   0..=15 µs       the number itself
///   16 µs and more  (exponent - 2) * 8 + the three bits after the leading one, up to 2^34 µs: four hours
/// ```
fn encode(rtt: Duration) -> u8 {
    let micros = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
    let Some(exponent) = micros.checked_ilog2().filter(|exponent| *exponent > 3) else {
        return u8::try_from(micros).unwrap_or(u8::MAX);
    };
    let shift = exponent.saturating_sub(3);
    // The leading one adds 8.
    let code = (micros >> shift).saturating_add(u64::from(shift).saturating_mul(8));
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// The middle of what is encoded so.
fn decode(code: u8) -> Duration {
    let code = u64::from(code);
    let (exponent, mantissa) = (code / 8, code % 8);
    let micros = match exponent.checked_sub(1) {
        None | Some(0) => code,
        Some(shift) => {
            let low = mantissa.saturating_add(8) << shift;
            low.saturating_add((1 << shift) / 2)
        }
    };
    Duration::from_micros(micros)
}
