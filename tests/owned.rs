//! Messages as values of their own ([`hybi::Connection::next_message`]): copied, or with the memory they came in.

mod common;

use common::{End, KEY, Told, config, frame, masked};
use hybi::{Connection, Message, Received, RecvBuf};
use proptest::collection::vec;
use proptest::prelude::*;

const LARGE: usize = 16 * 1024;

/// A copy leaves the memory where it is; what is taken over leaves none.
#[test]
fn a_payload_of_16_kib_that_fills_more_than_half_the_memory_keeps_it() {
    for (len, memory, is_copied) in [
        (LARGE - 1, LARGE + 100, true),
        (LARGE, LARGE + 100, false),
        (LARGE, 2 * LARGE, true),
        (LARGE, 2 * LARGE - 1, false),
        (100_000, 200_000, true),
        (100_000, 199_999, false),
    ] {
        for first in [0x81, 0x82] {
            let mut rx = RecvBuf::new();
            rx.lend_memory(Vec::with_capacity(memory));
            rx.extend_from_slice(&masked(&frame(first, &vec![b'a'; len]), KEY).0);
            assert_eq!(rx.capacity(), memory, "the frame fits");
            let mut conn = Connection::server(config(|_| {}));
            let Some(Received::Message(message)) = conn.next_message(&mut rx) else {
                panic!("a message")
            };
            assert_eq!(message.as_bytes(), vec![b'a'; len]);
            assert_eq!(message.as_text().is_some(), first == 0x81);
            assert_eq!(rx.capacity(), if is_copied { memory } else { 0 }, "{len} of {memory}");
            assert!(rx.is_empty());
        }
    }
}

/// More may be read before the connection is asked again: it is counted, and joins what was there.
#[test]
fn what_comes_right_after_a_message_that_took_the_memory_is_kept_and_counted() {
    let frames = [frame(0x82, &[1; 40_000]).0, frame(0x82, &[2; 20_000]).0].concat();
    let bytes = masked(&frames, KEY).0;
    let (now, later) = bytes.split_at(45_000);
    let mut conn = Connection::server(config(|_| {}));
    let mut rx = RecvBuf::new();
    rx.lend_memory(Vec::with_capacity(50_000));
    rx.extend_from_slice(now);
    let message = conn.next_message(&mut rx);
    assert_eq!(message, Some(Received::Message(Message::binary(vec![1; 40_000]))));
    rx.extend_from_slice(later);
    let message = conn.next_message(&mut rx);
    assert_eq!(message, Some(Received::Message(Message::binary(vec![2; 20_000]))));
    assert_eq!(conn.stats().bytes_received, bytes.len() as u64);
}

