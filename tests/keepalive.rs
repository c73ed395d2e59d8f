//! Pings of our own, signs of life and the round trip, on a made-up clock.

mod common;

use std::time::Duration;

use common::{End, Pair, Told, at, config, frame, the_end};
use hybi::frame::OpCode;
use hybi::{Cause, CloseCode, Config, Timeout};

#[test]
fn a_silent_peer_is_pinged_after_the_interval() {
    for mut end in quiet_ends() {
        assert_eq!(end.conn.poll_timeout(at(0.0)), Some(at(20.0)));
        end.conn.handle_timeout(at(20.0));
        let frames = end.said_frames();
        assert_eq!(frames.len(), 1);
        assert_eq!((frames[0].0.opcode, frames[0].1.len()), (OpCode::Ping, 8));
        assert_eq!(end.conn.poll_timeout(at(20.0)), Some(at(30.0)), "pong_timeout from the ping");
        end.conn.handle_timeout(at(29.999));
        assert_eq!(end.said_frames().len(), 0, "one ping at a time");
    }
}

#[test]
fn a_peer_that_stays_silent_after_the_ping_is_lost() {
    for mut end in quiet_ends() {
        end.conn.poll_timeout(at(0.0));
        end.conn.handle_timeout(at(20.0));
        end.said();
        end.conn.handle_timeout(at(29.999));
        assert_eq!(end.events(), []);
        end.conn.handle_timeout(at(30.0));
        let closed = the_end(&end.events());
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Pong));
        assert_eq!((closed.code(), closed.sent), (CloseCode::ABNORMAL, None));
        assert!(end.conn.is_closed() && !end.conn.wants_write() && !end.conn.wants_read());
        assert_eq!(end.conn.poll_timeout(at(31.0)), None);
    }
}

/// Not only the pong: a byte of a frame that is not complete is as good.
#[test]
fn any_byte_is_a_sign_of_life() {
    for mut end in quiet_ends() {
        end.conn.poll_timeout(at(0.0));
        end.conn.handle_timeout(at(20.0));
        end.said();
        assert_eq!(end.hear("82"), []);
        assert_eq!(end.conn.poll_timeout(at(29.0)), Some(at(49.0)));
        end.conn.handle_timeout(at(48.999));
        assert!(!end.conn.wants_write() && end.events().is_empty());
        end.conn.handle_timeout(at(49.0));
        assert_eq!(end.said_frames().len(), 1, "silence is broken by the next ping");
    }
}

#[test]
fn what_arrives_puts_the_ping_off() {
    for mut end in quiet_ends() {
        end.conn.poll_timeout(at(0.0));
        for second in 1..100 {
            assert_eq!(end.hear("81 01 61"), [Told::text("a")]);
            assert_eq!(
                end.conn.poll_timeout(at(f64::from(second))),
                Some(at(f64::from(second + 20)))
            );
            end.conn.handle_timeout(at(f64::from(second)));
        }
        assert!(!end.conn.wants_write());
    }
}

/// Sending proves nothing about the peer.
/// The timer may fire before the connection was asked for its next point in time.
#[test]
fn what_arrived_just_before_the_interval_was_over_puts_the_ping_off() {
    for mut end in quiet_ends() {
        end.conn.poll_timeout(at(0.0));
        end.hear("8a 00");
        end.conn.handle_timeout(at(20.0));
        assert!(!end.conn.wants_write());
        assert_eq!(end.conn.poll_timeout(at(21.0)), Some(at(40.0)));
    }
}

/// What the opening handshake took from the buffer came before the connection, however late that first looks.
#[test]
fn bytes_of_the_opening_handshake_are_no_sign_of_life() {
    for mut end in quiet_ends() {
        end.rx.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        end.rx.consume(36);
        assert_eq!(end.conn.poll_timeout(at(0.0)), Some(at(20.0)));
        assert_eq!(end.events(), []);
        assert_eq!(end.conn.poll_timeout(at(5.0)), Some(at(20.0)));
    }
}

