//! A stream in memory whose every operation does what the next byte of a plan says.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, EnterGuard, Runtime};

/// The peer's part is written in advance; what we write is kept.
pub struct Planned<'p> {
    incoming: &'p [u8],
    pub written: Vec<u8>,
    /// Zero is not ready, another byte is the root of the most that is moved, the largest ones are faults if there
    /// may be some; over and over.
    plan: &'p [u8],
    turn: usize,
    /// Whether there are faults.
    pub faulty: bool,
    /// What the stream has failed with for good.
    failed: Option<ErrorKind>,
}

pub const INTERRUPTED: u8 = 253;
pub const RESET: u8 = 254;
pub const ZERO: u8 = 255;

impl<'p> Planned<'p> {
    pub fn new(incoming: &'p [u8], plan: &'p [u8]) -> Self {
        Self { incoming, written: Vec::new(), plan, turn: 0, faulty: false, failed: None }
    }

    /// How many bytes the operation may move. One of each round is free, so that there is progress.
    fn step(&mut self, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        if let Some(kind) = self.failed {
            return Poll::Ready(Err(kind.into()));
        }
        self.turn += 1;
        Poll::Ready(match self.plan.get(self.turn % (self.plan.len() + 1)) {
            Some(0) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(&INTERRUPTED) if self.faulty => Err(ErrorKind::Interrupted.into()),
            Some(&RESET) if self.faulty => {
                self.failed = Some(ErrorKind::ConnectionReset);
                Err(ErrorKind::ConnectionReset.into())
            }
            Some(&ZERO) if self.faulty => Ok(0),
            Some(&most) => Ok(usize::from(most).pow(2)),
            None => Ok(usize::MAX),
        })
    }
}

impl AsyncRead for Planned<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.step(cx).map_ok(|most| {
            let (now, later) =
                self.incoming.split_at(most.min(buf.remaining()).min(self.incoming.len()));
            buf.put_slice(now);
            self.incoming = later;
        })
    }
}

impl AsyncWrite for Planned<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.step(cx).map_ok(|most| {
            let count = most.min(buf.len());
            self.written.extend_from_slice(&buf[..count]);
            count
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.step(cx).map_ok(drop)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.step(cx).map_ok(drop)
    }
}

/// A runtime for timers on a clock that stands still; what needs it is polled by hand.
pub fn runtime() -> EnterGuard<'static> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().expect("a runtime")
    });
    runtime.enter()
}
