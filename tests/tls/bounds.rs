//! Bounds in time: none of them is in the way of another, and none passes unseen.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hybi::blocking::{Error, Transport};
use hybi::tls::TlsError;
use hybi::{Cause, Config, Role, Timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::adapters::frames::REQUEST;
use crate::adapters::{bounded, config, simulate, tcp};
use crate::certificates::{client, server};
use crate::meeting::{BlockingTls, HOST, TokioTls, URL};

#[test]
fn a_peer_that_takes_nothing_is_given_up_though_the_session_holds_all() {
    simulate(|| async {
        let quiet = config(|config| config.ping_interval = None);
        let (mut ws, theirs) = served(4096, quiet).await;
        let start = tokio::time::Instant::now();
        // It fits into what TLS holds, so nothing waits in our queue.
        let error = ws.send(vec![0; 20_000]).await.unwrap_err();
        assert_eq!(start.elapsed(), Duration::from_secs(30));
        let Error::Closed(closed) = error else { panic!("{error:?}") };
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Write));
        drop(theirs);
    });
}

#[test]
fn a_peer_that_takes_nothing_is_given_up_when_blocking() {
    bounded(|| {
        let (a, b) = tcp::sockets();
        let (done, goes_on) = std::sync::mpsc::channel::<()>();
        let peer = thread::spawn(move || {
            let mut stream = BlockingTls::connect(a, &client().build().unwrap(), HOST).unwrap();
            stream.write_all(REQUEST.as_bytes()).unwrap();
            let _ = goes_on.recv();
        });
        let stream = BlockingTls::accept(b, &server()).unwrap();
        let short = config(|config| config.write_timeout = Some(Duration::from_millis(200)));
        let mut ws = hybi::blocking::accept_with(stream, Default::default(), short).unwrap();
        let error = loop {
            if let Err(error) = ws.send(vec![0; 100_000]) {
                break error;
            }
        };
        let Error::Closed(closed) = error else { panic!("{error:?}") };
        assert_eq!(closed.cause, Cause::Timeout(Timeout::Write));
        drop(done);
        peer.join().unwrap();
    });
}

#[test]
fn a_handshake_that_does_not_get_on_is_given_up() {
    simulate(|| async {
        for role in [Role::Client, Role::Server] {
            let (ours, mut theirs) = duplex(4096);
            let start = tokio::time::Instant::now();
            // A byte of a record now and then buys no time.
            let slow = tokio::spawn(async move {
                let record = [0x16, 3, 1, 0x40, 0].into_iter().chain(std::iter::repeat(0));
                for byte in record {
                    if theirs.write_all(&[byte]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_secs(3)).await;
                }
            });
            let (error, limit) = match role {
                Role::Client => {
                    let tls = client().build().unwrap();
                    (TokioTls::connect(ours, &tls, HOST).await.unwrap_err(), 20)
                }
                Role::Server => (TokioTls::accept(ours, &server()).await.unwrap_err(), 10),
            };
            assert!(matches!(error, Error::Tls(TlsError::Timeout)), "{error:?}");
            assert_eq!(start.elapsed(), Duration::from_secs(limit));
            slow.await.unwrap();
        }
    });
}

#[test]
fn a_handshake_that_does_not_get_on_is_given_up_when_blocking() {
    bounded(|| {
        let (ours, theirs) = tcp::sockets();
        let tls = server().with_timeout(Duration::from_millis(30));
        let error = BlockingTls::accept(ours, &tls).unwrap_err();
        assert!(matches!(error, Error::Tls(TlsError::Timeout)), "{error:?}");
        drop(theirs);
        let (ours, theirs) = tcp::sockets();
        let tls = client().build().unwrap().with_timeout(Duration::from_millis(30));
        let error = BlockingTls::connect(ours, &tls, HOST).unwrap_err();
        assert!(matches!(error, Error::Tls(TlsError::Timeout)), "{error:?}");
        drop(theirs);
    });
}

#[test]
fn a_bound_of_the_callers_own_holds_while_a_record_comes_byte_by_byte() {
    /// Each read brings a byte, and never waits.
    struct Trickle {
        socket: TcpStream,
        peer: TcpStream,
        trickles: Arc<AtomicBool>,
    }

    impl Read for Trickle {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            if self.trickles.load(Ordering::SeqCst) {
                self.peer.write_all(&[0])?;
            }
            self.socket.read(buf)
        }
    }

    impl Write for Trickle {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            self.socket.write(buf)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Transport for Trickle {
        fn bound_reads(&mut self, limit: Duration) -> std::io::Result<bool> {
            self.socket.bound_reads(limit)
        }

        fn bound_writes(&mut self, limit: Duration) -> std::io::Result<bool> {
            self.socket.bound_writes(limit)
        }

        fn read_bound(&self) -> std::io::Result<Option<Duration>> {
            Ok(Some(Duration::from_millis(5)))
        }
    }

    bounded(|| {
        let (a, b) = tcp::sockets();
        b.set_nodelay(true).unwrap();
        let peer = b.try_clone().unwrap();
        let trickles = Arc::new(AtomicBool::new(false));
        let trickle = Trickle { socket: a, peer, trickles: trickles.clone() };
        let echo = thread::spawn(move || {
            let ws = hybi::blocking::accept(BlockingTls::accept(b, &server()).unwrap()).unwrap();
            // Kept open, silent.
            ws
        });
        let stream = BlockingTls::connect(trickle, &client().build().unwrap(), HOST).unwrap();
        let mut ws = hybi::blocking::connect_over(stream, URL, Config::default()).unwrap();
        let kept = echo.join().unwrap();
        // The head of a record of 16 KiB, and then a byte for each read.
        kept.get_ref().get_ref().write_all(b"\x17\x03\x03\x40\x00").unwrap();
        trickles.store(true, Ordering::SeqCst);
        let error = ws.recv().unwrap_err();
        assert!(
            matches!(&error, Error::Io(error) if error.kind() == ErrorKind::TimedOut),
            "{error:?}"
        );
    });
}

/// A server of ours over TLS and the client's bare TLS stream, which has sent its request and read the response.
async fn served(
    room: usize,
    config: Config,
) -> (hybi::tokio::WebSocket<TokioTls<DuplexStream>>, TokioTls<DuplexStream>) {
    let (a, b) = duplex(room);
    let (tls, server) = (client().build().unwrap(), server());
    let (theirs, ours) =
        tokio::join!(TokioTls::connect(a, &tls, HOST), TokioTls::accept(b, &server));
    let mut theirs = theirs.unwrap();
    theirs.write_all(REQUEST.as_bytes()).await.unwrap();
    theirs.flush().await.unwrap();
    let ws = hybi::tokio::accept_with(ours.unwrap(), Default::default(), config).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(theirs.read_u8().await.unwrap());
    }
    (ws, theirs)
}
