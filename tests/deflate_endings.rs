//! Every way in which a compressed message ends, and what may stand between its parts (RFC 7692 sections 6 and 7.2).
#![cfg(feature = "deflate")]

mod common;
mod deflate_common;

use common::{End, Told, failure, frame, wire};
use deflate_common::{
    Bits, TAIL, both, buffer, eager, end, hear_in_pieces, messages, noise, params, said,
};
use hybi::deflate::InflateError;
use hybi::frame::HeaderError;
use hybi::{CloseCode, Connection, Delivery, Error, Event, Message, Role};

const PIECES: [usize; 5] = [1, 2, 3, 7, usize::MAX];

#[test]
fn a_message_goes_on_after_final_blocks() {
    let hello = |last| Bits::default().fixed(last).literals(b"Hello").end_of_block();
    let reused = |bits: Bits| bits.fixed(false).copy(5, 5).end_of_block().message();
    for (payload, expected) in [
        (hello(true).align().message(), "Hello"),
        (hello(true).align().stored(true, b"").message(), "Hello"),
        (hello(true).align().stored(true, b" you").message(), "Hello you"),
        (reused(hello(true).align()), "HelloHello"),
        (reused(hello(true).align().stored(true, b"").stored(true, b"")), "HelloHello"),
        (Bits::default().stored(true, b"").message(), ""),
        (Bits::default().stored(true, b"").bytes(), ""),
        (hello(true).bytes(), "Hello"),
    ] {
        every_way(&[frame(0xc1, &payload).0], &[expected]);
    }
}

/// What was sent before a final block is in the window after it, in whatever message it came.
#[test]
fn the_window_outlives_final_blocks() {
    let copy = |last| Bits::default().fixed(last).copy(5, 5).end_of_block();
    let hello = Bits::default().fixed(false).literals(b"Hello").end_of_block().message();
    let message = |payload: Vec<u8>| frame(0xc1, &payload).0;
    let again = message(copy(false).message());
    let ending = message(copy(true).align().message());
    // The first message is in the window of the third, although the second ended with a final block.
    every_way(&[message(hello.clone()), ending, again.clone()], &["Hello"; 3]);
    let empty = message(Bits::default().stored(true, b"").message());
    every_way(&[message(hello.clone()), empty, again.clone()], &["Hello", "", "Hello"]);
    // Within a message, which may have been delivered in part when the block ends.
    let two = Bits::default().fixed(false).literals(b"Hello").end_of_block().stored(true, b"");
    let two = two.fixed(false).copy(5, 5).end_of_block().message();
    every_way(&[message(hello), message(two), again], &["Hello", "HelloHello", "Hello"]);
}

#[test]
fn a_long_window_outlives_final_blocks() {
    let data = noise(3, 32_768);
    let first = Bits::default().stored(false, &data).message();
    let second = Bits::default().stored(true, b"x").fixed(false).copy(4, 32_768);
    let second = second.end_of_block().message();
    for mut end in both() {
        let frames = [frame(0xc2, &first).0, frame(0xc2, &second).0].concat();
        let told = hear_in_pieces(&mut end, &frames, 1000);
        let copied = [b"x", &data[1..5]].concat();
        assert!(told == [Told::binary(&data), Told::binary(&copied)], "{:?}", told.last());
    }
}

/// A small message with a final block is a message as any other, however many come.
#[test]
fn final_blocks_may_end_every_message() {
    let big = Bits::default().stored(true, &noise(1, 40_000)).message();
    let small = Bits::default().fixed(true).literals(b"small").end_of_block().align().message();
    for mut end in both() {
        assert_eq!(end.hear_frames(&frame(0xc2, &big)).len(), 1);
        for number in 0..500 {
            let told = end.hear_frames(&frame(0xc1, &small));
            assert_eq!(told, [Told::text("small")], "message {number}");
        }
    }
}

#[test]
fn a_message_cut_anywhere_fails() {
    for mut sender in both() {
        let text = "One fish, two fish, red fish, blue fish. ".repeat(8);
        sender.conn.send(Message::text(&*text)).expect("room");
        let (_, payload) = messages(said(&mut sender)).remove(0);
        for len in 1..payload.len() {
            for piece in [1, usize::MAX] {
                for mut end in both() {
                    let told = hear_in_pieces(&mut end, &frame(0xc1, &payload[..len]), piece);
                    assert!(matches!(failure(&told), Error::Inflate(_)), "cut after {len}");
                    assert_eq!(told.len(), 1, "nothing is told of it");
                }
            }
        }
    }
}

