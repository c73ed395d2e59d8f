//! Time comes in at two doors, at any moment and in any order, and never breaks anything.

mod common;

use std::time::Duration;

use common::{End, Told, at, the_end, wire};
use hybi::{Cause, Config, Timeout};

#[test]
fn early_calls_of_handle_timeout_do_nothing() {
    let all = |config: &mut Config| {
        config.ping_interval = Some(Duration::from_secs(20));
        config.idle_timeout = Some(Duration::from_secs(60));
        config.max_lifetime = Some(Duration::from_secs(1000));
        config.write_timeout = Some(Duration::from_secs(30));
    };
    for mut end in ends(all) {
        assert_eq!(end.conn.poll_timeout(at(0.0)), Some(at(20.0)));
        for tenth in 0..200 {
            end.conn.handle_timeout(at(f64::from(tenth) / 10.0));
            assert!(!end.conn.wants_write() && end.events().is_empty());
            assert_eq!(end.conn.poll_timeout(at(f64::from(tenth) / 10.0)), Some(at(20.0)));
        }
    }
}

#[test]
fn with_every_timeout_off_nothing_is_waited_for() {
    for mut end in ends(|_| {}) {
        assert_eq!(end.conn.poll_timeout(at(0.0)), None);
        end.conn.handle_timeout(at(1e9));
        assert_eq!(end.conn.poll_timeout(at(1e9)), None);
        assert!(!end.conn.wants_write() && end.events().is_empty());
    }
}

/// The longest durations mean never; they must not overflow.
#[test]
fn the_longest_timeouts_never_come() {
    let longest = |config: &mut Config| {
        config.ping_interval = Some(Duration::MAX);
        config.idle_timeout = Some(Duration::MAX);
        config.max_lifetime = Some(Duration::MAX);
        config.write_timeout = Some(Duration::MAX);
        (config.pong_timeout, config.close_timeout) = (Duration::MAX, Duration::MAX);
    };
    for mut end in ends(longest) {
        end.conn.send_text("a").expect("room");
        end.conn.poll_timeout(at(1.0));
        end.conn.handle_timeout(at(1e9));
        assert_eq!(end.events(), []);
        assert_eq!(end.said(), wire("81 01 61"));
        end.conn.close(None, "").expect("always allowed");
        end.conn.handle_timeout(at(2e9));
        assert_eq!(end.events(), []);
    }
}

#[test]
fn a_clock_that_steps_back_breaks_nothing() {
    for mut end in End::both() {
        end.conn.poll_timeout(at(100.0));
        end.conn.handle_timeout(at(120.0));
        end.conn.handle_timeout(at(50.0));
        end.hear("81 01 61");
        end.conn.poll_timeout(at(10.0));
        end.conn.handle_timeout(at(10.0));
        assert_eq!(end.events(), []);
    }
}

#[test]
fn a_connection_that_is_closed_waits_for_nothing() {
    for mut end in End::both() {
        end.conn.poll_timeout(at(0.0));
        the_end(&end.hear("88 02 03e8"));
        end.said();
        assert!(end.conn.poll_timeout(at(1.0)).is_some(), "the transport's end is waited for");
        assert_eq!(end.hear_eof(), []);
        assert_eq!(end.conn.poll_timeout(at(1.0)), None);
    }
}

#[test]
fn timeouts_after_the_end_tell_nothing_more() {
    for mut end in End::both() {
        end.conn.poll_timeout(at(0.0));
        end.conn.handle_transport_error();
        the_end(&end.events());
        for second in 0..100 {
            end.conn.handle_timeout(at(f64::from(second)));
            assert_eq!(end.events(), []);
            assert_eq!(end.conn.poll_timeout(at(f64::from(second))), None);
        }
    }
}

/// Whatever was found before the timeout is told before the end.
#[test]
fn a_message_that_was_complete_is_told_before_the_timeout() {
    for mut end in ends(|config| config.write_timeout = Some(Duration::from_secs(30))) {
        end.conn.send_text("a").expect("room");
        end.conn.poll_timeout(at(0.0));
        let bytes = wire("82 01 61").0;
        match end.conn.role() {
            hybi::Role::Client => end.rx.extend_from_slice(&bytes),
            hybi::Role::Server => end.rx.extend_from_slice(&common::masked(&bytes, common::KEY).0),
        }
        assert!(end.conn.has_event(&mut end.rx));
        end.conn.handle_timeout(at(30.0));
        let told = end.events();
        assert_eq!(told[0], Told::binary(b"a"));
        assert_eq!(the_end(&told).cause, Cause::Timeout(Timeout::Write));
    }
}

/// Both roles with every timeout off but the close timeout of 5 s, and then what `change` sets.
fn ends(change: impl Fn(&mut Config)) -> [End; 2] {
    End::both_with(|config| {
        quiet(config);
        change(config);
    })
}

fn quiet(config: &mut Config) {
    config.ping_interval = None;
    config.write_timeout = None;
}
