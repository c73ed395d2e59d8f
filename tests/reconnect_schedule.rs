//! When a client that stays connected dials, and whom: on a made-up clock, with seeds.

use std::time::Duration;

use hybi::reconnect::{
    Decision, Event, Loss, Options, Phase, Reconnect, Verdict, Why, retry_after,
};
use hybi::{CloseCode, Config, Connection, Instant, MaskKeys, RecvBuf};

const SECOND: Duration = Duration::from_secs(1);

/// What the documentation promises where nothing is set.
#[test]
fn the_bounds_are_those_that_are_told() {
    let options = Options::default();
    assert_eq!((options.first_delay, options.base_delay), (SECOND, SECOND));
    assert_eq!((options.max_delay, options.stable_after), (SECOND * 60, SECOND * 60));
    assert_eq!((options.dial_timeout, options.drain_timeout), (SECOND * 30, SECOND * 5));
    assert_eq!((options.max_losses, options.max_retry_after), (None, SECOND * 600));
    assert_eq!((options.breaker_failures, options.breaker_rest), (3, SECOND * 60));
    assert_eq!((options.max_messages, options.max_bytes), (10_000, 16 << 20));
}

#[test]
fn the_first_dial_waits_for_nothing() {
    let mut client = Client::new(1, Options::default(), 7);
    assert_eq!(client.dial(), 0);
    assert_eq!(client.machine.phase(), Phase::Connecting);
}

#[test]
fn each_wait_is_random_under_a_ceiling_that_doubles_up_to_the_cap() {
    let ceilings = [1, 2, 4, 8, 16, 32, 60, 60, 60];
    let mut longest = [Duration::ZERO; 9];
    let mut shortest = [Duration::MAX; 9];
    for seed in 0..300 {
        let mut client = Client::new(1, Options::default(), seed);
        for (row, ceiling) in ceilings.iter().enumerate() {
            client.dial();
            let wait = client.lose(Loss::Transport);
            assert!(wait <= SECOND * *ceiling, "wait {row} of seed {seed}: {wait:?}");
            longest[row] = longest[row].max(wait);
            shortest[row] = shortest[row].min(wait);
        }
    }
    for (row, ceiling) in ceilings.iter().enumerate() {
        assert!(longest[row] > SECOND * *ceiling * 9 / 10, "wait {row} uses its whole range");
        assert!(shortest[row] < SECOND * *ceiling / 10, "wait {row} uses its whole range");
    }
}

#[test]
fn losses_without_number_do_not_overflow() {
    let mut client = Client::new(1, Options::default(), 1);
    for _ in 0..200 {
        client.dial();
        assert!(client.lose(Loss::Transport) <= SECOND * 60);
    }
}