#[test]
fn a_message_that_does_not_end_with_a_block_is_unfinished() {
    let code = Bits::default().fixed(false).literals(b"Hello").bytes();
    let header = Bits::default().fixed(false).literals(b"Hello").end_of_block().put(0, 1).bytes();
    let stored = Bits::default().stored(false, b"Hello").bytes();
    let within = stored[..stored.len() - 2].to_vec();
    // The tail stands in it already: put back, it is what a stored block's header would be.
    let tail = [&Bits::default().fixed(false).end_of_block().message()[..], &TAIL].concat();
    for payload in [code, stored, within, tail, vec![0x00, 0x00], vec![0x02], vec![0x04]] {
        for piece in PIECES {
            for mut end in both() {
                let told = hear_in_pieces(&mut end, &frame(0xc1, &payload), piece);
                assert!(matches!(failure(&told), Error::Inflate(_)), "{payload:02x?} {told:?}");
                assert_eq!(common::said_code(&mut end), CloseCode::INVALID_DATA);
            }
        }
    }
    // Unused bits are no code: where they begin an empty stored block, the tail completes it.
    every_way(&[frame(0xc1, &header).0], &["Hello"]);
}

#[test]
fn empty_messages_and_fragments_change_nothing() {
    let hello = frame(0xc1, &wire("f248cdc9c90700")).0;
    let again = frame(0xc1, &wire("f200110000")).0;
    let join = |frames: &str| wire(frames).0;
    every_way(&[hello.clone(), join("c1 01 00"), again.clone()], &["Hello", "", "Hello"]);
    every_way(&[hello.clone(), join("c1 00"), again.clone()], &["Hello", "", "Hello"]);
    every_way(&[hello.clone(), join("41 00 80 01 00"), again.clone()], &["Hello", "", "Hello"]);
    every_way(&[hello, join("41 00 00 01 f2 00 00 80 04 00 11 00 00"), again], &["Hello"; 3]);
    every_way(&[join("c1 02 02 00"), join("c1 01 00")], &["", ""]);
}

#[test]
fn control_frames_come_between_compressed_fragments() {
    for piece in PIECES {
        for mut end in both() {
            let frames = wire("41 03 f248cd  89 02 6869  00 00  8a 00  80 04 c9c90700");
            let told = hear_in_pieces(&mut end, &frames, piece);
            let expected = [Told::ping(b"hi"), Told::pong(b""), Told::text("Hello")];
            assert_eq!(told, expected, "in pieces of {piece}");
            assert_eq!(said(&mut end).len(), 1, "the ping is answered");
        }
    }
}

/// A ping that was found and not yet told stays whole while more is read behind it.
#[test]
fn a_ping_behind_a_compressed_message_waits_unharmed() {
    for within in [false, true] {
        let start = if within { "41 03 f248cd" } else { "c1 07 f248cdc9c90700" };
        let mut end = end(Role::Client, params(true, 15), eager(|_| {}));
        assert_eq!(end.hear(start).len(), usize::from(!within));
        end.rx.extend_from_slice(&wire("89 05 48656c6c6f"));
        assert!(end.conn.has_event(&mut end.rx));
        for _ in 0..40 {
            end.rx.extend_from_slice(&frame(0x8a, &[7; 100]).repeat(5));
        }
        let told = end.events();
        assert_eq!(told[0], Told::ping(b"Hello"));
        assert_eq!(told.len(), 201);
    }
}

#[test]
fn messages_that_are_not_compressed_leave_the_window_alone() {
    let parts =
        ["c1 07 f248cdc9c90700", "81 05 706c61696e", "01 01 61 80 01 62", "c1 05 f200110000"];
    let parts = parts.map(|part| wire(part).0);
    every_way(&parts, &["Hello", "plain", "ab", "Hello"]);
}

