//! What a compressed message may cost its receiver: size, ratio, memory, work (RFC 6455 section 10.4).
#![cfg(feature = "deflate")]

mod common;
mod deflate_common;

use common::{Told, failure, frame, masked};
use deflate_common::{
    Bits, Independent, eager, end, hear_in_pieces, messages, noise, params, said,
};
use hybi::{CloseCode, Config, Delivery, Error, Kind, Message, Role};

const PIECES: [usize; 4] = [1, 7, 1000, usize::MAX];

#[test]
fn a_message_of_exactly_the_limit_passes_and_one_byte_more_fails() {
    for limit in [1, 2, 100, 4096, 16_384, 16_385, 100_000] {
        for delivery in [Delivery::Messages, Delivery::Chunks] {
            for piece in PIECES {
                for (len, role) in [(limit, Role::Server), (limit + 1, Role::Client)] {
                    let config = limited(limit, delivery);
                    let mut end = end(role, params(true, 15), config);
                    let told = hear_in_pieces(&mut end, &zeros(len), piece);
                    if len == limit {
                        assert_eq!(told_len(&told), limit, "in pieces of {piece}");
                        assert!(!end.conn.is_closing());
                        continue;
                    }
                    let error = Error::MessageTooLarge { len: len as u64, limit: limit as u64 };
                    assert_eq!(failure(&told), error, "{len} in pieces of {piece}");
                    assert_eq!(common::said_code(&mut end), CloseCode::TOO_BIG);
                    // Nothing is inflated beyond the byte that shows it.
                    assert_eq!(end.conn.stats().inflated_received, len as u64);
                }
            }
        }
    }
}

#[test]
fn a_bomb_is_dropped_at_the_limit_whatever_it_holds() {
    for fragments in [1, 2, 50] {
        let payload = bomb(4_000_000);
        let mut frames = Vec::new();
        for (number, part) in payload.chunks(payload.len().div_ceil(fragments)).enumerate() {
            let last = part.as_ptr_range().end == payload.as_ptr_range().end;
            let first = if number == 0 { 0x42 } else { 0x00 };
            frames.extend(frame(if last { first | 0x80 } else { first }, part).0);
        }
        let mut end = end(Role::Server, params(true, 15), limited(65_536, Delivery::Messages));
        let told = hear_in_pieces(&mut end, &frames, 100);
        assert_eq!(failure(&told), Error::MessageTooLarge { len: 65_537, limit: 65_536 });
        assert_eq!(end.conn.stats().inflated_received, 65_537);
    }
}

/// The limit is a message's, not a connection's.
#[test]
fn messages_of_the_limit_may_come_again_and_again() {
    for takeover in [true, false] {
        let config = limited(50_000, Delivery::Messages);
        let mut end = end(Role::Server, params(takeover, 15), config);
        for _ in 0..50 {
            assert_eq!(told_len(&end.hear_frames(&zeros(50_000))), 50_000);
        }
    }
}

/// Bytes that make nothing are bounded as well: a message is not much longer on the wire than inflated.
#[test]
fn a_message_that_inflates_to_nothing_is_bounded_on_the_wire() {
    let payload = (0..3000).fold(Bits::default(), |bits, _| bits.stored(false, b"")).message();
    for role in [Role::Client, Role::Server] {
        let mut end = end(role, params(true, 15), limited(1000, Delivery::Messages));
        let told = hear_in_pieces(&mut end, &frame(0xc2, &payload), 100);
        let len = payload.len() as u64;
        assert_eq!(failure(&told), Error::MessageTooLarge { len, limit: 1000 });
        assert!(end.conn.stats().payload_received < 3000);
    }
}

/// What does not get smaller is somewhat longer on the wire and still within the limit.
#[test]
fn noise_of_exactly_the_limit_passes() {
    for level in [0, 1, 9] {
        for len in [1, 1000, 100_000] {
            let config = eager(|config| {
                config.max_message_size = len as u64;
                config.compression.as_mut().expect("it is set").level = level;
            });
            let mut client = end(Role::Client, params(true, 15), config.clone());
            client.conn.send(Message::from(noise(1, len)).compressed()).expect("room");
            let mut server = end(Role::Server, params(true, 15), config);
            let told = server.hear_bytes(&client.sent());
            assert_eq!(told_len(&told), len, "at level {level}");
        }
    }
}

