//! A session over a wire that breaks off, is not ready or is slow at every byte of the ciphertext.

use std::io::ErrorKind;

use hybi::blocking::Error;
use hybi::handshake::HandshakeError;
use hybi::tls::TlsError;
use hybi::{Cause, CloseCode, Role};

use crate::adapters::conversation::{Outcome, Way, over_async, over_transport};
use crate::adapters::faulty::{Fault, Faulty};
use crate::adapters::frames::{parse, parse_all};
use crate::adapters::poll::drive;
use crate::adapters::session::{Session, after_head};
use crate::adapters::{bounded, by_hand};
use crate::certificates::{client, server};
use crate::meeting::HOST;
use crate::wire::{End, Wire, blocking};

#[test]
fn the_session_is_as_expected_where_nothing_happens() {
    everywhere(|run| {
        run.expect_all("no fault", |_| {});
    });
}

#[test]
fn single_bytes_of_ciphertext_change_nothing() {
    everywhere(|run| run.expect_all("single bytes", |wire| wire.pace = 1));
}

#[test]
fn a_wire_that_is_ready_every_other_time_changes_nothing() {
    everywhere(|run| {
        if run.adapter == Adapter::Tokio {
            run.expect_all("not ready", |wire| wire.hesitates = true);
            run.expect_all("not ready, single bytes", |wire| {
                wire.hesitates = true;
                wire.pace = 1;
            });
        }
    });
}

#[test]
fn new_keys_in_the_middle_change_nothing() {
    everywhere(|run| run.expect_all("new keys", |wire| wire.end = End::Rekeyed));
}

#[test]
fn a_peer_that_leaves_out_close_notify_changes_nothing() {
    everywhere(|run| run.expect_all("no close_notify", |wire| wire.end = End::Abrupt));
}

#[test]
fn a_forged_record_behind_the_closing_handshake_changes_nothing() {
    everywhere(|run| run.expect_all("forged", |wire| wire.end = End::Forged));
}

#[test]
fn a_read_that_waits_or_is_interrupted_at_any_byte_changes_nothing() {
    everywhere(|run| {
        for at in run.first_wait(run.opening.0)..run.whole.0 {
            run.expect_all(&format!("no bytes at {at}"), |wire| {
                wire.reading = Some((at, Fault::Wait));
            });
        }
        for at in run.some(run.opening.0, run.whole.0) {
            run.expect_all(&format!("signal at {at}"), |wire| {
                wire.reading = Some((at, Fault::Interrupt));
            });
        }
    });
}

#[test]
fn a_write_that_waits_or_is_interrupted_at_any_byte_changes_nothing() {
    everywhere(|run| {
        for at in run.first_wait(run.opening.1)..run.whole.1 {
            run.expect_all(&format!("no room at {at}"), |wire| {
                wire.writing = Some((at, Fault::Wait));
            });
        }
        for at in run.some(run.opening.1, run.whole.1) {
            run.expect_all(&format!("signal at {at}"), |wire| {
                wire.writing = Some((at, Fault::Interrupt));
            });
        }
    });
}

#[test]
fn a_flush_that_waits_or_is_interrupted_changes_nothing() {
    everywhere(|run| {
        for number in run.first_wait(run.flushes.0)..run.flushes.1 {
            run.expect_all(&format!("no flush {number}"), |wire| {
                wire.flushing = Some((number, Fault::Wait));
            });
        }
        for number in 0..run.flushes.1 {
            run.expect_all(&format!("signal in flush {number}"), |wire| {
                wire.flushing = Some((number, Fault::Interrupt));
            });
        }
    });
}

