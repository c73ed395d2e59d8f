//! A stream in memory, the peer's part of which is written in advance, with faults where a test asks for them.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames;

/// What the stream does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not ready, once.
    Wait,
    /// A signal comes in between, once.
    Interrupt,
    /// It reads or takes zero bytes, from then on.
    Zero,
    /// It fails, from then on.
    Fail(ErrorKind),
}

/// How many bytes each operation moves at most, over and over; zero stands for not being ready.
pub(crate) type Pace = &'static [usize];

pub(crate) const FREE: Pace = &[usize::MAX];
pub(crate) const SINGLE_BYTES: Pace = &[1];
pub(crate) const HESITANT: Pace = &[0, 1, 0, 1, 0, 0, 2, 0, 300, 0, 1, 90];

#[derive(Debug)]
pub(crate) struct Faulty {
    /// What the peer sends, in segments that no read joins. Then its end of the stream ends.
    segments: VecDeque<Vec<u8>>,
    /// Whether the peer answers an opening handshake before it sends them, and with which line beside the usual ones.
    answers: Option<&'static str>,
    /// What the peer sends behind the segments, once it has got a Close frame.
    pub(crate) farewell: Option<Vec<u8>>,
    /// What was written.
    pub(crate) written: Vec<u8>,
    /// How much of it was flushed, so that the peer has it.
    arrived: usize,
    /// How often the stream was written to.
    pub(crate) writes: usize,
    read: usize,
    flushes: usize,
    /// A fault of reading and the position at which it happens.
    pub(crate) reading: Option<(usize, Fault)>,
    /// A fault of writing, likewise.
    pub(crate) writing: Option<(usize, Fault)>,
    /// A fault of flushing and the number of the flush.
    pub(crate) flushing: Option<(usize, Fault)>,
    pub(crate) pace: Pace,
    turn: usize,
    /// Whether the stream stays open when the peer has sent all.
    pub(crate) stays: bool,
    /// Whether it takes several slices at once, over tokio.
    pub(crate) vectored: bool,
    pub(crate) is_shut_down: bool,
    failed: Option<ErrorKind>,
    /// Whose other owners learn that the stream has been dropped.
    pub(crate) life: Arc<()>,
}

/// What came of an operation: `None` if the peer has to do something first.
type Step = io::Result<Option<usize>>;

impl Faulty {
    pub(crate) fn new(segments: Vec<Vec<u8>>) -> Self {
        Self {
            segments: segments.into(),
            answers: None,
            farewell: None,
            written: Vec::new(),
            arrived: 0,
            writes: 0,
            read: 0,
            flushes: 0,
            reading: None,
            writing: None,
            flushing: None,
            pace: FREE,
            turn: 0,
            stays: false,
            vectored: true,
            is_shut_down: false,
            failed: None,
            life: Arc::default(),
        }
    }

    /// A peer that answers the request of an opening handshake first.
    pub(crate) fn answering(segments: Vec<Vec<u8>>) -> Self {
        Self::answering_with("", segments)
    }

    /// The same with one more line in the answer.
    pub(crate) fn answering_with(line: &'static str, segments: Vec<Vec<u8>>) -> Self {
        Self { answers: Some(line), ..Self::new(segments) }
    }

    /// What the peer has got.
    pub(crate) fn arrived(&self) -> &[u8] {
        &self.written[..self.arrived]
    }

    fn has_got_close(&self) -> bool {
        let frames = super::session::after_head(self.arrived()).unwrap_or(self.arrived());
        frames::parse(frames).0.iter().any(|(first, _)| *first == frames::CLOSE)
    }

    /// How many bytes were read.
    pub(crate) fn taken(&self) -> usize {
        self.read
    }

    pub(crate) fn flushes(&self) -> usize {
        self.flushes
    }

