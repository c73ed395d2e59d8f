//! The receive buffer holds what has arrived, whatever the peer has announced (RFC 6455 section 10.4).

mod common;

use common::{End, config, frame, masked, wire};
use hybi::{Connection, Delivery, Event, Message, Received, RecvBuf};

/// A length that is claimed reserves nothing: memory follows what has arrived, in every way to fill it.
#[test]
fn memory_stays_below_twice_what_has_arrived_and_8_kib() {
    for delivery in [Delivery::Messages, Delivery::Chunks] {
        for (piece, fill) in [(1, 0), (7, 1), (1000, 2), (5000, 0), (9000, 1), (70_000, 2)] {
            let mut conn = Connection::server(config(|config| config.delivery = delivery));
            let mut rx = RecvBuf::new();
            let mut arrived = 0;
            let mut bytes = wire("82 ff 0000000001000000 37fa213d").0;
            bytes.resize(300_000.min(piece * 20_000), 0);
            for piece in bytes.chunks(piece) {
                arrived += receive(&mut rx, piece, fill);
                let bound = 2 * arrived + 8 * 1024;
                assert!(rx.capacity() <= bound, "{} bytes for {arrived}", rx.capacity());
                while conn.next_event(&mut rx).is_some() {}
            }
        }
    }
}

/// What a large frame is read into begins and ends with it: the beginning of the next is not moved about.
#[test]
fn a_read_for_a_large_frame_ends_with_it() {
    let (bytes, _) = masked(&frame(0x82, &[7; 100_000]), common::KEY);
    for way in 0..3 {
        let mut conn = Connection::server(config(|_| {}));
        let mut rx = RecvBuf::new();
        for round in 0..3 {
            receive(&mut rx, &bytes[..20_000], way);
            let mut rest = &bytes[20_000..];
            while !rest.is_empty() {
                assert!(conn.next_event(&mut rx).is_none());
                let mut spare = rx.spare();
                let room = bytes::BufMut::remaining_mut(&spare);
                assert!(room <= rest.len(), "{room} bytes where {} are lacking", rest.len());
                bytes::BufMut::put_slice(&mut spare, &rest[..room]);
                rest = &rest[room..];
            }
            assert!(
                matches!(conn.next_event(&mut rx), Some(Event::Binary(data)) if data == [7; 100_000])
            );
            assert!(rx.is_empty(), "nothing of the next in round {round}");
            assert!(conn.next_event(&mut rx).is_none());
            let (capacity, room) = (rx.capacity(), bytes::BufMut::remaining_mut(&rx.spare()));
            assert_eq!(room, capacity, "the next read has all the room there is");
        }
    }
}

/// Nothing is copied twice that is handed over in one: more than a frame can be pushed whatever it lacks.
#[test]
fn what_is_pushed_does_not_end_with_a_large_frame() {
    let (bytes, _) = masked(&frame(0x82, &[7; 40_000]).0.repeat(3), common::KEY);
    let mut conn = Connection::server(config(|_| {}));
    let mut rx = RecvBuf::new();
    receive(&mut rx, &bytes[..39_990], 0);
    assert!(conn.next_event(&mut rx).is_none());
    receive(&mut rx, &bytes[39_990..], 0);
    for _ in 0..3 {
        let Some(Event::Binary(data)) = conn.next_event(&mut rx) else { panic!("a message") };
        assert_eq!(data, [7; 40_000]);
    }
    assert!(conn.next_event(&mut rx).is_none());
}

/// Messages that have been told make room for the next.
#[test]
fn memory_does_not_grow_with_the_number_of_messages() {
    let message = masked(&frame(0x82, &[7; 100]), common::KEY).0;
    let stream = message.repeat(20_000);
    for fill in 0..3 {
        let mut conn = Connection::server(config(|_| {}));
        let mut rx = RecvBuf::new();
        for piece in stream.chunks(4093) {
            receive(&mut rx, piece, fill);
            while conn.next_event(&mut rx).is_some() {}
        }
        assert_eq!(conn.stats().messages_received, 20_000);
        assert!(rx.capacity() <= 16 * 1024, "{} bytes", rx.capacity());
    }
}

/// Memory that a large message needed goes back when less has gone through it.
#[test]
fn the_memory_of_a_large_message_goes_back_after_a_small_one() {
    for way in 0..3 {
        let mut conn = Connection::server(config(|_| {}));
        let mut rx = RecvBuf::new();
        for (len, most) in [(1_000_000, 2_100_000), (100, 2_100_000), (100, 70_000), (100, 70_000)]
        {
            receive(&mut rx, &masked(&frame(0x82, &vec![7; len]), common::KEY).0, way);
            assert!(
                matches!(conn.next_event(&mut rx), Some(Event::Binary(data)) if data.len() == len)
            );
            assert!(rx.capacity() <= most, "{} bytes after {len}", rx.capacity());
        }
    }
}

