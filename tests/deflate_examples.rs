//! The examples of RFC 7692 section 7.2.3, byte for byte, and the traps of zlib beside them.
#![cfg(feature = "deflate")]

mod common;
mod deflate_common;

use common::{End, Told, at, frame, wire};
use deflate_common::{Independent, TAIL, both, eager, end, messages, noise, pair, params, said};
use hybi::{Delivery, Kind, Message, Role};

#[test]
fn one_block_is_sent_as_in_the_example() {
    for mut end in both() {
        end.conn.send(Message::text("Hello")).expect("room");
        assert_eq!(payload(&mut end), wire("f2 48 cd c9 c9 07 00").0);
    }
}

#[test]
fn the_window_is_shared_with_takeover_only() {
    for mut end in both() {
        for expected in ["f2 48 cd c9 c9 07 00", "f2 00 11 00 00"] {
            end.conn.send(Message::text("Hello")).expect("room");
            assert_eq!(payload(&mut end), wire(expected).0);
        }
    }
    for role in [Role::Client, Role::Server] {
        let mut end = end(role, params(false, 15), eager(|_| {}));
        for _ in 0..2 {
            // A writer compresses even where that makes the message longer.
            let writer = end.conn.writer(Kind::Text).expect("nothing is open");
            writer.finish(b"Hello").expect("room");
            assert_eq!(payload(&mut end), wire("f2 48 cd c9 c9 07 00").0);
        }
    }
}

/// Trap: nothing to flush makes zlib silent, or add an empty block; the RFC has one byte (section 7.2.3.6).
#[test]
fn an_empty_message_is_one_byte_first_and_later() {
    for takeover in [true, false] {
        for role in [Role::Client, Role::Server] {
            let mut end = end(role, params(takeover, 15), eager(|_| {}));
            for text in ["", "", "Hello, hello, hello, hello", "", ""] {
                end.conn.send(Message::text(text).compressed()).expect("room");
                let sent = payload(&mut end);
                assert_eq!(sent == [0], text.is_empty(), "{sent:02x?}");
            }
        }
    }
}

#[test]
fn a_message_in_pieces_has_rsv1_on_its_first_frame_and_a_final_frame_of_one_byte() {
    for mut end in both() {
        let mut writer = end.conn.writer(Kind::Text).expect("nothing is open");
        writer.write(b"Hello").expect("room");
        writer.write(b"").expect("room");
        writer.finish(b"").expect("room");
        let frames = said(&mut end);
        let told: Vec<_> = frames.iter().map(|(h, p)| (h.rsv1, h.fin, p.clone())).collect();
        let first = wire("f2 48 cd c9 c9 07 00 00 00 ff ff").0;
        assert_eq!(told, [(true, false, first), (false, false, vec![]), (false, true, vec![0])]);
    }
}

#[test]
fn every_example_is_read() {
    for (frames, expected) in [
        ("c1 07 f248cdc9c90700", vec!["Hello"]),
        ("41 03 f248cd  80 04 c9c90700", vec!["Hello"]),
        ("c1 07 f248cdc9c90700  c1 05 f200110000", vec!["Hello", "Hello"]),
        ("c1 07 f248cdc9c90700  c1 07 f248cdc9c90700", vec!["Hello", "Hello"]),
        ("c1 0b 000500faff48656c6c6f00", vec!["Hello"]),
        ("c1 08 f348cdc9c9070000", vec!["Hello"]),
        ("c1 0d f248050000 00ffff cac9c90700", vec!["Hello"]),
        ("c1 01 00", vec![""]),
        ("41 0b f248cdc9c907000000ffff  80 01 00", vec!["Hello"]),
        ("41 00  80 01 00", vec![""]),
        ("c1 07 f248cdc9c90700  c1 01 00  c1 05 f200110000", vec!["Hello", "", "Hello"]),
    ] {
        for piece in [1, 2, 3, 7, usize::MAX] {
            for mut end in both() {
                let told = deflate_common::hear_in_pieces(&mut end, &wire(frames), piece);
                let expected: Vec<_> = expected.iter().copied().map(Told::text).collect();
                assert_eq!(told, expected, "{frames} in pieces of {piece}");
            }
        }
    }
}

