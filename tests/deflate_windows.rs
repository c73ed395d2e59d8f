//! Windows of 8 to 15 bits: kept to in what is sent, demanded of what is received (RFC 7692 section 7.1.2).
#![cfg(feature = "deflate")]

mod common;
mod deflate_common;

use common::{Told, failure, frame};
use deflate_common::{
    Bits, TAIL, data_sets, eager, end, hear_in_pieces, messages, noise, params, said,
};
use hybi::deflate::{DistanceCheck, InflateError, Strategy};
use hybi::{Error, Message, Role};
use proptest::prelude::*;

const PIECES: [usize; 5] = [1, 2, 3, 7, usize::MAX];

#[test]
fn what_is_sent_keeps_to_every_window() {
    for bits in 8..=15u8 {
        let mut furthest = 0;
        for (number, (level, mem_level)) in
            [(1, 5), (2, 9), (3, 5), (6, 1), (9, 8)].into_iter().enumerate()
        {
            let role = if number % 2 == 0 { Role::Server } else { Role::Client };
            furthest = furthest.max(sent(role, bits, level, mem_level, Strategy::Default));
        }
        assert!(furthest <= 1 << bits, "{furthest} of {bits} bits");
        // The window is used, and not merely kept to by never looking back.
        assert!(furthest >= (1 << bits) / 3, "only {furthest} of {bits} bits");
    }
}

#[test]
fn every_strategy_keeps_to_the_smallest_windows() {
    for bits in [8, 9] {
        for strategy in [Strategy::Filtered, Strategy::Fixed, Strategy::Rle, Strategy::HuffmanOnly]
        {
            for level in [1, 4, 9] {
                assert!(sent(Role::Server, bits, level, 9, strategy) <= 1 << bits);
            }
        }
        assert_eq!(sent(Role::Client, bits, 0, 5, Strategy::Default), 0, "nothing is compressed");
    }
}

/// The furthest distance in everything that one end sends.
fn sent(role: Role, bits: u8, level: u8, mem_level: u8, strategy: Strategy) -> u32 {
    let config = eager(|config| {
        let compression = config.compression.as_mut().expect("it is set");
        (compression.level, compression.mem_level) = (level, mem_level);
        compression.strategy = strategy;
    });
    let mut end = end(role, params(true, bits), config);
    let mut check = DistanceCheck::new(bits);
    let len = (3usize << bits).clamp(3000, 70_000);
    for data in data_sets(len) {
        let (first, rest) = data.split_at(data.len() / 3);
        for part in [first, rest] {
            end.conn.send(Message::from(part).compressed()).expect("room");
            for (compressed, payload) in messages(said(&mut end)) {
                assert!(compressed, "with takeover every message is compressed");
                check.feed(&payload).expect("a distance within the window");
                check.feed(&TAIL).expect("an empty block");
            }
        }
    }
    check.furthest()
}

#[test]
fn a_distance_of_exactly_the_window_is_received() {
    for bits in 8..=15 {
        for (frames, plain) in reaching(1 << bits) {
            for piece in PIECES {
                for role in [Role::Client, Role::Server] {
                    let mut end = end(role, params(true, bits), eager(|_| {}));
                    let told = hear_in_pieces(&mut end, &frames, piece);
                    let told: Vec<u8> = told.into_iter().flat_map(data).collect();
                    assert!(told == plain, "{bits} bits in pieces of {piece}");
                }
            }
        }
    }
}

#[test]
fn a_distance_beyond_the_window_fails_however_it_is_cut() {
    for bits in 8..=14 {
        for (number, (frames, _)) in reaching((1 << bits) + 1).into_iter().enumerate() {
            for piece in PIECES {
                for role in [Role::Client, Role::Server] {
                    let mut end = end(role, params(true, bits), eager(|_| {}));
                    let told = hear_in_pieces(&mut end, &frames, piece);
                    let error = Error::Inflate(InflateError::Distance);
                    assert_eq!(failure(&told), error, "{bits} bits, way {number}, by {piece}");
                }
            }
        }
    }
}

