//! Every limit of `Config` on what a peer may send, at one less, at it and at one more (RFC 6455 section 10.4).

mod common;

use std::time::Duration;

use common::{End, KEY, Told, at, close_frame, config, failure, frame, masked, said_code, wire};
use hybi::frame::ClosePayloadError;
use hybi::{CloseCode, Delivery, Error, Role};

#[test]
fn the_header_alone_decides_whether_a_frame_is_too_large() {
    for (limit, over) in [(5, "82 06"), (125, "82 7e 007e"), (126, "82 7e 007f")] {
        for mut end in End::both_with(|config| config.max_frame_size = limit) {
            for len in [limit - 1, limit] {
                let payload = vec![1; len as usize];
                assert_eq!(end.hear_frames(&frame(0x82, &payload)), [Told::binary(&payload)]);
            }
            let told = end.hear(over);
            assert_eq!(failure(&told), Error::FrameTooLarge { len: limit + 1, limit });
            assert_eq!(end.said(), close_frame(1009, "frame too large"));
        }
        // Also where all of it has come.
        for mut end in End::both_with(|config| config.max_frame_size = limit) {
            let told = end.hear_frames(&frame(0x82, &vec![1; limit as usize + 1]));
            assert_eq!(failure(&told), Error::FrameTooLarge { len: limit + 1, limit });
        }
    }
}

/// A peer that never sends the masking key is refused as well: whatever the length decides, its last byte does.
#[test]
fn a_limit_is_applied_at_the_last_byte_of_the_length_and_at_none_before() {
    let frame = |len| Error::FrameTooLarge { len, limit: 10 };
    let message = Error::MessageTooLarge { len: 13, limit: 12 };
    let control = Error::TooManyControlFrames { limit: 1 };
    let one_byte = Error::ClosePayload(ClosePayloadError::Length);
    let refused = [
        ("", "82 0b", frame(11)),
        ("", "82 7d", frame(125)),
        ("", "82 7e 007e", frame(126)),
        ("", "81 7e ffff", frame(65_535)),
        ("", "82 7f 0000000000010000", frame(65_536)),
        ("", "82 7f 7fffffffffffffff", frame(u64::MAX >> 1)),
        ("02 03 010203", "80 0b", frame(11)),
        ("02 03 010203", "80 0a", message),
        ("02 01 01", "80 01", Error::TooManyFragments { limit: 1 }),
        ("02 00", "80 00", Error::TooManyEmptyFragments { limit: 1 }),
        ("89 00", "89 00", control),
        ("89 00", "8a 7d", control),
        ("02 01 01  89 00", "8a 00", control),
        ("", "88 01", one_byte),
        ("89 00  02 00", "88 01", one_byte),
    ];
    let strict = |config: &mut hybi::Config| {
        (config.max_frame_size, config.max_message_size) = (10, 12);
        (config.max_fragments, config.max_empty_fragments) = (1, 1);
        config.control_frame_burst = 1;
    };
    for (before, header, error) in refused {
        for mut end in End::both_with(strict) {
            end.hear(before);
            end.said();
            let mut header = wire(header).0;
            if end.conn.role() == Role::Server {
                header[1] |= 0x80;
            }
            let (last, cut) = header.split_last().expect("a header has bytes");
            for byte in cut {
                assert_eq!(end.hear_bytes(&[*byte]), [], "{header:02x?} before its end");
                assert_eq!(end.sent(), wire(""));
            }
            assert_eq!(failure(&end.hear_bytes(&[*last])), error, "{header:02x?}");
            assert_eq!(said_code(&mut end), error.close_code());
        }
    }
}

/// Waiting for the key changes nothing: a header is counted once however often it is looked at.
#[test]
fn a_header_within_the_limits_is_counted_once_however_it_is_cut() {
    let strict = |config: &mut hybi::Config| {
        (config.max_frame_size, config.max_message_size) = (2, 4);
        (config.max_fragments, config.max_empty_fragments) = (4, 2);
        config.control_frame_burst = 1;
    };
    for mut end in End::both_with(strict) {
        for _ in 0..3 {
            let mut frames = wire("02 00  00 02 0102  8a 00  00 00  80 02 0304").0;
            if end.conn.role() == Role::Server {
                frames = masked(&frames, KEY).0.0;
            }
            let told: Vec<_> = frames.iter().flat_map(|byte| end.hear_bytes(&[*byte])).collect();
            assert_eq!(told, [Told::pong(b""), Told::binary(&[1, 2, 3, 4])]);
        }
        assert_eq!(end.conn.stats().frames_received, 15);
    }
}