#[test]
fn the_same_seed_waits_the_same_and_another_does_not() {
    let waits = |seed| {
        let mut client = Client::new(1, Options::default(), seed);
        (0..5)
            .map(|_| {
                client.dial();
                client.lose(Loss::Transport)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(waits(3), waits(3));
    assert_ne!(waits(3), waits(4));
}

#[test]
fn a_stable_connection_begins_a_new_row_and_a_short_one_does_not() {
    for (uptime, attempt) in [(59, 8), (60, 2)] {
        let mut client = Client::new(1, Options::default(), 5);
        for _ in 0..6 {
            client.dial();
            client.lose(Loss::Transport);
        }
        client.dial();
        client.open();
        client.now = client.now + SECOND * uptime;
        client.lose(Loss::Transport);
        client.dial();
        let connecting = client.last_connecting();
        assert_eq!(connecting, (0, attempt), "after {uptime} s of uptime");
    }
}

#[test]
fn an_endpoint_that_fails_three_times_is_passed_over_until_it_has_rested() {
    let mut options = Options::default();
    options.max_delay = SECOND;
    let mut client = Client::new(2, options, 9);
    assert_eq!(client.dials_until(2, Loss::Transport), [0, 0]);
    assert_eq!(client.dial(), 0, "two failures are borne");
    client.lose(Loss::Transport);
    assert_eq!(client.dial(), 1, "the third opens the breaker");
    client.open();
    client.now = client.now + SECOND * 30;
    client.lose(Loss::Transport);
    assert_eq!(client.dial(), 1, "the first still rests");
    client.open();
    client.now = client.now + SECOND * 31;
    client.lose(Loss::Transport);
    assert_eq!(client.dial(), 0, "one dial tries it again");
    client.lose(Loss::Transport);
    assert_eq!(client.dial(), 1, "which is enough to pass it over again");
}

#[test]
fn the_end_of_a_stable_connection_is_no_failure_to_the_breaker() {
    let mut options = Options::default();
    options.breaker_failures = 1;
    let mut client = Client::new(2, options, 9);
    for (uptime, next) in [(60, 0), (59, 1)] {
        assert_eq!(client.dial(), 0);
        client.open();
        client.now = client.now + SECOND * uptime;
        client.lose(Loss::Transport);
        assert_eq!(client.machine.due(client.now + SECOND * 60), Some(next), "after {uptime} s");
    }
}

#[test]
fn where_all_breakers_are_open_the_one_that_has_rested_longest_is_dialed_without_further_wait() {
    let mut client = Client::new(2, Options::default(), 11);
    let dialed = client.dials_until(7, Loss::Transport);
    assert_eq!(dialed, [0, 0, 0, 1, 1, 1, 0]);
    // The seventh dial came when the backoff said so: six waits of at most 1, 2, 4, 8, 16 and 32 s.
    assert!(client.now <= Instant::ORIGIN + SECOND * 63);
}

#[test]
fn retry_after_is_honoured_and_those_who_were_told_the_same_are_spread() {
    let refused = Loss::Refused { status: 503, retry_after: Some(SECOND * 120) };
    let waits: Vec<_> = (0..200)
        .map(|seed| {
            let mut client = Client::new(1, Options::default(), seed);
            client.dial();
            client.lose(refused.clone())
        })
        .collect();
    assert!(waits.iter().all(|wait| (SECOND * 120..=SECOND * 150).contains(wait)));
    let (first, last) = (waits.iter().min(), waits.iter().max());
    assert!(last.zip(first).is_some_and(|(last, first)| *last - *first > SECOND * 25));
}

#[test]
fn retry_after_without_end_is_bounded() {
    let mut client = Client::new(1, Options::default(), 1);
    client.dial();
    let retry_after = Some(Duration::from_secs(u64::MAX));
    let wait = client.lose(Loss::Refused { status: 429, retry_after });
    assert!((SECOND * 600..=SECOND * 750).contains(&wait), "{wait:?}");
}

#[test]
fn a_server_that_asks_to_be_left_alone_does_not_delay_the_dial_of_another() {
    let mut client = Client::new(2, Options::default(), 1);
    client.dial();
    let wait = client.lose(Loss::Refused { status: 503, retry_after: Some(SECOND * 120) });
    assert!(wait <= SECOND);
    assert_eq!(client.dial(), 1);
}

#[test]
fn an_endpoint_that_rests_is_dialed_rather_than_one_that_asked_to_be_left_alone() {
    let mut options = Options::default();
    options.breaker_failures = 1;
    let mut client = Client::new(2, options, 1);
    client.dial();
    client.lose(Loss::Refused { status: 503, retry_after: Some(SECOND * 50) });
    assert_eq!(client.dial(), 1);
    let wait = client.lose(Loss::Transport);
    assert!(
        wait <= SECOND * 2,
        "the wish of the first outlasts the backoff, the second only rests"
    );
    assert_eq!(client.dial(), 1);
}

#[test]
fn service_restart_waits_5_to_30_s_and_try_again_later_30_to_60_s() {
    for (code, shortest, longest) in
        [(CloseCode::SERVICE_RESTART, 5, 30), (CloseCode::TRY_AGAIN_LATER, 30, 60)]
    {
        let wait = |seed| {
            let mut client = Client::new(1, Options::default(), seed);
            client.dial();
            client.open();
            client.lose(closed_by_peer(code.0))
        };
        let waits: Vec<_> = (0..300).map(wait).collect();
        let range = SECOND * shortest..=SECOND * longest;
        assert!(waits.iter().all(|wait| range.contains(wait)), "{code}: {waits:?}");
        let (first, last) = (waits.iter().min(), waits.iter().max());
        assert!(first.is_some_and(|first| *first < SECOND * (shortest + 1)), "{code}: {first:?}");
        assert!(last.is_some_and(|last| *last > SECOND * longest - SECOND / 2), "{code}: {last:?}");
    }
}

/// A short `Retry-After` would bring all back in a short time.
#[test]
fn those_who_were_told_the_same_are_spread_over_a_quarter_or_the_first_delay() {
    for (first_delay, max_delay, told, spread) in
        [(1, 60, 120, 30), (1, 60, 4, 1), (10, 60, 4, 10), (100, 60, 4, 60), (40, 60, 120, 40)]
    {
        let mut options = Options::default();
        options.first_delay = SECOND * first_delay;
        options.max_delay = SECOND * max_delay;
        let loss = Loss::Refused { status: 503, retry_after: Some(SECOND * told) };
        let decision = Client::new(1, options, 1).machine.propose(&loss);
        let verdict = Verdict::RetryAfter { at_least: SECOND * told, spread: SECOND * spread };
        assert_eq!(decision.verdict, verdict, "told {told} s, first delay {first_delay} s");
    }
}

#[test]
fn the_first_wait_has_a_bound_of_its_own() {
    let (mut first, mut second) = (Duration::ZERO, Duration::ZERO);
    for seed in 0..200 {
        let mut options = Options::default();
        options.first_delay = SECOND * 30;
        let mut client = Client::new(1, options, seed);
        client.dial();
        first = first.max(client.lose(Loss::Transport));
        client.dial();
        second = second.max(client.lose(Loss::Transport));
    }
    assert!(first > SECOND * 27 && first <= SECOND * 30, "{first:?}");
    assert!(second > SECOND && second <= SECOND * 2, "{second:?}");
}

#[test]
fn the_waits_of_one_client_do_not_resemble_each_other() {
    let mut options = Options::default();
    options.first_delay = SECOND * 60;
    options.base_delay = SECOND * 60;
    let mut client = Client::new(1, options, 17);
    let mut tenths = [0; 10];
    for _ in 0..1000 {
        client.dial();
        let wait = client.lose(Loss::Transport);
        tenths[(wait.as_millis() / 6000).min(9) as usize] += 1;
    }
    assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
}

#[test]
fn a_stable_connection_makes_the_breaker_forget() {
    let mut client = Client::new(2, Options::default(), 9);
    assert_eq!(client.dials_until(2, Loss::Transport), [0, 0]);
    client.dial();
    client.open();
    client.now = client.now + SECOND * 60;
    client.lose(Loss::Transport);
    assert_eq!(client.dials_until(2, Loss::Transport), [0, 0], "two failures are borne again");
    assert_eq!(client.dial(), 0);
    client.lose(Loss::Transport);
    assert_eq!(client.dial(), 1);
}

#[test]
fn what_is_told_of_losses_and_reasons_is_a_phrase_of_its_own() {
    let losses = [
        Loss::Transport,
        Loss::TimedOut,
        Loss::NoTurn,
        Loss::Tls,
        Loss::Handshake,
        Loss::Untrusted,
        Loss::Request,
        refused(503),
        closed_by_peer(1001),
    ];
    let reasons = [
        Why::Transient,
        Why::RetryAfter,
        Why::Restart,
        Why::Overloaded,
        Why::Refused,
        Why::Protocol,
        Why::Policy,
        Why::Untrusted,
        Why::Request,
        Why::Exhausted,
        Why::Stopped,
        Why::Application,
    ];
    let texts = losses.iter().map(Loss::to_string).chain(reasons.iter().map(Why::to_string));
    let mut texts: Vec<_> = texts.collect();
    assert!(texts[7].contains("503") && texts[8].contains("1001"), "{texts:?}");
    assert!(texts.iter().all(|text| text.len() > 10 && !text.ends_with('.')), "{texts:?}");
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 21);
}

#[test]
fn what_is_retried_and_what_is_not() {
    let may_pass = [408, 425, 429, 500, 502, 503, 504, 506, 520, 599];
    let stays = [200, 301, 400, 401, 403, 404, 407, 409, 424, 426, 428, 430, 499, 501, 505, 600];
    let (retried, left) = (may_pass.map(refused), stays.map(refused));
    for status in may_pass.into_iter().chain(stays) {
        let loss = Loss::Refused { status, retry_after: Some(SECOND * 8) };
        let decision = Client::new(1, Options::default(), 1).machine.propose(&loss);
        let later = Verdict::RetryAfter { at_least: SECOND * 8, spread: SECOND * 2 };
        let verdict = if may_pass.contains(&status) { later } else { Verdict::Retire };
        assert_eq!(decision.verdict, verdict, "{status} with Retry-After");
    }
    let closed_and_retried = [1000, 1001, 1011, 1014].map(closed_by_peer);
    let closed_and_left =
        [1002, 1003, 1007, 1008, 1009, 1010, 3000, 3999, 4000, 4999].map(closed_by_peer);
    let may_work = [Loss::Transport, Loss::TimedOut, Loss::NoTurn, Loss::Tls];
    for loss in retried.iter().chain(&closed_and_retried).chain(&may_work) {
        let decision = Client::new(1, Options::default(), 1).machine.propose(loss);
        assert_eq!(decision.verdict, Verdict::Retry, "{loss}");
    }
    let others = [Loss::Handshake, Loss::Untrusted, Loss::Request, broken_by_peer()];
    for loss in left.iter().chain(&closed_and_left).chain(&others) {
        let decision = Client::new(1, Options::default(), 1).machine.propose(loss);
        assert_eq!(decision.verdict, Verdict::Retire, "{loss}");
    }
}

#[test]
fn an_endpoint_that_has_been_open_is_not_left_for_a_refusal_but_dialed_at_the_longest_delay() {
    let refusals = [302, 403, 404, 511].map(refused);
    let refusals = refusals.iter().chain(&[Loss::Handshake, Loss::Untrusted, Loss::Request]);
    for (seed, loss) in (0..).zip(refusals) {
        let mut client = Client::new(1, Options::default(), seed);
        client.dial();
        client.open();
        client.lose(Loss::Transport);
        for _ in 0..20 {
            client.dial();
            let wait = client.lose(loss.clone());
            let bounds = match loss {
                // Network authentication required: the server, or who stands before it, is at fault.
                Loss::Refused { status: 511, .. } => Duration::ZERO..=SECOND * 60,
                _ => SECOND * 60..=SECOND * 75,
            };
            assert!(bounds.contains(&wait), "{loss}: {wait:?}");
        }
        client.dial();
        client.open();
        client.lose(closed_by_peer(4001));
        assert_eq!(client.told.last(), Some(&Event::GaveUp { why: Why::Policy }), "{loss}");
    }
}

#[test]
fn an_endpoint_that_refuses_for_a_while_does_not_delay_the_dial_of_another_and_is_asked_again() {
    let mut client = Client::new(2, Options::default(), 3);
    client.dial();
    client.open();
    client.lose(Loss::Transport);
    client.dial();
    assert!(client.lose(refused(403)) <= SECOND * 2, "the other is dialed meanwhile");
    assert_eq!(client.dial(), 1);
    client.lose(refused(403));
    assert_eq!(client.dial(), 0, "the other has never been open and is left for good");
}

#[test]
fn the_wait_for_a_turn_is_bounded_like_a_dial_and_told_once() {
    let mut client = Client::new(1, Options::default(), 4);
    assert_eq!(client.machine.overdue(client.now + SECOND * 3600), None, "nobody has asked yet");
    client.now = client.now + SECOND * 3600;
    client.machine.queue(client.now);
    client.machine.queue(client.now + SECOND);
    client.hear();
    assert_eq!(client.told, [Event::Queued { endpoint: 0 }]);
    assert_eq!(client.machine.phase(), Phase::Queued);
    let bound = client.now + SECOND * 30;
    assert_eq!(client.machine.poll_timeout(), Some(bound));
    assert_eq!(client.machine.overdue(bound), Some(Loss::NoTurn));
    client.now = bound;
    client.lose(Loss::NoTurn);
    client.machine.queue(client.now);
    assert_eq!(client.machine.phase(), Phase::Waiting, "the next dial is not due");
    assert_eq!(client.dial(), 0);
    assert_eq!(client.machine.phase(), Phase::Connecting);
}

#[test]
fn the_first_wait_is_capped_too() {
    let mut options = Options::default();
    options.first_delay = SECOND * 3600;
    options.max_delay = SECOND;
    for seed in 0..50 {
        let mut client = Client::new(1, options.clone(), seed);
        client.dial();
        assert!(client.lose(Loss::Transport) <= SECOND);
    }
}

#[test]
fn an_endpoint_that_was_left_is_never_dialed_again_and_the_last_one_ends_it() {
    let mut client = Client::new(2, Options::default(), 2);
    client.dial();
    client.lose(Loss::Refused { status: 404, retry_after: None });
    assert_eq!(client.dials_until(12, Loss::Transport), [1; 12]);
    client.dial();
    client.lose(closed_by_peer(1008));
    assert_eq!(client.machine.phase(), Phase::Over);
    assert_eq!(client.told.last(), Some(&Event::GaveUp { why: Why::Policy }));
    assert_eq!(client.machine.poll_timeout(), None);
    assert!(client.machine.send("late").is_err());
}

#[test]
fn the_application_may_decide_otherwise() {
    let mut client = Client::new(1, Options::default(), 2);
    client.dial();
    client.decide(closed_by_peer(4001), Decision::of_application(Verdict::Retry));
    client.dial();
    client.decide(Loss::Transport, Decision::of_application(Verdict::GiveUp));
    assert_eq!(client.told.last(), Some(&Event::GaveUp { why: Why::Application }));
}

#[test]
fn so_many_losses_in_a_row_are_enough_where_a_bound_is_set() {
    let mut options = Options::default();
    options.max_losses = Some(3);
    let mut client = Client::new(1, options, 2);
    for phase in [Phase::Waiting, Phase::Waiting, Phase::Over] {
        client.dial();
        client.lose(Loss::Transport);
        assert_eq!(client.machine.phase(), phase);
    }
    assert_eq!(client.told.last(), Some(&Event::GaveUp { why: Why::Exhausted }));
}

#[test]
fn a_dial_that_takes_too_long_is_overdue_at_its_bound() {
    let mut client = Client::new(1, Options::default(), 2);
    client.dial();
    let bound = client.machine.poll_timeout().expect("the dial is bounded");
    assert_eq!(bound, client.now + SECOND * 30);
    assert_eq!(client.machine.overdue(client.now + SECOND * 29), None);
    assert_eq!(client.machine.overdue(bound), Some(Loss::TimedOut));
    client.now = bound;
    client.lose(Loss::TimedOut);
    assert_eq!(client.machine.overdue(bound), None, "it is told once");
}

#[test]
fn every_change_is_told_in_order() {
    let mut client = Client::new(1, Options::default(), 2);
    client.dial();
    client.open();
    client.now = client.now + SECOND;
    let loss = closed_by_peer(1001);
    let wait = client.lose(loss.clone());
    let decision = client.machine.propose(&loss);
    assert_eq!(
        client.told,
        [
            Event::Connecting { endpoint: 0, attempt: 1 },
            Event::Open { endpoint: 0 },
            Event::Lost { endpoint: 0, loss, uptime: Some(SECOND), decision },
            Event::Waiting { wait, endpoint: 0 },
        ]
    );
    let counters = client.machine.counters();
    assert_eq!((counters.dials, counters.opened, counters.losses), (1, 1, 1));
}

/// An event is not lost, nor does it overtake, where nobody listens for a while.
#[test]
fn changes_that_are_asked_for_late_are_told_in_order() {
    let mut client = Client::new(1, Options::default(), 2);
    let now = client.now;
    client.machine.queue(now);
    client.machine.queue(now);
    assert_eq!(client.machine.begin_dial(now), Some(0));
    client.machine.handle_open(now);
    let decision = Decision::of_application(Verdict::GiveUp);
    client.machine.handle_loss(now, None, Loss::Transport, decision);
    client.hear();
    let (endpoint, loss, uptime) = (0, Loss::Transport, Some(Duration::ZERO));
    assert_eq!(
        client.told,
        [
            Event::Queued { endpoint },
            Event::Connecting { endpoint, attempt: 1 },
            Event::Open { endpoint },
            Event::Lost { endpoint, loss, uptime, decision },
            Event::GaveUp { why: Why::Application },
        ]
    );
}

/// Days between dates that a calendar tells.
#[test]
fn every_leap_year_is_counted() {
    for (day, earlier, days) in [
        ("01 Jan 2025", "01 Jan 2021", 1461),
        ("01 Jan 2021", "01 Jan 2020", 366),
        ("01 Jan 2020", "01 Jan 2019", 365),
        ("01 Mar 2000", "28 Feb 2000", 2),
        ("01 Mar 1900", "28 Feb 1900", 1),
        ("01 Jan 2101", "01 Jan 2000", 36_890),
        ("01 Jan 2401", "01 Jan 2001", 146_097),
        ("31 Dec 9999", "30 Dec 9999", 1),
        ("01 Feb 2025", "31 Jan 2025", 1),
        ("01 May 2025", "30 Apr 2025", 1),
        ("31 Dec 2025", "01 Jan 2025", 364),
    ] {
        let date = |day| format!("Mon, {day} 00:00:00 GMT");
        let wait = retry_after(&date(day), Some(&date(earlier)));
        assert_eq!(wait, Some(SECOND * 86_400 * days), "{earlier} to {day}");
    }
    let late = retry_after("Sat, 31 Dec 2016 23:59:60 GMT", Some("Sat, 31 Dec 2016 22:58:59 GMT"));
    assert_eq!(late, Some(SECOND * 3661), "a leap second");
}

/// RFC 9110 section 5.6.7: fields of fixed width in a fixed order, in GMT.
#[test]
fn what_is_no_date_tells_no_time() {
    const GOOD: &str = "Sat, 01 Mar 2025 12:30:30 GMT";
    assert_eq!(retry_after(GOOD, Some(&format!(" {GOOD} "))), Some(Duration::ZERO));
    for odd in [
        "Saturday, 01 Mar 2025 12:30:30 GMT",
        "Sat 01 Mar 2025 12:30:30 GMT",
        "Saturday, 01-Mar-25 12:30:30 GMT",
        "Sat Mar  1 12:30:30 2025",
        "Sat, 01 Mar 2025 12:30:30 CET",
        "Sat, 01 Mar 2025 12:30:30",
        "Sat, 01 Mar 2025 12:30:30 GMT GMT",
        "Sat, 1 Mar 2025 12:30:30 GMT",
        "Sat, 001 Mar 2025 12:30:30 GMT",
        "Sat, +1 Mar 2025 12:30:30 GMT",
        "Sat, 00 Mar 2025 12:30:30 GMT",
        "Sat, 32 Mar 2025 12:30:30 GMT",
        "Sat, 01 mar 2025 12:30:30 GMT",
        "Sat, 01 Mar 25 12:30:30 GMT",
        "Sat, 01 Mar 02025 12:30:30 GMT",
        "Sat, 01 Mar +025 12:30:30 GMT",
        "Sat, 01 Mar 2025 24:30:30 GMT",
        "Sat, 01 Mar 2025 12:60:30 GMT",
        "Sat, 01 Mar 2025 12:30:61 GMT",
        "Sat, 01 Mar 2025 12:30 GMT",
        "Sat, 01 Mar 2025 12:30:30:30 GMT",
        "Sat, 01 Mar 2025 1:30:30 GMT",
    ] {
        assert_eq!(retry_after(odd, Some(GOOD)), None, "{odd}");
        assert_eq!(retry_after(GOOD, Some(odd)), None, "{odd}");
    }
}

#[test]
fn retry_after_is_read_as_seconds_or_as_a_date_beside_the_date_of_the_response() {
    let date = |text: &str, now: &str| retry_after(text, Some(now));
    assert_eq!(retry_after(" 0 ", None), Some(Duration::ZERO));
    assert_eq!(retry_after("3600", None), Some(SECOND * 3600));
    let endless = retry_after("99999999999999999999999", None);
    assert_eq!(endless, Some(Duration::from_secs(u64::MAX)));
    let leap = date("Sat, 01 Mar 2025 00:00:00 GMT", "Fri, 28 Feb 2025 23:59:59 GMT");
    assert_eq!(leap, Some(SECOND));
    let leap = date("Fri, 01 Mar 2024 00:00:00 GMT", "Wed, 28 Feb 2024 23:59:59 GMT");
    assert_eq!(leap, Some(SECOND * 86_401));
    let years = date("Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 1999 00:00:00 GMT");
    assert_eq!(years, Some(SECOND * 365 * 86_400));
    let years = date("Mon, 01 Jan 2001 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT");
    assert_eq!(years, Some(SECOND * 366 * 86_400));
    let century = date("Mon, 01 Mar 2100 00:00:00 GMT", "Sun, 28 Feb 2100 00:00:00 GMT");
    assert_eq!(century, Some(SECOND * 86_400), "2100 has no 29 February");
    let past = date("Fri, 01 Jan 1999 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT");
    assert_eq!(past, Some(Duration::ZERO));
    assert_eq!(retry_after("Sat, 01 Mar 2025 00:00:00 GMT", None), None, "no clock to read it by");
    for odd in
        ["", "-1", "1.5", "soon", "Sat, 01 Mar 2025 00:00 GMT", "Sat, 00 Foo 2025 00:00:00 GMT"]
    {
        assert_eq!(date(odd, "Fri, 28 Feb 2025 23:59:59 GMT"), None, "{odd}");
    }
}

/// A machine, its clock and what it told.
struct Client {
    machine: Reconnect,
    now: Instant,
    told: Vec<Event>,
}

impl Client {
    fn new(endpoints: usize, options: Options, seed: u64) -> Self {
        let mut machine = Reconnect::new(options, seed);
        for number in 1..endpoints {
            assert_eq!(machine.add_endpoint(), number);
        }
        Self { machine, now: Instant::ORIGIN, told: Vec::new() }
    }

    /// Waits for the next dial and begins it.
    fn dial(&mut self) -> usize {
        let due = self.machine.poll_timeout().expect("a dial is to come");
        if due > self.now {
            let early = Instant::from_origin(due - Instant::ORIGIN - Duration::from_nanos(1));
            assert_eq!(self.machine.begin_dial(early), None, "no dial before its time");
            self.now = due;
        }
        let endpoint = self.machine.begin_dial(self.now).expect("the dial is due");
        assert_eq!(self.machine.begin_dial(self.now), None, "one dial at a time");
        self.hear();
        endpoint
    }

    fn open(&mut self) {
        self.machine.handle_open(self.now);
        self.hear();
    }

    /// Loses the connection or the dial; how long it waits then.
    fn lose(&mut self, loss: Loss) -> Duration {
        let decision = self.machine.propose(&loss);
        self.decide(loss, decision)
    }

    fn decide(&mut self, loss: Loss, decision: Decision) -> Duration {
        self.machine.handle_loss(self.now, None, loss, decision);
        self.hear();
        match self.told.last() {
            Some(Event::Waiting { wait, .. }) => *wait,
            _ => Duration::MAX,
        }
    }

    /// Dials and loses so many times; whom it dialed.
    fn dials_until(&mut self, count: usize, loss: Loss) -> Vec<usize> {
        let dial = |_| {
            let endpoint = self.dial();
            self.lose(loss.clone());
            endpoint
        };
        (0..count).map(dial).collect()
    }

    fn last_connecting(&self) -> (usize, u32) {
        let connecting = |event: &Event| match event {
            Event::Connecting { endpoint, attempt } => Some((*endpoint, *attempt)),
            _ => None,
        };
        self.told.iter().rev().find_map(connecting).expect("it has dialed")
    }

    fn hear(&mut self) {
        while let Some(event) = self.machine.next_event() {
            self.told.push(event);
        }
    }
}

const fn refused(status: u16) -> Loss {
    Loss::Refused { status, retry_after: None }
}

/// The end of a connection that the peer closed with this code.
fn closed_by_peer(code: u16) -> Loss {
    let [high, low] = code.to_be_bytes();
    end_of(&[0x88, 2, high, low])
}

/// The end of a connection whose peer sent a reserved opcode.
fn broken_by_peer() -> Loss {
    end_of(&[0x83, 0])
}

fn end_of(bytes: &[u8]) -> Loss {
    struct Keys;
    impl MaskKeys for Keys {
        fn next_key(&mut self) -> [u8; 4] {
            [1, 2, 3, 4]
        }
    }
    let mut conn = Connection::client(Config::default().into(), Keys);
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(bytes);
    assert!(conn.next_message(&mut rx).is_some(), "it ends");
    Loss::Closed(conn.closed().expect("it has ended"))
}
