//! Messages in several frames (RFC 6455 section 5.4).

mod common;

use common::{End, Told, close_frame, config, failure, frame, wire};
use hybi::frame::HeaderError;
use hybi::{Error, Kind, SendError};

#[test]
fn fragments_are_joined_into_one_message() {
    for mut end in End::both() {
        assert_eq!(end.hear("01 03 48656c"), []);
        assert_eq!(end.hear("00 01 6c"), []);
        assert_eq!(end.hear("80 01 6f"), [Told::text("Hello")]);
    }
}

/// The opcode of the first fragment says what the message is.
#[test]
fn a_message_is_of_the_kind_of_its_first_fragment() {
    for mut end in End::both() {
        assert_eq!(end.hear("02 01 ff  00 01 fe  80 01 fd"), [Told::binary(&[0xff, 0xfe, 0xfd])]);
        assert_eq!(end.hear("01 01 61  80 01 62"), [Told::text("ab")]);
    }
}

/// A continuation frame needs a message to continue.
#[test]
fn a_continuation_without_a_message_fails_at_its_first_byte() {
    for first in [0x00, 0x80] {
        for mut end in End::both() {
            let told = end.hear_bytes(&[first]);
            assert_eq!(failure(&told), Error::Header(HeaderError::UnexpectedContinuation));
            assert_eq!(end.said(), close_frame(1002, "protocol error"));
        }
    }
}

#[test]
fn a_continuation_after_a_finished_message_fails() {
    for before in ["81 01 61", "01 01 61  80 01 62", "82 00", "02 00  80 00"] {
        for mut end in End::both() {
            assert_eq!(end.hear(before).len(), 1);
            let told = end.hear("80 01 63");
            assert_eq!(failure(&told), Error::Header(HeaderError::UnexpectedContinuation));
        }
    }
}

/// "The fragments of one message MUST NOT be interleaved between the fragments of another message."
#[test]
fn a_new_message_inside_an_unfinished_one_fails_at_its_first_byte() {
    for first in [0x01, 0x02, 0x81, 0x82] {
        for mut end in End::both() {
            assert_eq!(end.hear("01 01 61  00 01 62"), []);
            let told = end.hear_bytes(&[first]);
            assert_eq!(failure(&told), Error::Header(HeaderError::ExpectedContinuation));
            assert_eq!(end.said(), close_frame(1002, "protocol error"));
        }
        // Also where all of it comes at once.
        for mut end in End::both() {
            assert_eq!(end.hear("01 01 61"), []);
            let told = end.hear_frames(&frame(first, b"b"));
            assert_eq!(failure(&told), Error::Header(HeaderError::ExpectedContinuation));
        }
    }
}

/// "Control frames MAY be injected in the middle of a fragmented message."
#[test]
fn a_ping_inside_a_fragmented_message_is_answered_at_once() {
    for mut end in End::both() {
        assert_eq!(end.hear("01 03 48656c"), []);
        assert_eq!(end.hear("89 02 6869"), [Told::ping(b"hi")]);
        assert_eq!(end.said(), wire("8a 02 6869"));
        assert_eq!(end.hear("80 02 6c6f"), [Told::text("Hello")]);
    }
}

#[test]
fn control_frames_between_all_fragments_leave_the_message_whole() {
    for mut end in End::both() {
        let told =
            end.hear("02 02 0102  8a 01 70  00 00  89 00  00 02 0304  8a 00  89 01 71  80 01 05");
        let expected = [
            Told::pong(b"p"),
            Told::ping(b""),
            Told::pong(b""),
            Told::ping(b"q"),
            Told::binary(&[1, 2, 3, 4, 5]),
        ];
        assert_eq!(told, expected);
        assert_eq!(end.said(), wire("8a 00  8a 01 71"));
    }
}

#[test]
fn empty_fragments_are_legal_everywhere() {
    for (frames, text) in [
        ("01 00  80 00", ""),
        ("01 00  80 01 61", "a"),
        ("01 01 61  80 00", "a"),
        ("01 01 61  00 00  00 00  80 01 62", "ab"),
        ("01 00  00 00  00 01 61  00 00  80 00", "a"),
    ] {
        for mut end in End::both() {
            assert_eq!(end.hear(frames), [Told::text(text)], "{frames}");
        }
    }
}

