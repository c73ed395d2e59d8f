//! What waits to be sent is bounded by `Config::write_high_water`, also where a peer that does not read makes us
//! answer.

mod common;

use bytes::Buf;
use common::{End, Told, config, frame, wire};
use hybi::{CloseCode, Connection, Kind, Message, Prepared, SendError};

#[test]
fn messages_are_taken_below_the_high_water_mark_and_handed_back_at_it() {
    for (waiting, full) in [(99, false), (100, true), (101, true)] {
        let mut server = End::server(config(|config| config.write_high_water = 100));
        server.conn.send_binary(&vec![0; waiting - 2]).expect("nothing waits yet");
        assert_eq!(server.conn.transmit().len(), waiting);
        let conn = &mut server.conn;
        let told = |result: Result<(), SendError<()>>| match result {
            Ok(()) => false,
            Err(SendError::Full(())) => true,
            Err(other) => panic!("{other}"),
        };
        // Each call on a connection of its own would say the same: those that are refused queue nothing.
        if full {
            assert!(told(conn.send_text("a")));
            assert!(told(conn.send_binary(b"a")));
            assert!(told(conn.send_prepared(&Prepared::new("a".into()))));
            assert!(told(conn.ping(b"a")) && told(conn.pong(b"a")));
            assert!(told(conn.writer(Kind::Text).and_then(|mut w| w.write(b"a"))));
            assert_eq!(conn.transmit().len(), waiting);
        }
        assert_eq!(conn.wants_read(), !full, "reading pauses with it");
        assert_eq!(told(conn.send_text("a")), full);
    }
}

#[test]
fn the_message_itself_comes_back() {
    for mut end in End::both_with(|config| config.write_high_water = 1) {
        end.conn.send_text("first").expect("nothing waits yet");
        let text = Message::text("second");
        assert_eq!(end.conn.send(text.clone()), Err(SendError::Full(text)));
        let large = Message::binary(vec![5; 100_000]);
        assert_eq!(end.conn.send(large.clone()), Err(SendError::Full(large)));
        end.said();
        end.conn.send_text("third").expect("what waited has left");
        assert_eq!(end.said(), wire("81 05 7468697264"));
    }
}

#[test]
fn one_message_may_exceed_the_mark() {
    for mut end in End::both_with(|config| config.write_high_water = 10) {
        end.conn.send(vec![1; 50_000]).expect("nothing waits yet");
        assert_eq!(end.conn.send_text("a"), Err(SendError::Full(())));
        assert_eq!(end.said(), frame(0x82, &[1; 50_000]));
    }
}

/// Large payloads, which are queued by pointer, count like copied ones.
#[test]
fn a_mark_of_nothing_takes_one_message_at_a_time() {
    let mut conn = hybi::Connection::server(common::config(|config| config.write_high_water = 0));
    assert!(conn.wants_read());
    conn.send_text("one").expect("nothing waits");
    assert_eq!(conn.send_text("two"), Err(hybi::SendError::Full(())));
    conn.transmit().advance(4);
    assert!(!conn.wants_read(), "a byte still waits");
    assert_eq!(conn.send_text("two"), Err(hybi::SendError::Full(())));
    conn.transmit().advance(1);
    conn.send_text("two").expect("nothing waits");
}

#[test]
fn payloads_by_pointer_are_counted() {
    for mut end in End::both_with(|config| config.write_high_water = 20_000) {
        end.conn.send(vec![1; 10_000]).expect("below");
        end.conn.send_prepared(&Prepared::new(vec![2; 10_000].into())).expect("below");
        assert_eq!(
            end.conn.send(vec![3; 1]).map_err(SendError::without_message),
            Err(SendError::Full(()))
        );
        assert!(end.conn.transmit().len() >= 20_000);
    }
}

#[test]
fn a_piece_that_is_refused_is_not_queued_and_can_be_tried_again() {
    for mut end in End::both_with(|config| config.write_high_water = 1) {
        let mut writer = end.conn.writer(Kind::Text).expect("open");
        writer.write(b"a").expect("nothing waits yet");
        assert_eq!(writer.write(b"b"), Err(SendError::Full(())));
        assert_eq!(writer.finish(b"b"), Err(SendError::Full(())));
        assert_eq!(end.said(), wire("01 01 61"));
        end.conn.writer(Kind::Text).and_then(|w| w.finish(b"b")).expect("room, still open");
        assert_eq!(end.said(), wire("80 01 62"));
    }
}

