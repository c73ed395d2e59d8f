//! Floods and slowness: what a peer that sends too much, too slowly or nothing at all can make us hold, and what is told of
//! how it ended. Each test begins with its ceiling: the most memory that all of the connection has in use at once, counted by the
//! allocator.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;
#[path = "deflate_common/counting.rs"]
mod counting;

use std::io::ErrorKind;
use std::time::Duration;

use adapters::flood::Flood;
use adapters::frames::*;
use adapters::{bounded, simulate};
use futures_util::FutureExt;
use hybi::blocking::Error;
use hybi::handshake::{HandshakeError, Negotiated, ServerOptions};
use hybi::{Cause, CloseCode, Closed, Config, Delivery, Role, Timeout};
use tokio::runtime::Runtime;
use tokio::time::Instant;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// 64 KiB, however many pings come: one pong answers all that wait (RFC 6455 section 5.5.3). The blocking adapter sends before it
/// reads, and gives up a peer that takes nothing.
#[test]
fn pings_of_a_peer_that_reads_nothing_hold_64_kib() {
    let ping = frame(Role::Client, PING, [b'p'; 125]);
    everywhere(move |adapter| {
        let flood = Flood::of(&ping).times(5000).deaf();
        let end = adapter.receive(flood, |config| *config = adapter.give_up_soon());
        let cause = match adapter {
            Adapter::Blocking => Cause::Timeout(Timeout::Write),
            Adapter::Tokio => Cause::Failed(hybi::Error::TooManyControlFrames { limit: 4096 }),
        };
        end.expect(cause, 64 * KIB);
    });
}

/// 64 KiB for the same of a peer that reads all, until there are too many.
#[test]
fn pings_of_a_peer_that_reads_hold_64_kib() {
    let ping = frame(Role::Client, PING, [b'p'; 125]);
    everywhere(move |adapter| {
        let end = adapter.receive(Flood::of(&ping).times(5000), |_| {});
        end.expect(Cause::Failed(hybi::Error::TooManyControlFrames { limit: 4096 }), 64 * KIB);
    });
}

/// 64 KiB, and the end when nothing has been read for the write timeout: pings at a rate that is welcome are no flood.
#[test]
fn pings_at_a_welcome_rate_of_a_peer_that_reads_nothing_hold_64_kib() {
    bounded(|| {
        let pings = frame(Role::Client, PING, [b'p'; 125]).repeat(100);
        let flood = Flood::of(&pings).each_second(pings.len()).deaf();
        let end = Adapter::Tokio.receive(flood, |_| {});
        end.expect(Cause::Timeout(Timeout::Write), 64 * KIB);
        assert_eq!(end.seconds, 30);
    });
}

/// 256 KiB for 65,536 fragments of a byte each: the message that they make, once more while it grows, and no more for each.
#[test]
fn fragments_of_a_byte_hold_256_kib() {
    let (first, next) = (frame(Role::Client, 0x02, "a"), frame(Role::Client, GOES_ON, "b"));
    everywhere(move |adapter| {
        let end = adapter.receive(Flood::of(&next).after(&first).times(70_000), |_| {});
        end.expect(Cause::Failed(hybi::Error::TooManyFragments { limit: 65_536 }), 256 * KIB);
    });
}

/// 64 KiB for fragments of nothing.
#[test]
fn empty_fragments_hold_64_kib() {
    let (first, next) = (frame(Role::Client, 0x02, ""), frame(Role::Client, GOES_ON, ""));
    everywhere(move |adapter| {
        let end = adapter.receive(Flood::of(&next).after(&first).times(70_000), |_| {});
        end.expect(Cause::Failed(hybi::Error::TooManyEmptyFragments { limit: 128 }), 64 * KIB);
    });
}