#[test]
fn what_is_sent_does_not_put_the_ping_off() {
    for mut end in quiet_ends() {
        end.conn.poll_timeout(at(0.0));
        end.conn.send_text("a").expect("room");
        end.said();
        assert_eq!(end.conn.poll_timeout(at(10.0)), Some(at(20.0)));
    }
}

#[test]
fn without_an_interval_no_ping_is_sent() {
    for mut end in End::both_with(|config| config.ping_interval = None) {
        assert_eq!(end.conn.poll_timeout(at(0.0)), None);
        end.conn.handle_timeout(at(1_000_000.0));
        assert!(!end.conn.wants_write() && end.events().is_empty());
    }
}

#[test]
fn every_keepalive_ping_is_told_apart() {
    for mut end in quiet_ends() {
        let mut payloads = Vec::new();
        for turn in 0..5 {
            let start = f64::from(turn) * 100.0;
            end.hear("8a 00");
            end.conn.poll_timeout(at(start));
            end.conn.handle_timeout(at(start + 20.0));
            payloads.extend(end.said_frames().into_iter().map(|(_, payload)| payload));
        }
        assert_eq!(payloads.len(), 5);
        payloads.sort();
        payloads.dedup();
        assert_eq!(payloads.len(), 5);
    }
}

#[test]
fn the_pong_to_a_keepalive_ping_measures_the_round_trip() {
    for mut end in quiet_ends() {
        assert_eq!(
            (end.conn.round_trips().last(), end.conn.round_trips().smoothed()),
            (None, None)
        );
        end.conn.poll_timeout(at(0.0));
        answer_ping(&mut end, 20.0, 20.080);
        assert_eq!(end.conn.round_trips().last(), Some(Duration::from_millis(80)));
        assert_eq!(end.conn.round_trips().smoothed(), Some(Duration::from_millis(80)));
        answer_ping(&mut end, 40.080, 40.240);
        assert_eq!(end.conn.round_trips().last(), Some(Duration::from_millis(160)));
        assert_eq!(end.conn.round_trips().smoothed(), Some(Duration::from_millis(90)));
    }
}

/// A ping whose pong never came, though the peer was alive, is no beginning of a later round trip.
#[test]
fn a_round_trip_begins_with_the_latest_ping() {
    for mut end in quiet_ends() {
        end.conn.poll_timeout(at(0.0));
        end.conn.handle_timeout(at(20.0));
        end.said();
        end.hear("8a 00");
        end.conn.poll_timeout(at(21.0));
        answer_ping(&mut end, 41.0, 41.5);
        assert_eq!(end.conn.round_trips().last(), Some(Duration::from_millis(500)));
        assert_eq!(end.conn.round_trips().count(), 1);
    }
}

#[test]
fn round_trips_are_kept_to_a_sixteenth() {
    for mut end in quiet_ends() {
        assert_eq!(
            (end.conn.round_trips().count(), end.conn.round_trips().percentile(50)),
            (0, None)
        );
        let mut now = 0.0;
        for micros in [0, 1, 9, 15, 16, 17, 31, 32, 80, 999, 80_000, 123_456, 1_999_999, 15_000_000]
        {
            end.conn.poll_timeout(at(now));
            let answer = now + 20.0 + f64::from(micros) / 1e6;
            answer_ping(&mut end, now + 20.0, answer);
            now = answer;
            let exact = end.conn.round_trips().last().expect("it was measured");
            let kept = end.conn.round_trips().percentile(100).expect("it was measured");
            let off = kept.abs_diff(exact);
            assert!(off <= exact / 16 + Duration::from_micros(1), "{kept:?} of {exact:?}");
        }
        assert_eq!(end.conn.round_trips().count(), 14);
    }
}