/// Section 7.2.3.1: the first fragment says as much as it says.
#[test]
fn the_first_three_bytes_alone_say_he() {
    for role in [Role::Client, Role::Server] {
        let config = eager(|config| config.delivery = Delivery::Chunks);
        let mut end = end(role, params(true, 15), config);
        let chunk = |text: &str, first, last| {
            vec![Told::Chunk { kind: Kind::Text, data: text.as_bytes().into(), first, last }]
        };
        assert_eq!(end.hear("41 03 f248cd"), chunk("He", true, false));
        assert_eq!(joined(end.hear("80 04 c9c90700")), ("llo".to_owned(), true));
    }
}

/// Trap: where the output is full to the last byte after a flush, asking again adds a second one.
#[test]
fn a_piece_ends_with_one_flush() {
    each_length(|end, _, level, len| {
        let message = noise(len as u32, len);
        let mut writer = end.conn.writer(Kind::Binary).expect("nothing is open");
        writer.write(&message).expect("room");
        writer.finish(b"").expect("room");
        let first = &said(end)[0].1;
        assert!(first.is_empty() || first.ends_with(&TAIL), "{len} bytes at level {level}");
        let twice = first.ends_with(&[&TAIL[..], &[0], &TAIL].concat());
        assert!(!twice, "two flushes for {len} bytes at level {level}");
    });
}

/// The tail is cut off the stream, not off data that looks like it.
#[test]
fn data_that_looks_like_the_tail_stays() {
    each_length(|end, independent, level, len| {
        for tail in [&b""[..], &TAIL, &[0, 0, 0, 0xff, 0xff]] {
            let message = [&noise(len as u32, len)[..], tail].concat();
            let mut writer = end.conn.writer(Kind::Binary).expect("nothing is open");
            writer.write(&message).expect("room");
            writer.finish(&message).expect("room");
            let (_, payload) = messages(said(end)).remove(0);
            let plain = independent.inflate(&payload);
            assert!(plain == message.repeat(2), "{len} bytes at level {level} in pieces");

            end.conn.send(Message::binary(message.clone()).compressed()).expect("room");
            let (compressed, payload) = messages(said(end)).remove(0);
            let plain = if compressed { independent.inflate(&payload) } else { payload };
            assert!(plain == message, "{len} bytes at level {level} in one frame");
        }
    });
}

/// Calls `check` with a connection for messages of every length around those where buffers are full.
fn each_length(mut check: impl FnMut(&mut End, &mut Independent, u8, usize)) {
    for (takeover, levels) in [(true, &[0, 1, 9][..]), (false, &[3])] {
        for &level in levels {
            let config = eager(|config| {
                config.compression.as_mut().expect("it is set").level = level;
            });
            let mut end = end(Role::Server, params(takeover, 15), config);
            let mut independent = Independent::new(takeover);
            for len in (0..20).chain(16_340..16_385) {
                check(&mut end, &mut independent, level, len);
            }
        }
    }
}

#[test]
fn what_one_end_sends_the_other_is_told() {
    for takeover in [true, false] {
        for step in [1, 1000] {
            let mut pair = pair(params(takeover, 15), eager(|_| {}), step);
            for _ in 0..3 {
                let message = Message::binary(noise(5, 3000).repeat(4));
                pair.client.conn.send(message.clone()).expect("room");
                pair.server.conn.send(message).expect("room");
                pair.run();
            }
            let expected = vec![Told::binary(&noise(5, 3000).repeat(4)); 3];
            assert!(pair.server_told == expected && pair.client_told == expected);
            let stats = pair.server.conn.stats();
            assert!(stats.payload_received < stats.inflated_received / 3, "{stats:?}");
        }
    }
}

