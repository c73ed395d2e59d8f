//! What a connection costs: allocations a message, and bytes a connection.
#![allow(unsafe_code, reason = "a global allocator that counts can only be written with it")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
#[cfg(feature = "tokio")]
use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Buf;
use common::{KEY, config, frame, masked};
use hybi::{
    Closed, Config, Connection, Event, Instant, Kind, Message, Prepared, Received, RecvBuf,
    Transmit,
};

/// Sizes that a queue keeps the memory for: it gives back more than 32 KiB.
const SIZES: [usize; 9] = [0, 1, 10, 125, 126, 1000, 4000, 8000, 16_000];

#[test]
fn an_echo_allocates_nothing() {
    for size in SIZES {
        for role in [server, client] {
            let (mut conn, message) = role(size);
            let mut rx = RecvBuf::new();
            steady(0, size, || {
                rx.extend_from_slice(&message);
                while let Some(event) = conn.next_event(&mut rx) {
                    match event {
                        Event::Binary(data) => conn.send_binary(data).expect("room"),
                        other => panic!("{other:?}"),
                    }
                }
                drain(&mut conn)
            });
        }
    }
}

#[test]
fn an_echo_of_text_allocates_nothing() {
    for size in SIZES {
        let mut conn = Connection::server(config(|_| {}));
        let mut rx = RecvBuf::new();
        let (message, _) = masked(&frame(0x81, &vec![b'x'; size]), KEY);
        steady(0, size, || {
            rx.extend_from_slice(&message);
            while let Some(event) = conn.next_event(&mut rx) {
                match event {
                    Event::Text(text) => conn.send_text(text).expect("room"),
                    other => panic!("{other:?}"),
                }
            }
            drain(&mut conn)
        });
    }
}

/// However large: the buffer grows once and is used again.
#[test]
fn receiving_allocates_nothing() {
    for size in SIZES.into_iter().chain([20_000, 100_000, 1_000_000]) {
        for reads in [1000, 4096, 100_000] {
            let (mut conn, message) = server(size);
            let mut rx = RecvBuf::new();
            steady(0, size, || {
                for read in message.chunks(reads) {
                    let mut rest = read;
                    while !rest.is_empty() {
                        let space = rx.space();
                        let now = rest.len().min(space.len());
                        space[..now].copy_from_slice(&rest[..now]);
                        rx.filled(now);
                        rest = &rest[now..];
                        while conn.next_event(&mut rx).is_some() {}
                    }
                }
                conn.poll_timeout(Instant::ORIGIN);
            });
        }
    }
}

/// A message in fragments with pings between them, each answered.
#[test]
fn fragments_and_pongs_allocate_nothing() {
    let frames = [frame(0x02, &[1; 500]), frame(0x89, &[2; 125]), frame(0x80, &[3; 700])];
    let (bytes, _) = masked(&frames.map(|frame| frame.0).concat(), KEY);
    let mut conn = Connection::server(config(|_| {}));
    let mut rx = RecvBuf::new();
    steady(0, 1325, || {
        for read in bytes.chunks(37) {
            rx.extend_from_slice(read);
            while conn.next_event(&mut rx).is_some() {}
        }
        drain(&mut conn);
    });
}

#[test]
fn writers_and_prepared_messages_allocate_nothing() {
    for prepared in [10, 4000, 100_000].map(|len| Prepared::new(vec![1; len].into())) {
        let mut conn = Connection::server(config(|_| {}));
        steady(0, prepared.message().len(), || {
            conn.send_prepared(&prepared).expect("room");
            let mut writer = conn.writer(Kind::Binary).expect("open");
            writer.write(&[1; 1000]).expect("room");
            writer.finish(&[2; 1000]).expect("room");
            conn.ping(b"ping").expect("room");
            drain(&mut conn);
        });
    }
}

