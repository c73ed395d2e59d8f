//! What people read of an end and of an error: sentences that can stand in a log.

mod common;

use std::collections::BTreeSet;

use common::{End, the_end, wire};
use hybi::frame::{ClosePayloadError, HeaderError};
use hybi::{Cause, CloseCode, Error, Event, Message, SendError, Timeout};

#[test]
fn an_end_is_told_with_who_ended_it_and_what_was_said() {
    let endings = [
        (None, "88 05 03e9 627965", "closed by the peer (1001, \"bye\")"),
        (None, "88 00", "closed by the peer (1005)"),
        (Some(CloseCode(4000)), "88 02 03e8", "closed by us (4000, \"enough\")"),
        (None, "83", "failed: reserved opcode (1002, \"protocol error\")"),
        (None, "", "connection lost without a close frame"),
        (Some(CloseCode(4000)), "", "connection lost without a close frame (4000, \"enough\")"),
    ];
    for (ours, hex, expected) in endings {
        for mut end in End::both() {
            if let Some(code) = ours {
                end.conn.close(code, "enough").expect("may be sent");
            }
            let mut told = end.hear(hex);
            told.extend(end.hear_eof());
            assert_eq!(the_end(&told).to_string(), expected);
        }
    }
}

/// Each in lower case and without a full stop, so that it can stand after a colon, and none like another.
#[test]
fn every_cause_and_every_error_has_a_text_of_its_own() {
    let headers = [
        HeaderError::ReservedBits,
        HeaderError::ReservedOpcode,
        HeaderError::ControlFragmented,
        HeaderError::ControlTooLong,
        HeaderError::Unmasked,
        HeaderError::Masked,
        HeaderError::NonMinimalLength,
        HeaderError::LengthTopBit,
        HeaderError::UnexpectedContinuation,
        HeaderError::ExpectedContinuation,
    ];
    let payloads = [
        ClosePayloadError::Length,
        ClosePayloadError::Code(CloseCode::ABNORMAL),
        ClosePayloadError::Utf8,
    ];
    let errors = [
        Error::InvalidUtf8,
        Error::FrameTooLarge { len: 70_001, limit: 70_000 },
        Error::MessageTooLarge { limit: 80_000 },
        Error::TooManyFragments { limit: 90_000 },
        Error::TooManyEmptyFragments { limit: 60_000 },
        Error::TooManyControlFrames,
    ];
    let timeouts =
        [Timeout::Pong, Timeout::Close, Timeout::Idle, Timeout::Write, Timeout::Lifetime];
    let sends = [
        SendError::Full(()),
        SendError::Closed(()),
        SendError::Unfinished(()),
        SendError::ControlTooLong,
        SendError::ReasonTooLong,
        SendError::InvalidCloseCode(CloseCode(2999)),
        SendError::InvalidUtf8,
    ];
    let of_peers =
        headers.map(Error::from).into_iter().chain(payloads.map(Error::from)).chain(errors);
    let texts: Vec<String> = of_peers
        .map(|error| error.to_string())
        .chain(timeouts.map(|timeout| Cause::Timeout(timeout).to_string()))
        .chain(sends.iter().map(SendError::to_string))
        .chain(hybi::utf8::check(b"abc\xff").map_err(|error| error.to_string()).err())
        .collect();
    for text in &texts {
        assert!(text.len() > 10 && !text.ends_with('.'), "{text:?}");
        let first = text.split(' ').next().unwrap_or_default();
        assert_eq!(first, first.to_lowercase(), "{text:?}");
    }
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len());
    for number in ["1006", "70001", "70000", "80000", "90000", "60000", "2999"] {
        assert!(texts.iter().any(|text| text.contains(number)), "{number} is told");
    }
}

#[test]
fn an_event_of_a_message_can_be_kept_as_a_message() {
    let mut kept = Vec::new();
    for mut end in End::both() {
        end.rx.extend_from_slice(&[]);
        let frames = wire("81 01 61  82 02 0102  89 00");
        let bytes = match end.conn.role() {
            hybi::Role::Client => frames.0,
            hybi::Role::Server => common::masked(&frames, common::KEY).0.0,
        };
        end.rx.extend_from_slice(&bytes);
        while let Some(event) = end.conn.next_event(&mut end.rx) {
            kept.push(event.to_message());
            assert_eq!(matches!(event, Event::Ping(_)), kept.last() == Some(&None));
        }
    }
    let expected = [Some(Message::text("a")), Some(Message::binary(vec![1, 2])), None];
    assert_eq!(kept, [expected.clone(), expected].concat());
}