/// As the documentation of each field says.
#[test]
fn every_limit_and_timeout_has_its_default() {
    let seconds = Duration::from_secs;
    let config = hybi::Config::default();
    assert_eq!(config.max_frame_size, 16 << 20);
    assert_eq!(config.max_message_size, 64 << 20);
    assert_eq!((config.max_fragments, config.max_empty_fragments), (65_536, 128));
    assert_eq!((config.control_frame_burst, config.control_frames_per_second), (4096, 256));
    assert_eq!(config.write_high_water, 1 << 20);
    assert_eq!(config.delivery, Delivery::Messages);
    assert_eq!((config.ping_interval, config.pong_timeout), (Some(seconds(20)), seconds(20)));
    assert_eq!((config.close_timeout, config.write_timeout), (seconds(5), Some(seconds(30))));
    assert_eq!((config.idle_timeout, config.max_lifetime), (None, None));
}

#[test]
fn the_largest_frame_by_default_has_16_mib() {
    let mut client = End::client(config(|_| {}));
    assert_eq!(client.hear("82 7f 0000000001000000"), []);
    let mut client = End::client(config(|_| {}));
    assert_eq!(failure(&client.hear("82 7f 0000000001000001")).close_code(), CloseCode::TOO_BIG);
}

#[test]
fn every_fragment_is_a_frame_to_that_limit() {
    for mut end in End::both_with(|config| config.max_frame_size = 3) {
        assert_eq!(end.hear("02 03 010203  80 03 040506"), [Told::binary(&[1, 2, 3, 4, 5, 6])]);
        assert_eq!(end.hear("02 00"), []);
        let told = end.hear("80 04 01020304");
        assert_eq!(failure(&told), Error::FrameTooLarge { len: 4, limit: 3 });
    }
}

#[test]
fn control_frames_have_a_limit_of_their_own() {
    for mut end in
        End::both_with(|config| (config.max_frame_size, config.max_message_size) = (0, 0))
    {
        assert_eq!(end.hear_frames(&frame(0x89, &[1; 125])), [Told::ping(&[1; 125])]);
        assert_eq!(end.hear("81 00"), [Told::text("")]);
    }
}

#[test]
fn a_message_has_its_limit_in_one_frame() {
    for mut end in End::both_with(|config| config.max_message_size = 4) {
        assert_eq!(end.hear("82 03 010203"), [Told::binary(&[1, 2, 3])]);
        assert_eq!(end.hear("82 04 01020304"), [Told::binary(&[1, 2, 3, 4])]);
        let told = end.hear("82 05");
        assert_eq!(failure(&told), Error::MessageTooLarge { len: 5, limit: 4 });
        assert_eq!(end.said(), close_frame(1009, "message too large"));
    }
    for mut end in End::both_with(|config| config.max_message_size = 4) {
        let told = end.hear("82 05 0102030405");
        assert_eq!(failure(&told), Error::MessageTooLarge { len: 5, limit: 4 });
    }
}

/// A length is compared before it is made to fit the machine.
#[test]
fn lengths_beyond_32_bits_are_too_large() {
    let len = (1 << 32) + 1;
    for mut end in End::both_with(|config| {
        (config.max_frame_size, config.max_message_size) = (10, u64::MAX);
    }) {
        let told = end.hear("82 7f 0000000100000001");
        assert_eq!(failure(&told), Error::FrameTooLarge { len, limit: 10 });
    }
    for mut end in End::both_with(|config| {
        (config.max_frame_size, config.max_message_size) = (u64::MAX, 10);
    }) {
        let told = end.hear("82 7f 0000000100000001");
        assert_eq!(failure(&told), Error::MessageTooLarge { len, limit: 10 });
    }
}

#[test]
fn a_message_has_its_limit_over_all_its_fragments() {
    for mut end in End::both_with(|config| config.max_message_size = 4) {
        assert_eq!(end.hear("02 02 0102  80 01 03"), [Told::binary(&[1, 2, 3])]);
        assert_eq!(end.hear("02 02 0102  00 01 03  80 01 04"), [Told::binary(&[1, 2, 3, 4])]);
        assert_eq!(end.hear("02 02 0102  00 02 0304  80 00"), [Told::binary(&[1, 2, 3, 4])]);
        assert_eq!(end.hear("02 02 0102  00 02 0304"), []);
        let told = end.hear("80 01 05");
        assert_eq!(failure(&told), Error::MessageTooLarge { len: 5, limit: 4 });
        assert_eq!(end.said(), close_frame(1009, "message too large"));
    }
}