/// A payload that is handed over is sent from where it lies, whatever its size.
#[test]
fn handing_a_large_message_over_allocates_nothing() {
    for role in [server, client] {
        let (mut conn, _) = role(0);
        let payloads: Vec<_> = (0..40).map(|_| Message::binary(vec![1; 100_000])).collect();
        let mut payloads = payloads.into_iter();
        steady_times(10, 30, 0, 100_000, || {
            conn.send(payloads.next().expect("enough")).expect("room");
            drain(&mut conn);
        });
    }
}

/// A copy of more than the queue keeps is one allocation, of the right size at once.
#[test]
fn sending_a_large_copy_allocates_once() {
    for role in [server, client] {
        for size in [20_000, 100_000, 1_000_000] {
            let (mut conn, _) = role(0);
            let data = vec![5; size];
            steady(1, size, || {
                conn.send_binary(&data).expect("room");
                drain(&mut conn);
            });
        }
    }
}

/// What a large message has made grow is lent again, to what receives and to what sends.
#[test]
#[cfg(feature = "tokio")]
fn a_large_borrowed_echo_over_tokio_allocates_nothing() {
    use std::pin::pin;
    use std::task::Waker;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("it starts");
    let _entered = runtime.enter();
    for size in [20_000, 40_000, 60_000, 70_000, 300_000, 1_000_000] {
        let (read, written) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let io = Replay { wire: server(size).1, read: read.clone(), written: written.clone() };
        let role = hybi::Role::Server;
        let agreed = hybi::handshake::Negotiated::default();
        let mut ws =
            hybi::tokio::WebSocket::from_upgraded(io, role, &[], agreed, Config::default());
        let mut cx = Context::from_waker(Waker::noop());
        steady(0, size, || {
            read.set(0);
            written.set(0);
            loop {
                let readable = pin!(ws.readable()).poll(&mut cx);
                let Poll::Ready(more) = readable else { break };
                assert!(more.expect("no error"), "it is open");
                let (conn, rx) = ws.parts();
                while let Some(event) = conn.next_event(rx) {
                    match event {
                        Event::Binary(data) => conn.send_binary(data).expect("room"),
                        other => panic!("{other:?}"),
                    }
                }
            }
            assert!(written.get() > size, "it was echoed");
        });
    }
}

#[test]
fn a_message_of_its_own_allocates_once_for_itself() {
    for size in SIZES.into_iter().chain([32 * 1024, 100_000, 1_000_000]) {
        for following in [0, 3] {
            let (mut conn, message) = server(size);
            let mut rx = RecvBuf::new();
            for round in 0..40 {
                // What follows is the beginning of the next message, in the same read.
                let start = if round == 0 { 0 } else { following };
                rx.extend_from_slice(&message[start..]);
                rx.extend_from_slice(&message[..following]);
                let before = allocations();
                let message = conn.next_message(&mut rx);
                let made = allocations() - before;
                assert!(matches!(message, Some(Received::Message(_))));
                // A message that takes the buffer's memory leaves new memory to what follows it.
                let moved = usize::from(size >= 32 * 1024 && following > 0);
                assert!(
                    made <= 1 + moved,
                    "{made} allocations for {size} bytes with {following} behind"
                );
            }
        }
    }
}

/// What takes the buffer's memory along is the reason for the next to get as much, not step by step.
#[test]
fn large_messages_of_their_own_get_their_memory_at_once() {
    for (size, allowed) in [(16 * 1024, 2), (60_000, 2), (100_000, 3), (1024 * 1024, 3)] {
        for ahead in [size, size / 2, size - size / 8] {
            let (mut conn, message) = server(size);
            let (_, other) = server(ahead);
            let mut rx = RecvBuf::new();
            let mut turn = |message: &[u8]| {
                let mut rest = message;
                while !rest.is_empty() {
                    let space = rx.space();
                    let now = rest.len().min(space.len()).min(10_000);
                    space[..now].copy_from_slice(&rest[..now]);
                    rx.filled(now);
                    rest = &rest[now..];
                    let told = conn.next_message(&mut rx);
                    assert_eq!(told.is_some(), rest.is_empty());
                }
            };
            turn(&message);
            turn(&message);
            steady_times(2, 5, 2 * allowed, size, || {
                turn(&other);
                turn(&message);
            });
        }
    }
}

