//! A session over a stream with a fault at every position: interruptions change nothing, ends give one clear error.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::ErrorKind;

use adapters::by_hand;
use adapters::faulty::{Fault, Faulty, SINGLE_BYTES};
use adapters::frames::{REQUEST, parse, parse_all};
#[cfg(feature = "tokio")]
use adapters::session::over_tokio;
use adapters::session::{Outcome, Session, after_head, over_blocking};
use hybi::blocking::Error;
use hybi::handshake::HandshakeError;
use hybi::{Cause, CloseCode, Role};

/// Both adapters have the same promises.
fn everywhere(test: fn(&Run)) {
    by_hand(move || {
        for role in [Role::Server, Role::Client] {
            #[cfg(feature = "tokio")]
            test(&Run::new(role, over_tokio, Waits::Anywhere));
            test(&Run::new(role, over_blocking, Waits::AfterTheHandshake));
        }
    });
}

#[test]
fn the_session_is_as_expected_where_nothing_happens() {
    everywhere(|run| {
        run.expect_all("no fault", |_| {});
        let flushes = run.hold(|_| {}).1.flushes();
        assert!((5..20).contains(&flushes), "{flushes} flushes: one for each wait is enough");
    });
}

#[test]
fn single_bytes_change_nothing() {
    everywhere(|run| run.expect_all("single bytes", |stream| stream.pace = SINGLE_BYTES));
}

#[test]
fn a_read_that_is_interrupted_changes_nothing() {
    everywhere(|run| {
        for at in 0..=run.incoming {
            run.expect_all(&format!("signal at {at}"), |stream| {
                stream.reading = Some((at, Fault::Interrupt));
            });
        }
    });
}

#[test]
fn a_write_that_is_interrupted_changes_nothing() {
    everywhere(|run| {
        for at in 0..run.outgoing {
            run.expect_all(&format!("signal at {at}"), |stream| {
                stream.writing = Some((at, Fault::Interrupt));
            });
        }
    });
}

#[test]
fn a_flush_that_is_interrupted_changes_nothing() {
    everywhere(|run| {
        for number in 0..run.flushes {
            run.expect_all(&format!("signal in flush {number}"), |stream| {
                stream.flushing = Some((number, Fault::Interrupt));
            });
        }
    });
}

#[test]
fn a_stream_that_is_not_ready_changes_nothing() {
    everywhere(|run| {
        let (read, write, flush) = run.first_wait();
        for at in read..=run.incoming {
            run.expect_all(&format!("no bytes at {at}"), |stream| {
                stream.reading = Some((at, Fault::Wait));
            });
        }
        for at in write..run.outgoing {
            run.expect_all(&format!("no room at {at}"), |stream| {
                stream.writing = Some((at, Fault::Wait));
            });
        }
        for number in flush..run.flushes {
            run.expect_all(&format!("no flush {number}"), |stream| {
                stream.flushing = Some((number, Fault::Wait));
            });
        }
    });
}

#[test]
fn an_end_of_the_stream_is_one_error_after_the_messages_that_were_whole() {
    everywhere(|run| {
        for at in 0..run.incoming {
            let (outcome, stream) = run.hold(|stream| stream.reading = Some((at, Fault::Zero)));
            let place = format!("{:?}: end at {at}", run.role);
            let Some(after) = at.checked_sub(run.head_in) else {
                let refused = outcome.refused.expect(&place);
                let incomplete = HandshakeError::Incomplete.to_string();
                assert_eq!(refused.to_string(), incomplete, "{place}");
                continue;
            };
            assert_eq!(outcome.messages, run.session.messages_in(after), "{place}");
            let [Error::Closed(closed)] = &outcome.errors[..] else {
                panic!("{place}: {outcome:?}")
            };
            assert_eq!(
                (closed.cause, closed.code()),
                (Cause::Lost, CloseCode::ABNORMAL),
                "{place}"
            );
            run.check_answers(&stream, &place);
        }
    });
}

#[test]
fn a_reset_is_one_error_after_the_messages_that_were_whole() {
    everywhere(|run| {
        for at in 0..run.incoming {
            let reset = Fault::Fail(ErrorKind::ConnectionReset);
            let (outcome, stream) = run.hold(|stream| stream.reading = Some((at, reset)));
            let place = format!("{:?}: reset at {at}", run.role);
            let Some(after) = at.checked_sub(run.head_in) else {
                assert_eq!(
                    kind(outcome.refused.as_ref()),
                    Some(ErrorKind::ConnectionReset),
                    "{place}"
                );
                continue;
            };
            assert_eq!(outcome.messages, run.session.messages_in(after), "{place}");
            assert_eq!(outcome.errors.len(), 1, "{place}: {outcome:?}");
            assert_eq!(kind(outcome.errors.first()), Some(ErrorKind::ConnectionReset), "{place}");
            let closed = outcome.closed.expect(&place);
            assert_eq!(
                (closed.cause, closed.code()),
                (Cause::Lost, CloseCode::ABNORMAL),
                "{place}"
            );
            run.check_answers(&stream, &place);
        }
    });
}

#[test]
fn a_reset_after_the_closing_handshake_is_no_error() {
    everywhere(|run| {
        run.expect_all("reset after the last byte", |stream| {
            stream.reading = Some((run.incoming, Fault::Fail(ErrorKind::ConnectionReset)));
        });
    });
}