/// A frame of more than 65,535 bytes and a fragment, which are told bit by bit, have the limits of a short message.
#[test]
fn a_first_fragment_and_a_long_frame_may_be_as_large_as_a_message() {
    const LIMIT: usize = 70_000;
    for first in [0x02, 0x82] {
        for mut end in End::both_with(|config| config.max_message_size = LIMIT as u64) {
            let mut told = end.hear_frames(&frame(first, &[7; LIMIT]));
            if first == 0x02 {
                told.extend(end.hear("80 00"));
            }
            assert_eq!(told, [Told::binary(&[7; LIMIT])]);
            let told = end.hear_frames(&frame(first, &[7; LIMIT + 1])[..10]);
            let (len, limit) = (LIMIT as u64 + 1, LIMIT as u64);
            assert_eq!(failure(&told), Error::MessageTooLarge { len, limit });
        }
    }
}

/// Two lengths of 2^63 - 1 add up to more than 64 bits hold with a third.
#[test]
fn lengths_that_overflow_their_sum_are_too_large() {
    let unlimited = |config: &mut hybi::Config| {
        (config.max_frame_size, config.max_message_size) = (u64::MAX, u64::MAX);
    };
    for mut end in End::both_with(unlimited) {
        assert_eq!(end.hear("02 01 00  00 7f 7fffffffffffffff 0102"), []);
        assert!(end.rx.capacity() <= 2 * 40 + 8192);
    }
    let limit = u64::MAX >> 1;
    let mut client = End::client(config(|config| {
        (config.max_frame_size, config.max_message_size) = (u64::MAX, limit);
    }));
    let told = client.hear("02 01 00  00 7f 7fffffffffffffff");
    assert_eq!(failure(&told), Error::MessageTooLarge { len: limit + 1, limit });
}

#[test]
fn a_message_may_have_so_many_fragments() {
    for mut end in End::both_with(|config| config.max_fragments = 3) {
        assert_eq!(end.hear("01 01 61  80 01 62"), [Told::text("ab")]);
        assert_eq!(end.hear("01 01 61  00 01 62  80 01 63"), [Told::text("abc")]);
        assert_eq!(end.hear("81 01 61"), [Told::text("a")]);
        let told = end.hear("01 01 61  00 01 62  00 01 63  80 00");
        assert_eq!(told, [Told::text("abc")], "but for an empty one that ends it");
        assert_eq!(end.hear("01 01 61  00 00  00 01 62"), [], "empty ones are counted");
        let told = end.hear("80 01 63");
        assert_eq!(failure(&told), Error::TooManyFragments { limit: 3 });
        assert_eq!(end.said(), close_frame(1008, "too many fragments"));
    }
}

#[test]
fn a_message_may_have_so_many_empty_fragments() {
    for mut end in End::both_with(|config| config.max_empty_fragments = 2) {
        assert_eq!(end.hear("01 01 61  00 00  80 01 62"), [Told::text("ab")]);
        assert_eq!(end.hear("01 00  00 01 61  80 00"), [Told::text("a")]);
        assert_eq!(end.hear("01 00  00 01 61  00 00"), []);
        let told = end.hear("80 00");
        assert_eq!(failure(&told), Error::TooManyEmptyFragments { limit: 2 });
        assert_eq!(end.said(), close_frame(1008, "too many fragments"));
    }
}

#[test]
fn empty_messages_are_no_empty_fragments() {
    let strict = |config: &mut hybi::Config| {
        (config.max_empty_fragments, config.max_fragments) = (0, 0);
    };
    for mut end in End::both_with(strict) {
        assert_eq!(end.hear(&"81 00 ".repeat(300)).len(), 300);
        assert_eq!(end.hear("81 01 61"), [Told::text("a")]);
        assert_eq!(failure(&end.hear("01 00")), Error::TooManyEmptyFragments { limit: 0 });
    }
}

/// A frame that is a whole message is no fragment, also where messages are told in pieces.
#[test]
fn whole_messages_are_no_fragments_however_they_are_delivered() {
    for delivery in [Delivery::Messages, Delivery::Chunks] {
        let strict = |config: &mut hybi::Config| {
            (config.max_empty_fragments, config.max_fragments) = (0, 0);
            config.delivery = delivery;
        };
        for mut end in End::both_with(strict) {
            assert_eq!(end.hear("81 00  82 01 61  82 00  81 01 61").len(), 4);
            assert_eq!(failure(&end.hear("01 01 61")), Error::TooManyFragments { limit: 0 });
        }
    }
}