/// Of a message in many frames, none gets memory for itself alone: each would move all that came before it.
#[test]
fn fragments_of_a_message_of_its_own_grow_its_memory_by_doubling() {
    let (mut conn, whole) = server(1_000_000);
    let mut fragments = vec![frame(0x02, &[7; 20_000])];
    fragments.extend((0..48).map(|_| frame(0x00, &[7; 20_000])));
    fragments.push(frame(0x80, &[7; 20_000]));
    let (fragments, _) =
        masked(&fragments.into_iter().map(|frame| frame.0).collect::<Vec<_>>().concat(), KEY);
    let mut rx = RecvBuf::new();
    steady_times(2, 5, 3 + 10, 1_000_000, || {
        for message in [&whole, &fragments.0] {
            for read in message.chunks(8000) {
                rx.extend_from_slice(read);
                while conn.next_message(&mut rx).is_some() {}
            }
        }
    });
}

/// Through the adapter, too, and each after the other: the memory comes back when the message is dropped.
#[test]
#[cfg(feature = "tokio")]
fn a_message_from_the_adapter_allocates_once() {
    use std::task::Waker;

    for size in SIZES.into_iter().chain([16 * 1024, 40_000, 60_000, 100_000, 1_000_000]) {
        let (_, message) = server(size);
        let (role, config) = (hybi::Role::Server, Config::default());
        let negotiated = Default::default();
        let read = Rc::new(Cell::new(0));
        let io = Replay { wire: message, read: read.clone(), written: Rc::default() };
        let mut ws = hybi::tokio::WebSocket::from_upgraded(io, role, &[], negotiated, config);
        steady(1, size, || {
            read.set(0);
            let mut recv = std::pin::pin!(ws.recv());
            match recv.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(Some(message))) => assert_eq!(message.len(), size),
                other => panic!("{other:?}"),
            }
        });
    }
}

