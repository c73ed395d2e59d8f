//! What compression costs a connection: nothing before its first compressed message, a known number of bytes
//! after it, and where no context is kept nothing again.
#![cfg(feature = "deflate")]

mod common;
#[path = "deflate_common/counting.rs"]
mod counting;
mod deflate_common;
#[path = "deflate_common/pool.rs"]
mod pool;

use std::time::Duration;

use bytes::Buf;
use common::{End, KEY, Told, at, frame, masked};
use counting::{live, peak_of};
use deflate_common::{Bits, Independent, eager, end, messages, params, said};
use hybi::deflate::{Direction, Params};
use hybi::{Connection, Delivery, Event, Message, RecvBuf, Role};
use pool::POOL;

const TEXT: &[u8] =
    b"To be sent, to be compressed, to be read, to be compressed, to be sent again. ";

#[test]
fn nothing_is_allocated_before_the_first_compressed_message() {
    for takeover in [true, false] {
        let config = std::sync::Arc::new(eager(|_| {}));
        let plain = plain(config.clone());
        let before = live();
        let mut conn = plain.with_compression(params(takeover, 15), Some(&POOL));
        let state = live() - before;
        assert!(state <= 104, "{state} bytes to know what was agreed on");
        // Messages that are not compressed change nothing.
        let mut rx = RecvBuf::new();
        rx.extend_from_slice(&masked(&frame(0x82, TEXT), KEY).0);
        assert!(matches!(conn.next_event(&mut rx), Some(Event::Binary(TEXT))));
        conn.send(Message::binary(TEXT).uncompressed()).expect("room");
        drain(&mut conn);
        give_back(&mut conn, &mut rx);
        assert_eq!(live() - before, state);
    }
}

/// Bytes that a connection owns by compression when it is idle and has sent and received compressed messages.
#[test]
#[cfg(target_pointer_width = "64")]
fn a_connection_owns_what_its_settings_say() {
    let mut table = String::from(
        "| send takeover | mem_level | window_bits | receive takeover | bytes idle |\n\
         |---|---|---|---|---|\n",
    );
    let mut wrong = false;
    let yes_no = |yes| if yes { "yes" } else { "no" };
    for (send, mem_level, bits, receive, bound) in [
        (false, 5, 15, false, 104),
        (false, 9, 15, false, 104),
        (true, 1, 9, false, 140_000),
        (true, 1, 15, false, 270_000),
        (true, 5, 9, false, 155_000),
        (true, 5, 12, false, 170_000),
        (true, 5, 15, false, 285_000),
        (true, 8, 9, false, 260_000),
        (true, 8, 12, false, 270_000),
        (true, 8, 15, false, 385_000),
        (true, 9, 15, false, 520_000),
        (false, 5, 15, true, 88_000),
        (false, 5, 12, true, 70_000),
        (false, 5, 9, true, 60_000),
        (true, 5, 15, true, 370_000),
        (true, 8, 15, true, 470_000),
    ] {
        let owned = owned(send, mem_level, bits, receive);
        table += &format!(
            "| {} | {mem_level} | {bits} | {} | {owned} |\n",
            yes_no(send),
            yes_no(receive)
        );
        wrong |= owned > bound || (bound > 104 && owned * 3 < bound * 2);
    }
    println!("{table}");
    assert!(!wrong, "bounds are kept to and not much too high:\n{table}");
}

#[test]
fn without_takeover_no_connection_owns_a_codec_between_messages() {
    let conns = 10_000;
    let config = std::sync::Arc::new(eager(|config| {
        config.compression.as_mut().expect("it is set").level = 1;
    }));
    let (bytes, _) = masked(&compressed(TEXT), KEY);
    let before = live();
    let mut all = Vec::with_capacity(conns);
    let empty = live() - before;
    for _ in 0..conns {
        let plain = Connection::server(config.clone());
        all.push(plain.with_compression(params(false, 15), Some(&POOL)));
    }
    let mut rx = RecvBuf::new();
    for conn in &mut all {
        rx.extend_from_slice(&bytes);
        assert!(matches!(conn.next_event(&mut rx), Some(Event::Binary(_))));
        conn.send(Message::binary(TEXT.repeat(3))).expect("room");
        drain(conn);
        give_back(conn, &mut rx);
    }
    let each = (live() - before - empty) / conns;
    assert!(each <= 480, "{each} bytes a connection");
    let (made, waiting) = POOL.count();
    assert!(waiting.0 <= 4 && waiting.1 <= 4, "{waiting:?}");
    assert!(made.0 >= conns && made.1 >= conns, "codecs come back after each message: {made:?}");
}