#[test]
fn so_many_control_frames_may_come_without_data() {
    for mut end in End::both_with(|config| config.control_frame_burst = 5) {
        assert_eq!(end.hear(&"89 00 ".repeat(4)).len(), 4);
        assert_eq!(end.hear("8a 00").len(), 1);
        end.said();
        let told = end.hear("89 00");
        assert_eq!(failure(&told), Error::TooManyControlFrames { limit: 5 });
        assert_eq!(said_code(&mut end), CloseCode::POLICY_VIOLATION);
    }
}

#[test]
fn data_makes_control_frames_welcome_again() {
    for mut end in End::both_with(|config| config.control_frame_burst = 2) {
        for _ in 0..10 {
            assert_eq!(end.hear("89 00  89 00  82 01 07").len(), 3);
        }
        // Also data of a message that has not ended, and of a frame that has not.
        assert_eq!(end.hear("89 00  89 00  02 01 07").len(), 2);
        assert_eq!(end.hear("89 00  89 00  80 02 07").len(), 2);
        assert_eq!(end.hear_more("07").len(), 1);
        // Only payload counts as data: empty messages cost a peer no more than pings.
        assert_eq!(end.hear("89 00  89 00  82 00").len(), 3);
        assert_eq!(failure(&end.hear("89 00")), Error::TooManyControlFrames { limit: 2 });
    }
    for mut end in End::both_with(|config| config.control_frame_burst = 2) {
        assert_eq!(end.hear("89 00  89 00  02 00  00 00").len(), 2, "nor do empty fragments");
        assert_eq!(failure(&end.hear("89 00")), Error::TooManyControlFrames { limit: 2 });
    }
}

#[test]
fn time_makes_control_frames_welcome_again() {
    for (seconds, allowed) in [(0.0, 0), (0.24, 0), (0.25, 1), (1.0, 4), (2.4, 9), (3600.0, 10)] {
        let mut client = End::client(config(|config| {
            (config.control_frame_burst, config.control_frames_per_second) = (10, 4);
            config.ping_interval = None;
        }));
        client.conn.poll_timeout(at(0.0));
        assert_eq!(client.hear(&"8a 00 ".repeat(10)).len(), 10);
        client.conn.poll_timeout(at(seconds));
        let told = client.hear(&"8a 00 ".repeat(11));
        assert_eq!(failure(&told), Error::TooManyControlFrames { limit: 10 });
        assert_eq!(told.len() - 1, allowed, "after {seconds} s");
    }
}

/// Time in which none came counts up to the burst, and each second once.
#[test]
fn more_control_frames_than_time_allows_fail_however_often_the_clock_is_looked_at() {
    let client = || {
        let mut client = End::client(config(|config| {
            (config.control_frame_burst, config.control_frames_per_second) = (10, 4);
            config.ping_interval = None;
        }));
        client.conn.poll_timeout(at(0.0));
        client.conn.poll_timeout(at(1000.0));
        assert_eq!(client.hear(&"8a 00 ".repeat(10)).len(), 10);
        client
    };
    let mut early = client();
    early.conn.poll_timeout(at(1000.0));
    assert_eq!(failure(&early.hear("8a 00")), Error::TooManyControlFrames { limit: 10 });

    let mut patient = client();
    patient.conn.poll_timeout(at(1001.1));
    assert_eq!(patient.hear(&"8a 00 ".repeat(4)).len(), 4);
    for time in [1001.1, 1001.2, 1001.24] {
        patient.conn.poll_timeout(at(time));
    }
    assert_eq!(failure(&patient.hear("8a 00")), Error::TooManyControlFrames { limit: 10 });
}

/// However often the clock is looked at: ten a second are welcome if ten a second are allowed.
#[test]
fn control_frames_at_the_allowed_rate_are_always_welcome() {
    for millis in [1, 7, 50, 99, 150, 190, 250, 1000] {
        let mut client = End::client(config(|config| {
            (config.control_frame_burst, config.control_frames_per_second) = (12, 10);
            config.ping_interval = None;
        }));
        client.conn.poll_timeout(at(0.0));
        let mut sent = 0;
        for turn in 1..=60_000 / millis {
            let now = hybi::Instant::ORIGIN + Duration::from_millis(turn * millis);
            client.conn.poll_timeout(now);
            while (sent + 1) * 100 <= turn * millis {
                sent += 1;
                assert_eq!(client.hear("8a 00"), [Told::pong(b"")], "every {millis} ms, {sent}");
            }
        }
    }
}
