//! Time as a value: the core reads no clock, it is told what time it is.

use core::num::NonZeroU64;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A point in time on a clock of the caller's choosing.
///
/// The core only compares points and adds durations to them, so any monotonic clock serves and any
/// origin will do. The adapters count from the beginning of each connection; tests make time up.
///
/// ```
/// use hybi::Instant;
/// use std::time::Duration;
///
/// let start = Instant::ORIGIN;
/// let later = start + Duration::from_secs(20);
/// assert_eq!(later - start, Duration::from_secs(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    /// Nanoseconds since the origin, and one: an `Option<Instant>` takes no more room.
    nanos: NonZeroU64,
}

impl Instant {
    /// The origin of the clock.
    pub const ORIGIN: Self = Self { nanos: NonZeroU64::MIN };

    /// The point `elapsed` after the origin; it saturates after 584 years.
    #[must_use]
    pub fn from_origin(elapsed: Duration) -> Self {
        Self::ORIGIN + elapsed
    }

    /// How long after `earlier` this point lies; zero if it lies before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.get().saturating_sub(earlier.nanos.get()))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: self.nanos.saturating_add(nanos) }
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}
