//! Which address is tried when (RFC 8305), on a made-up clock.
#![cfg(feature = "handshake")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hybi::Instant;
use hybi::connect::{Pace, Race};
use proptest::prelude::*;

const STAGGER: Duration = Duration::from_millis(250);

#[test]
fn rfc_8305_section_4_the_families_take_turns_beginning_with_the_first() {
    for (given, order) in [
        (vec![v6(1), v6(2), v4(1), v4(2)], vec![v6(1), v4(1), v6(2), v4(2)]),
        (vec![v4(1), v4(2), v6(1)], vec![v4(1), v6(1), v4(2)]),
        (vec![v6(1), v6(2), v6(3)], vec![v6(1), v6(2), v6(3)]),
        (vec![v6(1), v4(1), v6(1), v4(1)], vec![v6(1), v4(1)]),
        (vec![v4(1)], vec![v4(1)]),
        (vec![], vec![]),
    ] {
        assert_eq!(starts(given.clone()), order, "{given:?}");
    }
}

#[test]
fn rfc_8305_section_5_an_attempt_begins_every_quarter_of_a_second() {
    let mut race = Race::new([v6(1), v4(1), v6(2)]);
    let mut now = Instant::ORIGIN;
    for address in [v6(1), v4(1)] {
        assert_eq!(race.next(now), Pace::Start(address));
        let next = now + STAGGER;
        assert_eq!(race.next(now), Pace::Wait(Some(next)));
        assert_eq!(race.next(now + (STAGGER - Duration::from_nanos(1))), Pace::Wait(Some(next)));
        now = next;
    }
    assert_eq!(race.next(now), Pace::Start(v6(2)));
    assert_eq!(race.next(now), Pace::Wait(None), "nothing is left to begin");
    assert_eq!(race.running(), [v6(1), v4(1), v6(2)]);
}

#[test]
fn when_the_latest_attempt_fails_the_next_begins_at_once() {
    let mut race = Race::new([v6(1), v4(1), v6(2)]);
    assert_eq!(race.next(Instant::ORIGIN), Pace::Start(v6(1)));
    race.handle_failure(v6(1));
    assert_eq!(race.next(Instant::ORIGIN), Pace::Start(v4(1)));
}

#[test]
fn so_it_does_while_an_earlier_one_is_under_way() {
    let mut race = Race::new([v6(1), v4(1), v6(2)]);
    let later = Instant::ORIGIN + STAGGER;
    assert_eq!(race.next(Instant::ORIGIN), Pace::Start(v6(1)));
    assert_eq!(race.next(later), Pace::Start(v4(1)));
    race.handle_failure(v4(1));
    assert_eq!(race.next(later), Pace::Start(v6(2)));
    assert_eq!(race.running(), [v6(1), v6(2)]);
}

#[test]
fn an_earlier_failure_does_not_hurry_the_next_attempt() {
    let mut race = Race::new([v6(1), v4(1), v6(2)]);
    let (start, later) = (Instant::ORIGIN, Instant::ORIGIN + STAGGER);
    assert_eq!(race.next(start), Pace::Start(v6(1)));
    assert_eq!(race.next(later), Pace::Start(v4(1)));
    race.handle_failure(v6(1));
    assert_eq!(race.next(later), Pace::Wait(Some(later + STAGGER)));
    // Unless nothing else is under way.
    race.handle_failure(v4(1));
    assert_eq!(race.next(later), Pace::Start(v6(2)));
}

#[test]
fn the_race_is_lost_when_the_last_attempt_has_failed() {
    let mut race = Race::new([v6(1), v4(1)]);
    let later = Instant::ORIGIN + STAGGER;
    assert_eq!(race.next(Instant::ORIGIN), Pace::Start(v6(1)));
    assert_eq!(race.next(later), Pace::Start(v4(1)));
    race.handle_failure(v4(1));
    assert_eq!(race.next(later), Pace::Wait(None));
    race.handle_failure(v6(1));
    assert_eq!(race.next(later), Pace::Lost);
    assert_eq!(Race::new([]).next(later), Pace::Lost);
}

#[test]
fn a_failure_that_was_told_twice_or_never_began_changes_nothing() {
    let mut race = Race::new([v6(1), v4(1), v6(2)]);
    assert_eq!(race.next(Instant::ORIGIN), Pace::Start(v6(1)));
    race.handle_failure(v6(2));
    assert_eq!(race.next(Instant::ORIGIN), Pace::Wait(Some(Instant::ORIGIN + STAGGER)));
    race.handle_failure(v6(1));
    race.handle_failure(v6(1));
    assert_eq!(race.next(Instant::ORIGIN), Pace::Start(v4(1)));
    assert_eq!(race.running(), [v4(1)]);
}

#[test]
fn thirty_two_addresses_are_tried_and_of_each_family_some() {
    let many: Vec<_> = (0..1000).map(v6).chain((0..1000).map(v4)).collect();
    let order = starts(many);
    assert_eq!(order.len(), 32);
    assert_eq!(order.iter().filter(|address| address.is_ipv4()).count(), 16);
}

proptest! {
    /// Whatever fails when, every address is tried once and the pace is kept.
    #[test]
    fn every_address_is_tried_once_in_its_time(
        addresses in prop::collection::vec((any::<bool>(), 0..20u16), 0..40),
        fates in prop::collection::vec((0..400u64, any::<prop::sample::Index>(), any::<bool>()), 0..200),
    ) {
        let addresses: Vec<_> = addresses.into_iter().map(|(six, n)| if six { v6(n) } else { v4(n) }).collect();
        let mut race = Race::new(addresses.clone());
        let mut begun: Vec<SocketAddr> = Vec::new();
        let (mut now, mut latest) = (Instant::ORIGIN, None);
        let mut latest_failed = true;
        for (wait, which, fails) in fates {
            loop {
                match race.next(now) {
                    Pace::Start(address) => {
                        prop_assert!(!begun.contains(&address) && addresses.contains(&address));
                        let in_time = latest.is_none_or(|at| now >= at + STAGGER);
                        prop_assert!(in_time || latest_failed);
                        begun.push(address);
                        (latest, latest_failed) = (Some(now), false);
                    }
                    Pace::Wait(until) => {
                        prop_assert!(!race.running().is_empty());
                        prop_assert!(until.is_none_or(|until| until > now));
                        break;
                    }
                    Pace::Lost => {
                        prop_assert!(race.running().is_empty());
                        prop_assert_eq!(begun, starts(addresses));
                        return Ok(());
                    }
                }
            }
            if fails {
                let failed = *which.get(race.running());
                latest_failed |= begun.last() == Some(&failed) || race.running().len() == 1;
                race.handle_failure(failed);
            }
            now = now + Duration::from_millis(wait);
        }
    }
}

/// The order in which addresses are tried where each fails at once.
fn starts(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut race = Race::new(addresses);
    let mut starts = Vec::new();
    while let Pace::Start(address) = race.next(Instant::ORIGIN) {
        race.handle_failure(address);
        starts.push(address);
    }
    starts
}

fn v6(n: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n)), 80)
}

fn v4(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, high, low)), 80)
}