#[test]
fn percentiles_are_of_the_last_28_round_trips() {
    for mut end in quiet_ends() {
        let mut now = 0.0;
        // 1 ms, 2 ms, ... 100 ms.
        for turn in 1..=100 {
            end.conn.poll_timeout(at(now));
            let answer = now + 20.0 + f64::from(turn) / 1000.0;
            answer_ping(&mut end, now + 20.0, answer);
            now = answer;
        }
        let trips = end.conn.round_trips();
        assert_eq!(trips.count(), 100);
        for (percent, expected) in
            [(0, 73), (1, 73), (25, 79), (50, 86), (90, 98), (100, 100), (255, 100)]
        {
            let expected = Duration::from_millis(expected);
            let off = trips.percentile(percent).expect("some are kept").abs_diff(expected);
            assert!(off <= expected / 16, "{percent}: {:?}", trips.percentile(percent));
        }
    }
}

#[test]
fn other_pongs_measure_nothing() {
    for mut end in quiet_ends() {
        end.hear("8a 00");
        end.conn.poll_timeout(at(0.0));
        end.conn.handle_timeout(at(20.0));
        let ping = end.said_frames().remove(0).1;
        end.hear("8a 08 6879626900000000  8a 00");
        end.conn.poll_timeout(at(20.5));
        assert_eq!(end.conn.round_trips().last(), None);
        // The right one still counts, though other signs of life came before it.
        end.hear_frames(&frame(0x8a, &ping));
        end.conn.poll_timeout(at(21.0));
        assert_eq!(end.conn.round_trips().last(), Some(Duration::from_secs(1)));
        // A second time it does not.
        end.hear_frames(&frame(0x8a, &ping));
        end.conn.poll_timeout(at(25.0));
        assert_eq!(end.conn.round_trips().last(), Some(Duration::from_secs(1)));
    }
}

/// While our own queue keeps us from reading, silence is our fault.
#[test]
fn a_peer_we_do_not_read_from_is_not_silent() {
    let change = |config: &mut Config| {
        timing(config);
        (config.write_high_water, config.write_timeout) = (10, None);
    };
    for mut end in End::both_with(change) {
        end.conn.poll_timeout(at(0.0));
        end.conn.send_binary(&[0; 100]).expect("nothing waits yet");
        assert!(!end.conn.wants_read());
        for turn in 1..20 {
            end.conn.handle_timeout(at(f64::from(turn) * 9.0));
        }
        assert_eq!(end.events(), []);
        assert_eq!(end.said_frames().len(), 1, "no ping behind the message");
        assert_eq!(end.conn.poll_timeout(at(180.0)).map(|due| due <= at(200.0)), Some(true));
    }
}

#[test]
fn two_ends_keep_each_other_alive() {
    for step in [1, 1000] {
        let mut pair = Pair::new(&config(timing), step);
        pair.pass(Duration::from_secs(3600));
        for (end, told) in [(&pair.client, &pair.client_told), (&pair.server, &pair.server_told)] {
            assert!(told.iter().all(|told| matches!(told, Told::Ping(_) | Told::Pong(_))));
            assert!(!end.conn.is_closing());
        }
        let stats = pair.client.conn.stats();
        assert!((90..=360).contains(&(stats.pings_received + stats.pongs_received)));
        assert_eq!(pair.client.conn.round_trips().last(), Some(Duration::ZERO));
    }
}

fn timing(config: &mut Config) {
    config.ping_interval = Some(Duration::from_secs(20));
    config.pong_timeout = Duration::from_secs(10);
}

fn quiet_ends() -> [End; 2] {
    End::both_with(timing)
}

/// The ping that is due at `pinged` is answered at `answered`.
fn answer_ping(end: &mut End, pinged: f64, answered: f64) {
    end.conn.handle_timeout(at(pinged));
    let (header, payload) = end.said_frames().remove(0);
    assert_eq!(header.opcode, OpCode::Ping);
    assert_eq!(end.hear_frames(&frame(0x8a, &payload)), [Told::pong(&payload)]);
    end.conn.poll_timeout(at(answered));
}