/// Three times the limit of a message (as above), and 256 KiB, for a gibibyte in a mebibyte.
#[cfg(feature = "deflate")]
#[test]
fn a_compression_bomb_holds_three_times_the_limit_of_a_message() {
    let bomb = bomb();
    everywhere(move |adapter| {
        let limit = 2 * MIB;
        let end = adapter.receive(Flood::of(&bomb).times(1), |config| {
            config.max_message_size = limit as u64;
            config.compression = Some(hybi::Compression::default());
        });
        let cause = Cause::Failed(hybi::Error::MessageTooLarge {
            len: limit as u64 + 1,
            limit: limit as u64,
        });
        end.expect(cause, 3 * limit + 256 * KIB);
    });
}

/// 256 KiB for the same in pieces, whatever the limit is.
#[cfg(feature = "deflate")]
#[test]
fn a_compression_bomb_that_is_taken_in_pieces_holds_256_kib() {
    let bomb = bomb();
    everywhere(move |adapter| {
        let limit = 8 * MIB;
        let end = adapter.receive(Flood::of(&bomb).times(1), |config| {
            config.max_message_size = limit as u64;
            config.compression = Some(hybi::Compression::default());
            config.delivery = Delivery::Chunks;
        });
        let cause = Cause::Failed(hybi::Error::MessageTooLarge {
            len: limit as u64 + 1,
            limit: limit as u64,
        });
        end.expect(cause, 256 * KIB);
    });
}

/// 64 KiB for a length of 2^62 bytes: its header is refused.
#[test]
fn a_claimed_length_holds_64_kib() {
    everywhere(|adapter| {
        let end = adapter.receive(Flood::of(&CLAIM).times(1), |_| {});
        let cause = hybi::Error::FrameTooLarge { len: 1 << 62, limit: 16 * MIB as u64 };
        end.expect(Cause::Failed(cause), 64 * KIB);
    });
}

/// 64 KiB and three times what has come of it (a buffer that is full, and one of twice its size that it is moved to), where an application takes messages of any length; the peer is given up when it
/// sends nothing more.
#[test]
fn a_claimed_length_without_limits_holds_three_times_what_has_come() {
    everywhere(|adapter| {
        let sent = 300 * KIB;
        let flood = Flood::of(&[7; 1024]).after(&CLAIM).times(300);
        let end = adapter.receive(flood, |config| {
            (config.max_frame_size, config.max_message_size) = (u64::MAX, u64::MAX);
            adapter.ping_soon(config);
        });
        end.expect(Cause::Timeout(Timeout::Pong), 3 * sent + 64 * KIB);
    });
}

/// 64 KiB for a request that comes byte by byte, and 408 when its time is over.
#[test]
fn a_slow_request_holds_64_kib() {
    everywhere(|adapter| {
        let request = Flood::of(b"X-Header: value\r\n").after(b"GET / HTTP/1.1\r\n").each_second(1);
        let limit = match adapter {
            Adapter::Blocking => Duration::from_millis(1),
            Adapter::Tokio => Duration::from_secs(10),
        };
        let end = adapter.accept(request, limit);
        end.expect(|error| matches!(error, HandshakeError::Timeout), 64 * KIB);
        assert!(end.said.starts_with(b"HTTP/1.1 408 "));
    });
}

/// 64 KiB for a response that comes byte by byte, and the end when its time is over.
#[test]
fn a_slow_response_holds_64_kib() {
    bounded(|| {
        let response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n";
        let end = Adapter::Tokio.connect(Flood::of(response.as_bytes()).each_second(1));
        end.expect(|error| matches!(error, HandshakeError::Timeout), 64 * KIB);
        assert_eq!(end.seconds, 20);
    });
}

/// 64 KiB for ten thousand headers in a request, and 431.
#[test]
fn ten_thousand_headers_of_a_request_hold_64_kib() {
    let request = REQUEST.replace("\r\n\r\n", &format!("\r\n{}\r\n", "X-A: b\r\n".repeat(10_000)));
    everywhere(move |adapter| {
        let end = adapter.accept(Flood::of(request.as_bytes()).times(1), Duration::from_secs(10));
        end.expect(is_too_much, 64 * KIB);
        assert!(end.said.starts_with(b"HTTP/1.1 431 "));
    });
}

