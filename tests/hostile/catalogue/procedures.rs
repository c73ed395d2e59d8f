//! Rows that describe behaviour over time instead of bytes, each as a test on a made-up clock.

use std::time::Duration;

use bytes::Buf;
use hybi::frame::{Header, OpCode, mask};
use hybi::handshake::{
    ClientHandshake, HandshakeError, Progress, Request, ServerHandshake, ServerOptions,
};
use hybi::{
    Cause, CloseCode, Config, Connection, Event, Instant, MaskKeys, OsMaskKeys, RecvBuf, Timeout,
};

use super::row::Row;

/// What there is for a row that describes a procedure.
pub(crate) enum Found {
    /// A test and its name.
    Test(&'static str, fn()),
    Nothing,
}

type Procedure = (&'static [&'static str], &'static str, fn());

macro_rules! procedures {
    ($($($id:literal),+ => $test:ident,)*) => {
        /// The tests of procedures: ids, name, the test.
        pub(crate) const TESTS: &[Procedure] = &[$((&[$($id),+], stringify!($test), $test)),*];

        /// Each as a test of its own.
        #[cfg(test)]
        mod each {
            $(#[test] fn $test() { super::$test() })*
        }
    };
}

procedures! {
    "REQ-72" => a_slow_request_is_ended_with_408_after_ten_seconds,
    "REQ-73" => a_request_of_16_kib_may_come_byte_by_byte,
    "RSP-35" => endless_interim_responses_are_refused_after_eight,
    "RSP-50" => a_silent_server_is_given_up_after_twenty_seconds,
    "RSP-51" => a_response_may_come_byte_by_byte,
    "FRM-25", "FRM-26", "FRM-27" => a_claimed_length_takes_no_memory,
    "CTL-16" => a_ping_flood_while_nothing_can_be_written_stays_bounded,
    "CTL-17" => a_pong_flood_costs_no_memory_and_ends,
    "CTL-19" => a_ping_after_our_close_is_answered_until_the_peers_close,
    "CLS-40" => an_unanswered_close_ends_after_five_seconds_whatever_data_comes,
    "CLS-41" => a_close_that_crosses_ours_ends_the_connection_unanswered,
    "CLS-42" => a_reset_in_any_state_is_told_once_as_1006,
    "FRG-11" => empty_fragments_without_end_are_ended,
    "FRG-12" => tiny_fragments_take_no_more_memory_than_their_bytes,
    "FRG-16" => fragments_are_counted_for_each_message_anew,
    "FRG-17" => a_message_that_is_never_finished_is_ended_in_time,
    "FRG-18" => many_small_messages_are_no_flood,
    "OUT-17" => the_adapters_masking_keys_do_not_repeat,
}

/// The test for a row, if it describes a procedure.
pub(crate) fn of(row: &Row) -> Option<Found> {
    let is_procedure = row.bytes().is_none() && row.procedure().is_some();
    let is_about_the_source = row.expects_text("must_not").is_some_and(|x| x.starts_with("be "));
    if !is_procedure && !is_about_the_source {
        return None;
    }
    let test = TESTS.iter().find(|(ids, ..)| ids.contains(&row.id()));
    Some(test.map_or(Found::Nothing, |(_, name, test)| Found::Test(name, *test)))
}

fn a_slow_request_is_ended_with_408_after_ten_seconds() {
    let mut server = ServerHandshake::new(ServerOptions::default());
    let mut rx = RecvBuf::new();
    assert_eq!(server.poll_timeout(at(0)), at(10_000));
    for second in 0..10u64 {
        rx.extend_from_slice(&REQUEST.as_bytes()[second as usize..][..1]);
        let Ok(Progress::Continue(next)) = server.advance(&mut rx) else { panic!("it is early") };
        server = next;
        assert!(server.handle_timeout(at(second * 1000)).is_ok());
        assert_eq!(server.poll_timeout(at(second * 1000)), at(10_000), "progress extends nothing");
    }
    assert!(server.handle_timeout(at(9_999)).is_ok());
    let refusal = server.handle_timeout(at(10_000)).expect_err("ten seconds have passed");
    assert!(matches!(refusal.error, HandshakeError::Timeout));
    assert!(refusal.response.starts_with(b"HTTP/1.1 408 "));
}

fn a_request_of_16_kib_may_come_byte_by_byte() {
    let (head, end) = REQUEST.split_at(REQUEST.len() - 2);
    let filler = 16 * 1024 - REQUEST.len() - "X: \r\n".len();
    let request = format!("{head}X: {}\r\n{end}", "x".repeat(filler));
    let mut server = ServerHandshake::new(ServerOptions::default());
    let mut rx = RecvBuf::new();
    for byte in request.bytes() {
        rx.extend_from_slice(&[byte]);
        match server.advance(&mut rx).expect("the request is good and not too long") {
            Progress::Continue(next) => server = next,
            Progress::Done(_) => return,
        }
    }
    panic!("the request is whole");
}

fn endless_interim_responses_are_refused_after_eight() {
    let mut client = client();
    let mut rx = RecvBuf::new();
    for _ in 0..8 {
        rx.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        let Ok(Progress::Continue(next)) = client.advance(&mut rx) else { panic!("it is early") };
        client = next;
    }
    rx.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    assert!(matches!(client.advance(&mut rx), Err(HandshakeError::TooManyInterim)));
}

fn a_silent_server_is_given_up_after_twenty_seconds() {
    let mut client = client();
    assert_eq!(client.poll_timeout(at(0)), at(20_000));
    assert!(client.handle_timeout(at(19_999)).is_ok());
    assert!(matches!(client.handle_timeout(at(20_000)), Err(HandshakeError::Timeout)));
}

fn a_response_may_come_byte_by_byte() {
    let mut client = client();
    let mut rx = RecvBuf::new();
    for byte in b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    {
        rx.extend_from_slice(&[*byte]);
        match client.advance(&mut rx).expect("the response is good") {
            Progress::Continue(next) => client = next,
            Progress::Done(_) => return,
        }
    }
    panic!("the response is whole");
}

fn a_ping_flood_while_nothing_can_be_written_stays_bounded() {
    let ping = frame(OpCode::Ping, true, &[b'p'; 125]);
    flood(&ping, 1_000_000, CloseCode::POLICY_VIOLATION);
}

fn a_pong_flood_costs_no_memory_and_ends() {
    flood(&frame(OpCode::Pong, true, &[b'p'; 125]), 1_000_000, CloseCode::POLICY_VIOLATION);
}

fn a_ping_after_our_close_is_answered_until_the_peers_close() {
    let (mut conn, mut rx) = server();
    conn.close(CloseCode::NORMAL, "").expect("the code is fine");
    rx.extend_from_slice(&frame(OpCode::Ping, true, b"a"));
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Ping(b"a"))));
    rx.extend_from_slice(&frame(OpCode::Close, true, &1000u16.to_be_bytes()));
    rx.extend_from_slice(&frame(OpCode::Ping, true, b"b"));
    assert!(matches!(conn.next_event(&mut rx), Some(Event::Closed(_))));
    assert!(conn.next_event(&mut rx).is_none());
    let sent = conn.transmit().remaining();
    assert_eq!(&*conn.transmit().copy_to_bytes(sent), b"\x88\x02\x03\xe8\x8a\x01a");
}

