//! Every timeout but the keepalive's, on a made-up clock.

mod common;

use std::time::Duration;

use bytes::Buf;
use common::{End, Pair, Told, at, config, said_code, the_end};
use hybi::{Cause, CloseCode, Config, Connection, Instant, Kind, Timeout};

#[test]
fn a_close_that_is_not_answered_is_given_up() {
    for mut end in ends(|_| {}) {
        end.conn.poll_timeout(at(0.0));
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        assert_eq!(end.conn.poll_timeout(at(100.0)), Some(at(105.0)));
        end.said();
        end.conn.handle_timeout(at(104.999));
        assert_eq!(end.events(), []);
        end.conn.handle_timeout(at(105.0));
        let closed = the_end(&end.events());
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Close));
        assert_eq!(closed.code(), CloseCode::ABNORMAL);
        assert_eq!(closed.sent.map(|frame| frame.code), Some(CloseCode::NORMAL));
        assert!(end.conn.is_closed());
    }
}

#[test]
fn nothing_that_the_peer_sends_extends_the_close_timeout() {
    for mut end in ends(|_| {}) {
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        for tenth in 0..50 {
            let now = f64::from(tenth) / 10.0;
            assert_eq!(end.conn.poll_timeout(at(now)), Some(at(5.0)));
            assert_eq!(end.hear("81 01 61  89 00").len(), 2);
            end.said();
            end.conn.handle_timeout(at(now));
        }
        end.conn.handle_timeout(at(5.0));
        assert_eq!(the_end(&end.events()).cause, Cause::Timeout(Timeout::Close));
    }
}

/// After both Close frames, the end of the transport is waited for as long.
#[test]
fn a_transport_that_does_not_end_is_given_up_without_another_event() {
    for mut end in ends(|_| {}) {
        end.conn.poll_timeout(at(0.0));
        assert_eq!(the_end(&end.hear("88 02 03e8")).cause, Cause::Remote);
        assert_eq!(end.conn.poll_timeout(at(7.0)), Some(at(12.0)));
        end.said();
        end.conn.handle_shutdown();
        for drip in 0..50 {
            end.hear_bytes(&[0]);
            assert_eq!(end.conn.poll_timeout(at(7.0 + f64::from(drip) / 10.0)), Some(at(12.0)));
        }
        assert!(!end.conn.is_closed());
        end.conn.handle_timeout(at(12.0));
        assert!(end.conn.is_closed());
        assert_eq!(end.events(), []);
        assert_eq!(end.conn.poll_timeout(at(13.0)), None);
        assert_eq!(end.conn.closed().map(|closed| closed.cause), Some(Cause::Remote));
    }
}

#[test]
fn a_close_frame_that_cannot_leave_is_given_up() {
    for mut end in ends(|_| {}) {
        end.conn.poll_timeout(at(0.0));
        end.hear("83 00");
        assert!(end.conn.wants_write());
        let due = end.conn.poll_timeout(at(0.0)).expect("it ends");
        assert_eq!(due, at(5.0));
        end.conn.handle_timeout(due);
        assert!(end.conn.is_closed() && !end.conn.wants_write());
    }
    // The end of the peer's side of the transport does not change that.
    for mut end in ends(|_| {}) {
        end.conn.poll_timeout(at(0.0));
        end.hear("88 02 03e8");
        end.conn.handle_eof();
        assert!(end.conn.wants_write() && !end.conn.is_closed());
        assert_eq!(end.conn.poll_timeout(at(0.0)), Some(at(5.0)));
        end.conn.handle_timeout(at(5.0));
        assert!(end.conn.is_closed() && !end.conn.wants_write());
    }
    // A shorter write timeout goes on while the connection closes.
    for mut end in ends(|config| config.write_timeout = Some(Duration::from_secs(2))) {
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        assert_eq!(end.conn.poll_timeout(at(0.0)), Some(at(2.0)));
        end.conn.handle_timeout(at(2.0));
        assert_eq!(the_end(&end.events()).cause, Cause::Timeout(Timeout::Write));
    }
}

#[test]
fn a_connection_without_messages_is_closed_with_1001_when_idle() {
    for mut end in ends(|config| config.idle_timeout = Some(Duration::from_secs(60))) {
        assert_eq!(end.conn.poll_timeout(at(0.0)), Some(at(60.0)));
        end.conn.handle_timeout(at(59.999));
        assert!(!end.conn.is_closing());
        end.conn.handle_timeout(at(60.0));
        assert!(end.conn.is_closing());
        assert_eq!(said_code(&mut end), CloseCode::GOING_AWAY);
        assert_eq!(end.conn.poll_timeout(at(60.0)), Some(at(65.0)));
        let closed = the_end(&end.hear("88 02 03e9"));
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Idle));
        assert!(closed.is_clean());
    }
}

