//! How long to wait before a dial: full jitter under a ceiling that doubles.

use core::time::Duration;

use super::Options;

/// A stream of random numbers from a seed (SplitMix64). It spreads clients in time and protects nothing.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A duration between nothing and `ceiling`, all equally likely.
    pub(super) fn up_to(&mut self, ceiling: Duration) -> Duration {
        let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
        let part = u128::from(nanos).saturating_mul(u128::from(self.next())) >> 64;
        Duration::from_nanos(u64::try_from(part).unwrap_or(nanos))
    }
}

/// The longest wait before the dial that follows `losses` losses in a row.
pub(super) fn ceiling(options: &Options, losses: u32) -> Duration {
    let ceiling = match losses {
        0 | 1 => options.first_delay,
        _ => {
            let doubled = 2_u32.saturating_pow(losses.saturating_sub(1));
            options.base_delay.saturating_mul(doubled)
        }
    };
    ceiling.min(options.max_delay)
}