/// Twice the window, and three bytes more than ever came.
#[test]
fn distances_far_beyond_the_window_or_the_beginning_fail() {
    for bits in 8..=15 {
        for (before, distance) in [(100, 101), (0, 1), (2 << bits, (1 << bits) + 200)] {
            if distance > 32_768 {
                continue;
            }
            let data = noise(3, before);
            let payload = stored(Bits::default(), &data).fixed(false).copy(3, distance as u32);
            let frames = frame(0xc2, &payload.end_of_block().message());
            for piece in PIECES {
                let mut end = end(Role::Server, params(true, bits), eager(|_| {}));
                let told = hear_in_pieces(&mut end, &frames, piece);
                assert!(matches!(failure(&told), Error::Inflate(_)), "{distance} of {bits} bits");
            }
        }
    }
}

/// A direction has a window of its own.
#[test]
fn the_peers_window_is_not_ours() {
    let mut params = params(true, 15);
    params.client.window_bits = 9;
    let (frames, _) = reaching(513).remove(0);
    let mut server = end(Role::Server, params, eager(|_| {}));
    let told = hear_in_pieces(&mut server, &frames, usize::MAX);
    assert_eq!(failure(&told), Error::Inflate(InflateError::Distance));
    let mut client = end(Role::Client, params, eager(|_| {}));
    assert_eq!(hear_in_pieces(&mut client, &frames, usize::MAX).len(), 1);
}

/// Messages that refer `distance` bytes back: from stored data, from literals, over a message's end.
fn reaching(distance: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let before = noise(7, distance);
    let plain = [&before[..], &before[..5]].concat();
    let distance = u32::try_from(distance).expect("a distance is short");
    let copy = |bits: Bits| bits.fixed(false).copy(5, distance).end_of_block().message();
    let one = |payload: Vec<u8>| frame(0xc2, &payload).0;
    let in_stored = one(copy(stored(Bits::default(), &before)));
    let literals = Bits::default().fixed(false).literals(&before);
    let in_fixed = one(literals.clone().copy(5, distance).end_of_block().message());
    let first = one(literals.end_of_block().message());
    let second = one(copy(Bits::default()));
    vec![(in_stored, plain.clone()), (in_fixed, plain.clone()), ([first, second].concat(), plain)]
}

fn stored(bits: Bits, data: &[u8]) -> Bits {
    data.chunks(60_000).fold(bits, |bits, part| bits.stored(false, part))
}

fn data(told: Told) -> Vec<u8> {
    match told {
        Told::Binary(data) => data.0,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The check that other tests rely on finds the furthest distance, however it is fed.
    #[test]
    fn the_check_finds_the_furthest_distance(
        runs in proptest::collection::vec((1usize..400, 3u32..=10, any::<prop::sample::Index>()), 1..20),
        piece in 1usize..50,
    ) {
        let (mut bits, mut output, mut furthest) = (Bits::default(), 0, 0);
        for (number, (len, copied, distance)) in runs.into_iter().enumerate() {
            let data = noise(number as u32, len);
            bits = match number % 3 {
                0 => bits.stored(false, &data).fixed(false),
                1 => bits.fixed(false).literals(&data),
                _ => bits.stored(true, &data).fixed(false),
            };
            output += len;
            let distance = distance.index(output) as u32 + 1;
            furthest = furthest.max(distance);
            bits = bits.copy(copied, distance).end_of_block();
            output += copied as usize;
        }
        let stream = bits.message();
        let mut check = DistanceCheck::new(15);
        for piece in stream.chunks(piece) {
            prop_assert!(check.feed(piece).is_ok());
        }
        prop_assert_eq!(check.furthest(), furthest);
        let least = (8..=15).find(|bits| furthest <= 1 << bits).expect("it is short");
        for bits in 8..=15 {
            prop_assert_eq!(DistanceCheck::new(bits).feed(&stream).is_ok(), bits >= least);
        }
    }
}