#[test]
fn compressed_messages_are_counted_as_all_others() {
    for takeover in [true, false] {
        for step in [1, 1000] {
            let mut pair = pair(params(takeover, 15), eager(|_| {}), step);
            for end in [&mut pair.client, &mut pair.server] {
                end.conn.send("Hello, hello, hello").expect("room");
                let mut writer = end.conn.writer(Kind::Text).expect("nothing is open");
                writer.write(b"Hello, ").expect("room");
                writer.finish(b"hello").expect("room");
            }
            pair.run();
            // A client's headers have a key.
            for (from, to, header) in
                [(&pair.client, &pair.server, 6), (&pair.server, &pair.client, 2)]
            {
                let (sent, received) = (from.conn.stats(), to.conn.stats());
                assert_eq!((sent.frames_sent, sent.messages_sent), (3, 2));
                assert_eq!((received.frames_received, received.messages_received), (3, 2));
                assert_eq!((sent.payload_sent, received.inflated_received), (31, 31));
                assert_eq!(received.payload_received, received.bytes_received - 3 * header);
            }
        }
    }
}

#[test]
fn compressed_messages_either_way_put_idleness_off() {
    let idle = Some(std::time::Duration::from_secs(60));
    for role in [Role::Client, Role::Server] {
        let config = eager(|config| (config.idle_timeout, config.ping_interval) = (idle, None));
        let mut end = end(role, params(false, 15), config);
        end.conn.poll_timeout(at(0.0));
        let told = end.hear_frames(&frame(0xc1, &wire("f2 48 cd c9 c9 07 00").0));
        assert_eq!(told, [Told::text("Hello")]);
        assert_eq!(end.conn.poll_timeout(at(10.0)), Some(at(70.0)));
        end.conn.send("Hello, hello, hello, hello").expect("room");
        assert!(messages(said(&mut end))[0].0, "it was compressed");
        assert_eq!(end.conn.poll_timeout(at(20.0)), Some(at(80.0)));
    }
}

#[test]
fn a_message_that_is_not_compressed_may_be_sent_and_received_at_will() {
    for mut end in both() {
        end.conn.send(Message::text("Hello").uncompressed()).expect("room");
        end.conn.send(Message::text("Hello")).expect("room");
        let sent = messages(said(&mut end));
        let hello = wire("f2 48 cd c9 c9 07 00").0;
        assert_eq!(sent, [(false, b"Hello".to_vec()), (true, hello)]);
        assert_eq!(end.hear_frames(&frame(0x81, b"Hello")), [Told::text("Hello")]);
    }
}

/// The first frame says whether a message is compressed: what is wished for later comes too late.
#[test]
fn a_message_in_pieces_is_sent_as_it_is_where_that_is_wished_before_its_first_piece() {
    for (mut end, mut other) in both().into_iter().zip(both()) {
        let mut writer = end.conn.writer(Kind::Text).expect("nothing is open").uncompressed();
        writer.write(b"Hel").expect("room");
        end.conn.writer(Kind::Text).expect("it is open").finish(b"lo").expect("room");
        assert_eq!(messages(said(&mut end)), [(false, b"Hello".to_vec())]);

        end.conn.writer(Kind::Text).and_then(|mut writer| writer.write(b"Hel")).expect("room");
        let writer = end.conn.writer(Kind::Text).expect("it is open").uncompressed();
        writer.finish(b"lo").expect("room");
        let mut writer = other.conn.writer(Kind::Text).expect("nothing is open");
        writer.write(b"Hel").expect("room");
        writer.finish(b"lo").expect("room");
        let sent = messages(said(&mut end));
        assert!(sent[0].0 && sent == messages(said(&mut other)), "it goes on as it began");
    }
}

fn payload(end: &mut End) -> Vec<u8> {
    let mut sent = messages(said(end));
    assert_eq!(sent.len(), 1);
    let (compressed, payload) = sent.remove(0);
    assert!(compressed, "it was sent as it is");
    payload
}

/// The text of chunks, and whether the last of them is the message's last.
fn joined(told: Vec<Told>) -> (String, bool) {
    let mut text = Vec::new();
    let mut ended = false;
    for told in told {
        let Told::Chunk { data, last, .. } = told else { panic!("{told:?}") };
        text.extend(data.0);
        ended = last;
    }
    (String::from_utf8(text).expect("chunks of text"), ended)
}
