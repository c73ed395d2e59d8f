//! One receive buffer, used again by another connection: nothing of the first is told by the second.

#![cfg(feature = "deflate")]

use bytes::BufMut;
use hybi::deflate::{Direction, Params};
use hybi::{Connection, Event, RecvBuf};

#[test]
fn text_that_was_begun_elsewhere_is_never_told_as_checked() {
    for compressed in [false, true] {
        let mut rx = RecvBuf::new();
        let mut first = peer(compressed);
        // A hundred checked bytes of a text message, then the connection is lost.
        let begun =
            if compressed { deflated_a() } else { [&b"\x01\x64"[..], &[b'a'; 100]].concat() };
        rx.extend_from_slice(&begun);
        assert!(first.next_event(&mut rx).is_none());
        first.handle_eof();
        assert!(matches!(first.next_event(&mut rx), Some(Event::Closed(_))));

        let mut second = peer(false);
        rx.extend_from_slice(&[&b"\x81\x64"[..], &[0xff; 100]].concat());
        match second.next_event(&mut rx) {
            Some(Event::Closed(closed)) => assert_eq!(closed.sent.expect("told").code.0, 1007),
            event => panic!("{event:?}"),
        }
    }
}

#[test]
fn a_message_that_goes_on_in_another_buffer_has_only_what_came_there() {
    let (mut plain, mut inflating) = (RecvBuf::new(), RecvBuf::new());
    let (mut one, mut other) = (peer(true), peer(true));
    plain.extend_from_slice(b"\x01\x03abc");
    inflating.extend_from_slice(&deflated_a());
    assert!(one.next_event(&mut plain).is_none());
    assert!(other.next_event(&mut inflating).is_none());

    // The buffers are mixed up: what follows is wrong, but never unchecked and never a panic.
    inflating.extend_from_slice(b"\x80\x03\xff\xff\xff");
    plain.extend_from_slice(b"\x80\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    for (conn, rx) in [(&mut one, &mut inflating), (&mut other, &mut plain)] {
        while let Some(event) = conn.next_event(rx) {
            if let Event::Text(text) = event {
                assert!(std::str::from_utf8(text.as_bytes()).is_ok());
            }
        }
    }
}

/// An end without compression goes on with a message that was being inflated: nothing of that is left in it.
#[test]
fn a_compressed_message_that_goes_on_without_compression_has_only_what_came_then() {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(&deflated_a());
    assert!(peer(true).next_event(&mut rx).is_none());
    rx.extend_from_slice(b"\x80\x03abc");
    assert!(matches!(peer(false).next_event(&mut rx), Some(Event::Text("abc"))));
}

/// What one connection has found and not told is gone once another one has looked.
#[test]
fn text_that_was_found_and_not_told_is_never_told_after_another_connection_has_been_here() {
    let text = stored(0xc1, &[b'a'; 100]);
    let others = [
        stored(0x42, &[0xff; 200]),
        [&b"\x82\x64"[..], &[0xff; 100]].concat(),
        [&b"\x89\x64"[..], &[0xff; 100]].concat(),
    ];
    for first in [text, [&b"\x81\x64"[..], &[b'a'; 100]].concat()] {
        for other in &others {
            for asks in [true, false] {
                let mut rx = RecvBuf::new();
                let (mut one, mut two) = (peer(true), peer(true));
                rx.extend_from_slice(&first);
                assert!(one.has_event(&mut rx));
                rx.extend_from_slice(other);
                match asks {
                    true => assert_eq!(two.has_event(&mut rx), other[0] != 0x42),
                    false => while two.next_event(&mut rx).is_some() {},
                }
                match one.next_event(&mut rx) {
                    Some(Event::Text(text)) => assert_eq!(text, ""),
                    event => panic!("{event:?}"),
                }
            }
        }
    }
}

/// Whoever asks before giving a buffer to somebody else, or making a new one, keeps what is known of the frame.
#[test]
fn a_buffer_in_the_midst_of_a_frame_or_a_message_is_not_empty() {
    let mut conn = peer(false);
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(b"\x02\x03");
    assert!(conn.next_event(&mut rx).is_none() && !rx.is_empty());
    assert_eq!(rx.unread(), b"", "the header has been taken");
    let memory = rx.take_memory().expect("its memory may be lent all the same");
    rx.lend_memory(memory);
    rx.extend_from_slice(b"abc\x80\x02");
    assert!(conn.next_event(&mut rx).is_none() && !rx.is_empty());
    rx.extend_from_slice(b"de");
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Binary(b"abcde"))));
    assert!(conn.next_event(&mut rx).is_none() && rx.is_empty());
}

#[test]
fn an_empty_ping_outlives_a_move_of_the_buffer() {
    let mut rx = RecvBuf::new();
    let mut conn = peer(false);
    rx.extend_from_slice(&[&b"\x82\x7e\x1f\x00"[..], &[7; 0x1f00], b"\x89\x00"].concat());
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Binary(_))));
    assert!(conn.has_event(&mut rx));
    rx.spare().put_slice(b"\x82");
    drop(rx.spare());
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Ping(&[]))));
}

#[test]
fn a_ping_outlives_a_move_of_the_buffer_while_a_message_is_inflated() {
    let mut rx = RecvBuf::new();
    let mut conn = peer(true);
    rx.extend_from_slice(&[&deflated_a()[..], b"\x89\x04ping"].concat());
    assert!(conn.has_event(&mut rx));
    rx.extend_from_slice(&[&b"\x8a\x7d"[..], &[1; 125]].concat().repeat(100));
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Ping(b"ping"))));
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Pong(_))));
}

#[test]
fn bytes_of_the_opening_handshake_are_not_the_connections() {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi");
    rx.consume(36);
    let mut conn = peer(false);
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Text("hi"))));
    assert_eq!(conn.stats().bytes_received, 4);
}

/// A client, to which frames come without masks.
fn peer(compressed: bool) -> Connection {
    let conn = Connection::client(Default::default(), || [1, 2, 3, 4]);
    let direction = Direction { context_takeover: true, window_bits: 15 };
    match compressed {
        true => conn.with_compression(Params { server: direction, client: direction }, None),
        false => conn,
    }
}

/// The first fragment of a compressed text message: "Hello", in one block that is at its end.
fn deflated_a() -> Vec<u8> {
    b"\x41\x0b\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff".to_vec()
}

/// A compressed frame whose block is stored as it is, with the empty block's beginning that ends a message.
fn stored(first: u8, data: &[u8]) -> Vec<u8> {
    let len = data.len() as u16;
    let block = [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes(), data, &[0]].concat();
    let header = [first, 126, 0, block.len() as u8];
    match block.len() {
        ..126 => [&[first, block.len() as u8][..], &block].concat(),
        _ => [&header[..], &block].concat(),
    }
}