#[test]
fn a_ratio_limit_fails_what_is_larger_on_the_wire_by_less() {
    for (ratio, passes) in [(1, false), (25, false), (900, false), (2000, true)] {
        for piece in PIECES {
            let config = eager(|config| {
                config.compression.as_mut().expect("it is set").max_ratio = Some(ratio);
            });
            let mut end = end(Role::Server, params(true, 15), config);
            let told = hear_in_pieces(&mut end, &zeros(1_000_000), piece);
            if passes {
                assert_eq!(told_len(&told), 1_000_000);
                continue;
            }
            assert_eq!(failure(&told), Error::RatioTooLarge { limit: ratio });
            assert_eq!(common::said_code(&mut end), CloseCode::TOO_BIG);
            assert!(end.conn.stats().inflated_received < 1_000_000);
        }
    }
}

#[test]
fn a_ratio_limit_leaves_small_and_ordinary_messages_alone() {
    let config = eager(|config| {
        config.compression.as_mut().expect("it is set").max_ratio = Some(10);
    });
    let mut end = end(Role::Client, params(true, 15), config);
    for _ in 0..20 {
        assert_eq!(told_len(&end.hear_frames(&zeros(1000))), 1000);
        let text = Bits::default().stored(false, &noise(2, 20_000)).message();
        assert_eq!(told_len(&end.hear_frames(&frame(0xc2, &text))), 20_000);
    }
}

/// The part that inflates to much comes first: how much of the rest has arrived by then makes no difference.
#[test]
fn a_ratio_limit_judges_a_frame_by_its_length_however_it_is_cut() {
    let config = eager(|config| {
        config.compression.as_mut().expect("it is set").max_ratio = Some(10);
    });
    // A whole block and the bytes that end it: what follows begins at a byte boundary.
    let zeros = [&bomb(50_000)[..], &[0, 0, 0xff, 0xff]].concat();
    for (rest, passes) in [(10_000, true), (4_000, false)] {
        let mut message = zeros.clone();
        message.extend(Bits::default().stored(false, &noise(2, rest)).message());
        for piece in PIECES {
            let mut end = end(Role::Client, params(true, 15), config.clone());
            let told = hear_in_pieces(&mut end, &frame(0xc2, &message), piece);
            if passes {
                assert_eq!(told_len(&told), 50_000 + rest);
            } else {
                assert_eq!(failure(&told), Error::RatioTooLarge { limit: 10 });
            }
        }
    }
}

/// What lies beyond a limit is not looked at, however much of it came in the same piece.
#[test]
fn the_lower_limit_on_what_is_inflated_is_found_first() {
    for (ratio, limit) in [(2, 10_000), (100, 2_500)] {
        let config = eager(|config| {
            config.compression.as_mut().expect("it is set").max_ratio = Some(ratio);
            config.max_message_size = limit;
        });
        // Text, and then bytes that are none.
        let mut compressor = flate2::Compress::new(flate2::Compression::best(), false);
        let text = [vec![b'a'; 3_000], vec![0xff; 9_000]].concat();
        let mut message = Vec::with_capacity(1_000);
        compressor
            .compress_vec(&text, &mut message, flate2::FlushCompress::Sync)
            .expect("there is room");
        for piece in PIECES {
            let mut end = end(Role::Client, params(true, 15), config.clone());
            let told = hear_in_pieces(&mut end, &frame(0xc1, &message), piece);
            let expected = match ratio {
                2 => Error::RatioTooLarge { limit: ratio },
                _ => Error::MessageTooLarge { len: limit + 1, limit },
            };
            assert_eq!(failure(&told), expected, "in pieces of {piece}");
        }
    }
}

/// A message a thousand times as large as its bytes comes in chunks of one step.
#[test]
fn chunks_are_bounded_whatever_they_come_from() {
    let config = limited(64 * 1024 * 1024, Delivery::Chunks);
    let mut end = end(Role::Server, params(true, 15), config);
    let (bytes, _) = masked(&zeros(20_000_000), common::KEY);
    let mut total = 0;
    let mut chunks = 0;
    for piece in bytes.chunks(4096) {
        end.rx.extend_from_slice(piece);
        while let Some(event) = end.conn.next_event(&mut end.rx) {
            let hybi::Event::Chunk(chunk) = event else { panic!("{event:?}") };
            assert!(chunk.data.len() <= 16 * 1024, "{} bytes at once", chunk.data.len());
            assert_eq!((chunk.first, chunk.data.kind()), (chunks == 0, Kind::Binary));
            (total, chunks) = (total + chunk.data.len(), chunks + 1);
        }
        assert!(end.rx.capacity() <= 32 * 1024, "{} bytes", end.rx.capacity());
    }
    assert_eq!((total, end.conn.stats().messages_received), (20_000_000, 1));
}