fn a_claimed_length_takes_no_memory() {
    let mut config = Config::default();
    (config.max_frame_size, config.max_message_size) = (u64::MAX, u64::MAX);
    for power in [20, 31, 32, 62] {
        let mut conn = Connection::server(config.clone().into());
        let mut rx = RecvBuf::new();
        let mut claim = header(OpCode::Binary, true, 1 << power);
        claim.extend_from_slice(&[0; 100]);
        for byte in &claim {
            rx.extend_from_slice(&[*byte]);
            assert!(conn.next_event(&mut rx).is_none());
        }
        assert!(rx.capacity() <= 8 * 1024, "{} for 2^{power}", rx.capacity());
        conn.handle_eof();
        let Some(Event::Closed(closed)) = conn.next_event(&mut rx) else { panic!("it has ended") };
        assert_eq!((closed.cause, closed.code()), (Cause::Lost, CloseCode::ABNORMAL));
    }
}

/// Both ends have sent a Close frame: there is nothing left to answer, and the first that came is what is told.
fn a_close_that_crosses_ours_ends_the_connection_unanswered() {
    let (mut conn, mut rx) = server();
    conn.close(CloseCode::NORMAL, "").expect("the code is fine");
    rx.extend_from_slice(&frame(OpCode::Close, true, &1001u16.to_be_bytes()));
    rx.extend_from_slice(&frame(OpCode::Close, true, &1000u16.to_be_bytes()));
    let Some(Event::Closed(closed)) = conn.next_event(&mut rx) else { panic!("it has ended") };
    assert_eq!((closed.cause, closed.code()), (Cause::Local, CloseCode::GOING_AWAY));
    assert!(conn.next_event(&mut rx).is_none());
    let sent = conn.transmit().remaining();
    assert_eq!(&*conn.transmit().copy_to_bytes(sent), b"\x88\x02\x03\xe8");
}

