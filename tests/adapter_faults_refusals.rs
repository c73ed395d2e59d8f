//! A handshake that is refused, over a stream with a fault at every position: the refusal is told whatever becomes of the
//! stream after it, and what it is not known of is one clear error.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::ErrorKind;

use adapters::by_hand;
use adapters::faulty::{Fault, Faulty, SINGLE_BYTES};
use adapters::frames::REQUEST;
use http::StatusCode;
use hybi::Config;
use hybi::blocking::{Error, Untimed};
use hybi::handshake::{HandshakeError, ServerOptions};

const RESET: Fault = Fault::Fail(ErrorKind::ConnectionReset);
const PIPE: Fault = Fault::Fail(ErrorKind::BrokenPipe);

#[test]
fn a_request_is_rejected_whatever_happens_to_the_stream() {
    everywhere(|adapter| {
        let (outcome, whole) = adapter.serve(REQUEST, |_| {});
        outcome.unwrap();
        assert!(whole.written.starts_with(b"HTTP/1.1 403 ") && whole.is_shut_down);
        let (outcome, stream) = adapter.serve(REQUEST, |stream| stream.pace = SINGLE_BYTES);
        assert!(outcome.is_ok() && stream.written == whole.written);

        for at in 0..whole.written.len() {
            for fault in [Fault::Zero, PIPE] {
                let (outcome, stream) =
                    adapter.serve(REQUEST, |stream| stream.writing = Some((at, fault)));
                assert!(outcome.is_ok(), "{adapter:?}: {fault:?} at {at}: {outcome:?}");
                assert_eq!(stream.written, whole.written[..at]);
            }
            let fault = Some((at, Fault::Interrupt));
            let (outcome, stream) = adapter.serve(REQUEST, |stream| stream.writing = fault);
            assert!(outcome.is_ok() && stream.written == whole.written, "{adapter:?} at {at}");
        }
        let (outcome, _) = adapter.serve(REQUEST, |stream| stream.flushing = Some((0, PIPE)));
        assert!(outcome.is_ok(), "{adapter:?}: {outcome:?}");
    });
}

#[test]
fn a_bad_request_is_told_as_one_whatever_becomes_of_its_answer() {
    let bad = REQUEST.replace("GET", "PUT");
    everywhere(move |adapter| {
        let told = |outcome: Result<(), Error>, place: &str| {
            let Err(Error::Handshake(HandshakeError::Method)) = outcome else {
                panic!("{adapter:?}: {place}: {outcome:?}")
            };
        };
        let (outcome, whole) = adapter.serve(&bad, |_| {});
        told(outcome, "no fault");
        assert!(whole.written.starts_with(b"HTTP/1.1 405 ") && whole.is_shut_down);
        for at in 0..whole.written.len() {
            for fault in [Fault::Zero, PIPE, Fault::Interrupt, Fault::Wait] {
                let (outcome, _) = adapter.serve(&bad, |stream| stream.writing = Some((at, fault)));
                told(outcome, &format!("{fault:?} at {at}"));
            }
        }
        for at in 0..bad.len() {
            let (outcome, stream) =
                adapter.serve(&bad, |stream| stream.reading = Some((at, RESET)));
            let Err(Error::Io(error)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            assert!(stream.written.is_empty());
        }
    });
}

/// Or a reset by what has not been read would destroy the answer on its way.
#[test]
fn what_comes_after_a_refused_request_is_read_though_signals_come_in_between() {
    everywhere(|adapter| {
        for at in REQUEST.len()..=REQUEST.len() + MORE.len() {
            let fault = Some((at, Fault::Interrupt));
            let (outcome, stream) = adapter.serve(REQUEST, |stream| stream.reading = fault);
            assert!(
                outcome.is_ok() && stream.taken() == REQUEST.len() + MORE.len(),
                "{adapter:?}: at {at}"
            );
        }
    });
}

#[test]
fn a_refusal_is_told_as_soon_as_its_head_is_there_whatever_becomes_of_its_body() {
    const HEAD: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\n";
    everywhere(|adapter| {
        for at in 0..=HEAD.len() + 9 {
            for fault in [Fault::Zero, RESET, Fault::Interrupt] {
                let (error, _) = adapter.dial(&format!("{HEAD}try later"), Some((at, fault)));
                let place = format!("{adapter:?}: {fault:?} at {at}: {error:?}");
                let end = if fault == Fault::Interrupt { HEAD.len() + 9 } else { at };
                match (error, end.checked_sub(HEAD.len())) {
                    (Error::Handshake(HandshakeError::Refused(response)), Some(len)) => {
                        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{place}");
                        assert_eq!(&response.body()[..], &b"try later"[..len], "{place}");
                    }
                    (Error::Handshake(HandshakeError::Incomplete), None) => {
                        assert_eq!(fault, Fault::Zero, "{place}");
                    }
                    (Error::Io(error), None) => {
                        assert_eq!((fault, error.kind()), (RESET, ErrorKind::ConnectionReset));
                    }
                    _ => panic!("{place}"),
                }
            }
        }
    });
}

#[derive(Clone, Copy, Debug)]
enum Adapter {
    Blocking,
    #[cfg(feature = "tokio")]
    Tokio,
}

fn everywhere(test: impl Fn(Adapter) + Send + 'static) {
    by_hand(move || {
        test(Adapter::Blocking);
        #[cfg(feature = "tokio")]
        test(Adapter::Tokio);
    });
}

/// What the client has sent already.
const MORE: &str = "frames that nobody will look at";

impl Adapter {
    /// Reads a request and rejects it.
    fn serve(self, request: &str, fault: impl FnOnce(&mut Faulty)) -> (Result<(), Error>, Faulty) {
        let mut stream = Faulty::new(vec![request.into(), MORE.into()]);
        fault(&mut stream);
        let outcome = match self {
            Self::Blocking => {
                use hybi::blocking::receive_request;

                let stream = adapters::handles::Bounded::new(&mut stream, ErrorKind::WouldBlock);
                let incoming = receive_request(stream, ServerOptions::default());
                incoming.and_then(|incoming| incoming.reject(StatusCode::FORBIDDEN))
            }
            #[cfg(feature = "tokio")]
            Self::Tokio => adapters::poll::drive(async {
                use hybi::tokio::receive_request;

                let incoming = receive_request(&mut stream, ServerOptions::default()).await?;
                incoming.reject(StatusCode::FORBIDDEN).await
            }),
        };
        (outcome, stream)
    }

    /// Asks a server that answers with `response`.
    fn dial(self, response: &str, fault: Option<(usize, Fault)>) -> (Error, Faulty) {
        let mut stream = Faulty::new(vec![response.into()]);
        stream.reading = fault;
        let error = match self {
            Self::Blocking => {
                use hybi::blocking::connect_over;

                connect_over(Untimed(&mut stream), URL, Config::default()).unwrap_err()
            }
            #[cfg(feature = "tokio")]
            Self::Tokio => {
                use hybi::tokio::connect_over;

                adapters::poll::drive(connect_over(&mut stream, URL, Config::default()))
                    .unwrap_err()
            }
        };
        (error, stream)
    }
}

const URL: &str = "ws://example.com/chat";