#[test]
fn rsv1_stands_on_the_first_frame_of_a_message_only() {
    for frames in
        ["41 03 f248cd c0 04 c9c90700", "01 03 48656c c0 02 6c6f", "c9 00", "ca 00", "c8 02 03e8"]
    {
        for piece in PIECES {
            for mut end in both() {
                let told = hear_in_pieces(&mut end, &wire(frames), piece);
                assert_eq!(failure(&told), Error::Header(HeaderError::ReservedBits), "{frames}");
                assert_eq!(common::said_code(&mut end), CloseCode::PROTOCOL_ERROR);
            }
        }
    }
}

#[test]
fn rsv1_without_compression_fails() {
    for mut end in End::both() {
        let told = end.hear("c1 07 f248cdc9c90700");
        assert_eq!(failure(&told), Error::Header(HeaderError::ReservedBits));
    }
}

#[test]
fn what_is_not_deflate_fails() {
    let too_many_codes = [&[4, 0xc0][..], &[0xff; 10]].concat();
    for payload in [
        wire("06").0,
        wire("00 0500 0000 48656c6c6f 00").0,
        wire("4a1c0300").0,
        wire("4a043e00").0,
        wire("f200110000").0,
        wire("f248cdc9c9070000").0,
        too_many_codes,
    ] {
        for bits in [8, 12, 15] {
            for piece in PIECES {
                for role in [Role::Client, Role::Server] {
                    let mut end = end(role, params(true, bits), eager(|_| {}));
                    let told = hear_in_pieces(&mut end, &frame(0xc1, &payload), piece);
                    assert!(matches!(failure(&told), Error::Inflate(_)), "{payload:02x?}");
                    assert_eq!(common::said_code(&mut end), CloseCode::INVALID_DATA);
                }
            }
        }
    }
}

#[test]
fn without_takeover_a_message_may_not_refer_to_another() {
    for role in [Role::Client, Role::Server] {
        let mut end = end(role, params(false, 15), eager(|_| {}));
        let told = end.hear("c1 07 f248cdc9c90700 c1 07 f248cdc9c90700 c1 05 f200110000");
        assert_eq!(told[..2], [Told::text("Hello"), Told::text("Hello")]);
        assert_eq!(failure(&told), Error::Inflate(InflateError::Data));
    }
}

/// Compressed text is checked as it is inflated: characters may be cut anywhere.
#[test]
fn compressed_text_is_utf_8() {
    let text = |bytes: &[u8]| frame(0xc1, &Bits::default().stored(false, bytes).message()).0;
    every_way(&[text("Grüße, 世界 🎉".as_bytes())], &["Grüße, 世界 🎉"]);
    for wrong in [&b"\xff"[..], b"ok \xc3", b"\xed\xa0\x80"] {
        for piece in PIECES {
            for mut end in both() {
                let told = hear_in_pieces(&mut end, &text(wrong), piece);
                assert_eq!(failure(&told), Error::InvalidUtf8);
            }
        }
    }
}

/// Hears the same frames in both roles, with windows of two sizes, cut in every way, whole and in chunks.
#[track_caller]
fn every_way(frames: &[Vec<u8>], expected: &[&str]) {
    for delivery in [Delivery::Messages, Delivery::Chunks] {
        for piece in PIECES {
            for (role, bits) in [(Role::Client, 15), (Role::Server, 15), (Role::Server, 10)] {
                let config = eager(|config| config.delivery = delivery);
                let mut end = end(role, params(true, bits), config);
                let told = hear_in_pieces(&mut end, &frames.concat(), piece);
                let told = texts(told);
                assert_eq!(told, expected, "{delivery:?} in pieces of {piece}, {bits} bits");
            }
        }
    }
    // And with a buffer that is filled once.
    let mut conn = Connection::client(eager(|_| {}).into(), || [0; 4])
        .with_compression(params(true, 15), None);
    let mut rx = buffer(&frames.concat());
    let mut told = 0;
    while let Some(event) = conn.next_event(&mut rx) {
        told += usize::from(matches!(event, Event::Text(_)));
    }
    assert_eq!(told, expected.len());
}

/// The texts that were told, put together from chunks where they came so.
fn texts(told: Vec<Told>) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for told in told {
        match told {
            Told::Text(text) => texts.push(text),
            Told::Chunk { data, first, .. } => {
                if first {
                    texts.push(String::new());
                }
                let text = std::str::from_utf8(&data).expect("a chunk of text is text");
                texts.last_mut().expect("a first chunk came").push_str(text);
            }
            other => panic!("{other:?}"),
        }
    }
    texts
}