#[test]
fn an_end_of_the_stream_is_one_error_after_the_messages_that_were_whole() {
    everywhere(|run| {
        let all = run.session.messages();
        let mut told = 0;
        for at in 0..=run.whole.0 {
            let (outcome, script) = run.hold(|wire| wire.reading = Some((at, Fault::Zero)));
            let place = format!("{run:?}: end at {at}");
            match (&outcome.refused, &outcome.errors[..], &outcome.closed) {
                (Some(Error::Tls(TlsError::Ended)), [], None) => assert_eq!(told, 0, "{place}"),
                (Some(Error::Handshake(HandshakeError::Incomplete)), [], None) => {
                    assert!(told <= 1, "{place}");
                    told = 1;
                }
                (None, [Error::Closed(closed)], _) => {
                    let expected = (Cause::Lost, CloseCode::ABNORMAL);
                    assert_eq!((closed.cause, closed.code()), expected, "{place}");
                    assert!(told <= 2, "{place}");
                    told = 2;
                }
                // The Close frame was whole.
                (None, [], Some(closed)) => {
                    assert_eq!(closed.code(), CloseCode(4000), "{place}");
                    assert_eq!(outcome.messages, all, "{place}");
                    told = 3;
                }
                _ => panic!("{place}: {outcome:?}"),
            }
            run.check_beginning(&outcome, &script, &place);
        }
        assert_eq!(told, 3, "{run:?}: all four kinds of an end occur");
    });
}

#[test]
fn a_reset_is_one_error_after_the_messages_that_were_whole() {
    everywhere(|run| {
        let reset = Fault::Fail(ErrorKind::ConnectionReset);
        for at in run.some(run.opening.0, run.whole.0) {
            let held = run.hold(|wire| wire.reading = Some((at, reset)));
            run.expect_end(&held, ErrorKind::ConnectionReset, &format!("{run:?}: reset at {at}"));
        }
    });
}

#[test]
fn a_write_or_a_flush_that_fails_is_one_error() {
    everywhere(|run| {
        let faults = [
            (Fault::Zero, ErrorKind::WriteZero),
            (Fault::Fail(ErrorKind::BrokenPipe), ErrorKind::BrokenPipe),
        ];
        for (fault, kind) in faults {
            for at in run.some(run.opening.1, run.whole.1) {
                let held = run.hold(|wire| wire.writing = Some((at, fault)));
                run.expect_end(&held, kind, &format!("{run:?}: {kind} at {at}"));
            }
        }
        for number in 0..run.flushes.1 {
            let fault = Fault::Fail(ErrorKind::ConnectionAborted);
            let held = run.hold(|wire| wire.flushing = Some((number, fault)));
            let place = format!("{run:?}: failing flush {number}");
            run.expect_end(&held, ErrorKind::ConnectionAborted, &place);
        }
    });
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Adapter {
    Blocking,
    Tokio,
}

/// One adapter in one role, and how much passes in its session: read and written, of it in the opening; and how often it is
/// flushed, likewise in the opening and in all.
struct Run {
    adapter: Adapter,
    role: Role,
    session: Session,
    opening: (usize, usize),
    whole: (usize, usize),
    flushes: (usize, usize),
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.adapter, self.role)
    }
}