fn an_unanswered_close_ends_after_five_seconds_whatever_data_comes() {
    let (mut conn, mut rx) = server();
    assert!(conn.poll_timeout(at(0)).is_some());
    conn.close(CloseCode::NORMAL, "").expect("the code is fine");
    assert_eq!(conn.poll_timeout(at(1000)), Some(at(6000)));
    for second in 1..=5 {
        let sent = conn.transmit().remaining();
        conn.transmit().advance(sent);
        rx.extend_from_slice(&frame(OpCode::Text, true, b"still here"));
        assert!(matches!(conn.next_event(&mut rx), Some(Event::Text("still here"))));
        conn.handle_timeout(at(second * 1000));
        assert_eq!(conn.poll_timeout(at(second * 1000)), Some(at(6000)), "data extends nothing");
    }
    conn.handle_timeout(at(5999));
    assert!(conn.next_event(&mut rx).is_none());
    conn.handle_timeout(at(6000));
    let Some(Event::Closed(closed)) = conn.next_event(&mut rx) else { panic!("it has ended") };
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Close));
    assert_eq!(closed.code(), CloseCode::ABNORMAL);
    assert!(conn.is_closed() && !conn.wants_read() && !conn.wants_write());
}

fn a_reset_in_any_state_is_told_once_as_1006() {
    let text = frame(OpCode::Text, true, b"Hello");
    for (received, ours) in [(0, false), (1, false), (6, false), (8, false), (0, true), (8, true)] {
        let (mut conn, mut rx) = server();
        if ours {
            conn.close(CloseCode::NORMAL, "").expect("the code is fine");
        }
        rx.extend_from_slice(&text[..received]);
        assert!(conn.next_event(&mut rx).is_none());
        conn.handle_transport_error();
        let Some(Event::Closed(closed)) = conn.next_event(&mut rx) else { panic!("it has ended") };
        assert_eq!((closed.cause, closed.code()), (Cause::Lost, CloseCode::ABNORMAL));
        assert!(conn.next_event(&mut rx).is_none(), "the end is told once");
        assert!(conn.is_closed() && !conn.wants_read() && !conn.wants_write());
        assert_eq!(conn.poll_timeout(at(0)), None);
    }
}

fn empty_fragments_without_end_are_ended() {
    let (mut conn, mut rx) = server();
    rx.extend_from_slice(&frame(OpCode::Text, false, b""));
    for _ in 1..128 {
        rx.extend_from_slice(&frame(OpCode::Continuation, false, b""));
        assert!(conn.next_event(&mut rx).is_none());
    }
    rx.extend_from_slice(&frame(OpCode::Continuation, false, b""));
    let Some(Event::Closed(closed)) = conn.next_event(&mut rx) else { panic!("it has ended") };
    assert_eq!(closed.sent.map(|frame| frame.code), Some(CloseCode::POLICY_VIOLATION));
    assert!(rx.capacity() <= 8 * 1024);
}

fn tiny_fragments_take_no_more_memory_than_their_bytes() {
    let (mut conn, mut rx) = server();
    rx.extend_from_slice(&frame(OpCode::Binary, false, b"x"));
    for count in 1..65_536 {
        rx.extend_from_slice(&frame(OpCode::Continuation, false, b"x"));
        assert!(conn.next_event(&mut rx).is_none());
        assert!(rx.capacity() <= 2 * 7 * count + 8 * 1024, "{} after {count}", rx.capacity());
    }
    rx.extend_from_slice(&frame(OpCode::Continuation, true, b"x"));
    let Some(Event::Closed(closed)) = conn.next_event(&mut rx) else { panic!("it has ended") };
    assert_eq!(closed.sent.map(|frame| frame.code), Some(CloseCode::POLICY_VIOLATION));
}

