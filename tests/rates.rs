//! Token buckets on a made-up clock.

use std::time::Duration;

use hybi::Instant;
use hybi::rate::{KeyedBuckets, Rate, TokenBucket};
use proptest::prelude::*;

#[test]
fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
    let mut bucket = TokenBucket::new(Rate::per_second(10).burst(3));
    for _ in 0..3 {
        assert_eq!(bucket.take(1, at(0)), Ok(()));
    }
    assert_eq!(bucket.take(1, at(0)), Err(ms(100)));
    assert_eq!(bucket.take(1, at(99)), Err(ms(1)));
    assert_eq!(bucket.take(1, at(100)), Ok(()));
    assert_eq!(bucket.take(1, at(100)), Err(ms(100)), "what was refused was not taken");
}

#[test]
fn a_bucket_holds_no_more_than_its_burst() {
    let mut bucket = TokenBucket::new(Rate::per_second(10).burst(3));
    bucket.take(3, at(0)).expect("full");
    assert!(!bucket.is_full(at(299)) && bucket.is_full(at(300)));
    assert_eq!(bucket.take(4, at(60_000)), Err(Duration::MAX), "it never holds four");
    assert_eq!(bucket.take(3, at(60_000)), Ok(()));
    assert_eq!(bucket.take(3, at(60_000)), Err(ms(300)));
}

#[test]
fn what_has_happened_is_charged_and_paid_off() {
    let mut bucket = TokenBucket::new(Rate::per_second(10).burst(3));
    assert_eq!(bucket.charge(3, at(0)), Duration::ZERO);
    assert_eq!(bucket.charge(20, at(0)), ms(2000));
    assert_eq!(bucket.charge(0, at(1500)), ms(500));
    assert_eq!(bucket.charge(0, at(2000)), Duration::ZERO);
    assert_eq!(bucket.charge(1, at(2000)), ms(100));
}

#[test]
fn rates_slower_than_one_a_second_are_kept() {
    let mut bucket = TokenBucket::new(Rate::per_minute(2).burst(1));
    assert_eq!(bucket.take(1, at(0)), Ok(()));
    assert_eq!(bucket.take(1, at(29_999)), Err(ms(1)));
    assert_eq!(bucket.take(1, at(30_000)), Ok(()));
}

#[test]
fn a_rate_of_zero_lets_nothing_pass() {
    for rate in [Rate::per_second(0), Rate::per_second(0).burst(5), Rate::per_second(5).burst(0)] {
        let mut bucket = TokenBucket::new(rate);
        assert_eq!(bucket.take(1, at(0)), Err(Duration::MAX));
        assert_eq!(bucket.take(0, at(0)), Ok(()));
    }
    assert_eq!(TokenBucket::new(Rate::per_second(0)).charge(1, at(0)), Duration::MAX);
}

#[test]
fn the_largest_numbers_overflow_nothing() {
    let most = u32::MAX;
    for rate in [Rate::per_second(most), Rate::per_minute(1).burst(most), Rate::per_minute(most)] {
        let mut bucket = TokenBucket::new(rate);
        for _ in 0..10 {
            bucket.charge(most, at(u64::MAX / 2_000_000));
        }
        let _ = bucket.take(most, Instant::ORIGIN);
    }
}

#[test]
fn each_key_has_a_bucket_of_its_own() {
    let mut buckets = KeyedBuckets::new(Rate::per_second(1), 100);
    assert!(buckets.is_empty());
    assert_eq!(buckets.take("a", 1, at(0)), Ok(()));
    assert_eq!(buckets.take("b", 1, at(0)), Ok(()));
    assert_eq!(buckets.take("a", 1, at(500)), Err(ms(500)));
    assert_eq!(buckets.take("a", 1, at(1000)), Ok(()));
    assert_eq!(buckets.len(), 2);
}

#[test]
fn buckets_that_are_full_again_are_forgotten() {
    let mut buckets = KeyedBuckets::new(Rate::per_second(10).burst(10), 1000);
    for key in 0..100 {
        buckets.take(key, 1, at(0)).expect("full");
    }
    assert_eq!(buckets.len(), 100);
    buckets.take(1000, 1, at(1000)).expect("full");
    buckets.take(1000, 1, at(2000)).expect("full");
    assert_eq!(buckets.len(), 1);
}

/// The time in which an empty bucket fills is longer than the debt that `take` can leave, but not `charge`.
#[test]
fn who_owes_more_than_a_bucket_is_not_forgotten() {
    let mut buckets = KeyedBuckets::new(Rate::per_second(10).burst(10), 1000);
    assert_eq!(buckets.charge("debtor", 1000, at(0)), ms(99_000));
    for second in 1..90 {
        buckets.take("other", 1, at(second * 1000)).expect("slow");
    }
    assert_eq!(buckets.charge("debtor", 0, at(90_000)), ms(9_000));
    assert!(buckets.len() <= 2);
}

#[test]
fn a_flood_of_keys_takes_bounded_memory() {
    for capacity in [0, 1, 2, 3, 10, 1000] {
        let mut buckets = KeyedBuckets::new(Rate::per_minute(1), capacity);
        for key in 0..10_000 {
            buckets.charge(key, 1 + key % 3, at(u64::from(key)));
            assert!(buckets.len() <= capacity.max(2), "{} of {capacity}", buckets.len());
        }
    }
}

proptest! {
    /// Over any time, whatever the pattern: no more than the burst and what the rate brings.
    #[test]
    fn no_pattern_gets_more_than_the_rate(
        count in 1_u32..2000,
        burst in 1_u32..500,
        steps in prop::collection::vec((0_u64..50, 1_u32..40), 1..200),
    ) {
        let mut bucket = TokenBucket::new(Rate::per_second(count).burst(burst));
        let (mut now, mut taken) = (0, 0);
        for (pause, tokens) in steps {
            now += pause;
            if bucket.take(tokens, at(now)).is_ok() {
                taken += u64::from(tokens);
            }
            let earned = now * u64::from(count) / 1000;
            prop_assert!(taken <= u64::from(burst) + earned, "{taken} after {now} ms");
        }
    }

    /// A bucket that says how long to wait holds the tokens then, and not a nanosecond before.
    #[test]
    fn the_wait_is_exact(count in 1_u32..5000, burst in 1_u32..100, tokens in 1_u32..100) {
        let tokens = tokens.min(burst);
        let mut bucket = TokenBucket::new(Rate::per_second(count).burst(burst));
        while bucket.take(1, at(0)).is_ok() {}
        let wait = bucket.clone().take(tokens, at(0)).expect_err("it is empty");
        let early = wait - Duration::from_nanos(1);
        prop_assert!(bucket.clone().take(tokens, at(0) + early).is_err());
        prop_assert_eq!(bucket.take(tokens, at(0) + wait), Ok(()));
    }
}

fn at(ms: u64) -> Instant {
    Instant::ORIGIN + Duration::from_millis(ms)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Time is looked at when a bucket is, however late: those that were full long before are forgotten, the others stay.
#[test]
fn buckets_are_forgotten_once_they_have_been_full_for_a_while() {
    let mut buckets = KeyedBuckets::new(Rate::per_second(1), 100);
    let mut take = |key, seconds: u64, expected| {
        assert_eq!(buckets.take(key, 1, at(1000 * seconds)), Ok(()));
        assert_eq!((buckets.len(), buckets.is_empty()), (expected, false));
    };
    take("a", 0, 1);
    take("b", 0, 2);
    take("c", 15, 3);
    take("d", 15, 4);
    take("e", 35, 3);
}