/// Each adapter in each role, in a thread of its own.
fn everywhere(test: fn(&Run)) {
    let each = [Role::Server, Role::Client].map(|role| {
        std::thread::spawn(move || {
            bounded(move || test(&Run::new(Adapter::Blocking, role)));
            by_hand(move || test(&Run::new(Adapter::Tokio, role)));
        })
    });
    for thread in each {
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Run {
    fn new(adapter: Adapter, role: Role) -> Self {
        let (session, nothing) = (Session::new(role), (0, 0));
        let mut run =
            Self { adapter, role, session, opening: nothing, whole: nothing, flushes: nothing };
        let sizes = std::cell::Cell::new((nothing, nothing, nothing));
        // Single bytes, so that nothing is read or written before its time.
        let (_, script) = run.hold_and_look(
            |wire| wire.pace = 1,
            |wire| {
                let (read, written, flushes) = wire.opened.unwrap();
                let all = ((wire.read, wire.written), (flushes, wire.flushes));
                sizes.set(((read, written), all.0, all.1));
            },
        );
        assert!(after_head(&script.written).is_some());
        (run.opening, run.whole, run.flushes) = sizes.into_inner();
        assert!(run.opening.0 > 300 && run.whole.1 > run.opening.1, "{run:?}");
        run
    }

    /// The blocking adapter hands a wait to its caller, for whom an opening would have to begin anew.
    fn first_wait(&self, after_opening: usize) -> usize {
        match self.adapter {
            Adapter::Blocking => after_opening,
            Adapter::Tokio => 0,
        }
    }

    /// All positions after the opening and some before: handshakes of TLS take time, and most of their bytes are certificates.
    fn some(&self, opening: usize, whole: usize) -> impl Iterator<Item = usize> {
        (0..whole).filter(move |at| at % 5 == 0 || *at >= opening)
    }

    fn hold(&self, fault: impl FnOnce(&mut Wire<'_>)) -> (Outcome, Faulty) {
        self.hold_and_look(fault, |_| {})
    }

    fn hold_and_look(
        &self,
        fault: impl FnOnce(&mut Wire<'_>),
        at_end: impl FnOnce(&Wire<'_>),
    ) -> (Outcome, Faulty) {
        let mut script = self.session.stream();
        let mut wire = Wire::new(self.role, &mut script);
        fault(&mut wire);
        let refused = |error| Outcome { refused: Some(error), ..Outcome::default() };
        let outcome = match self.adapter {
            Adapter::Blocking => {
                use hybi::blocking::TlsStream;

                let stream = match self.role {
                    Role::Client => {
                        TlsStream::connect(blocking(&mut wire), &client().build().unwrap(), HOST)
                    }
                    Role::Server => TlsStream::accept(blocking(&mut wire), &server()),
                };
                stream.map_or_else(refused, |stream| {
                    over_transport(&self.session, Way::Messages, stream)
                })
            }
            Adapter::Tokio => {
                use hybi::tokio::TlsStream;

                let (client, server) = (client().build().unwrap(), server());
                let stream = drive(async {
                    match self.role {
                        Role::Client => TlsStream::connect(&mut wire, &client, HOST).await,
                        Role::Server => TlsStream::accept(&mut wire, &server).await,
                    }
                });
                stream
                    .map_or_else(refused, |stream| over_async(&self.session, Way::Messages, stream))
            }
        };
        at_end(&wire);
        (outcome, script)
    }

    /// Expects that the session is as it has to be.
    fn expect_all(&self, place: &str, fault: impl FnOnce(&mut Wire<'_>)) {
        let (outcome, script) = self.hold(fault);
        let place = format!("{self:?}: {place}");
        assert!(outcome.refused.is_none() && outcome.errors.is_empty(), "{place}: {outcome:?}");
        assert_eq!(outcome.messages, self.session.messages(), "{place}");
        let frames = parse_all(after_head(script.arrived()).expect(&place));
        assert_eq!(frames, self.session.answers, "{place}");
        let closed = outcome.closed.expect(&place);
        assert_eq!((closed.code(), closed.reason()), (CloseCode(4000), "bye"), "{place}");
    }

    /// Expects an error of `expected` kind, unless the peer had closed before.
    fn expect_end(&self, (outcome, script): &(Outcome, Faulty), expected: ErrorKind, place: &str) {
        self.check_beginning(outcome, script, place);
        if let Some(refused) = &outcome.refused {
            assert_eq!(kind(refused), Some(expected), "{place}: {outcome:?}");
            return;
        }
        let closed = outcome.closed.as_ref().expect(place);
        if closed.received.is_some() {
            assert_eq!(outcome.messages, self.session.messages(), "{place}");
            assert!(outcome.errors.len() <= 1, "{place}: {outcome:?}");
            return;
        }
        assert_eq!((closed.cause, closed.code()), (Cause::Lost, CloseCode::ABNORMAL), "{place}");
        let (first, others) = outcome.errors.split_first().expect(place);
        assert_eq!(kind(first), Some(expected), "{place}: {outcome:?}");
        let known = |error: &Error| matches!(error, Error::Closed(_) | Error::Send(_));
        assert!(others.iter().all(known), "{place}: {outcome:?}");
    }

    /// Expects that nothing was told that was not whole, and that the peer has got a beginning of what it gets.
    fn check_beginning(&self, outcome: &Outcome, script: &Faulty, place: &str) {
        assert!(self.session.messages().starts_with(&outcome.messages), "{place}");
        let (frames, _) = parse(after_head(&script.written).unwrap_or_default());
        assert!(self.session.answers.starts_with(&frames), "{place}: {frames:?}");
    }
}

fn kind(error: &Error) -> Option<ErrorKind> {
    match error {
        Error::Io(error) => Some(error.kind()),
        _ => None,
    }
}