/// Fragments of one byte are joined: their headers take no room.
#[test]
fn memory_does_not_grow_with_the_headers_of_fragments() {
    let mut server = End::server(config(|_| {}));
    assert_eq!(server.hear("02 01 00"), []);
    let fragments = masked(&frame(0x00, &[7]), common::KEY).0.repeat(1000);
    for _ in 0..40 {
        assert_eq!(server.hear_bytes(&fragments), []);
    }
    // 40,001 bytes of message in 280,000 bytes of frames.
    assert!(server.rx.capacity() <= 2 * 40_001 + 16 * 1024, "{} bytes", server.rx.capacity());
}

/// What a large message took with it is had at once for the next, but for no more, and not after a small one.
#[test]
fn a_claimed_length_gets_at_once_what_an_earlier_message_filled_and_no_more() {
    let large = masked(&frame(0x82, &[7; 1_000_000]), common::KEY).0;
    let medium = masked(&frame(0x82, &[7; 20_000]), common::KEY).0;
    let small = masked(&frame(0x82, &[7; 100]), common::KEY).0;
    let claims = |len: usize| masked(&frame(0x82, &vec![7; len]), common::KEY).0[..8000].to_vec();
    let holds = |before: &[&[u8]], claim: &[u8], way| {
        let mut conn = Connection::server(config(|_| {}));
        let mut rx = RecvBuf::new();
        for bytes in before {
            let mut rest = *bytes;
            while !rest.is_empty() {
                let now = rest.len().min(8000);
                receive(&mut rx, &rest[..now], way);
                rest = &rest[now..];
                while conn.next_message(&mut rx).is_some() {}
            }
        }
        receive(&mut rx, claim, way);
        assert!(conn.next_message(&mut rx).is_none());
        receive(&mut rx, &[0; 1000], way);
        rx.capacity()
    };
    for way in 0..3 {
        let held = holds(&[&large], &claims(900_000), way);
        assert!((900_000..900_100).contains(&held), "{held} bytes");
        for (before, claim) in [
            (&[][..], 900_000),
            (&[&large[..]], 2_000_000),
            (&[&large, &small], 900_000),
            (&[&large, &medium], 900_000),
            (&[&large, &large, &small, &small], 900_000),
        ] {
            let held = holds(before, &claims(claim), way);
            assert!(held <= 20 * 1024, "{held} bytes where {claim} are claimed");
        }
    }
}

#[test]
fn a_buffer_owns_nothing_before_and_after() {
    let mut rx = RecvBuf::new();
    assert_eq!(rx.capacity(), 0);
    assert!(rx.is_empty() && rx.take_memory().is_none());
    let mut conn = Connection::server(config(|_| {}));
    rx.lend_memory(Vec::with_capacity(4096));
    receive(&mut rx, &wire("81 85 37fa213d 7f9f4d51"), 0);
    assert!(conn.next_event(&mut rx).is_none());
    assert!(!rx.is_empty() && rx.take_memory().is_none(), "a message is in it");
    receive(&mut rx, &wire("58"), 0);
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Text("Hello"))));
    let memory = rx.take_memory().expect("the message was told");
    assert!(memory.capacity() >= 4096);
    assert_eq!(rx.capacity(), 0);
    // Memory with old bytes in it is as good as new.
    rx.lend_memory(memory);
    assert!(rx.unread().is_empty());
    receive(&mut rx, &wire("81 85 37fa213d 7f9f4d5158"), 1);
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Text("Hello"))));
    assert_eq!(conn.stats().bytes_received, 22);
}

#[test]
fn memory_is_lent_to_a_buffer_that_owns_none_and_to_no_other() {
    let mut rx = RecvBuf::new();
    rx.lend_memory(vec![1; 5000]);
    assert_eq!((rx.capacity(), rx.unread()), (5000, &[][..]));
    rx.extend_from_slice(b"abc");
    rx.lend_memory(vec![2; 6000]);
    assert_eq!((rx.capacity(), rx.unread()), (5000, &b"abc"[..]));
    rx.consume(3);
    // Room that was asked for and not filled goes with the memory.
    rx.space();
    assert_eq!(rx.take_memory().map(|memory| memory.capacity()), Some(5000));
    assert_eq!((rx.capacity(), rx.unread()), (0, &[][..]));
    rx.extend_from_slice(b"def");
    assert_eq!(rx.unread(), b"def");
}

/// However it ended: in a message, with text that was none, in a control frame.
#[test]
fn a_buffer_holds_nothing_once_the_end_has_been_told() {
    for hex in ["02 03 010203  83 00", "81 02 61ff", "01 02 61ff", "81 7e 0100 61", "89 04 70", ""]
    {
        for mut end in End::both() {
            end.hear(hex);
            end.conn.handle_eof();
            end.events();
            assert!(end.conn.closed().is_some());
            assert!(end.rx.is_empty(), "{hex}");
            assert_eq!(end.rx.take_memory().is_some(), !hex.is_empty());
        }
    }
}

