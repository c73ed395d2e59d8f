//! Pings, pongs and the rules of all control frames (RFC 6455 section 5.5).

mod common;

use bytes::Buf;
use common::{End, Told, close_frame, failure, frame, the_end, wire};
use hybi::frame::HeaderError;
use hybi::{Cause, CloseCode, Error, SendError};

/// Section 5.5: "All control frames MUST have a payload length of 125 bytes or less".
#[test]
fn a_control_frame_over_125_bytes_fails_at_its_second_byte() {
    for first in [0x88, 0x89, 0x8a] {
        for length in [126, 127] {
            for mut end in End::both() {
                assert_eq!(end.hear_bytes(&[first]), []);
                let masked = if end.conn.role() == hybi::Role::Server { 0x80 } else { 0 };
                let told = end.hear_bytes(&[masked | length]);
                assert_eq!(failure(&told), Error::Header(HeaderError::ControlTooLong));
                assert_eq!(end.said(), close_frame(1002, "protocol error"));
            }
        }
    }
}

/// Section 5.5: control frames "MUST NOT be fragmented".
#[test]
fn a_control_frame_without_fin_fails_at_its_first_byte() {
    for first in [0x08, 0x09, 0x0a] {
        for before in ["", "01 01 61"] {
            for mut end in End::both() {
                assert_eq!(end.hear(before), []);
                let told = end.hear_bytes(&[first]);
                assert_eq!(failure(&told), Error::Header(HeaderError::ControlFragmented));
                assert_eq!(end.said(), close_frame(1002, "protocol error"));
            }
        }
    }
}

/// Section 5.5.3: a pong carries "identical Application data as found in the message body of the Ping".
#[test]
fn a_ping_is_answered_with_its_own_payload() {
    let longest: Vec<u8> = (0..125).map(|i| i * 2).collect();
    for payload in [&b""[..], b"\0", b"\xff\xfe", &longest[..124], &longest] {
        for mut end in End::both() {
            assert_eq!(end.hear_frames(&frame(0x89, payload)), [Told::ping(payload)]);
            assert_eq!(end.said(), frame(0x8a, payload));
        }
    }
}

/// Section 5.5.2: "It SHOULD respond with Pong frame as soon as is practical": before what we send next.
#[test]
fn a_pong_goes_before_what_is_sent_in_answer_to_the_event() {
    for mut end in End::both() {
        end.conn.send_text("before").expect("room");
        assert_eq!(end.hear("89 01 70"), [Told::ping(b"p")]);
        end.conn.send_text("after").expect("room");
        assert_eq!(end.said(), wire("81 06 6265666f7265  8a 01 70  81 05 6166746572"));
    }
}

#[test]
fn every_ping_is_answered_in_order_while_the_queue_is_short() {
    for mut end in End::both() {
        let told = end.hear("89 01 01  89 01 02  89 01 03");
        assert_eq!(told, [Told::ping(&[1]), Told::ping(&[2]), Told::ping(&[3])]);
        assert_eq!(end.said(), wire("8a 01 01  8a 01 02  8a 01 03"));
    }
}

#[test]
fn a_ping_is_told_and_answered_only_when_all_of_it_is_there() {
    for mut end in End::both() {
        assert_eq!(end.hear("89 03 6162"), []);
        assert!(!end.conn.wants_write());
        assert_eq!(end.hear_more("63"), [Told::ping(b"abc")]);
        assert_eq!(end.said(), wire("8a 03 616263"));
        let longest = frame(0x89, &[0x61; 125]);
        assert_eq!(end.hear_frames(&longest[..126]), []);
        assert_eq!(end.hear_more("61"), [Told::ping(&[0x61; 125])]);
        assert_eq!(end.said(), frame(0x8a, &[0x61; 125]));
    }
}

/// Section 5.5.3: a pong "MAY be sent unsolicited", and "a response to an unsolicited Pong frame is not
/// expected".
#[test]
fn a_pong_is_told_and_not_answered() {
    for mut end in End::both() {
        assert_eq!(end.hear("8a 00  8a 02 6869"), [Told::pong(b""), Told::pong(b"hi")]);
        assert_eq!(end.said(), wire(""));
    }
}

/// Section 5.5.3: several pings that wait may be answered by the latest alone.
#[test]
fn behind_a_long_queue_only_the_latest_ping_is_answered() {
    for mut end in End::both() {
        end.conn.send(vec![0; 100_000]).expect("room");
        for number in 0..50u8 {
            end.hear_frames(&frame(0x89, &[number]));
        }
        let frames = end.said_frames();
        assert_eq!(frames.len(), 2, "the message and one pong");
        assert_eq!(frames[1].1, [49]);
        assert_eq!(end.hear("89 01 aa"), [Told::ping(&[0xaa])]);
        assert_eq!(end.said(), wire("8a 01 aa"));
    }
}

