//! Vectored writes that stop anywhere, also inside a slice, lose nothing and repeat nothing.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::ErrorKind;

use adapters::by_hand;
use adapters::faulty::{Fault, Faulty};
use adapters::frames::{BINARY, Frame, parse_all, text};
use hybi::blocking::{Error, Untimed};
use hybi::{Config, Message, Role};

#[test]
fn a_vectored_write_of_the_blocking_adapter_may_stop_anywhere() {
    by_hand(|| stops_anywhere(send_blocking));
}

#[cfg(feature = "tokio")]
#[test]
fn a_vectored_write_of_the_tokio_adapter_may_stop_anywhere() {
    by_hand(|| stops_anywhere(send_tokio));
}

#[test]
fn messages_that_were_fed_leave_in_one_vectored_write() {
    by_hand(|| {
        for role in [Role::Server, Role::Client] {
            let mut stream = Faulty::new(Vec::new());
            send_blocking(role, &mut stream).unwrap();
            assert_eq!((stream.writes, stream.flushes()), (1, 1));
            #[cfg(feature = "tokio")]
            {
                let mut stream = Faulty::new(Vec::new());
                send_tokio(role, &mut stream).unwrap();
                assert_eq!((stream.writes, stream.flushes()), (1, 1));
            }
        }
    });
}

/// Sends all messages over a stream.
type Send = fn(Role, &mut Faulty) -> Result<(), Error>;

fn stops_anywhere(send: Send) {
    for role in [Role::Server, Role::Client] {
        let mut stream = Faulty::new(Vec::new());
        send(role, &mut stream).unwrap();
        assert_eq!(parse_all(stream.arrived()), expected());
        for at in (0..stream.written.len()).filter(is_tried) {
            for fault in [Fault::Wait, Fault::Interrupt] {
                let mut stream = Faulty::new(Vec::new());
                stream.writing = Some((at, fault));
                send(role, &mut stream).unwrap();
                assert_eq!(parse_all(stream.arrived()), expected(), "{role:?}: {fault:?} at {at}");
            }
        }
        for at in (0..stream.written.len()).step_by(7) {
            let mut stream = Faulty::new(Vec::new());
            stream.writing = Some((at, Fault::Zero));
            let failed = send(role, &mut stream);
            let Err(Error::Io(error)) = failed else {
                panic!("{role:?}: zero at {at}: {failed:?}")
            };
            assert_eq!((error.kind(), stream.written.len()), (ErrorKind::WriteZero, at));
        }
    }
}

/// All positions near the edges of slices, and some inside.
fn is_tried(at: &usize) -> bool {
    at % 4096 < 64 || at % 4096 > 4032 || at % 31 == 0
}

/// Two large messages between small ones: slices of the queue's own and of the messages.
fn messages() -> Vec<Message> {
    vec![
        Message::text("first"),
        Message::binary(vec![1; 4096]),
        Message::binary(vec![2; 4097]),
        Message::text("between"),
        Message::text("last"),
    ]
}

fn expected() -> Vec<Frame> {
    vec![
        text("first"),
        (BINARY, vec![1; 4096]),
        (BINARY, vec![2; 4097]),
        text("between"),
        text("last"),
    ]
}

fn send_blocking(role: Role, stream: &mut Faulty) -> Result<(), Error> {
    use hybi::blocking::WebSocket;

    let config = Config::default();
    let mut ws =
        WebSocket::from_upgraded(Untimed(stream), role, b"", Default::default(), config).unwrap();
    for message in messages() {
        ws.feed(message)?;
    }
    loop {
        match ws.flush() {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            flushed => return flushed,
        }
    }
}

#[cfg(feature = "tokio")]
fn send_tokio(role: Role, stream: &mut Faulty) -> Result<(), Error> {
    use adapters::poll::drive;
    use hybi::tokio::WebSocket;

    let config = Config::default();
    let mut ws = WebSocket::from_upgraded(stream, role, b"", Default::default(), config);
    for message in messages() {
        drive(ws.feed(message))?;
    }
    drive(ws.flush())
}
