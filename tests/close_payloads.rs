//! What a Close frame may carry (RFC 6455 sections 5.5.1 and 7.4).

mod common;

use common::{End, close_frame, failure, frame, the_end, wire};
use hybi::frame::{ClosePayloadError, MAX_CONTROL_PAYLOAD, encode_close, parse_close};
use hybi::{Cause, CloseCode, Error, SendError};

/// Section 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
#[test]
fn a_body_of_one_byte_fails_with_1002() {
    for mut end in End::both() {
        let told = end.hear("88 01 03");
        assert_eq!(failure(&told), Error::ClosePayload(ClosePayloadError::Length));
        let closed = the_end(&told);
        assert_eq!((closed.received.is_none(), closed.code()), (true, CloseCode::ABNORMAL));
        assert_eq!(end.said(), close_frame(1002, "invalid close frame"));
    }
}

/// Section 7.4 and the IANA registry, class by class.
#[test]
fn codes_that_may_be_sent_are_accepted_and_echoed() {
    let codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    for code in codes.into_iter().chain([3000, 3001, 3999, 4000, 4500, 4999]) {
        for mut end in End::both() {
            let closed = the_end(&end.hear_frames(&close_frame(code, "why")));
            assert_eq!(closed.cause, Cause::Remote, "{code}");
            assert_eq!((closed.code().0, closed.reason()), (code, "why"));
            assert_eq!(end.said(), close_frame(code, ""));
        }
    }
}

/// 0 to 999 are not used, 1004 to 1006 and 1015 never stand on the wire, the rest is reserved or undefined.
#[test]
fn codes_that_may_not_be_sent_fail_with_1002() {
    let codes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
    for code in codes {
        for mut end in End::both() {
            let told = end.hear_frames(&close_frame(code, ""));
            let error = Error::ClosePayload(ClosePayloadError::Code(CloseCode(code)));
            assert_eq!(failure(&told), error);
            assert_eq!(end.said(), close_frame(1002, "invalid close frame"));
        }
    }
}

#[test]
fn exactly_the_codes_of_the_registries_may_be_sent() {
    for code in 0..=u16::MAX {
        let may = match code {
            1000..=1014 => ![1004, 1005, 1006].contains(&code),
            3000..=4999 => true,
            _ => false,
        };
        assert_eq!(CloseCode(code).is_sendable(), may, "{code}");
        assert_eq!(parse_close(&code.to_be_bytes()).is_ok(), may, "{code}");
    }
}

/// Sections 5.5.1 and 8.1: the reason is UTF-8.
#[test]
fn a_reason_that_is_not_utf8_fails_with_1007() {
    for reason in ["ff", "c3", "eda080", "6f6b ff", "e282"] {
        let body = wire(&format!("03e8 {reason}"));
        for mut end in End::both() {
            let told = end.hear_frames(&frame(0x88, &body));
            assert_eq!(failure(&told), Error::ClosePayload(ClosePayloadError::Utf8));
            assert_eq!(end.said(), close_frame(1007, "invalid close frame"));
        }
    }
}

#[test]
fn a_reason_of_123_bytes_is_the_longest_received() {
    let reason = "r".repeat(123);
    for mut end in End::both() {
        let closed = the_end(&end.hear_frames(&close_frame(1000, &reason)));
        assert_eq!(closed.reason(), reason);
    }
}

/// A control frame holds 125 bytes, two of them the code (section 5.5).
#[test]
fn a_reason_of_123_bytes_is_the_longest_sent_and_a_longer_one_is_refused() {
    for mut end in End::both() {
        let too_long = "r".repeat(124);
        assert_eq!(end.conn.close(CloseCode::NORMAL, &too_long), Err(SendError::ReasonTooLong));
        let in_bytes = "\u{e9}".repeat(62); // 62 characters, 124 bytes
        assert_eq!(end.conn.close(CloseCode::NORMAL, &in_bytes), Err(SendError::ReasonTooLong));
        assert!(!end.conn.is_closing() && !end.conn.wants_write(), "nothing has happened");
        end.conn.close(CloseCode::NORMAL, &too_long[1..]).expect("123 bytes");
        assert_eq!(end.said(), close_frame(1000, &too_long[1..]));
    }
}

/// Section 7.4.1: 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control frame by an
/// endpoint".
#[test]
fn a_code_that_may_not_be_sent_is_refused_to_the_caller() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map(CloseCode) {
        for mut end in End::both() {
            assert_eq!(end.conn.close(code, ""), Err(SendError::InvalidCloseCode(code)));
            assert!(!end.conn.is_closing() && !end.conn.wants_write(), "nothing has happened");
            end.conn.send_text("open").expect("as before");
        }
    }
}

/// A reason is cut between characters where it is encoded without being refused.
#[test]
fn the_codec_cuts_a_reason_at_a_character() {
    let mut buf = [0; MAX_CONTROL_PAYLOAD];
    let reason = "\u{20ac}".repeat(42); // 126 bytes
    let payload = encode_close(CloseCode::NORMAL, &reason, &mut buf);
    assert_eq!(payload.len(), 2 + 123);
    assert_eq!(parse_close(payload), Ok(Some((CloseCode::NORMAL, &reason[..123]))));
    let reason = format!("a{reason}");
    let payload = encode_close(CloseCode::NORMAL, &reason, &mut buf);
    assert_eq!(payload.len(), 2 + 121);
    assert_eq!(parse_close(&[]), Ok(None));
    assert_eq!(parse_close(&[3]), Err(ClosePayloadError::Length));
}

/// A failure tells the peer its code, and a fixed reason without anything the peer sent.
#[test]
fn every_failure_says_its_own_code() {
    for (frames, code, reason) in [
        ("83 00", 1002, "protocol error"),
        ("88 01 00", 1002, "invalid close frame"),
        ("81 01 ff", 1007, "invalid UTF-8"),
        ("82 7f 0000000001000001", 1009, "frame too large"),
    ] {
        for mut end in End::both() {
            let mut bytes = wire(frames).0;
            if end.conn.role() == hybi::Role::Server {
                bytes = common::masked(&bytes, common::KEY).0.0;
            }
            let told = end.hear_bytes(&bytes);
            assert_eq!(failure(&told).close_code().0, code);
            assert_eq!(end.said(), close_frame(code, reason));
            let sent = the_end(&told).sent.expect("a Close frame");
            assert_eq!((sent.code.0, &*sent.reason), (code, reason));
        }
    }
}