/// Pings and pongs between them are passed over, and answered.
#[test]
fn what_is_no_message_is_passed_over() {
    for mut end in End::both() {
        let frames = [frame(0x89, b"a").0, frame(0x8a, b"b").0, frame(0x81, b"c").0].concat();
        let bytes = match end.conn.role() {
            hybi::Role::Client => frames,
            hybi::Role::Server => masked(&frames, KEY).0.0,
        };
        end.rx.extend_from_slice(&bytes);
        let message = end.conn.next_message(&mut end.rx);
        assert_eq!(message, Some(Received::Message(Message::text("c"))));
        assert_eq!(end.conn.next_message(&mut end.rx), None);
        assert_eq!(end.said(), frame(0x8a, b"a"));
        // An event that was looked for and not taken is told by either way.
        end.rx.extend_from_slice(&bytes);
        assert!(end.conn.has_event(&mut end.rx));
        let message = end.conn.next_message(&mut end.rx);
        assert_eq!(message, Some(Received::Message(Message::text("c"))));
        assert_eq!(end.hear_frames(&frame(0x81, b"d")), [Told::text("d")]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However large, however they are cut and into however many frames: all of them, to the byte, and nothing is left.
    #[test]
    fn messages_are_owned_as_they_were_sent(
        messages in vec((sizes(), any::<bool>(), any::<bool>()), 1..8),
        reads in vec(1usize..60_000, 1..6),
        ways in vec(0u8..3, 1..6),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (number, (size, is_text, is_cut)) in messages.into_iter().enumerate() {
            let data = pattern(number, size);
            let opcode = if is_text { 1 } else { 2 };
            if is_cut {
                let (first, rest) = data.split_at(size / 3);
                stream.extend(frame(opcode, first).0);
                stream.extend(frame(0x89, b"between").0);
                stream.extend(frame(0x80, rest).0);
            } else {
                stream.extend(frame(0x80 | opcode, &data).0);
            }
            expected.push(match is_text {
                true => Message::text(String::from_utf8(data).expect("ASCII")),
                false => Message::binary(data),
            });
        }
        let stream = masked(&stream, KEY).0;
        let mut conn = Connection::server(config(|_| {}));
        let kept = owned(&mut conn, &stream, &reads, &ways);
        prop_assert!(kept == expected);
        prop_assert_eq!(conn.stats().bytes_received, stream.len() as u64);
    }
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![0..300usize, 15_000..40_000usize, 60_000..140_000usize]
}

/// ASCII that differs from message to message and from byte to byte.
fn pattern(number: usize, size: usize) -> Vec<u8> {
    (0..size).map(|at| ((at / 251 + at * 31 + number * 7) % 128) as u8).collect()
}

/// Feeds `stream` in pieces, in different ways, and keeps each message as soon as it is there.
fn owned(conn: &mut Connection, stream: &[u8], reads: &[usize], ways: &[u8]) -> Vec<Message> {
    let mut rx = RecvBuf::new();
    let mut kept = Vec::new();
    let mut rest = stream;
    for (read, way) in reads.iter().cycle().zip(ways.iter().cycle()) {
        let most = rest.len().min(*read);
        let len = match way {
            0 => {
                let space = rx.space();
                let len = most.min(space.len());
                space[..len].copy_from_slice(&rest[..len]);
                rx.filled(len);
                len
            }
            1 => {
                let mut spare = rx.spare();
                let len = most.min(bytes::BufMut::remaining_mut(&spare));
                bytes::BufMut::put_slice(&mut spare, &rest[..len]);
                len
            }
            _ => {
                rx.extend_from_slice(&rest[..most]);
                most
            }
        };
        rest = &rest[len..];
        while let Some(Received::Message(message)) = conn.next_message(&mut rx) {
            kept.push(message);
        }
        if rest.is_empty() {
            break;
        }
    }
    assert!(rx.is_empty(), "nothing is left");
    kept
}

#[cfg(feature = "deflate")]
mod compressed {
    use super::*;
    use bytes::BufMut;
    use hybi::deflate::{Direction, Params};

    /// What is inflated lies in memory of its own, for which the same holds.
    #[test]
    fn what_is_inflated_keeps_its_memory_if_it_is_large_beside_it() {
        for (before, len, is_copied) in
            [(60_000, 17_000, true), (60_000, 40_000, false), (20_000, 15_000, true)]
        {
            let [mut client, mut server] = ends();
            let mut rx = RecvBuf::new();
            rx.extend_from_slice(&sent(&mut server, pattern(1, before)));
            assert!(matches!(client.next_event(&mut rx), Some(hybi::Event::Binary(_))));
            rx.extend_from_slice(&sent(&mut server, pattern(2, len)));
            let kept = client.next_message(&mut rx);
            assert_eq!(kept, Some(Received::Message(Message::binary(pattern(2, len)))));
            assert!(rx.is_empty());
            assert_eq!(rx.capacity() >= before, is_copied, "{len} after {before}");
            rx.extend_from_slice(&sent(&mut server, pattern(3, 30_000)));
            let Some(hybi::Event::Binary(data)) = client.next_event(&mut rx) else {
                panic!("a message")
            };
            assert!(data == pattern(3, 30_000));
            assert!(rx.capacity() >= 30_000, "what was inflated to is counted");
            assert!(rx.take_memory().is_some());
            assert_eq!(rx.capacity(), 0);
        }
    }

    /// Memory that a large message was inflated to goes back when the next one begins.
    #[test]
    fn what_a_large_message_was_inflated_to_goes_back() {
        let [mut client, mut server] = ends();
        let mut rx = RecvBuf::new();
        for (len, most) in [(500_000, 1_100_000), (100, 90_000)] {
            rx.extend_from_slice(&sent(&mut server, pattern(1, len)));
            let event = client.next_event(&mut rx);
            assert!(matches!(event, Some(hybi::Event::Binary(data)) if data.len() == len));
            assert!(rx.capacity() <= most, "{} bytes after {len}", rx.capacity());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn compressed_messages_are_owned_as_they_were_sent(
            messages in vec((sizes(), any::<bool>(), any::<bool>()), 1..8),
            reads in vec(1usize..9_000, 1..6),
            ways in vec(0u8..3, 1..6),
        ) {
            let [mut client, mut server] = ends();
            let mut stream = Vec::new();
            let mut expected = Vec::new();
            for (number, (size, is_text, is_compressed)) in messages.into_iter().enumerate() {
                let data = pattern(number, size);
                let message = match is_text {
                    true => Message::text(String::from_utf8(data).expect("ASCII")),
                    false => Message::binary(data),
                };
                expected.push(message.clone());
                let outgoing = if is_compressed { message.compressed() } else { message.uncompressed() };
                server.send(outgoing).expect("room");
                stream.put(server.transmit());
            }
            prop_assert!(owned(&mut client, &stream, &reads, &ways) == expected);
            prop_assert_eq!(client.stats().bytes_received, stream.len() as u64);
        }
    }

    fn sent(server: &mut Connection, data: Vec<u8>) -> Vec<u8> {
        server.send(Message::binary(data).compressed()).expect("room");
        let mut bytes = Vec::new();
        bytes.put(server.transmit());
        bytes
    }

    /// A client and a server that have agreed on compression.
    fn ends() -> [Connection; 2] {
        let direction = Direction { context_takeover: true, window_bits: 15 };
        let params = Params { server: direction, client: direction };
        [
            Connection::client(config(|_| {}), || KEY).with_compression(params, None),
            Connection::server(config(|_| {})).with_compression(params, None),
        ]
    }
}