/// An event that was found and not yet taken outlives the buffer's moves.
#[test]
fn an_event_that_waits_stays_whole_while_more_arrives() {
    let mut conn = Connection::server(config(|_| {}));
    let mut rx = RecvBuf::new();
    let (first, _) = masked(&frame(0x82, &[1; 3000]), common::KEY);
    let (second, _) = masked(&frame(0x82, &[2; 50_000]), common::KEY);
    for round in 0..20 {
        receive(&mut rx, &first, round % 3);
        assert!(conn.has_event(&mut rx));
        receive(&mut rx, &second, round % 3);
        let Some(Event::Binary(data)) = conn.next_event(&mut rx) else { panic!("a message") };
        assert_eq!(data, [1; 3000]);
        let Some(Event::Binary(data)) = conn.next_event(&mut rx) else { panic!("a message") };
        assert_eq!(data, [2; 50_000]);
    }
}

#[test]
fn an_event_that_waits_inside_a_message_stays_whole_and_so_does_the_message() {
    let mut conn = Connection::server(config(|_| {}));
    let mut rx = RecvBuf::new();
    for round in 0..20 {
        let before = vec![1; 3000 + 100 * usize::from(round)];
        let begun = [frame(0x02, &before).0, frame(0x89, b"wait").0].concat();
        receive(&mut rx, &masked(&begun, common::KEY).0, round % 3);
        assert!(conn.has_event(&mut rx));
        let rest = masked(&frame(0x80, &[2; 50_000]), common::KEY).0;
        for piece in rest.chunks(1500) {
            receive(&mut rx, piece, round % 3);
        }
        assert!(matches!(conn.next_event(&mut rx), Some(Event::Ping(b"wait"))));
        let Some(Event::Binary(data)) = conn.next_event(&mut rx) else { panic!("a message") };
        assert!(data == [&before[..], &[2; 50_000]].concat());
    }
}

/// Messages as values of their own, in the memory they arrived in or copied; what follows stays.
#[test]
fn messages_of_every_size_can_be_owned() {
    let sizes = [0, 1, 100, 20_000, 32 * 1024 - 1, 32 * 1024, 100_000, 5, 70_000, 300_000];
    for way in 0..3 {
        let mut conn = Connection::server(config(|_| {}));
        let mut rx = RecvBuf::new();
        let mut stream = Vec::new();
        for (number, size) in sizes.into_iter().enumerate() {
            let half = frame(0x02, &vec![number as u8; size / 2]);
            let rest = frame(0x80, &vec![number as u8; size - size / 2]);
            stream.extend(masked(&[half.0, rest.0].concat(), common::KEY).0.0);
        }
        let mut kept = Vec::new();
        for piece in stream.chunks(60_000) {
            receive(&mut rx, piece, way);
            while let Some(Received::Message(message)) = conn.next_message(&mut rx) {
                kept.push(message);
            }
        }
        let expected: Vec<Message> = sizes
            .iter()
            .enumerate()
            .map(|(number, &size)| Message::binary(vec![number as u8; size]))
            .collect();
        assert_eq!(kept.len(), expected.len());
        assert!(kept == expected, "every message as it was sent");
    }
}

/// A large message leaves with its memory; what was read behind it stays, to the byte.
#[test]
fn what_follows_an_owned_message_is_kept() {
    for len in [32 * 1024, 40_000, 60_000] {
        let mut conn = Connection::server(config(|_| {}));
        let mut rx = RecvBuf::new();
        let large = frame(0x82, &vec![1; len]);
        let (bytes, _) = masked(&[large.0, frame(0x81, b"behind").0].concat(), common::KEY);
        let (now, later) = bytes.split_at(bytes.len() - 3);
        receive(&mut rx, now, 0);
        let message = conn.next_message(&mut rx);
        assert_eq!(message, Some(Received::Message(Message::binary(vec![1; len]))));
        assert_eq!(conn.next_message(&mut rx), None);
        receive(&mut rx, later, 0);
        let message = conn.next_message(&mut rx);
        assert_eq!(message, Some(Received::Message(Message::text("behind"))));
        assert_eq!(conn.stats().bytes_received, bytes.len() as u64);
    }
}

#[test]
#[should_panic(expected = "more bytes filled in than there was space")]
fn more_bytes_than_the_space_held_cannot_be_claimed() {
    let mut rx = RecvBuf::new();
    let len = rx.space().len();
    rx.filled(len + 1);
}

/// Fills `rx` in one of its three ways.
fn receive(rx: &mut RecvBuf, bytes: &[u8], way: u8) -> usize {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = match way {
            0 => {
                rx.extend_from_slice(rest);
                rest.len()
            }
            1 => {
                let space = rx.space();
                let taken = rest.len().min(space.len());
                space[..taken].copy_from_slice(&rest[..taken]);
                rx.filled(taken);
                taken
            }
            _ => {
                let mut spare = rx.spare();
                let taken = rest.len().min(bytes::BufMut::remaining_mut(&spare));
                bytes::BufMut::put_slice(&mut spare, &rest[..taken]);
                taken
            }
        };
        assert!(taken > 0, "the space to fill is never empty");
        rest = &rest[taken..];
    }
    bytes.len()
}
