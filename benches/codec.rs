//! The codec's parts, for regressions: masking, decoding through the borrowed path, encoding.

#![allow(missing_docs, reason = "criterion makes functions without any")]

use std::hint::black_box;

use bytes::Buf;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hybi::frame::{Header, OpCode, mask};
use hybi::{Connection, Event, RecvBuf};

const SIZES: [usize; 6] = [8, 32, 125, 1024, 16 * 1024, 1024 * 1024];
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn masking(c: &mut Criterion) {
    let mut group = c.benchmark_group("mask");
    for size in SIZES {
        let mut data = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| mask(black_box(&mut data), KEY));
        });
    }
}

/// A server reads masked messages as they come from a socket: up to 16 KiB at once.
fn decoding(c: &mut Criterion) {
    for (name, opcode) in [("decode_binary", OpCode::Binary), ("decode_text", OpCode::Text)] {
        let mut group = c.benchmark_group(name);
        for size in SIZES {
            let count = (16 * 1024 / size).max(1);
            let wire = frame(opcode, size).repeat(count);
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(BenchmarkId::from_parameter(size), |b| {
                let mut conn = Connection::server(Default::default());
                let mut rx = RecvBuf::new();
                b.iter(|| {
                    let mut told = 0;
                    for read in wire.chunks(16 * 1024) {
                        rx.extend_from_slice(read);
                        while let Some(event) = conn.next_event(&mut rx) {
                            match event {
                                Event::Text(text) => told += black_box(text).len(),
                                Event::Binary(data) => told += black_box(data).len(),
                                event => panic!("{event:?}"),
                            }
                        }
                    }
                    assert_eq!(told, size * count);
                });
            });
        }
    }
}

fn encoding(c: &mut Criterion) {
    for name in ["encode_server", "encode_client"] {
        let mut group = c.benchmark_group(name);
        for size in SIZES {
            let data = vec![7; size];
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::from_parameter(size), |b| {
                let mut conn = match name {
                    "encode_server" => Connection::server(Default::default()),
                    _ => Connection::client(Default::default(), hybi::OsMaskKeys),
                };
                b.iter(|| {
                    conn.send_binary(black_box(&data)).expect("there is room");
                    let tx = conn.transmit();
                    tx.advance(tx.len());
                });
            });
        }
    }
}

fn frame(opcode: OpCode, size: usize) -> Vec<u8> {
    let header = Header { fin: true, rsv1: false, opcode, mask: Some(KEY), len: size as u64 };
    let mut payload = vec![b'a'; size];
    mask(&mut payload, KEY);
    [&header.encode()[..], &payload].concat()
}

criterion_group!(benches, masking, decoding, encoding);
criterion_main!(benches);
