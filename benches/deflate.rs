//! Compression: a JSON message there (compressed and framed) and back (inflated and told), beside zlib-rs alone.
//!
//! `zlib` is the floor: the same compressor settings over the same data, no frames, no limits, no checks.

#![allow(missing_docs, reason = "criterion makes functions without any")]

use std::hint::black_box;
use std::sync::{Arc, Mutex};

use bytes::Buf;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hybi::deflate::{CodecPool, Compressor, Decompressor, Direction, Params};
use hybi::{Compression, Config, Connection, Event, RecvBuf};
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush};

fn main_bench(c: &mut Criterion) {
    for takeover in [true, false] {
        let name = if takeover { "takeover" } else { "no_takeover" };
        let mut group = c.benchmark_group(format!("deflate_{name}"));
        for size in [64, 1024, 16 * 1024] {
            let message = json(size);
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_with_input(BenchmarkId::new("hybi", size), &message, |b, message| {
                let mut pair = Pair::new(takeover);
                b.iter(|| pair.round(black_box(message)));
            });
            group.bench_with_input(BenchmarkId::new("zlib", size), &message, |b, message| {
                let mut floor = Floor::new(takeover);
                b.iter(|| floor.round(black_box(message)));
            });
        }
        group.finish();
    }
}

/// Two ends in memory.
struct Pair {
    server: Connection,
    client: Connection,
    rx: RecvBuf,
}

impl Pair {
    fn new(takeover: bool) -> Self {
        let mut compression = Compression::default();
        compression.min_size = 0;
        let mut config = Config::default();
        config.compression = Some(compression);
        let config = Arc::new(config);
        let direction = Direction { context_takeover: takeover, window_bits: 15 };
        let params = Params { server: direction, client: direction };
        let keys = || [1, 2, 3, 4];
        Self {
            server: Connection::server(config.clone()).with_compression(params, Some(&POOL)),
            client: Connection::client(config, keys).with_compression(params, Some(&POOL)),
            rx: RecvBuf::new(),
        }
    }

    /// One message from the server to the client.
    fn round(&mut self, message: &str) -> usize {
        self.server.send_text(message).expect("there is room");
        let tx = self.server.transmit();
        while tx.has_remaining() {
            let chunk = tx.chunk();
            self.rx.extend_from_slice(chunk);
            let len = chunk.len();
            tx.advance(len);
        }
        match self.client.next_event(&mut self.rx) {
            Some(Event::Text(text)) => text.len(),
            event => panic!("a message was sent, and {event:?} came"),
        }
    }
}

/// The library below, used by hand.
struct Floor {
    deflate: Deflate,
    inflate: Inflate,
    compressed: Vec<u8>,
    plain: Vec<u8>,
    takeover: bool,
}

impl Floor {
    fn new(takeover: bool) -> Self {
        let settings = Compression::default();
        let config = DeflateConfig {
            window_bits: -15,
            mem_level: settings.mem_level.into(),
            ..DeflateConfig::new(settings.level.into())
        };
        Self {
            deflate: Deflate::new_with_config(config),
            inflate: Inflate::new(false, 15),
            compressed: vec![0; 32 * 1024],
            plain: vec![0; 32 * 1024],
            takeover,
        }
    }

    fn round(&mut self, message: &str) -> usize {
        if !self.takeover {
            self.deflate.reset();
            self.inflate.reset(false);
        }
        let (before_out, before_in) = (self.deflate.total_out(), self.inflate.total_out());
        let flush = DeflateFlush::SyncFlush;
        self.deflate.compress(message.as_bytes(), &mut self.compressed, flush).expect("fits");
        let len = (self.deflate.total_out() - before_out) as usize;
        let flush = InflateFlush::NoFlush;
        self.inflate.decompress(&self.compressed[..len], &mut self.plain, flush).expect("valid");
        let len = (self.inflate.total_out() - before_in) as usize;
        std::str::from_utf8(&self.plain[..len]).expect("text").len()
    }
}

/// A feed's message: an array of trades.
fn json(size: usize) -> String {
    let mut text = String::from("[");
    let mut i: u32 = 0;
    while text.len() < size {
        let price = 40_000 + i.wrapping_mul(2_654_435_761) % 5_000;
        text += &format!(r#"{{"s":"BTC-USD","p":"{price}.{:02}","q":{i}}},"#, price % 97);
        i += 1;
    }
    text.truncate(size);
    text
}

#[derive(Debug)]
struct Pool {
    compressors: Mutex<Vec<Compressor>>,
    decompressors: Mutex<Vec<Decompressor>>,
}

static POOL: Pool =
    Pool { compressors: Mutex::new(Vec::new()), decompressors: Mutex::new(Vec::new()) };

impl CodecPool for Pool {
    fn take_compressor(&self, _: &dyn Fn(&Compressor) -> bool) -> Option<Compressor> {
        self.compressors.lock().expect("nobody panics").pop()
    }

    fn give_compressor(&self, compressor: Compressor) {
        self.compressors.lock().expect("nobody panics").push(compressor);
    }

    fn take_decompressor(&self) -> Option<Decompressor> {
        self.decompressors.lock().expect("nobody panics").pop()
    }

    fn give_decompressor(&self, decompressor: Decompressor) {
        self.decompressors.lock().expect("nobody panics").push(decompressor);
    }
}

criterion_group!(benches, main_bench);
criterion_main!(benches);