/// 64 KiB for ten thousand headers in a response.
#[test]
fn ten_thousand_headers_of_a_response_hold_64_kib() {
    let headers = "X-A: b\r\n".repeat(10_000);
    let response = format!("HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n");
    everywhere(move |adapter| {
        let end = adapter.connect(Flood::of(response.as_bytes()).times(1));
        end.expect(is_too_much, 64 * KIB);
    });
}

/// The high-water mark, a message and 128 KiB for a peer that stops reading while we send all that is taken.
#[test]
fn a_peer_that_stops_reading_holds_the_queue_and_a_message() {
    everywhere(|adapter| {
        let end = adapter.send_all(Flood::silent().deaf(), 100_000);
        end.expect(Cause::Timeout(Timeout::Write), MIB + 100_000 + 128 * KIB);
        assert!(adapter == Adapter::Blocking || end.seconds == 30, "{end:?}");
    });
}

/// 128 KiB for a peer that never answers our Close frame and sends what it likes meanwhile, without a rest.
#[test]
fn a_peer_that_never_answers_a_close_holds_128_kib() {
    let message = frame(Role::Client, BINARY, vec![b'm'; 5000]);
    everywhere(move |adapter| {
        let end = adapter.close(Flood::of(&message).each_second(MIB));
        end.expect(Cause::Timeout(Timeout::Close), 128 * KIB);
        assert_eq!(end.closed.sent.as_ref().unwrap().code, CloseCode::GOING_AWAY);
        assert!(adapter == Adapter::Blocking || end.seconds == 5, "{end:?}");
    });
}

/// The queue and 128 KiB for one that takes it byte by byte: that puts the end of the connection off no longer.
#[test]
fn a_peer_that_sips_does_not_put_the_end_off() {
    bounded(|| {
        let config = Adapter::Blocking.config();
        let end = blocking(Flood::silent().sipping(), config, |ws| {
            while ws.try_send(vec![b'm'; 100_000]).is_ok() {}
            ws.close(CloseCode::GOING_AWAY, "").map(|()| false)
        });
        end.expect(Cause::Timeout(Timeout::Close), MIB + 100_000 + 128 * KIB);
    });
}