#[test]
fn reading_goes_on_when_enough_has_left() {
    let mut server = End::server(config(|config| config.write_high_water = 100));
    server.conn.send_binary(&[0; 118]).expect("nothing waits yet");
    for left in (100..120).rev() {
        assert!(!server.conn.wants_read());
        server.conn.transmit().advance(1);
        assert_eq!(server.conn.transmit().len(), left);
    }
    server.conn.transmit().advance(1);
    assert!(server.conn.wants_read());
    server.conn.send_text("a").expect("room");
}

#[test]
fn what_has_already_come_is_told_while_the_queue_is_full() {
    for mut end in End::both_with(|config| config.write_high_water = 1) {
        end.conn.send_text("a").expect("nothing waits yet");
        assert!(!end.conn.wants_read());
        assert_eq!(end.hear("81 01 62  8a 00"), [Told::text("b"), Told::pong(b"")]);
    }
}

/// A full queue never keeps us from ending.
#[test]
fn a_close_frame_is_queued_however_full_the_queue_is() {
    for mut end in End::both_with(|config| config.write_high_water = 1) {
        end.conn.send_text("a").expect("nothing waits yet");
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        assert_eq!(end.said(), wire("81 01 61  88 02 03e8"));
    }
}

/// Section 5.5.3 lets one pong answer all: a peer that pings and does not read costs 16 KiB and 125 bytes.
#[test]
fn pongs_that_nobody_reads_are_bounded() {
    let mut server = End::server(config(|config| config.control_frame_burst = u32::MAX));
    for number in 0..10_000u32 {
        let payload = [number.to_be_bytes(); 25].concat();
        assert_eq!(server.hear_frames(&frame(0x89, &payload)), [Told::ping(&payload)]);
        assert!(server.conn.transmit().len() <= 16 * 1024 + 127);
    }
    assert!(server.conn.transmit().capacity() <= 64 * 1024);
    let frames = server.said_frames();
    let (_, last) = frames.last().expect("pongs");
    assert_eq!(last[..4], 9_999u32.to_be_bytes(), "the latest is answered");
}

#[test]
fn the_memory_of_a_queue_that_has_left_goes_back() {
    let mut server = End::server(config(|_| {}));
    server.conn.send_binary(&[0; 500_000]).expect("room");
    assert!(server.conn.transmit().capacity() >= 500_000);
    server.said();
    assert!(server.conn.transmit().capacity() <= 16 * 1024);
}

/// A slow reader: the queue's memory follows what waits, not what has passed.
#[test]
fn the_memory_of_the_queue_follows_what_waits() {
    let mut server = End::server(config(|_| {}));
    server.conn.send_binary(&[0; 998]).expect("room");
    for _ in 0..5_000 {
        server.conn.send_binary(&[0; 998]).expect("room");
        server.conn.transmit().advance(1002);
    }
    assert_eq!(server.conn.transmit().len(), 1002);
    assert!(server.conn.transmit().capacity() <= 16 * 1024);
}

#[test]
fn memory_can_be_lent_and_taken_back_where_nothing_waits() {
    let mut conn = Connection::server(config(|_| {}));
    assert!(conn.transmit().take_memory().is_none(), "it owns none");
    conn.transmit().lend_memory(Vec::with_capacity(4096));
    conn.send_text("a").expect("room");
    assert!(conn.transmit().take_memory().is_none(), "bytes wait in it");
    conn.transmit().advance(3);
    let memory = conn.transmit().take_memory().expect("nothing waits");
    assert!(memory.is_empty() && memory.capacity() >= 4096);
    assert_eq!(conn.transmit().capacity(), 0);
    // What lies in it is not sent, and none is taken in place of memory that is there.
    conn.transmit().lend_memory(vec![7; 1000]);
    assert_eq!((conn.transmit().len(), conn.transmit().capacity()), (0, 1000));
    conn.send_text("a").expect("room");
    conn.transmit().lend_memory(vec![8; 2000]);
    assert_eq!(conn.transmit().chunk(), b"\x81\x01a");
    assert_eq!(conn.transmit().capacity(), 1000);
}
