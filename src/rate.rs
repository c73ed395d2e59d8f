//! How often something may happen: token buckets that are told what time it is.
//!
//! A bucket holds tokens, is filled at a steady [`Rate`], and overflows at its burst. Whatever is to be limited takes
//! tokens: a message, a handshake, a byte. Buckets know neither connections nor addresses, so they
//! combine: one for each connection, one for each address in [`KeyedBuckets`], one for all.
//!
//! ```
//! use hybi::Instant;
//! use hybi::rate::{Rate, TokenBucket};
//! use std::time::Duration;
//!
//! let mut bucket = TokenBucket::new(Rate::per_second(10).burst(2));
//! let now = Instant::ORIGIN;
//! assert_eq!(bucket.take(1, now), Ok(()));
//! assert_eq!(bucket.take(1, now), Ok(()));
//! assert_eq!(bucket.take(1, now), Err(Duration::from_millis(100))); // come back then
//! ```

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::time::Instant;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    seconds: u32,
    burst: u32,
}

impl Rate {
    /// So often a second, and as often at once. Zero is never.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self { count, seconds: 1, burst: count }
    }

    /// So often a minute, and as often at once. Zero is never.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self { count, seconds: 60, burst: count }
    }

    /// How often at once, after a time in which it did not happen. Zero is never.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// How long a bucket takes to earn so many tokens; `None` is forever.
    fn time_for(&self, tokens: u32) -> Option<Duration> {
        const NANOS: u128 = 1_000_000_000;
        let nanos = u128::from(tokens).saturating_mul(NANOS).saturating_mul(self.seconds.into());
        // Rounded up: the rate is an upper bound.
        let nanos =
            nanos.checked_next_multiple_of(self.count.into())?.checked_div(self.count.into())?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// Tokens that come at a steady rate and are kept up to a number. It takes 24 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    rate: Rate,
    /// When the bucket will be full; what it lacks is told by how far off that is.
    full_at: Option<Instant>,
}

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self { rate, full_at: None }
    }

    /// The rate at which it is filled.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes `tokens` if it holds as many.
    ///
    /// # Errors
    ///
    /// How long until it does, if nobody takes any meanwhile; [`Duration::MAX`] where that is never. Nothing has been
    /// taken then.
    pub fn take(&mut self, tokens: u32, now: Instant) -> Result<(), Duration> {
        if tokens > self.rate.burst {
            return Err(Duration::MAX);
        }
        let before = self.full_at;
        match self.charge(tokens, now) {
            Duration::ZERO => Ok(()),
            wait => {
                self.full_at = before;
                Err(wait)
            }
        }
    }

    /// Takes `tokens` even if it does not hold as many, for what has happened already, and returns how long to wait
    /// until it owes none: zero if it held them.
    pub fn charge(&mut self, tokens: u32, now: Instant) -> Duration {
        if tokens == 0 {
            return self.wait(now);
        }
        let Some(cost) = self.rate.time_for(tokens) else { return Duration::MAX };
        let from = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = Some(from + cost);
        self.wait(now)
    }

    /// Whether it is full: like new.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|full_at| full_at <= now)
    }

    /// How long until it owes nothing.
    fn wait(&self, now: Instant) -> Duration {
        let Some(full_at) = self.full_at else { return Duration::ZERO };
        let Some(burst) = self.rate.time_for(self.rate.burst) else { return Duration::ZERO };
        full_at.since(now).saturating_sub(burst)
    }
}

/// A bucket for each key, such as an address, in bounded memory.
///
/// A bucket that has not been used for as long as an empty one takes to fill is full, so nothing is lost when it is
/// forgotten: the buckets live in two generations, and the older one goes when that time has passed. It also goes when
/// the younger one holds half of the capacity: who commands more keys than that in so short a time gets fresh
/// buckets, and is to be stopped by a bucket for all.
///
/// ```
/// use hybi::Instant;
/// use hybi::rate::{KeyedBuckets, Rate};
///
/// let mut handshakes = KeyedBuckets::new(Rate::per_minute(1), 10_000);
/// assert!(handshakes.take("198.51.100.7", 1, Instant::ORIGIN).is_ok());
/// assert!(handshakes.take("198.51.100.7", 1, Instant::ORIGIN).is_err());
/// assert!(handshakes.take("198.51.100.8", 1, Instant::ORIGIN).is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct KeyedBuckets<K> {
    rate: Rate,
    /// The most buckets of one generation.
    half: usize,
    young: BTreeMap<K, TokenBucket>,
    old: BTreeMap<K, TokenBucket>,
    /// When the younger generation began.
    since: Option<Instant>,
}

impl<K: Ord> KeyedBuckets<K> {
    /// None yet; never more than `capacity`, but at least two.
    #[must_use]
    pub const fn new(rate: Rate, capacity: usize) -> Self {
        let half = match capacity / 2 {
            0 => 1,
            half => half,
        };
        Self { rate, half, young: BTreeMap::new(), old: BTreeMap::new(), since: None }
    }

    /// Takes `tokens` from the key's bucket, as [`TokenBucket::take`].
    ///
    /// # Errors
    ///
    /// As [`TokenBucket::take`].
    pub fn take(&mut self, key: K, tokens: u32, now: Instant) -> Result<(), Duration> {
        self.bucket(key, now).take(tokens, now)
    }

    /// Takes `tokens` from the key's bucket in any case, as [`TokenBucket::charge`].
    pub fn charge(&mut self, key: K, tokens: u32, now: Instant) -> Duration {
        self.bucket(key, now).charge(tokens, now)
    }

    /// How many buckets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bucket(&mut self, key: K, now: Instant) -> &mut TokenBucket {
        let refill = self.rate.time_for(self.rate.burst).unwrap_or(Duration::MAX);
        let since = *self.since.get_or_insert(now);
        let full = self.young.len() >= self.half && !self.young.contains_key(&key);
        if full || now >= since + refill {
            let before = core::mem::replace(&mut self.old, core::mem::take(&mut self.young));
            // Who was charged more than a whole bucket goes on owing it.
            let room = self.half.saturating_sub(self.old.len());
            let owing = before.into_iter().filter(|(_, bucket)| !bucket.is_full(now));
            self.old.extend(owing.take(room));
            self.since = Some(now);
        }
        let known = self.old.remove(&key);
        let rate = self.rate;
        self.young.entry(key).or_insert_with(|| known.unwrap_or(TokenBucket::new(rate)))
    }
}