/// The sizes of fragments say nothing about the message: small behind large and large behind small.
#[test]
fn fragments_of_any_sizes_are_joined() {
    let piece = |len: usize, byte: u8| vec![byte; len];
    let pieces = [piece(70_000, 1), piece(1, 2), piece(126, 3), piece(0, 4), piece(125, 5)];
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 0, 3, 4, 2]] {
        let mut frames = Vec::new();
        for (i, &which) in order.iter().enumerate() {
            let first = if i == 0 { 0x02 } else { 0x00 } | if i == 4 { 0x80 } else { 0x00 };
            frames.extend(frame(first, &pieces[which]).0);
        }
        let whole: Vec<u8> = order.iter().flat_map(|&which| pieces[which].clone()).collect();
        for mut end in End::both() {
            assert_eq!(end.hear_frames(&frames), [Told::binary(&whole)]);
        }
    }
}

#[test]
fn messages_follow_each_other_in_fragments_and_whole() {
    for mut end in End::both() {
        let told = end.hear("01 01 61  80 01 62  82 01 63  01 00  80 01 64  81 01 65");
        let expected = [Told::text("ab"), Told::binary(b"c"), Told::text("d"), Told::text("e")];
        assert_eq!(told, expected);
        assert_eq!(end.conn.stats().messages_received, 4);
        assert_eq!(end.conn.stats().frames_received, 6);
        assert_eq!(end.conn.stats().payload_received, 5);
    }
}

/// The sender's side of the same rules: what a writer sends.
#[test]
fn a_writer_sends_the_kind_once_and_fin_at_the_end() {
    for mut end in End::both() {
        let mut writer = end.conn.writer(Kind::Binary).expect("open");
        writer.write(&[1]).expect("room");
        writer.write(&[]).expect("room");
        writer.write(&[2, 3]).expect("room");
        writer.finish(&[4]).expect("room");
        end.conn.writer(Kind::Text).and_then(|w| w.finish(b"whole")).expect("room");
        assert_eq!(end.said(), wire("02 01 01  00 00  00 02 0203  80 01 04  81 05 77686f6c65"));
    }
}

/// "The fragments of one message MUST NOT be interleaved": ours are not.
#[test]
fn no_other_message_can_be_sent_inside_an_unfinished_one() {
    for mut end in End::both() {
        end.conn.writer(Kind::Text).and_then(|mut w| w.write(b"a")).expect("room");
        assert_eq!(end.conn.send_text("no"), Err(SendError::Unfinished(())));
        assert_eq!(end.conn.send_binary(b"no"), Err(SendError::Unfinished(())));
        assert_eq!(end.conn.send("no"), Err(SendError::Unfinished("no".into())));
        assert_eq!(end.conn.writer(Kind::Binary).map(drop), Err(SendError::Unfinished(())));
        end.conn.ping(b"yes").expect("control frames may be injected");
        end.conn.writer(Kind::Text).and_then(|w| w.finish(b"b")).expect("room");
        end.conn.send_text("c").expect("the message before is finished");
        assert_eq!(end.said(), wire("01 01 61  89 03 796573  80 01 62  81 01 63"));
    }
}

#[test]
fn our_pongs_go_between_our_fragments() {
    for mut end in End::both() {
        end.conn.writer(Kind::Text).and_then(|mut w| w.write(b"a")).expect("room");
        assert_eq!(end.hear("89 01 70"), [Told::ping(b"p")]);
        end.conn.writer(Kind::Text).and_then(|w| w.finish(b"b")).expect("room");
        assert_eq!(end.said(), wire("01 01 61  8a 01 70  80 01 62"));
    }
}

#[test]
fn a_message_that_is_not_finished_is_not_told() {
    let mut server = End::server(config(|_| {}));
    assert_eq!(server.hear("02 02 0102  00 03 030405"), []);
    assert_eq!(server.conn.stats().messages_received, 0);
    let told = server.hear_eof();
    common::the_end(&told);
    assert_eq!(told.len(), 1);
}
