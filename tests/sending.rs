//! From messages to bytes: every way to send says the same, copies no more than it must and keeps what it was given.

mod common;

use bytes::{Buf, Bytes};
use common::{End, Told, config, frame, wire};
use hybi::{Connection, Kind, Message, Prepared, RecvBuf, SendError, Utf8Bytes};

#[test]
fn every_way_to_send_text_sends_the_same() {
    let ways: [fn(&mut Connection); 8] = [
        |conn| conn.send_text("h\u{e9}").expect("room"),
        |conn| conn.send("h\u{e9}").expect("room"),
        |conn| conn.send(String::from("h\u{e9}")).expect("room"),
        |conn| conn.send(Message::text("h\u{e9}")).expect("room"),
        |conn| conn.send(Utf8Bytes::from_static("h\u{e9}")).expect("room"),
        |conn| conn.send_prepared(&Prepared::new("h\u{e9}".into())).expect("room"),
        |conn| conn.writer(Kind::Text).and_then(|w| w.finish("h\u{e9}".as_bytes())).expect("room"),
        |conn| {
            conn.send(Utf8Bytes::try_from(Bytes::from_static(b"h\xc3\xa9")).expect("text"))
                .expect("room")
        },
    ];
    for way in ways {
        for mut end in End::both() {
            way(&mut end.conn);
            assert_eq!(end.said(), wire("81 03 68c3a9"));
            let stats = end.conn.stats();
            assert_eq!((stats.messages_sent, stats.payload_sent, stats.frames_sent), (1, 3, 1));
        }
    }
}

#[test]
fn every_way_to_send_bytes_sends_the_same() {
    for len in [0, 1, 125, 126, 4095, 4096, 4097, 65_535, 65_536, 200_000] {
        let data: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let expected = frame(0x82, &data);
        for mut end in End::both() {
            let conn = &mut end.conn;
            conn.send_binary(&data).expect("room");
            conn.send(data.clone()).expect("room");
            conn.send(&data[..]).expect("room");
            conn.send(Bytes::from(data.clone())).expect("room");
            conn.send_prepared(&Prepared::new(data.clone().into())).expect("room");
            conn.writer(Kind::Binary).and_then(|w| w.finish(&data)).expect("room");
            assert!(end.said() == Wires(&expected, 6), "{len}");
        }
    }
}

/// A large payload leaves a server from where it lies.
#[test]
fn a_server_does_not_copy_a_large_payload() {
    let payload = Bytes::from(vec![3; 10_000]);
    let mut server = End::server(config(|_| {}));
    server.conn.send(payload.clone()).expect("room");
    server.conn.send_prepared(&Prepared::new(payload.clone().into())).expect("room");
    for _ in 0..2 {
        server.conn.transmit().advance(4);
        assert_eq!(server.conn.transmit().chunk().as_ptr(), payload.as_ptr());
        server.conn.transmit().advance(payload.len());
    }
    assert!(server.conn.transmit().is_empty());
}

/// A client masks where the payload lies only if nobody else can see it.
#[test]
fn a_client_does_not_touch_a_payload_that_others_hold() {
    let payload = Bytes::from(vec![3; 10_000]);
    let other = payload.slice(10..20);
    let mut client = End::client(config(|_| {}));
    client.conn.send(payload.clone()).expect("room");
    client.conn.send(payload).expect("room");
    assert_eq!(client.said(), Wires(&frame(0x82, &[3; 10_000]), 2));
    assert_eq!(other, [3; 10][..]);
}

#[test]
fn a_prepared_message_serves_many_peers() {
    for len in [0, 10, 4095, 4096, 70_000] {
        let message = Message::binary(vec![9; len]);
        let prepared = Prepared::new(message.clone());
        assert_eq!(prepared.message(), &message);
        for _ in 0..3 {
            for mut end in End::both() {
                end.conn.send_prepared(&prepared).expect("room");
                end.conn.send_text("after").expect("room");
                let expected = [frame(0x82, &vec![9; len]).0, frame(0x81, b"after").0].concat();
                assert!(end.said().0 == expected, "{len}");
            }
        }
    }
}

#[test]
fn small_and_large_messages_leave_in_their_order() {
    for mut end in End::both() {
        let mut expected = Vec::new();
        for (number, len) in [10, 5000, 0, 4096, 70_000, 3, 5000, 5000, 1].into_iter().enumerate() {
            end.conn.send(vec![number as u8; len]).expect("room");
            end.conn.ping(&[number as u8]).expect("room");
            expected.extend(frame(0x82, &vec![number as u8; len]).0);
            expected.extend(frame(0x89, &[number as u8]).0);
        }
        assert!(end.said().0 == expected);
    }
}

#[test]
fn a_vectored_write_sees_the_same_bytes() {
    let mut server = End::server(config(|_| {}));
    for len in [10, 5000, 0, 4096, 3] {
        server.conn.send(vec![len as u8; len]).expect("room");
    }
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let tx = server.conn.transmit();
    let used = tx.chunks_vectored(&mut slices);
    let seen: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect();
    assert_eq!(seen, server.sent().0);
}

/// Dropping a writer leaves its message open; the next writer goes on with it.
#[test]
fn a_message_may_be_written_by_several_writers() {
    for mut end in End::both() {
        for piece in ["a", "b", "c"] {
            end.conn.writer(Kind::Text).and_then(|mut w| w.write(piece.as_bytes())).expect("room");
            assert_eq!(end.conn.stats().messages_sent, 0);
        }
        end.conn.writer(Kind::Text).and_then(|w| w.finish(b"")).expect("room");
        assert_eq!(end.conn.stats().messages_sent, 1);
        assert_eq!(end.conn.stats().payload_sent, 3);
        assert_eq!(end.said(), wire("01 01 61  00 01 62  00 01 63  80 00"));
    }
}

#[test]
fn an_application_can_answer_an_event_while_it_looks_at_it() {
    let mut conn = Connection::server(config(|_| {}));
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(&wire("81 85 37fa213d 7f9f4d5158  89 80 37fa213d"));
    while let Some(event) = conn.next_event(&mut rx) {
        if let Some(message) = event.to_message() {
            conn.send(message).expect("room");
        }
    }
    assert_eq!(End::new(conn).said(), wire("81 05 48656c6c6f  8a 00"));
}

#[test]
fn an_error_can_be_stripped_of_its_message() {
    let error: SendError = SendError::Full("m".into());
    assert_eq!(error.without_message(), SendError::Full(()));
    let closed: SendError = SendError::Closed("m".into());
    assert_eq!(closed.without_message(), SendError::Closed(()));
}

#[test]
fn pings_and_pongs_of_ours_are_frames_of_their_own() {
    for mut end in End::both() {
        end.conn.ping(b"").expect("room");
        end.conn.pong(b"beat").expect("room");
        assert_eq!(end.said(), wire("89 00  8a 04 62656174"));
        assert_eq!(end.hear("8a 00"), [Told::pong(b"")]);
        assert_eq!(end.conn.stats().messages_sent, 0);
    }
}

/// The same bytes so many times; compared without printing them.
struct Wires<'w>(&'w common::Wire, usize);

impl PartialEq<Wires<'_>> for common::Wire {
    fn eq(&self, other: &Wires<'_>) -> bool {
        self.0 == other.0.repeat(other.1)
    }
}

impl std::fmt::Debug for Wires<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} times {:?}", self.1, self.0)
    }
}