/// A caller's own bound on reads holds, too, though a message goes on and on.
#[test]
fn a_bound_of_the_callers_own_holds_though_a_message_does_not_end() {
    bounded(|| {
        let (first, next) = (frame(Role::Client, 0x02, "a"), frame(Role::Client, GOES_ON, "b"));
        let mut flood = Flood::of(&next).after(&first).bounded(Duration::from_millis(1));
        let mut config = Config::default();
        (config.max_fragments, config.max_message_size) = (u32::MAX, u64::MAX);
        let (role, nothing) = (Role::Server, Negotiated::NOTHING);
        let ws = hybi::blocking::WebSocket::from_upgraded(&mut flood, role, b"", nothing, config);
        let Err(Error::Io(error)) = ws.unwrap().recv() else { panic!("no message has come") };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

/// 64 KiB for a connection the other end of which is gone without a word.
#[test]
fn a_half_open_connection_holds_64_kib() {
    everywhere(|adapter| {
        let end = adapter.receive(Flood::silent(), |config| adapter.ping_soon(config));
        end.expect(Cause::Timeout(Timeout::Pong), 64 * KIB);
        assert!(adapter == Adapter::Blocking || end.seconds == 40, "{end:?}");
    });
}

/// Nor does such a peer keep the thread, where the stream has no turns of its own.
#[test]
fn a_peer_that_always_has_more_does_not_put_the_end_off() {
    simulate(|| async {
        let mut flood = Flood::of(&frame(Role::Client, BINARY, vec![b'm'; 5000]));
        let (config, nothing) = (Config::default(), Negotiated::NOTHING);
        let mut ws =
            hybi::tokio::WebSocket::from_upgraded(&mut flood, Role::Server, b"", nothing, config);
        for _ in 0..50 {
            assert!(ws.close(CloseCode::GOING_AWAY, "").now_or_never().is_none());
            tokio::time::advance(Duration::from_millis(99)).await;
        }
        tokio::time::advance(Duration::from_millis(50)).await;
        let ended = ws.close(CloseCode::GOING_AWAY, "").now_or_never().expect("its time is over");
        let Err(Error::Closed(closed)) = ended else { panic!("{ended:?}") };
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Close));
        drop(ws);
        assert!(flood.reads < 51 * 200, "{} reads", flood.reads);
    });
}

/// A header that claims 2^62 bytes of payload.
const CLAIM: [u8; 14] = [0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];

fn is_too_much(error: &HandshakeError) -> bool {
    matches!(error, HandshakeError::TooManyHeaders { limit: 100 })
}

/// A frame of a gibibyte of zeros.
#[cfg(feature = "deflate")]
fn bomb() -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut block = Vec::with_capacity(10 * KIB);
    compress.compress_vec(&vec![0; MIB], &mut block, flate2::FlushCompress::Sync).unwrap();
    frame(Role::Client, BINARY | 0x40, block.repeat(1024))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Adapter {
    Blocking,
    Tokio,
}

/// How a connection or its opening ended, and the most memory it has held.
#[derive(Debug)]
struct End<T> {
    closed: T,
    peak: usize,
    seconds: u64,
    /// The beginning of what was written.
    said: Vec<u8>,
}

impl End<Closed> {
    #[track_caller]
    fn expect(&self, cause: Cause, ceiling: usize) {
        assert_eq!((self.closed.cause, self.closed.code()), (cause, CloseCode::ABNORMAL));
        assert!(self.peak <= ceiling, "{} bytes: {self:?}", self.peak);
    }
}

impl End<Error> {
    #[track_caller]
    fn expect(&self, is_expected: fn(&HandshakeError) -> bool, ceiling: usize) {
        assert!(matches!(&self.closed, Error::Handshake(error) if is_expected(error)), "{self:?}");
        assert!(self.peak <= ceiling, "{} bytes: {self:?}", self.peak);
    }
}

fn everywhere(test: impl Fn(Adapter) + Send + 'static) {
    bounded(move || [Adapter::Blocking, Adapter::Tokio].into_iter().for_each(test));
}

impl Adapter {
    /// The default limits. The blocking adapter goes by the system's clock, so that its times are short.
    fn config(self) -> Config {
        let mut config = Config::default();
        if self == Self::Blocking {
            config.close_timeout = Duration::from_millis(1);
            config.write_timeout = None;
            config.ping_interval = None;
        }
        config
    }

    fn give_up_soon(self) -> Config {
        let mut config = self.config();
        if self == Self::Blocking {
            config.write_timeout = Some(Duration::from_millis(1));
        }
        config
    }

    fn ping_soon(self, config: &mut Config) {
        if self == Self::Blocking {
            config.ping_interval = Some(Duration::from_millis(1));
            config.pong_timeout = Duration::from_millis(1);
        }
    }

    /// Receives until the end.
    fn receive(self, flood: Flood, change: impl FnOnce(&mut Config)) -> End<Closed> {
        let mut config = self.config();
        change(&mut config);
        match self {
            Self::Blocking => blocking(flood, config, |ws| Ok(ws.next_event()?.is_some())),
            Self::Tokio => on_tokio(flood, config, async |ws| Ok(ws.next_event().await?.is_some())),
        }
    }

    /// Queues messages of `len` bytes as long as there is room, then sends more.
    fn send_all(self, flood: Flood, len: usize) -> End<Closed> {
        let message = move || vec![b'm'; len];
        match self {
            Self::Blocking => blocking(flood, self.give_up_soon(), |ws| {
                while ws.try_send(message()).is_ok() {}
                ws.send(message()).map(|()| true)
            }),
            Self::Tokio => on_tokio(flood, self.config(), async |ws| {
                while ws.try_send(message()).is_ok() {}
                ws.send(message()).await.map(|()| true)
            }),
        }
    }

    /// Closes and waits for the end.
    fn close(self, flood: Flood) -> End<Closed> {
        let code = CloseCode::GOING_AWAY;
        match self {
            Self::Blocking => {
                blocking(flood, self.config(), |ws| ws.close(code, "").map(|()| false))
            }
            Self::Tokio => {
                on_tokio(flood, self.config(), async |ws| ws.close(code, "").await.map(|()| false))
            }
        }
    }

    /// Accepts, which fails.
    fn accept(self, mut flood: Flood, limit: Duration) -> End<Error> {
        let mut options = ServerOptions::default();
        options.limits.timeout = limit;
        let (closed, peak, seconds) = measured(|runtime| match self {
            Self::Blocking => {
                use hybi::blocking::accept_with;

                accept_with(&mut flood, options, Config::default()).unwrap_err()
            }
            Self::Tokio => runtime.block_on(async {
                use hybi::tokio::accept_with;

                accept_with(&mut flood, options, Config::default()).await.unwrap_err()
            }),
        });
        End { closed, peak, seconds, said: flood.taken }
    }

    /// Connects, which fails.
    fn connect(self, mut flood: Flood) -> End<Error> {
        let url = "ws://example.com/chat";
        let (closed, peak, seconds) = measured(|runtime| match self {
            Self::Blocking => {
                use hybi::blocking::connect_over;

                connect_over(&mut flood, url, Config::default()).unwrap_err()
            }
            Self::Tokio => runtime.block_on(async {
                use hybi::tokio::connect_over;

                connect_over(&mut flood, url, Config::default()).await.unwrap_err()
            }),
        });
        End { closed, peak, seconds, said: flood.taken }
    }
}

/// Calls until it says that there is nothing more, or fails for another reason than that it would have to wait.
fn blocking(
    mut flood: Flood,
    config: Config,
    mut call: impl FnMut(&mut hybi::blocking::WebSocket<&mut Flood>) -> Result<bool, Error>,
) -> End<Closed> {
    let negotiated = negotiated(&config);
    let (closed, peak, seconds) = measured(|_| {
        let (io, role) = (&mut flood, Role::Server);
        let ws = hybi::blocking::WebSocket::from_upgraded(io, role, b"", negotiated, config);
        let mut ws = ws.unwrap();
        loop {
            match call(&mut ws) {
                Ok(true) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
                _ => break ws.closed().expect("it has ended"),
            }
        }
    });
    End { closed, peak, seconds, said: flood.taken }
}

/// The same over tokio, on a made-up clock.
fn on_tokio(
    mut flood: Flood,
    config: Config,
    mut call: impl AsyncFnMut(&mut hybi::tokio::WebSocket<&mut Flood>) -> Result<bool, Error>,
) -> End<Closed> {
    let negotiated = negotiated(&config);
    let (closed, peak, seconds) = measured(|runtime| {
        runtime.block_on(async {
            let (io, role) = (&mut flood, Role::Server);
            let mut ws = hybi::tokio::WebSocket::from_upgraded(io, role, b"", negotiated, config);
            while call(&mut ws).await.is_ok_and(|goes_on| goes_on) {}
            ws.closed().expect("it has ended")
        })
    });
    End { closed, peak, seconds, said: flood.taken }
}

/// What has been agreed where compression is set.
fn negotiated(config: &Config) -> Negotiated {
    let mut negotiated = Negotiated::NOTHING;
    let _ = (config, &mut negotiated);
    #[cfg(feature = "deflate")]
    if config.compression.is_some() {
        let both = hybi::deflate::Direction { context_takeover: true, window_bits: 15 };
        negotiated.compression = Some(hybi::deflate::Params { server: both, client: both });
    }
    negotiated
}

/// What comes of some work, the most memory that it has in use, and how many seconds of a made-up clock it takes.
fn measured<T>(work: impl FnOnce(&Runtime) -> T) -> (T, usize, u64) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let _entered = runtime.enter();
    let (mut done, start) = (None, Instant::now());
    let peak = counting::peak_of(|| done = Some(work(&runtime)));
    (done.expect("it was done"), peak, start.elapsed().as_secs())
}