/// Even an open message gives its codec back with its last fragment.
#[test]
fn a_message_in_fragments_holds_a_codec_until_its_end() {
    let before = live();
    let mut end = end(Role::Server, params(false, 15), eager(|_| {}));
    end.conn.transmit();
    let idle = live() - before;
    let mut writer = end.conn.writer(hybi::Kind::Binary).expect("nothing is open");
    writer.write(TEXT).expect("room");
    assert!(live() - before > idle + 200_000);
    end.conn.writer(hybi::Kind::Binary).expect("it is open").finish(TEXT).expect("room");
    drain(&mut end.conn);
    let payload = Bits::default().stored(false, TEXT).message();
    let (first, last) = payload.split_at(20);
    assert_eq!(end.hear_frames(&frame(0x42, first)), []);
    assert!(live() - before > idle + 30_000);
    assert_eq!(end.hear_frames(&frame(0x80, last)), [Told::binary(TEXT)]);
    drop(payload);
    give_back(&mut end.conn, &mut end.rx);
    assert!(live() - before <= idle, "{} bytes, {idle} before", live() - before);
}

#[test]
fn a_compressor_is_released_after_an_idle_time_and_the_peer_reads_on() {
    let config = eager(|config| {
        config.ping_interval = None;
        config.compression.as_mut().expect("it is set").release_after =
            Some(Duration::from_secs(60));
    });
    let mut end = end(Role::Server, params(true, 15), config);
    let mut independent = Independent::new(true);
    let mut says = |end: &mut End| {
        end.conn.send(Message::binary(TEXT)).expect("room");
        let (compressed, payload) = messages(said(end)).remove(0);
        assert!(compressed);
        assert_eq!(independent.inflate(&payload), TEXT);
        payload.len()
    };
    end.conn.poll_timeout(at(0.0));
    let first = says(&mut end);
    let kept = live();
    assert_eq!(end.conn.poll_timeout(at(10.0)), Some(at(70.0)));
    // A message in between puts it off.
    end.conn.handle_timeout(at(40.0));
    assert!(says(&mut end) < first / 2, "the window is shared");
    assert_eq!(end.conn.poll_timeout(at(40.0)), Some(at(100.0)));
    end.conn.handle_timeout(at(99.9));
    assert!(live() > kept - 100_000, "it was released too early");
    end.conn.handle_timeout(at(100.0));
    assert!(live() < kept - 200_000, "it was not released");
    assert_eq!(end.conn.poll_timeout(at(100.0)), None);
    assert_eq!(says(&mut end), first, "a message without context");
    assert!(says(&mut end) < first / 2, "and with it again");
}

#[test]
fn a_compressor_is_kept_where_none_is_to_be_released() {
    let config = eager(|config| {
        config.ping_interval = None;
        config.compression.as_mut().expect("it is set").release_after = None;
    });
    let mut end = end(Role::Server, params(true, 15), config);
    end.conn.poll_timeout(at(0.0));
    end.conn.send(Message::binary(TEXT)).expect("room");
    drain(&mut end.conn);
    assert_eq!(end.conn.poll_timeout(at(1.0)), None);
    let kept = live();
    end.conn.handle_timeout(at(100_000.0));
    assert!(live() >= kept);
}

/// A message of any length is inflated within a few steps of memory, where it is delivered in chunks.
#[test]
fn streaming_takes_no_more_memory_for_a_longer_message() {
    for bits in [9, 15] {
        let config = eager(|config| config.delivery = Delivery::Chunks);
        let mut end = end(Role::Server, params(true, bits), config);
        let (bytes, _) = masked(&compressed(&vec![0; 3_000_000]), KEY);
        let mut total = 0;
        let peak = peak_of(|| {
            for piece in bytes.chunks(1000) {
                end.rx.extend_from_slice(piece);
                while let Some(event) = end.conn.next_event(&mut end.rx) {
                    let Event::Chunk(chunk) = event else { panic!("{event:?}") };
                    total += chunk.data.len();
                }
            }
        });
        assert_eq!(total, 3_000_000);
        assert!(peak < 200 * 1024, "{peak} bytes with {bits} bits");
    }
}

