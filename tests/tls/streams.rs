//! The streams themselves: records, bounds in time, halves, TLS within TLS.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use hybi::blocking::{Error, Transport};
use hybi::tls::TlsError;
use hybi::{Cause, CloseCode, Config, Message, Role, Timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::adapters::faulty::Faulty;
use crate::adapters::frames::{REQUEST, parse_all};
use crate::adapters::poll::{drive, poll_times};
use crate::adapters::session::{Session, after_head};
use crate::adapters::{bounded, by_hand, config, simulate, tcp};
use crate::certificates::{client, server};
use crate::meeting::HOST;
use crate::wire::{End, Wire, blocking};

type TokioTls<S> = hybi::tokio::TlsStream<S>;
type BlockingTls<S> = hybi::blocking::TlsStream<S>;

const URL: &str = "wss://example.com/chat";

/// Records of application data, TLS's own type.
const DATA: u8 = 23;

#[test]
fn a_batch_of_messages_is_one_write_of_one_record_on_tokio() {
    by_hand(|| {
        let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        script.stays = true;
        let mut wire = Wire::new(Role::Server, &mut script);
        let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
        let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
        let before = (ws.get_ref().get_ref().writes.len(), ws.get_ref().get_ref().records.len());
        for number in 0..100 {
            ws.try_send(format!("message {number}")).unwrap();
        }
        drive(ws.flush()).unwrap();
        let wire = ws.get_ref().get_ref();
        assert_eq!(wire.writes.len() - before.0, 1);
        assert_eq!(wire.records[before.1..], [DATA]);
        drop(ws);
        assert_eq!(parse_all(after_head(&script.written).unwrap()).len(), 100);
    });
}

#[test]
fn a_batch_of_messages_is_one_write_of_one_record_when_blocking() {
    bounded(|| {
        let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        script.stays = true;
        let mut wire = Wire::new(Role::Server, &mut script);
        let stream = BlockingTls::accept(blocking(&mut wire), &server()).unwrap();
        let mut ws = hybi::blocking::accept(stream).unwrap();
        let wire = |ws: &hybi::blocking::WebSocket<BlockingTls<_>>| {
            let hybi::blocking::Untimed(wire): &hybi::blocking::Untimed<&mut Wire<'_>> =
                ws.get_ref().get_ref();
            (wire.writes.len(), wire.records.clone())
        };
        let before = wire(&ws);
        for number in 0..100 {
            ws.feed(format!("message {number}")).unwrap();
        }
        ws.flush().unwrap();
        let after = wire(&ws);
        assert_eq!(after.0 - before.0, 1);
        assert_eq!(after.1[before.1.len()..], [DATA]);
    });
}

#[test]
fn a_large_message_is_full_records_and_few_writes() {
    by_hand(|| {
        let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        script.stays = true;
        let mut wire = Wire::new(Role::Server, &mut script);
        let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
        let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
        let before = (ws.get_ref().get_ref().writes.len(), ws.get_ref().get_ref().records.len());
        drive(ws.send(vec![7; 1 << 20])).unwrap();
        let wire = ws.get_ref().get_ref();
        // 64 KiB a write and 16 KiB a record; a header more than a whole number of both.
        assert!(wire.writes.len() - before.0 <= 18, "{} writes", wire.writes.len() - before.0);
        assert!(wire.records.len() - before.1 <= 82, "{} records", wire.records.len() - before.1);
    });
}

#[test]
fn futures_that_are_dropped_at_any_poll_lose_nothing() {
    by_hand(|| {
        for role in [Role::Server, Role::Client] {
            for times in [1, 2, 3, 7] {
                dropped(role, times);
            }
        }
    });
}

/// Holds a session of which each future is dropped after so many polls, over a wire that is ready every other time.
fn dropped(role: Role, times: usize) {
    let session = Session::new(role);
    let mut segments = session.segments.clone();
    let mut script = match role {
        Role::Client => Faulty::answering(segments),
        Role::Server => {
            segments.insert(0, REQUEST.as_bytes().to_vec());
            Faulty::new(segments)
        }
    };
    let mut wire = Wire::new(role, &mut script);
    wire.end = End::Abrupt;
    let client = client().build().unwrap();
    let mut ws = drive(async {
        match role {
            Role::Server => {
                let stream = TokioTls::accept(&mut wire, &server()).await?;
                hybi::tokio::accept(stream).await
            }
            Role::Client => {
                let stream = TokioTls::connect(&mut wire, &client, HOST).await?;
                hybi::tokio::connect_over(stream, URL, Config::default()).await
            }
        }
    })
    .unwrap();
    let mut received = Vec::new();
    let mut waits = 0;
    loop {
        match poll_times(ws.recv(), times) {
            Some(Ok(Some(message))) => {
                received.push(message.clone());
                ws.try_send(message).unwrap();
            }
            Some(Ok(None)) => break,
            Some(Err(error)) => panic!("{error:?}"),
            None => waits += 1,
        }
        assert!(waits < 100_000, "the session never ends");
        let _ = poll_times(ws.flush(), times);
    }
    assert_eq!(received, session.messages());
    drop(ws);
    assert_eq!(parse_all(after_head(&script.written).unwrap()), session.answers);
}

#[test]
fn tls_within_tls_works_on_tokio() {
    simulate(|| async {
        let (a, b) = duplex(700);
        let inside = async {
            let stream = TokioTls::accept(b, &server()).await?;
            let stream = TokioTls::accept(stream, &server()).await?;
            let mut ws = hybi::tokio::accept(stream).await?;
            while let Some(message) = ws.recv().await? {
                ws.feed(message).await?;
            }
            Ok::<_, Error>(())
        };
        let outside = async {
            let tls = client().build().unwrap();
            let stream = TokioTls::connect(a, &tls, HOST).await?;
            let stream = TokioTls::connect(stream, &tls, HOST).await?;
            let mut ws = hybi::tokio::connect_over(stream, URL, Config::default()).await?;
            ws.send(vec![1; 100_000]).await?;
            assert_eq!(ws.recv().await?.unwrap().len(), 100_000);
            ws.close(CloseCode::NORMAL, "").await
        };
        let (inside, outside) = tokio::join!(inside, outside);
        inside.unwrap();
        outside.unwrap();
    });
}

#[test]
fn tls_within_tls_works_when_blocking_and_splits() {
    bounded(|| {
        let (a, b) = tcp::sockets();
        let inside = thread::spawn(move || {
            let stream = BlockingTls::accept(b, &server())?;
            let mut ws = hybi::blocking::accept(BlockingTls::accept(stream, &server())?)?;
            while let Some(message) = ws.recv()? {
                ws.feed(message)?;
            }
            Ok::<_, Error>(())
        });
        let tls = client().build().unwrap();
        let stream = BlockingTls::connect(a, &tls, HOST).unwrap();
        let stream = BlockingTls::connect(stream, &tls, HOST).unwrap();
        let ws = hybi::blocking::connect_over(stream, URL, Config::default()).unwrap();
        both_directions(ws, 300_000);
        inside.join().unwrap().unwrap();
    });
}

#[test]
fn halves_in_two_threads_send_and_receive_at_once() {
    bounded(|| {
        let (a, b) = tcp::sockets();
        let echo = thread::spawn(move || {
            let mut ws = hybi::blocking::accept(BlockingTls::accept(b, &server())?)?;
            while let Some(message) = ws.recv()? {
                ws.feed(message)?;
            }
            Ok::<_, Error>(())
        });
        let stream = BlockingTls::connect(a, &client().build().unwrap(), HOST).unwrap();
        let ws = hybi::blocking::connect_over(stream, URL, Config::default()).unwrap();
        // More than the buffers of the sockets hold: a half that waited for the other would wait for ever.
        both_directions(ws, 3_000_000);
        echo.join().unwrap().unwrap();
    });
}

fn both_directions<S: Transport + Send + 'static>(ws: hybi::blocking::WebSocket<S>, size: usize) {
    let (sender, mut receiver) = ws.split().unwrap();
    let sending = sender.clone();
    let sending = thread::spawn(move || {
        for number in 0..4 {
            sending.send(vec![number; size]).unwrap();
        }
    });
    for number in 0..4 {
        assert_eq!(receiver.recv().unwrap(), Some(Message::binary(vec![number; size])));
    }
    sending.join().unwrap();
    sender.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(receiver.recv().unwrap(), None);
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
        trickles: std::sync::Arc<std::sync::atomic::AtomicBool>,
    }

    impl Read for Trickle {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            if self.trickles.load(std::sync::atomic::Ordering::SeqCst) {
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
        let trickles = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
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
        trickles.store(true, std::sync::atomic::Ordering::SeqCst);
        let error = ws.recv().unwrap_err();
        assert!(
            matches!(&error, Error::Io(error) if error.kind() == ErrorKind::TimedOut),
            "{error:?}"
        );
    });
}