#[test]
fn all_that_has_come_is_inflated_before_more_is_waited_for() {
    let frame = zeros(200_000);
    for delivery in [Delivery::Chunks, Delivery::Messages] {
        for len in 0..frame.len() {
            let inflated = [1, usize::MAX].map(|piece| {
                let mut end = end(Role::Client, params(true, 15), limited(200_000, delivery));
                hear_in_pieces(&mut end, &frame[..len], piece);
                end.conn.stats().inflated_received
            });
            assert_eq!(inflated[0], inflated[1], "{len} bytes, {delivery:?}");
        }
    }
}

/// 100 KB of blocks that hold nothing are legal.
#[test]
fn empty_blocks_of_every_kind_are_passed_over() {
    let empty = |kind: u32| {
        let mut bits = Bits::default();
        for number in 0..20_000 {
            bits = match (kind + number * u32::from(kind > 2)) % 3 {
                0 => bits.stored(false, b""),
                1 => bits.fixed(false).end_of_block(),
                _ => bits.stored(true, b""),
            };
        }
        bits.message()
    };
    for kind in 0..4 {
        for bits in [9, 15] {
            let mut end = end(Role::Server, params(true, bits), eager(|_| {}));
            let told = hear_in_pieces(&mut end, &frame(0xc2, &empty(kind)), 1000);
            assert_eq!(told, [Told::binary(b"")], "kind {kind}");
        }
    }
}

/// However many: each gets back the window that it had, and what it says counts.
#[test]
fn a_message_may_have_final_blocks_without_end() {
    let start = noise(5, 32_768);
    let stream = (0..5000).fold(Bits::default().stored(false, &start), |bits, _| {
        bits.stored(true, b"and so on").stored(true, b"")
    });
    let stream = stream.message();
    let expected = [start, b"and so on".repeat(5000)].concat();
    for role in [Role::Client, Role::Server] {
        for delivery in [Delivery::Messages, Delivery::Chunks] {
            let mut end = end(role, params(true, 15), eager(|config| config.delivery = delivery));
            let told = hear_in_pieces(&mut end, &frame(0xc2, &stream), 1000);
            assert_eq!(told_len(&told), expected.len());
            if delivery == Delivery::Messages {
                assert!(told == [Told::binary(&expected)]);
            }
        }
    }
}

/// The compressor's side: what is sent is not longer than what it stands for, and a few bytes a block.
#[test]
fn noise_grows_little_or_is_sent_as_it_is() {
    let data = noise(9, 100_000);
    let mut kept = end(Role::Server, params(true, 15), eager(|_| {}));
    kept.conn.send(Message::from(data.clone()).compressed()).expect("room");
    let (compressed, payload) = messages(said(&mut kept)).remove(0);
    assert!(compressed && payload.len() < data.len() + data.len() / 100);
    assert!(Independent::new(true).inflate(&payload) == data);
    let mut fresh = end(Role::Server, params(false, 15), eager(|_| {}));
    fresh.conn.send(Message::from(data.clone())).expect("room");
    assert_eq!(messages(said(&mut fresh)), [(false, data)]);
}

fn limited(limit: usize, delivery: Delivery) -> Config {
    eager(|config| {
        config.max_message_size = limit as u64;
        config.delivery = delivery;
    })
}

/// A frame that inflates to so many zeros.
fn zeros(len: usize) -> Vec<u8> {
    frame(0xc2, &bomb(len)).0
}

/// So many zeros, compressed as well as can be.
fn bomb(len: usize) -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut out = Vec::with_capacity(len / 500 + 100);
    compress
        .compress_vec(&vec![0; len], &mut out, flate2::FlushCompress::Sync)
        .expect("there is room");
    assert!(out.ends_with(&deflate_common::TAIL));
    out.truncate(out.len() - 4);
    out
}

/// How long the one message is that was told.
#[track_caller]
fn told_len(told: &[Told]) -> usize {
    let len = |told: &Told| match told {
        Told::Binary(data) | Told::Chunk { data, .. } => data.len(),
        other => panic!("{other:?}"),
    };
    told.iter().map(len).sum()
}
