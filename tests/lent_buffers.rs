//! What a thread lends its connections over tokio: one buffer for all that are idle, and nothing of one told by another.
#![cfg(all(feature = "tokio", feature = "deflate"))]
#![allow(unsafe_code, reason = "a counting allocator is written with it")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Waker};

use adapters::simulate;
use adapters::upgraded::upgraded;
use hybi::deflate::{Compression, Direction};
use hybi::tokio::{WebSocket, accept_with, connect_over};
use hybi::{CloseCode, Config, Kind, Message, Role};
use tokio::io::{DuplexStream, duplex};

#[test]
fn connections_that_wait_own_no_buffer_however_many_there_are() {
    simulate(|| async {
        let waiting: Vec<_> = (0..50).map(|_| waiting()).collect();
        assert!(held() <= 1, "{} buffers for {} connections", held(), waiting.len());
    });
}

#[test]
fn a_receiving_half_that_is_dropped_leaves_no_buffer() {
    simulate(|| async {
        let (waiting, _peers): (Vec<_>, Vec<_>) = (0..20).map(|_| waiting()).unzip();
        let split = |ws: WebSocket<DuplexStream>| ws.split().0;
        let senders: Vec<_> = waiting.into_iter().map(split).collect();
        assert!(held() <= 1, "{} buffers for {} connections", held(), senders.len());
    });
}

/// A connection that waits for its first frame, and the peer's end.
fn waiting() -> (WebSocket<DuplexStream>, DuplexStream) {
    let (mut ws, peer) = upgraded(Role::Server, 64, Config::default());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(ws.recv()).poll(&mut cx).is_pending());
    (ws, peer)
}

/// Connections of every kind on one thread, in pieces of every size: whole messages, fragments with pings between them,
/// compressed or not.
#[test]
fn nothing_of_one_connection_reaches_another() {
    for seed in 0..2 {
        simulate(move || async move {
            let mut tasks = Vec::new();
            for number in 0..24 {
                let mut random = random(seed * 1000 + number);
                let room = [20, 3000, 100_000][random(3)];
                let (a, b) = duplex(1 + random(room));
                let config = agreeing(number);
                let (client, server) = tokio::join!(
                    connect_over(a, "ws://example.com/chat", config.clone()),
                    accept_with(b, Default::default(), config),
                );
                tasks.push(tokio::spawn(echo(server.unwrap())));
                tasks.push(tokio::spawn(converse(client.unwrap(), random, room)));
            }
            for task in tasks {
                task.await.unwrap();
            }
        });
    }
}

/// A third without compression, a third with takeover, a third without.
fn agreeing(number: u64) -> Config {
    let mut config = Config::default();
    if number % 3 > 0 {
        let direction = Direction { context_takeover: number % 3 == 1, window_bits: 12 };
        let mut compression = Compression::default();
        (compression.send, compression.receive) = (direction, direction);
        config.compression = Some(compression);
    }
    config
}

async fn echo(mut server: WebSocket<DuplexStream>) {
    while let Some(message) = server.recv().await.unwrap() {
        server.send(message).await.unwrap();
    }
}

async fn converse(
    mut client: WebSocket<DuplexStream>,
    mut random: impl FnMut(usize) -> usize,
    room: usize,
) {
    for _ in 0..15 {
        let kind = [Kind::Text, Kind::Binary][random(2)];
        let most = if room < 100 { 300 } else { 30_000 };
        let pieces: Vec<Vec<u8>> = (0..=random(4)).map(|_| piece(kind, random(most))).collect();
        let whole = pieces.concat();
        let sent = match kind {
            Kind::Text => Message::text(String::from_utf8(whole).unwrap()),
            Kind::Binary => Message::binary(whole),
        };
        if random(2) == 0 {
            client.send(sent.clone()).await.unwrap();
        } else {
            in_pieces(&mut client, kind, &pieces, &mut random).await;
        }
        assert!(client.recv().await.unwrap().unwrap() == sent, "what was sent comes back");
    }
    client.close(CloseCode::NORMAL, "").await.unwrap();
}

async fn in_pieces(
    client: &mut WebSocket<DuplexStream>,
    kind: Kind,
    pieces: &[Vec<u8>],
    random: &mut impl FnMut(usize) -> usize,
) {
    for piece in pieces {
        client.ready().await.unwrap();
        client.parts().0.writer(kind).unwrap().write(piece).unwrap();
        if random(3) == 0 {
            client.ping(&[0; 100][random(100)..]).await.unwrap();
        }
        if random(2) == 0 {
            client.flush().await.unwrap();
        }
    }
    client.ready().await.unwrap();
    client.parts().0.writer(kind).unwrap().finish(b"").unwrap();
}

fn piece(kind: Kind, len: usize) -> Vec<u8> {
    match kind {
        Kind::Text => "aé€ß😀x".repeat(len / 14).into_bytes(),
        Kind::Binary => (0..len).map(|at| (at * 7) as u8).collect(),
    }
}

/// Numbers below what is asked for (xorshift).
fn random(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    }
}

/// How many buffers this thread's allocations make.
fn held() -> usize {
    usize::try_from(LARGE.get()).expect("no more is freed than was allocated") / BUFFER
}

/// The least that is lent.
const BUFFER: usize = 16 * 1024;

thread_local! {
    /// Bytes in large allocations of this thread.
    static LARGE: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

impl Counting {
    fn count(bytes: usize, sign: isize) {
        if bytes >= BUFFER {
            // A thread that ends may free after its counter is gone.
            let _ = LARGE.try_with(|large| large.set(large.get() + sign * bytes as isize));
        }
    }
}

// SAFETY: every call goes to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        Self::count(layout.size(), -1);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}
