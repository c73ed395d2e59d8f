//! A session over a stream with a fault at every position: interruptions change nothing, ends give one clear error.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::fmt;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::by_hand;
#[cfg(feature = "tokio")]
use adapters::conversation::over_async;
use adapters::conversation::{Outcome, Way, over_transport};
use adapters::faulty::{Fault, Faulty, SINGLE_BYTES};
use adapters::frames::{CLOSE, Frame, parse, parse_all, parse_one};
use adapters::handles::{Bounded, Handle};
use adapters::session::{END, Session, after_head};
use hybi::blocking::{Error, Untimed};
use hybi::handshake::HandshakeError;
use hybi::{Cause, CloseCode, Role};

/// Both adapters have the same promises, in each way in which they are used, whatever is said.
fn everywhere(test: fn(&Run)) {
    #[cfg(feature = "deflate")]
    use Session as Packed;
    #[cfg(not(feature = "deflate"))]
    use plain::Packed;

    type Make = fn(Role) -> Session;
    let runs: &[(Over, Way, Make)] = &[
        #[cfg(feature = "tokio")]
        (Over::Tokio, Way::Messages, Session::new),
        #[cfg(feature = "tokio")]
        (Over::TokioSliceBySlice, Way::Messages, Session::large),
        #[cfg(feature = "tokio")]
        (Over::Tokio, Way::Messages, Session::large),
        #[cfg(feature = "tokio")]
        (Over::Tokio, Way::Messages, Session::ours),
        #[cfg(feature = "tokio")]
        (Over::Tokio, Way::Events, Packed::compressed),
        #[cfg(feature = "tokio")]
        (Over::Tokio, Way::Chunks, Packed::compressed),
        #[cfg(feature = "tokio")]
        (Over::Tokio, Way::Halves, Packed::compressed),
        (Over::Untimed, Way::Messages, Session::new),
        (Over::Untimed, Way::Messages, Session::large),
        (Over::Untimed, Way::Events, Packed::compressed),
        (Over::Late(ErrorKind::WouldBlock), Way::Chunks, Packed::compressed),
        (Over::Late(ErrorKind::TimedOut), Way::Messages, Session::ours),
        (Over::Impatient(ErrorKind::WouldBlock), Way::Messages, Session::new),
        (Over::Handles, Way::Halves, Packed::compressed),
    ];
    let each = [Role::Server, Role::Client].map(|role| {
        std::thread::spawn(move || {
            by_hand(move || {
                for (over, way, make) in runs {
                    test(&Run::new(*over, *way, make(role)));
                }
            });
        })
    });
    for thread in each {
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn the_session_is_as_expected_where_nothing_happens() {
    everywhere(|run| {
        run.expect_all("no fault", |_| {});
        let flushes = run.flushes;
        assert!(
            (5..20).contains(&flushes),
            "{run:?}: {flushes} flushes: one for each wait is enough"
        );
    });
}

#[test]
fn single_bytes_change_nothing() {
    everywhere(|run| run.expect_all("single bytes", |stream| stream.pace = SINGLE_BYTES));
}

#[test]
fn a_read_that_is_interrupted_changes_nothing() {
    everywhere(|run| {
        for at in run.reading(0..=run.incoming) {
            run.expect_all(&format!("signal at {at}"), |stream| {
                stream.reading = Some((at, Fault::Interrupt));
            });
        }
    });
}

#[test]
fn a_write_that_is_interrupted_changes_nothing() {
    everywhere(|run| {
        for at in run.writing(0..=run.outgoing - 1) {
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
        for at in run.reading(read..=run.incoming) {
            run.expect_all(&format!("no bytes at {at}"), |stream| {
                stream.reading = Some((at, Fault::Wait));
            });
        }
        for at in run.writing(write..=run.outgoing - 1) {
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
        for at in run.reading(0..=run.incoming - 1) {
            let (outcome, stream) = run.hold(|stream| stream.reading = Some((at, Fault::Zero)));
            let place = format!("{run:?}: end at {at}");
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
        for at in run.reading(0..=run.incoming - 1) {
            let reset = Fault::Fail(ErrorKind::ConnectionReset);
            let (outcome, stream) = run.hold(|stream| stream.reading = Some((at, reset)));
            let place = format!("{run:?}: reset at {at}");
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
        for at in run.writing(0..=run.outgoing - 1) {
            for (fault, kind) in [
                (Fault::Zero, ErrorKind::WriteZero),
                (Fault::Fail(ErrorKind::BrokenPipe), ErrorKind::BrokenPipe),
            ] {
                let faulty = run.hold(|stream| stream.writing = Some((at, fault)));
                run.expect_end(faulty, kind, &format!("{run:?}: {kind} at {at}"));
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
            let place = format!("{run:?}: failing flush {number}");
            run.expect_end(faulty, ErrorKind::ConnectionAborted, &place);
        }
    });
}

/// What a session is held over.
#[derive(Clone, Copy, Debug)]
enum Over {
    /// The tokio adapter, which writes several slices at once.
    #[cfg(feature = "tokio")]
    Tokio,
    /// The same over a stream that takes one slice at a time.
    #[cfg(feature = "tokio")]
    TokioSliceBySlice,
    /// The blocking adapter, over a stream that does not block.
    Untimed,
    /// The same over one that is bounded and fails so when a bound has passed.
    Late(ErrorKind),
    /// The same where the caller does not wait at all.
    Impatient(ErrorKind),
    /// The blocking adapter, over a stream with two handles.
    Handles,
}

/// One way to hold a session, and what it comes to where nothing happens.
struct Run {
    over: Over,
    way: Way,
    session: Session,
    recorded: Outcome,
    /// What the peer has got after the handshake, unmasked.
    answers: Vec<Frame>,
    incoming: usize,
    outgoing: usize,
    flushes: usize,
    /// The length of the head that comes, of the head that goes.
    head_in: usize,
    head_out: usize,
    /// Where frames begin and end, of those that come and of those that go.
    edges_in: Vec<usize>,
    edges_out: Vec<usize>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Session { role, is_compressed, is_large, .. } = self.session;
        let packed = if is_compressed { ", compressed" } else { "" };
        let large = if is_large { ", large" } else { "" };
        let ours = if self.session.is_ours() { ", we close" } else { "" };
        write!(f, "{:?}, {role:?}, {:?}{packed}{large}{ours}", self.over, self.way)
    }
}

impl Run {
    fn new(over: Over, way: Way, session: Session) -> Self {
        let mut run = Self {
            over,
            way,
            session,
            recorded: Outcome::default(),
            answers: Vec::new(),
            incoming: 0,
            outgoing: 0,
            flushes: 0,
            head_in: 0,
            head_out: 0,
            edges_in: Vec::new(),
            edges_out: Vec::new(),
        };
        let (outcome, stream) = run.hold(|_| {});
        let place = format!("{run:?}");
        let frames = after_head(stream.arrived()).expect(&place);
        run.incoming = stream.taken();
        run.head_in = run.incoming - run.session.len();
        run.outgoing = stream.written.len();
        run.head_out = run.outgoing - frames.len();
        run.flushes = stream.flushes();
        assert!(run.head_in > 100 && run.head_out > 100 && run.flushes > 0);
        run.answers = parse_all(frames);
        run.edges_out = edges(run.head_out, frames);
        run.edges_in = edges(run.head_in, &run.session.segments.concat());

        // What it is compared with is as it has to be.
        assert!(outcome.refused.is_none() && outcome.errors.is_empty(), "{place}: {outcome:?}");
        assert_eq!(outcome.messages, run.session.messages(), "{place}");
        assert_eq!(run.session.plain(&run.answers), run.session.answers, "{place}");
        let told: &[&str] = match way {
            Way::Events | Way::Chunks => &["in between", "unasked", ""],
            Way::Messages | Way::Halves => &[],
        };
        assert_eq!(outcome.controls.len(), told.len(), "{place}");
        for (control, payload) in outcome.controls.iter().zip(told) {
            assert!(control.ends_with(&format!("({:?}))", payload.as_bytes())), "{control}");
        }
        run.recorded = outcome;
        run
    }

    fn hold(&self, fault: impl FnOnce(&mut Faulty)) -> (Outcome, Faulty) {
        let mut stream = self.session.stream();
        fault(&mut stream);
        let (session, way) = (&self.session, self.way);
        let bounded =
            |stream, late, own| over_transport(session, way, Bounded { stream, late, own });
        let outcome = match self.over {
            #[cfg(feature = "tokio")]
            Over::Tokio => over_async(session, way, &mut stream),
            #[cfg(feature = "tokio")]
            Over::TokioSliceBySlice => {
                stream.vectored = false;
                over_async(session, way, &mut stream)
            }
            Over::Untimed => over_transport(session, way, Untimed(&mut stream)),
            Over::Late(kind) => bounded(&mut stream, kind, None),
            Over::Impatient(kind) => bounded(&mut stream, kind, Some(Duration::ZERO)),
            Over::Handles => {
                let handle = Handle(Arc::new(Mutex::new(stream)));
                let outcome = over_transport(session, way, handle.clone());
                let stream = Arc::into_inner(handle.0).expect("both handles have been given up");
                return (outcome, stream.into_inner().unwrap());
            }
        };
        (outcome, stream)
    }

    /// Expects that the session is as it was where nothing happened, to the byte.
    fn expect_all(&self, place: &str, fault: impl FnOnce(&mut Faulty)) {
        let (outcome, stream) = self.hold(fault);
        let place = format!("{self:?}: {place}");
        assert!(outcome.refused.is_none() && outcome.errors.is_empty(), "{place}: {outcome:?}");
        assert_eq!(outcome.messages, self.recorded.messages, "{place}");
        assert_eq!(outcome.controls, self.recorded.controls, "{place}");
        assert_eq!(outcome.closed, self.recorded.closed, "{place}");
        let frames = parse_all(after_head(stream.arrived()).expect(&place));
        assert_eq!(frames, self.answers, "{place}");
        let closed = outcome.closed.expect(&place);
        assert_eq!((closed.code(), closed.reason()), (CloseCode(END.0), END.1), "{place}");
        assert!(closed.is_clean(), "{place}");
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

    /// Expects that the peer has got a beginning of what it gets, and nothing behind a Close frame.
    fn check_answers(&self, stream: &Faulty, place: &str) {
        let (frames, rest) = parse(after_head(&stream.written).unwrap_or_default());
        assert!(self.answers.starts_with(&frames), "{place}: {frames:?}");
        let closes = frames.iter().any(|(first, _)| *first == CLOSE);
        assert!(!closes || rest.is_empty(), "{place}: {rest:?} behind a Close frame");
    }

    /// The first position of reading, of writing and of flushing at which the stream may not be ready. The blocking
    /// adapter waits for a request or its answer only where the stream is bounded, and for room in none: elsewhere it hands
    /// the wait to its caller, for whom an opening handshake would have to begin anew.
    fn first_wait(&self) -> (usize, usize, usize) {
        match self.over {
            #[cfg(feature = "tokio")]
            Over::Tokio | Over::TokioSliceBySlice => (0, 0, 0),
            Over::Late(_) | Over::Impatient(_) => (0, self.head_out, 1),
            Over::Untimed | Over::Handles => (self.head_in, self.head_out, 1),
        }
    }

    fn reading(&self, within: RangeInclusive<usize>) -> impl Iterator<Item = usize> {
        self.positions(within, &self.edges_in)
    }

    fn writing(&self, within: RangeInclusive<usize>) -> impl Iterator<Item = usize> {
        self.positions(within, &self.edges_out)
    }

    /// All positions, but only some within a large frame, and within the heads in all sessions but the simplest.
    fn positions(
        &self,
        within: RangeInclusive<usize>,
        edges: &[usize],
    ) -> impl Iterator<Item = usize> {
        let Session { is_compressed, is_large, .. } = self.session;
        let is_simple = !is_compressed && !is_large && !self.session.is_ours();
        within.filter(move |at| match edges {
            [head, ..] if at < head => is_simple || at % 7 == 0,
            edges => at % 97 == 0 || edges.iter().any(|edge| at.abs_diff(*edge) < 80),
        })
    }
}

/// Where the frames of `bytes` begin, which begin at `start`, and where the last one ends.
fn edges(start: usize, bytes: &[u8]) -> Vec<usize> {
    let mut edges = vec![start];
    let mut rest = bytes;
    while let Some((_, len)) = parse_one(rest) {
        rest = &rest[len..];
        edges.push(start + bytes.len() - rest.len());
    }
    edges
}

fn kind(error: Option<&Error>) -> Option<ErrorKind> {
    match error {
        Some(Error::Io(error)) => Some(error.kind()),
        _ => None,
    }
}

/// Without compression, sessions are held without it.
#[cfg(not(feature = "deflate"))]
mod plain {
    use super::{Role, Session};

    pub(super) struct Packed;

    impl Packed {
        pub(super) fn compressed(role: Role) -> Session {
            Session::new(role)
        }
    }
}