    fn deliver(&mut self, buf: &mut [u8]) -> Step {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        if let Some(line) = self.answers {
            let response = frames::response_with(self.arrived(), line);
            if response.is_empty() {
                return Ok(None);
            }
            self.answers = None;
            self.segments.push_front(response);
        }
        if self.segments.is_empty() {
            if self.farewell.is_some() && !self.has_got_close() {
                return Ok(None);
            }
            self.segments.extend(self.farewell.take());
        }
        let room = match self.reading {
            Some((at, fault)) if at == self.read => {
                match fault {
                    Fault::Wait | Fault::Interrupt => self.reading = None,
                    Fault::Fail(kind) => self.failed = Some(kind),
                    Fault::Zero => {}
                }
                return outcome(fault);
            }
            Some((at, _)) => buf.len().min(at - self.read),
            None => buf.len(),
        };
        let room = room.min(self.step()?);
        let Some(segment) = self.segments.front_mut() else {
            return if self.stays { Ok(None) } else { Ok(Some(0)) };
        };
        let count = room.min(segment.len());
        buf[..count].copy_from_slice(&segment[..count]);
        segment.drain(..count);
        if segment.is_empty() {
            self.segments.pop_front();
        }
        self.read += count;
        Ok(Some(count))
    }

    fn absorb(&mut self, slices: &[IoSlice<'_>]) -> Step {
        if self.failed.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        assert!(slices.iter().any(|slice| !slice.is_empty()), "a write of nothing");
        assert!(!self.is_shut_down, "a write after the end");
        let at = self.written.len();
        let mut room = match self.writing {
            Some((fault_at, fault)) if fault_at == at => {
                if matches!(fault, Fault::Wait | Fault::Interrupt) {
                    self.writing = None;
                }
                return outcome(fault);
            }
            Some((fault_at, _)) => fault_at - at,
            None => usize::MAX,
        };
        room = room.min(self.step()?);
        self.writes += 1;
        for slice in slices {
            let count = slice.len().min(room);
            self.written.extend_from_slice(&slice[..count]);
            room -= count;
        }
        Ok(Some(self.written.len() - at))
    }

    fn flush_all(&mut self) -> Step {
        if self.failed.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if let Some((number, fault)) = self.flushing {
            if number == self.flushes {
                if matches!(fault, Fault::Wait | Fault::Interrupt) {
                    self.flushing = None;
                }
                return outcome(fault);
            }
        }
        self.step()?;
        self.flushes += 1;
        self.arrived = self.written.len();
        Ok(Some(0))
    }

    /// How many bytes the operation may move.
    fn step(&mut self) -> io::Result<usize> {
        let step = self.pace[self.turn % self.pace.len()];
        self.turn += 1;
        if step == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(step) }
    }
}

fn outcome(fault: Fault) -> Step {
    match fault {
        Fault::Wait => Err(ErrorKind::WouldBlock.into()),
        Fault::Interrupt => Err(ErrorKind::Interrupted.into()),
        Fault::Zero => Ok(Some(0)),
        Fault::Fail(kind) => Err(kind.into()),
    }
}

/// A stream that does not block: where the peer would have to do something first, it hangs a test, so that
/// is an error no adapter knows.
fn blocking(step: Step) -> io::Result<usize> {
    step?.ok_or_else(|| io::Error::other("the stream would block for ever"))
}

/// A stream that is not ready and wakes at once, unless the peer has to do something first.
fn polled(step: Step, cx: &Context<'_>) -> Poll<io::Result<usize>> {
    match step {
        Ok(Some(count)) => Poll::Ready(Ok(count)),
        Ok(None) => Poll::Pending,
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Err(error) => Poll::Ready(Err(error)),
    }
}

impl Read for Faulty {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        blocking(self.deliver(buf))
    }
}

impl Write for Faulty {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        blocking(self.absorb(&[IoSlice::new(buf)]))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        blocking(self.absorb(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(self.flush_all()).map(drop)
    }
}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let step = self.deliver(buf.initialize_unfilled());
        polled(step, cx).map_ok(|count| buf.advance(count))
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        polled(self.absorb(&[IoSlice::new(buf)]), cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        assert!(self.vectored, "it takes one slice at a time");
        polled(self.absorb(slices), cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        polled(self.flush_all(), cx).map_ok(drop)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A step of its own, so that dropping a future there is tried too.
        polled(self.step().map(Some), cx).map_ok(|_| self.is_shut_down = true)
    }
}
