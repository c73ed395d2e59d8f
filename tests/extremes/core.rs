//! The connection, the buckets and the machine that dials, without I/O.

use std::sync::Arc;
use std::time::Duration;

use hybi::rate::{KeyedBuckets, Rate, TokenBucket};
use hybi::reconnect::{Decision, Loss, Options, Reconnect, Verdict};
use hybi::{CloseCode, Config, Connection, Delivery, Instant, Kind, Message};

use crate::common::{End, Told, the_end};
use crate::values::{CONFIG, OPTIONS, all};

/// Nobody adds a field that is not tried.
#[test]
fn every_field_of_a_config_is_tried() {
    let shown = format!("{:?}", Config::default());
    let fields: Vec<_> = CONFIG.iter().map(|(name, _)| *name).collect();
    for field in shown.split(['{', ',']).filter_map(|part| part.split_once(':')) {
        let name = field.0.trim();
        let no_number = matches!(name, "delivery" | "compression");
        assert!(no_number || fields.contains(&name), "{name} is not tried");
    }
}

#[test]
fn a_conversation_works_or_says_why_it_ends() {
    all(CONFIG, &Config::default(), |what, config| {
        for delivery in [Delivery::Messages, Delivery::Chunks] {
            let mut config = config.clone();
            config.delivery = delivery;
            eprintln!("{what}, {delivery:?}");
            converse(&Arc::new(config));
        }
    });
    // With values that people mean all comes: three messages at each of five points in time.
    assert_eq!(converse(&Arc::new(Config::default())), [15, 15]);
}

/// Talks for longer than any clock counts, to the end; how many messages came to each end.
fn converse(config: &Arc<Config>) -> [usize; 2] {
    let client = Connection::client(config.clone(), || [1, 2, 3, 4]);
    let mut ends = [client, Connection::server(config.clone())]
        .map(|conn| End::new(compressed(conn.with_jitter(u32::MAX), config)));
    let mut told = [Vec::new(), Vec::new()];
    let after = |time| Instant::ORIGIN + time;
    let hours = Duration::from_secs(7200);
    for now in
        [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(2), hours, Duration::MAX]
    {
        for (end, told) in ends.iter_mut().zip(&mut told) {
            end.conn.poll_timeout(after(now));
            end.conn.handle_timeout(after(now));
            let _ = end.conn.send(Message::text("a text that repeats a text that repeats a text"));
            let _ = end.conn.send(Message::binary(vec![7; 70_000]));
            let _ = end.conn.ping(b"ping");
            if let Ok(mut writer) = end.conn.writer(Kind::Text) {
                let _ = writer.write(b"in ");
                let _ = writer.write(b"");
                let _ = writer.finish(b"pieces");
            }
            told.extend(end.events());
        }
        exchange(&mut ends, &mut told);
    }
    for (end, told) in ends.iter_mut().zip(&mut told) {
        let _ = end.conn.close(CloseCode::NORMAL, "bye");
        told.extend(end.events());
    }
    exchange(&mut ends, &mut told);
    for (end, told) in ends.iter_mut().zip(&mut told) {
        told.extend(end.hear_eof());
        end.conn.handle_timeout(after(Duration::MAX));
        the_end(told);
        end.sent();
        assert!(end.conn.is_closed());
    }
    told.map(|told| {
        let is_message = |told: &&Told| match told {
            Told::Text(_) | Told::Binary(_) => true,
            Told::Chunk { last, .. } => *last,
            _ => false,
        };
        told.iter().filter(is_message).count()
    })
}

/// Carries bytes both ways; pings may be answered without end.
fn exchange(ends: &mut [End; 2], told: &mut [Vec<Told>; 2]) {
    for _ in 0..4 {
        for from in [0, 1] {
            let bytes = ends[from].sent();
            told[1 - from].extend(ends[1 - from].hear_bytes(&bytes));
        }
    }
}

/// Windows of every size that was agreed on, also of those that nobody could agree on.
#[cfg(feature = "deflate")]
fn compressed(conn: Connection, config: &Config) -> Connection {
    let Some(compression) = &config.compression else { return conn };
    let params = hybi::deflate::Params { server: compression.send, client: compression.receive };
    conn.with_compression(params, None)
}

#[cfg(not(feature = "deflate"))]
fn compressed(conn: Connection, _: &Config) -> Connection {
    conn
}

#[test]
fn a_bucket_of_any_rate_tells_how_long_to_wait() {
    for count in [0, 1, u32::MAX] {
        for burst in [0, 1, u32::MAX] {
            for rate in [Rate::per_second(count), Rate::per_minute(count)] {
                let rate = rate.burst(burst);
                let mut bucket = TokenBucket::new(rate);
                for now in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
                    let now = Instant::ORIGIN + now;
                    for tokens in [0, 1, u32::MAX] {
                        let taken = bucket.take(tokens, now);
                        assert!(tokens == 0 || burst > 0 || taken.is_err(), "{rate:?}");
                        bucket.charge(tokens, now);
                    }
                    for capacity in [0, 1, usize::MAX] {
                        let mut buckets = KeyedBuckets::new(rate, capacity);
                        for key in 0..5 {
                            buckets.charge(key, u32::MAX, now);
                            let _ = buckets.take(key, 1, now);
                        }
                        assert!(!buckets.is_empty() && buckets.len() <= 5);
                    }
                }
            }
        }
    }
}

/// From dial to loss and back, with every loss and every verdict, until it gives up.
#[test]
fn a_client_dials_again_or_gives_up() {
    all(OPTIONS, &Options::default(), |what, options| {
        eprintln!("{what}");
        let mut machine = Reconnect::new(options.clone(), 7);
        machine.add_endpoint();
        let mut now = Instant::ORIGIN;
        let after = |at_least| Verdict::RetryAfter { at_least, spread: Duration::MAX };
        let told = [
            Loss::Transport,
            Loss::Refused { status: 503, retry_after: Some(Duration::MAX) },
            Loss::Refused { status: 404, retry_after: None },
        ];
        let losses = told.into_iter().map(|loss| (loss, None));
        let own = [Duration::ZERO, Duration::MAX]
            .map(|time| (Loss::TimedOut, Some(Decision::of_application(after(time)))));
        for (turn, (loss, own)) in losses.chain(own).cycle().take(50).enumerate() {
            let Some(due) = machine.poll_timeout() else { break };
            now = now.max(due);
            machine.queue(now);
            machine.begin_dial(now).expect("it is due");
            let _ = machine.overdue(now);
            let _ = machine.send(Message::text("waits"));
            if turn % 2 == 0 {
                machine.handle_open(now);
            }
            let decision = own.unwrap_or_else(|| machine.propose(&loss));
            machine.handle_loss(now, None, loss, decision);
            while machine.next_event().is_some() {}
        }
    });
}