/// The message's own memory follows what is inflated, and its limit.
#[test]
fn a_bomb_takes_memory_for_its_limit_only() {
    let limit = 1_000_000;
    let config = eager(|config| config.max_message_size = limit as u64);
    let mut end = end(Role::Client, params(true, 15), config);
    let bomb = compressed(&vec![0; 8_000_000]);
    let peak = peak_of(|| {
        end.rx.extend_from_slice(&bomb);
        while end.conn.next_event(&mut end.rx).is_some() {}
    });
    assert!(end.conn.is_closing());
    assert!(peak < 3 * limit + bomb.len() * 2 + 150 * 1024, "{peak} bytes");
}

/// The adapters' connections take codecs of their thread and give them back.
#[test]
#[cfg(feature = "tokio")]
fn idle_connections_of_an_adapter_own_no_codecs() {
    use futures_util::FutureExt;
    use hybi::tokio::WebSocket;

    let mut config = eager(|_| {});
    config.compression.as_mut().expect("it is set").level = 1;
    let mut negotiated = hybi::handshake::Negotiated::default();
    negotiated.compression = Some(params(false, 15));
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut ends = Vec::new();
        for _ in 0..100 {
            let (a, b) = tokio::io::duplex(4096);
            let make = |io, role| {
                WebSocket::from_upgraded(io, role, b"", negotiated.clone(), config.clone())
            };
            ends.push((make(a, Role::Client), make(b, Role::Server)));
        }
        let message = Message::binary(TEXT.repeat(5));
        let mut turn = 0;
        let mut before = 0;
        for _ in 0..2 {
            for (client, server) in &mut ends {
                client.send(message.clone()).await.expect("it is open");
                let received = server.recv().await.expect("it is open").expect("a message");
                server.send(received).await.expect("it is open");
                assert_eq!(client.recv().await.expect("it is open"), Some(message.clone()));
                if turn == 5 {
                    before = live();
                }
                turn += 1;
            }
        }
        // An idle connection is one that waits.
        for (client, server) in &mut ends {
            assert!(client.recv().now_or_never().is_none());
            assert!(server.recv().now_or_never().is_none());
        }
        let each = live().saturating_sub(before) / 94;
        assert!(each < 20_000, "{each} bytes for each pair that has exchanged messages");
    });
}

/// What an idle connection owns after it has sent and received, without its buffers.
fn owned(send: bool, mem_level: u8, window_bits: u8, receive: bool) -> usize {
    let direction = |context_takeover| Direction { context_takeover, window_bits };
    let params = Params { server: direction(send), client: direction(receive) };
    let config = eager(|config| {
        config.compression.as_mut().expect("it is set").mem_level = mem_level;
    });
    let config = std::sync::Arc::new(config);
    let bytes: Vec<_> = (0..20)
        .map(|seed| masked(&compressed(&deflate_common::noise(seed, 5000)), KEY).0)
        .collect();
    let plain = plain(config);
    let before = live();
    let mut conn = plain.with_compression(params, None);
    let mut rx = RecvBuf::new();
    for bytes in &bytes {
        rx.extend_from_slice(bytes);
        assert!(matches!(conn.next_event(&mut rx), Some(Event::Binary(_))));
        conn.send(Message::from(&deflate_common::noise(9, 5000)[..])).expect("room");
        drain(&mut conn);
    }
    give_back(&mut conn, &mut rx);
    live() - before
}

/// A connection without compression, which has its counters and its queue already.
fn plain(config: std::sync::Arc<hybi::Config>) -> Connection {
    let mut conn = Connection::server(config);
    conn.transmit();
    conn
}

/// A frame as a server sends it, that holds its data compressed without context.
fn compressed(data: &[u8]) -> Vec<u8> {
    let config = eager(|config| config.compression.as_mut().expect("it is set").level = 1);
    let mut end = end(Role::Server, params(true, 8), config);
    end.conn.send(Message::from(data).compressed()).expect("room");
    end.sent().0
}

fn drain(conn: &mut Connection) {
    let tx = conn.transmit();
    tx.advance(tx.len());
}

fn give_back(conn: &mut Connection, rx: &mut RecvBuf) {
    drop((rx.take_memory(), conn.transmit().take_memory()));
    assert_eq!((rx.capacity(), conn.transmit().capacity()), (0, 0));
}