#[test]
fn a_write_that_fails_is_one_error() {
    everywhere(|run| {
        for at in 0..run.outgoing {
            for (fault, kind) in [
                (Fault::Zero, ErrorKind::WriteZero),
                (Fault::Fail(ErrorKind::BrokenPipe), ErrorKind::BrokenPipe),
            ] {
                let faulty = run.hold(|stream| stream.writing = Some((at, fault)));
                run.expect_end(faulty, kind, &format!("{:?}: {kind} at {at}", run.role));
            }
        }
    });
}

#[test]
fn a_flush_that_fails_is_one_error() {
    everywhere(|run| {
        for number in 0..run.flushes {
            let fault = Fault::Fail(ErrorKind::ConnectionAborted);
            let faulty = run.hold(|stream| stream.flushing = Some((number, fault)));
            let place = format!("{:?}: failing flush {number}", run.role);
            run.expect_end(faulty, ErrorKind::ConnectionAborted, &place);
        }
    });
}

/// Holds a session over a stream.
type Hold = fn(Role, &mut Faulty) -> Outcome;

/// Where a stream that is not ready is only waited for. The blocking adapter hands the wait to its caller,
/// for whom an opening handshake would have to begin anew.
#[derive(Clone, Copy, PartialEq)]
enum Waits {
    #[cfg(feature = "tokio")]
    Anywhere,
    AfterTheHandshake,
}

/// One adapter in one role, and what its session comes to where nothing happens.
struct Run {
    role: Role,
    hold: Hold,
    waits: Waits,
    session: Session,
    incoming: usize,
    outgoing: usize,
    flushes: usize,
    /// The length of the head that comes, of the head that goes.
    head_in: usize,
    head_out: usize,
}

impl Run {
    fn new(role: Role, hold: Hold, waits: Waits) -> Self {
        let session = Session::new(role);
        let mut run = Self {
            role,
            hold,
            waits,
            session,
            incoming: 0,
            outgoing: 0,
            flushes: 0,
            head_in: 0,
            head_out: 0,
        };
        let (_, stream) = run.hold(|_| {});
        run.incoming = stream.taken();
        run.head_in = run.incoming - run.session.len();
        run.outgoing = stream.written.len();
        run.flushes = stream.flushes();
        run.head_out = run.outgoing - after_head(&stream.written).unwrap().len();
        assert!(run.head_in > 100 && run.head_out > 100 && run.flushes > 0);
        run
    }

    fn hold(&self, fault: impl FnOnce(&mut Faulty)) -> (Outcome, Faulty) {
        let mut segments = self.session.segments.clone();
        let mut stream = match self.role {
            Role::Client => Faulty::answering(segments),
            Role::Server => {
                segments.insert(0, REQUEST.as_bytes().to_vec());
                Faulty::new(segments)
            }
        };
        fault(&mut stream);
        ((self.hold)(self.role, &mut stream), stream)
    }

    /// Expects that the session is as it has to be.
    fn expect_all(&self, place: &str, fault: impl FnOnce(&mut Faulty)) {
        let (outcome, stream) = self.hold(fault);
        let place = format!("{:?}: {place}", self.role);
        assert!(outcome.refused.is_none() && outcome.errors.is_empty(), "{place}: {outcome:?}");
        assert_eq!(outcome.messages, self.session.messages(), "{place}");
        let frames = parse_all(after_head(stream.arrived()).expect(&place));
        assert_eq!(frames, self.session.answers, "{place}");
        let closed = outcome.closed.expect(&place);
        assert_eq!((closed.code(), closed.reason()), (CloseCode(4000), "bye"), "{place}");
    }

    /// Expects an error of `expected` kind, unless the peer had closed before.
    fn expect_end(&self, (outcome, stream): (Outcome, Faulty), expected: ErrorKind, place: &str) {
        if after_head(stream.arrived()).is_none() && outcome.closed.is_none() {
            assert_eq!(kind(outcome.refused.as_ref()), Some(expected), "{place}: {outcome:?}");
            return;
        }
        let closed = outcome.closed.as_ref().expect(place);
        let all = self.session.messages();
        assert!(all.starts_with(&outcome.messages), "{place}: {outcome:?}");
        self.check_answers(&stream, place);
        if closed.received.is_some() {
            assert_eq!(outcome.messages, all, "{place}: a Close frame comes after them");
            assert!(outcome.errors.len() <= 1, "{place}: {outcome:?}");
            return;
        }
        assert_eq!((closed.cause, closed.code()), (Cause::Lost, CloseCode::ABNORMAL), "{place}");
        assert_eq!(kind(outcome.errors.first()), Some(expected), "{place}: {outcome:?}");
        for error in &outcome.errors[1..] {
            let known = matches!(error, Error::Closed(_) | Error::Send(_));
            assert!(known, "{place}: told once and then again as {error:?}");
        }
    }

    /// Expects that the peer has got a beginning of what it gets.
    fn check_answers(&self, stream: &Faulty, place: &str) {
        let (frames, _) = parse(after_head(&stream.written).unwrap_or_default());
        assert!(self.session.answers.starts_with(&frames), "{place}: {frames:?}");
    }

    /// The first position of reading, of writing and of flushing at which the stream may not be ready.
    fn first_wait(&self) -> (usize, usize, usize) {
        match self.waits {
            #[cfg(feature = "tokio")]
            Waits::Anywhere => (0, 0, 0),
            Waits::AfterTheHandshake => (self.head_in, self.head_out, 1),
        }
    }
}

fn kind(error: Option<&Error>) -> Option<ErrorKind> {
    match error {
        Some(Error::Io(error)) => Some(error.kind()),
        _ => None,
    }
}