#[test]
fn our_end_says_close_notify_in_every_role_and_adapter() {
    by_hand(|| {
        for adapter in [0, 1] {
            let mut script = Faulty::new(vec![
                REQUEST.as_bytes().to_vec(),
                crate::adapters::frames::close(Role::Client, 1000, ""),
            ]);
            let mut wire = Wire::new(Role::Server, &mut script);
            if adapter == 0 {
                let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
                let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
                assert_eq!(drive(ws.recv()).unwrap(), None);
                drop(ws);
                assert!(wire.is_shut_down, "the stream beneath ends, too");
            } else {
                let stream = BlockingTls::accept(blocking(&mut wire), &server()).unwrap();
                let mut ws = hybi::blocking::accept(stream).unwrap();
                assert_eq!(ws.recv().unwrap(), None);
            }
            assert!(wire.has_heard_close_notify());
        }
    });
}

#[test]
fn a_loss_without_close_frame_is_told_as_such_with_and_without_close_notify() {
    for end in [End::CloseNotify, End::Abrupt] {
        by_hand(move || {
            let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
            let mut wire = Wire::new(Role::Server, &mut script);
            wire.end = end;
            let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
            let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
            let error = drive(ws.recv()).unwrap_err();
            let Error::Closed(closed) = error else { panic!("{error:?}") };
            assert_eq!((closed.cause, closed.code()), (Cause::Lost, CloseCode::ABNORMAL));
        });
    }
}

#[test]
fn a_forged_record_is_one_error_and_the_peer_is_told_by_an_alert() {
    by_hand(|| {
        let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        let mut wire = Wire::new(Role::Server, &mut script);
        wire.end = End::Forged;
        let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
        let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
        let error = drive(ws.recv()).unwrap_err();
        let Error::Io(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(drive(ws.recv()).unwrap().is_none(), "told once");
        drop(ws);
        let told = wire.peer.process_new_packets().unwrap_err();
        assert_eq!(told.to_string(), "received fatal alert: BadRecordMac");
    });
}