#[test]
fn messages_either_way_put_idleness_off() {
    for mut end in ends(|config| config.idle_timeout = Some(Duration::from_secs(60))) {
        end.conn.poll_timeout(at(0.0));
        end.hear("82 01 61");
        assert_eq!(end.conn.poll_timeout(at(10.0)), Some(at(70.0)));
        end.conn.send_text("a").expect("room");
        end.said();
        assert_eq!(end.conn.poll_timeout(at(20.0)), Some(at(80.0)));
        end.conn.send(vec![0; 5000]).expect("room");
        end.said();
        assert_eq!(end.conn.poll_timeout(at(30.0)), Some(at(90.0)));
        end.hear("02 01 61");
        assert_eq!(end.conn.poll_timeout(at(35.0)), Some(at(90.0)));
        end.hear("80 01 62");
        assert_eq!(end.conn.poll_timeout(at(40.0)), Some(at(100.0)), "the last fragment came");
        end.conn.writer(Kind::Text).and_then(|writer| writer.finish(b"a")).expect("room");
        end.said();
        assert_eq!(end.conn.poll_timeout(at(50.0)), Some(at(110.0)));
    }
}

#[test]
fn pings_and_parts_of_messages_do_not_put_idleness_off() {
    for mut end in ends(|config| config.idle_timeout = Some(Duration::from_secs(60))) {
        end.conn.poll_timeout(at(0.0));
        end.hear("89 00  8a 00  01 01 61");
        end.conn.ping(b"").expect("room");
        end.said();
        assert_eq!(end.conn.poll_timeout(at(10.0)), Some(at(60.0)));
    }
}

#[test]
fn a_peer_that_takes_no_bytes_is_given_up() {
    for mut end in ends(|config| config.write_timeout = Some(Duration::from_secs(30))) {
        assert_eq!(end.conn.poll_timeout(at(0.0)), None, "nothing waits");
        end.conn.send(vec![0; 50_000]).expect("room");
        end.hear("89 01 70");
        assert_eq!(end.conn.poll_timeout(at(100.0)), Some(at(130.0)));
        end.conn.handle_timeout(at(129.999));
        assert_eq!(end.events(), []);
        end.conn.handle_timeout(at(130.0));
        let closed = the_end(&end.events());
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Write));
        assert!(!closed.is_clean());
        assert!(end.conn.is_closed() && !end.conn.wants_write());
        assert_eq!(end.conn.transmit().len(), 0, "its memory is free");
    }
}

#[test]
fn a_transport_that_holds_what_it_took_is_given_up() {
    for mut end in ends(|config| config.write_timeout = Some(Duration::from_secs(30))) {
        end.conn.poll_timeout(at(0.0));
        end.conn.send_text("a").expect("room");
        end.said();
        end.conn.handle_unflushed();
        assert_eq!(end.conn.poll_timeout(at(100.0)), Some(at(130.0)));
        end.conn.handle_flushed();
        assert_eq!(end.conn.poll_timeout(at(110.0)), None, "it has left");
        end.conn.send_text("b").expect("room");
        end.said();
        end.conn.handle_unflushed();
        assert_eq!(end.conn.poll_timeout(at(200.0)), Some(at(230.0)));
        end.conn.handle_timeout(at(230.0));
        assert_eq!(the_end(&end.events()).cause, Cause::Timeout(Timeout::Write));
    }
}

#[test]
fn a_single_byte_that_leaves_is_progress() {
    for mut end in ends(|config| config.write_timeout = Some(Duration::from_secs(30))) {
        end.conn.send(vec![0; 50_000]).expect("room");
        for turn in 0..100 {
            let now = f64::from(turn) * 29.0;
            assert_eq!(end.conn.poll_timeout(at(now)), Some(at(now + 30.0)));
            end.conn.handle_timeout(at(now + 28.0));
            end.conn.transmit().advance(1);
        }
        assert_eq!(end.events(), []);
    }
}