#[test]
fn a_pong_that_waits_is_work_to_do() {
    for mut end in End::both() {
        end.conn.send(vec![0; 100_000]).expect("room");
        assert_eq!(end.hear("89 01 70"), [Told::ping(b"p")]);
        let queued = end.conn.transmit().len();
        end.conn.transmit().advance(queued);
        assert!(end.conn.wants_write());
        assert_eq!(end.said(), wire("8a 01 70"));
        assert!(!end.conn.wants_write());
    }
}

/// The answer to a later ping is the last: none to an earlier one follows it.
#[test]
fn a_pong_that_waits_is_dropped_by_one_that_leaves_before_it() {
    for mut end in End::both() {
        end.conn.send(vec![0; 100_000]).expect("room");
        end.hear("89 01 70");
        let tx = end.conn.transmit();
        tx.advance(tx.len() - 1);
        end.hear("89 01 71");
        end.conn.transmit().advance(1);
        assert_eq!(end.said(), wire("8a 01 71"));
    }
}

/// Section 5.5.1 forbids data after our Close frame, not pongs, and 5.5.2 asks for them until the peer's
/// Close has come.
#[test]
fn a_ping_is_answered_after_our_own_close() {
    for mut end in End::both() {
        end.conn.close(CloseCode::NORMAL, "").expect("a code that may be sent");
        assert_eq!(end.hear("89 01 70"), [Told::ping(b"p")]);
        assert_eq!(end.said(), wire("88 02 03e8  8a 01 70"));
    }
}

/// Section 5.5.2: an endpoint answers a ping "unless it already received a Close frame".
#[test]
fn a_ping_after_the_peers_close_is_neither_told_nor_answered() {
    for mut end in End::both() {
        let told = end.hear("88 02 03e8  89 01 70");
        assert_eq!(the_end(&told).cause, Cause::Remote);
        assert_eq!(told.len(), 1);
        assert_eq!(end.hear("89 01 71"), []);
        assert_eq!(end.said(), wire("88 02 03e8"));
    }
}

#[test]
fn a_pong_that_waits_is_dropped_by_the_peers_close() {
    for mut end in End::both() {
        end.conn.send(vec![0; 100_000]).expect("room");
        end.hear("89 01 70");
        end.hear("88 02 03e8");
        let frames = end.said_frames();
        assert_eq!(frames.len(), 2, "the message and our Close");
        assert_eq!(frames[1].1, 1000u16.to_be_bytes());
    }
}

/// Section 7.1.7: nothing follows the Close frame that tells of a failure.
#[test]
fn a_pong_that_waits_is_dropped_by_a_failure() {
    for mut end in End::both() {
        end.conn.send(vec![0; 100_000]).expect("room");
        end.hear("89 01 70");
        end.hear("83 00");
        let frames = end.said_frames();
        assert_eq!(frames.len(), 2, "the message and our Close");
        assert_eq!(frames[1].1[..2], 1002u16.to_be_bytes());
    }
}

/// Section 5.5: our own control frames keep the limit too.
#[test]
fn a_payload_over_125_bytes_is_refused_to_the_caller() {
    for mut end in End::both() {
        assert_eq!(end.conn.ping(&[0; 126]), Err(SendError::ControlTooLong));
        assert_eq!(end.conn.pong(&[0; 126]), Err(SendError::ControlTooLong));
        assert_eq!(end.said(), wire(""));
        end.conn.ping(&[1; 125]).expect("room");
        end.conn.pong(&[2; 125]).expect("room");
        let expected = [frame(0x89, &[1; 125]).0, frame(0x8a, &[2; 125]).0].concat();
        assert_eq!(end.said().0, expected);
    }
}

#[test]
fn control_frames_are_counted() {
    for mut end in End::both() {
        end.hear("89 00  89 00  8a 00");
        let stats = *end.conn.stats();
        assert_eq!((stats.pings_received, stats.pongs_received), (2, 1));
        assert_eq!((stats.frames_received, stats.frames_sent), (3, 2));
        assert_eq!((stats.messages_received, stats.messages_sent), (0, 0));
        let key = if is_client(&end) { 0 } else { 4 };
        assert_eq!(stats.bytes_received, 3 * (2 + key));
    }
}

fn is_client(end: &End) -> bool {
    end.conn.role() == hybi::Role::Client
}