/// A peer that says nothing any more is found by a ping; one that goes on byte by byte by the idle timeout, which
/// looks at messages.
fn a_message_that_is_never_finished_is_ended_in_time() {
    let (mut conn, mut rx) = server();
    rx.extend_from_slice(&frame(OpCode::Text, false, b"Hel"));
    assert!(conn.next_event(&mut rx).is_none());
    assert_eq!(conn.poll_timeout(at(0)), Some(at(20_000)));
    conn.handle_timeout(at(20_000));
    let sent = conn.transmit().remaining();
    assert_eq!(conn.transmit().copy_to_bytes(sent).first(), Some(&0x89), "a ping");
    assert_eq!(conn.poll_timeout(at(20_000)), Some(at(40_000)));
    conn.handle_timeout(at(40_000));
    let Some(Event::Closed(closed)) = conn.next_event(&mut rx) else { panic!("it has ended") };
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Pong));

    let mut config = Config::default();
    config.idle_timeout = Some(Duration::from_secs(60));
    let (mut conn, mut rx) = (Connection::server(config.into()), RecvBuf::new());
    assert!(conn.poll_timeout(at(0)).is_some());
    rx.extend_from_slice(&frame(OpCode::Text, false, b"Hel"));
    for second in 1..60 {
        rx.extend_from_slice(&frame(OpCode::Continuation, false, b"l"));
        assert!(conn.next_event(&mut rx).is_none());
        conn.handle_timeout(at(second * 1000));
        assert_eq!(
            conn.poll_timeout(at(second * 1000)).map(|at| at <= self::at(60_000)),
            Some(true)
        );
        assert!(!conn.is_closing());
    }
    conn.handle_timeout(at(60_000));
    assert!(conn.is_closing());
    rx.extend_from_slice(&frame(OpCode::Close, true, &1001u16.to_be_bytes()));
    let Some(Event::Closed(closed)) = conn.next_event(&mut rx) else { panic!("it has ended") };
    assert_eq!(closed.cause, Cause::Timeout(Timeout::Idle));
}

fn fragments_are_counted_for_each_message_anew() {
    let mut config = Config::default();
    config.max_fragments = 4;
    let mut conn = Connection::server(config.into());
    let mut rx = RecvBuf::new();
    for _ in 0..10 {
        rx.extend_from_slice(&frame(OpCode::Text, false, b"a"));
        rx.extend_from_slice(&frame(OpCode::Continuation, false, b"b"));
        rx.extend_from_slice(&frame(OpCode::Continuation, true, b"c"));
        assert!(matches!(conn.next_event(&mut rx), Some(Event::Text("abc"))));
    }
}

fn many_small_messages_are_no_flood() {
    let (mut conn, mut rx) = server();
    for byte in 0..200_000u32 {
        rx.extend_from_slice(&frame(OpCode::Binary, true, &byte.to_be_bytes()[..1]));
        assert!(matches!(conn.next_event(&mut rx), Some(Event::Binary([_]))));
    }
    assert!(rx.capacity() <= 8 * 1024);
}

/// The library takes keys from whoever builds a client by hand; those of its own adapters are random.
fn the_adapters_masking_keys_do_not_repeat() {
    let keys: Vec<_> = (0..4096).map(|_| OsMaskKeys.next_key()).collect();
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "one in a million times by chance");
    let different: std::collections::HashSet<_> = keys.iter().collect();
    assert!(different.len() > 4000);
}

/// Sends the same control frame again and again to a connection whose transport takes nothing.
fn flood(frame: &[u8], times: u32, code: CloseCode) {
    let (mut conn, mut rx) = server();
    for _ in 0..times {
        if !conn.wants_read() || conn.is_closing() {
            break;
        }
        rx.extend_from_slice(frame);
        while conn.next_event(&mut rx).is_some() {}
        assert!(conn.transmit().remaining() <= 17 * 1024 && rx.capacity() <= 64 * 1024);
    }
    let closed = conn.closed().expect("the flood has been ended");
    assert_eq!(closed.sent.map(|frame| frame.code), Some(code));
}

fn server() -> (Connection, RecvBuf) {
    (Connection::server(Config::default().into()), RecvBuf::new())
}

fn client() -> ClientHandshake {
    let request = Request::new("ws://example.com/chat").expect("the URL is good");
    ClientHandshake::new(request, *b"the sample nonce").0
}

/// A frame as a client sends it.
fn frame(opcode: OpCode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, fin, payload.len() as u64);
    let start = frame.len();
    frame.extend_from_slice(payload);
    mask(&mut frame[start..], KEY);
    frame
}

fn header(opcode: OpCode, fin: bool, len: u64) -> Vec<u8> {
    Header { fin, rsv1: false, opcode, mask: Some(KEY), len }.encode().to_vec()
}

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn at(millis: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(millis))
}

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