/// The thread keeps two large buffers: a connection that gets none has its memory at once all the same, since it has filled
/// as much before.
#[test]
#[cfg(feature = "tokio")]
fn large_messages_on_many_connections_at_once_get_their_memory_at_once() {
    use std::pin::pin;
    use std::task::Waker;

    const HEADER: usize = 14;
    let first_half = server(1_000_000).1[..HEADER + 500_000].to_vec();
    let mut connections: Vec<_> = (0..8)
        .map(|_| {
            let read = Rc::new(Cell::new(0));
            let wire = first_half.clone();
            let io = Replay { wire, read: read.clone(), written: Rc::default() };
            let (role, agreed) = (hybi::Role::Server, Default::default());
            let config = Config::default();
            (hybi::tokio::WebSocket::from_upgraded(io, role, &[], agreed, config), read)
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("it starts");
    let _entered = runtime.enter();
    let mut cx = Context::from_waker(Waker::noop());
    for is_owned in [false, true] {
        steady_times(3, 5, 8 * if is_owned { 3 } else { 2 }, 1_000_000, || {
            for (ws, read) in &mut connections {
                read.set(0);
                assert!(pin!(ws.readable()).poll(&mut cx).is_pending());
            }
            for (ws, read) in &mut connections {
                // The other half is like the first.
                read.set(HEADER);
                if is_owned {
                    let received = pin!(ws.recv()).poll(&mut cx);
                    assert!(
                        matches!(received, Poll::Ready(Ok(Some(data))) if data.len() == 1_000_000)
                    );
                } else {
                    assert!(matches!(pin!(ws.readable()).poll(&mut cx), Poll::Ready(Ok(true))));
                    let (conn, rx) = ws.parts();
                    assert!(
                        matches!(conn.next_event(rx), Some(Event::Binary(data)) if data.len() == 1_000_000)
                    );
                }
                assert!(pin!(ws.readable()).poll(&mut cx).is_pending());
            }
        });
    }
}

/// For the copy of a small message, and for the count of those who hold a large one.
#[test]
#[cfg(feature = "tokio")]
fn an_owned_echo_over_tokio_allocates_once() {
    use std::pin::pin;
    use std::task::Waker;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("it starts");
    let _entered = runtime.enter();
    let mut cx = Context::from_waker(Waker::noop());
    for size in SIZES.into_iter().chain([
        16 * 1024,
        50_000,
        60_000,
        64 * 1024,
        100_000,
        256 * 1024,
        1024 * 1024,
    ]) {
        let (read, written) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let io = Replay { wire: server(size).1, read: read.clone(), written: written.clone() };
        let (role, agreed) = (hybi::Role::Server, Default::default());
        let mut ws =
            hybi::tokio::WebSocket::from_upgraded(io, role, &[], agreed, Config::default());
        steady(1, size, || {
            read.set(0);
            written.set(0);
            let received = pin!(ws.recv()).poll(&mut cx);
            let Poll::Ready(Ok(Some(message))) = received else { panic!("{received:?}") };
            assert!(matches!(pin!(ws.feed(message)).poll(&mut cx), Poll::Ready(Ok(()))));
            assert!(pin!(ws.recv()).poll(&mut cx).is_pending());
            assert!(written.get() > size, "it was echoed");
        });
    }
}

#[test]
fn an_idle_connection_owns_no_buffer() {
    let config = config(|_| {});
    let before = allocations();
    let mut conn = Connection::server(config.clone());
    let rx = RecvBuf::new();
    conn.poll_timeout(Instant::ORIGIN);
    assert_eq!(allocations() - before, 1, "its counters lie apart");
    assert_eq!((rx.capacity(), conn.transmit().capacity()), (0, 0));
    let before = allocations();
    let client = Connection::client(config, || KEY);
    assert_eq!(allocations() - before, 1, "a key source without state takes no memory");
    drop(client);
}

#[test]
fn what_was_lent_for_a_message_can_be_taken_back() {
    let (mut conn, message) = server(1000);
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(&message);
    assert!(conn.next_message(&mut rx).is_some());
    conn.send_text("answer").expect("room");
    drain(&mut conn);
    assert!(rx.take_memory().is_some() && conn.transmit().take_memory().is_some());
    assert_eq!((rx.capacity(), conn.transmit().capacity()), (0, 0));
}

/// On a machine of 64 bits, to the byte: growth is a decision.
#[test]
#[cfg(target_pointer_width = "64")]
fn the_values_that_live_per_connection_are_small() {
    let sizes = [
        ("Connection", size_of::<Connection>(), 128),
        ("RoundTrips", size_of::<hybi::RoundTrips>(), 48),
        ("TokenBucket", size_of::<hybi::rate::TokenBucket>(), 24),
        ("RecvBuf", size_of::<RecvBuf>(), 152),
        ("Transmit", size_of::<Transmit>(), 80),
        ("Message", size_of::<Message>(), 40),
        ("Event", size_of::<Event<'_>>(), 104),
        ("Received", size_of::<Received>(), 104),
        ("Closed", size_of::<Closed>(), 104),
        ("Config", size_of::<Config>(), 184),
    ];
    for (name, size, bound) in sizes {
        assert!(size <= bound, "{name} has {size} bytes");
    }
}

/// The echo of the README. With the 104 bytes that tokio adds it stays within an allocation of 512; they are multiples of 128.
#[test]
#[cfg(all(feature = "tokio", target_pointer_width = "64"))]
fn a_task_that_echoes_is_small() {
    use tokio::net::TcpStream;

    async fn echo(stream: TcpStream) -> Result<(), hybi::tokio::Error> {
        let mut ws = hybi::tokio::accept(stream).await?;
        while let Some(message) = ws.recv().await? {
            ws.feed(message).await?;
        }
        Ok(())
    }
    const fn size<F>(_: &impl Fn(TcpStream) -> F) -> usize {
        size_of::<F>()
    }
    let size = size(&echo);
    assert!(size <= 408, "{size} bytes");
}

/// Large messages leave memory with the thread: a header that claims as much gets it for two connections, not for each.
#[test]
#[cfg(feature = "tokio")]
fn a_claimed_length_takes_no_more_than_two_buffers_from_a_thread() {
    use std::pin::pin;
    use std::task::Waker;

    let open = |wire: Vec<u8>, read: &Rc<Cell<usize>>| {
        let io = Replay { wire, read: read.clone(), written: Rc::default() };
        let (role, agreed) = (hybi::Role::Server, Default::default());
        hybi::tokio::WebSocket::from_upgraded(io, role, &[], agreed, Config::default())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("it starts");
    let _entered = runtime.enter();
    let mut cx = Context::from_waker(Waker::noop());
    let read = Rc::new(Cell::new(0));
    let mut honest = open(server(2_000_000).1, &read);
    let mut claiming = Vec::new();
    for _ in 0..20 {
        read.set(0);
        let received = pin!(honest.recv()).poll(&mut cx);
        assert!(matches!(received, Poll::Ready(Ok(Some(message))) if message.len() == 2_000_000));
        assert!(pin!(honest.recv()).poll(&mut cx).is_pending());
        let begun = masked(&frame(0x82, &vec![7; 16_000_000]), KEY).0.0[..15].to_vec();
        let mut ws = open(begun, &Rc::default());
        assert!(pin!(ws.recv()).poll(&mut cx).is_pending());
        claiming.push(ws);
    }
    let held: Vec<_> = claiming.iter_mut().map(|ws| ws.parts().1.capacity()).collect();
    let large = held.iter().filter(|capacity| **capacity > 64 * 1024).count();
    assert!(
        large <= 2 && held.iter().sum::<usize>() < 2 * 4 * 1024 * 1024 + 20 * 24 * 1024,
        "{large}"
    );
}

/// A stream that has the same bytes to read whenever `read` is set back, and takes all.
#[cfg(feature = "tokio")]
struct Replay {
    wire: Vec<u8>,
    read: Rc<Cell<usize>>,
    written: Rc<Cell<usize>>,
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncRead for Replay {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.wire[self.read.get()..];
        let now = rest.len().min(buf.remaining());
        if now == 0 {
            return Poll::Pending;
        }
        buf.put_slice(&rest[..now]);
        self.read.set(self.read.get() + now);
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncWrite for Replay {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written.set(self.written.get() + data.len());
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A server, and a message of `size` bytes to it.
fn server(size: usize) -> (Connection, Vec<u8>) {
    let message = masked(&frame(0x82, &vec![7; size]), KEY).0.0;
    (Connection::server(config(|_| {})), message)
}

/// A client, and a message of `size` bytes to it.
fn client(size: usize) -> (Connection, Vec<u8>) {
    (Connection::client(config(|_| {}), || KEY), frame(0x82, &vec![7; size]).0)
}

/// Takes what waits to be sent as a transport does that takes all at once.
fn drain(conn: &mut Connection) {
    let tx = conn.transmit();
    tx.advance(tx.len());
}

/// Once warm, `turn` allocates at most `allowed` times, every time.
#[track_caller]
fn steady(allowed: usize, size: usize, turn: impl FnMut()) {
    steady_times(10, 50, allowed, size, turn);
}

#[track_caller]
fn steady_times(warm: usize, turns: usize, allowed: usize, size: usize, mut turn: impl FnMut()) {
    for _ in 0..warm {
        turn();
    }
    for number in 0..turns {
        let before = allocations();
        turn();
        let made = allocations() - before;
        assert!(made <= allowed, "{made} allocations for {size} bytes in turn {number}");
    }
}

/// How often this thread has asked for memory.
fn allocations() -> usize {
    COUNT.with(Cell::get)
}

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // A thread that ends may free and allocate after its counter is gone.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; the memory came from `System`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`; the memory came from `System`.
        unsafe { System.realloc(memory, layout, size) }
    }
}