/// More bytes to send are none that leave.
#[test]
fn queueing_more_is_no_progress() {
    for mut end in ends(|config| config.write_timeout = Some(Duration::from_secs(30))) {
        end.conn.send_text("a").expect("room");
        assert_eq!(end.conn.poll_timeout(at(0.0)), Some(at(30.0)));
        for second in 1..30 {
            end.conn.send_text("a").expect("room");
            assert_eq!(end.conn.poll_timeout(at(f64::from(second))), Some(at(30.0)));
        }
    }
}

#[test]
fn the_write_timeout_begins_with_the_first_byte_that_waits() {
    for mut end in ends(|config| config.write_timeout = Some(Duration::from_secs(30))) {
        end.conn.send_text("a").expect("room");
        end.conn.poll_timeout(at(0.0));
        end.said();
        assert_eq!(end.conn.poll_timeout(at(20.0)), None);
        end.conn.send_text("b").expect("room");
        assert_eq!(end.conn.poll_timeout(at(100.0)), Some(at(130.0)));
    }
}

#[test]
fn a_connection_ends_at_its_maximum_age_with_1001() {
    for mut end in ends(|config| config.max_lifetime = Some(Duration::from_secs(1000))) {
        assert_eq!(end.conn.poll_timeout(at(50.0)), Some(at(1050.0)));
        end.hear("81 01 61");
        assert_eq!(end.conn.poll_timeout(at(900.0)), Some(at(1050.0)), "nothing puts it off");
        end.conn.handle_timeout(at(1049.999));
        assert!(!end.conn.is_closing());
        end.conn.handle_timeout(at(1050.0));
        assert_eq!(said_code(&mut end), CloseCode::GOING_AWAY);
        let closed = the_end(&end.hear("88 02 03e9"));
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Lifetime));
    }
}

#[test]
fn jitter_takes_up_to_a_tenth_of_the_maximum_age() {
    let config = config(|config| {
        quiet(config);
        config.max_lifetime = Some(Duration::from_secs(1000));
    });
    let age = |jitter| {
        let mut conn = Connection::server(config.clone()).with_jitter(jitter);
        conn.poll_timeout(at(0.0)).expect("an end") - Instant::ORIGIN
    };
    assert_eq!(age(0), Duration::from_secs(1000));
    assert_eq!(age(u32::MAX), Duration::from_secs(900));
    let half = age(u32::MAX / 2).as_secs_f64();
    assert!((half - 950.0).abs() < 0.001, "{half}");
}

/// A timer that fires late, and is not asked for again between: each timeout still passes, and counts from when it began.
#[test]
fn timeouts_pass_that_are_handled_late() {
    for timeout in [Timeout::Idle, Timeout::Lifetime, Timeout::Pong] {
        let minute = |config: &mut Config| {
            let timer = match timeout {
                Timeout::Idle => &mut config.idle_timeout,
                Timeout::Lifetime => &mut config.max_lifetime,
                _ => &mut config.ping_interval,
            };
            *timer = Some(Duration::from_secs(60));
        };
        for mut end in ends(minute) {
            end.conn.poll_timeout(at(0.0));
            end.conn.handle_timeout(at(63.0));
            assert!(end.conn.wants_write(), "a Close frame or a ping");
            end.said();
            if timeout == Timeout::Pong {
                end.conn.handle_timeout(at(82.9));
                assert_eq!(end.events(), []);
                end.conn.handle_timeout(at(84.0));
                assert_eq!(the_end(&end.events()).cause, Cause::Timeout(timeout));
            } else {
                end.conn.handle_timeout(at(67.9));
                assert_eq!(end.events(), []);
                end.conn.handle_timeout(at(69.0));
                let closed = the_end(&end.events());
                assert_eq!(closed.cause, Cause::Timeout(Timeout::Close));
                assert!(!closed.is_clean());
            }
        }
    }
}

#[test]
fn two_idle_ends_come_to_rest() {
    let config = config(|config| config.idle_timeout = Some(Duration::from_secs(300)));
    let mut pair = Pair::new(&config, 5);
    pair.pass(Duration::from_secs(299));
    assert!(!pair.client.conn.is_closing() && !pair.server.conn.is_closing());
    pair.pass(Duration::from_secs(2));
    for (end, told) in [(&pair.client, &pair.client_told), (&pair.server, &pair.server_told)] {
        let ends: Vec<_> = told.iter().filter(|told| matches!(told, Told::Closed(_))).collect();
        assert_eq!(ends.len(), 1);
        assert!(end.conn.is_closed());
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
