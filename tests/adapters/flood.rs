//! A peer that sends the same again and again, and takes as much as a test lets it.

use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hybi::blocking::Transport;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

#[derive(Debug)]
pub(crate) struct Flood {
    /// What comes before.
    first: Vec<u8>,
    unit: Vec<u8>,
    /// How many bytes have come, and how many come in all. Then it is silent.
    sent: usize,
    most: usize,
    /// How many bytes come in a second.
    rate: usize,
    rest: Option<Pin<Box<Sleep>>>,
    /// How often it is not ready yet, where nobody sleeps.
    waits: usize,
    /// How many bytes it takes at once.
    room: usize,
    /// The caller's own bound on reads.
    own: Option<Duration>,
    /// The beginning of what it has taken.
    pub(crate) taken: Vec<u8>,
    /// How often it was read.
    pub(crate) reads: usize,
}

/// How often a stream is not ready before the next of single bytes comes: whoever asks without a rest is at the end of his time
/// before the end of the bytes.
const DRIP: usize = 1000;

impl Flood {
    /// The same bytes for ever.
    pub(crate) fn of(unit: &[u8]) -> Self {
        Self {
            first: Vec::new(),
            unit: unit.to_vec(),
            sent: 0,
            most: usize::MAX,
            rate: usize::MAX,
            rest: None,
            waits: 0,
            room: usize::MAX,
            own: None,
            taken: Vec::with_capacity(64),
            reads: 0,
        }
    }

    pub(crate) fn silent() -> Self {
        Self::of(b"").times(0)
    }

    /// Other bytes come first.
    pub(crate) fn after(self, first: &[u8]) -> Self {
        Self { first: first.to_vec(), ..self }
    }

    pub(crate) fn times(self, times: usize) -> Self {
        Self { most: self.first.len() + times * self.unit.len(), ..self }
    }

    /// It rests for a second after so many bytes, on a made-up clock; without one only after single bytes.
    pub(crate) fn each_second(self, rate: usize) -> Self {
        Self { rate, ..self }
    }

    /// It takes nothing.
    pub(crate) fn deaf(self) -> Self {
        Self { room: 0, ..self }
    }

    /// It takes one byte at a time.
    pub(crate) fn sipping(self) -> Self {
        Self { room: 1, ..self }
    }

    /// Its caller has bounded reads.
    pub(crate) fn bounded(self, own: Duration) -> Self {
        Self { own: Some(own), ..self }
    }

    fn fill(&mut self, buf: &mut [u8]) -> usize {
        self.reads += 1;
        let pause = self.rate - self.sent % self.rate;
        let count = buf.len().min(self.most - self.sent).min(pause);
        for byte in &mut buf[..count] {
            *byte = match self.sent.checked_sub(self.first.len()) {
                None => self.first[self.sent],
                Some(at) => self.unit[at % self.unit.len()],
            };
            self.sent += 1;
        }
        count
    }

    fn is_at_rest(&self) -> bool {
        self.sent > 0 && self.sent % self.rate == 0
    }

    fn absorb(&mut self, bytes: &[u8]) -> usize {
        let room = 64 - self.taken.len();
        let bytes = &bytes[..bytes.len().min(self.room)];
        self.taken.extend_from_slice(&bytes[..bytes.len().min(room)]);
        bytes.len()
    }
}

impl Read for Flood {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.rate == 1 && self.waits < DRIP {
            self.waits += 1;
            return Err(ErrorKind::WouldBlock.into());
        }
        self.waits = 0;
        match self.fill(buf) {
            0 => Err(ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Flood {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(self.absorb(bytes)) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for &mut Flood {
    fn bound_reads(&mut self, _: Duration) -> io::Result<bool> {
        Ok(true)
    }

    fn bound_writes(&mut self, _: Duration) -> io::Result<bool> {
        Ok(true)
    }

    fn read_bound(&self) -> io::Result<Option<Duration>> {
        Ok(self.own)
    }
}

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
        }
        self.rest = None;
        let count = self.fill(buf.initialize_unfilled());
        if count == 0 {
            return Poll::Pending;
        }
        buf.advance(count);
        if self.is_at_rest() {
            self.rest = Some(Box::pin(sleep(Duration::from_secs(1))));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.room == 0 { Poll::Pending } else { Poll::Ready(Ok(self.absorb(bytes))) }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
