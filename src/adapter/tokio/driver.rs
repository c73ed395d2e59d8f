//! Moving bytes between a stream and a connection, one poll at a time.
//!
//! All state lies here and in the core, none in a future: dropping a future at any point loses nothing.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::{fmt, io};

use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use ::tokio::task::coop;
use ::tokio::time;
use bytes::Buf;

use super::lent::LentRecvBuf;
use super::pool;
use super::serve::Hosted;
use crate::adapter::{Error, outcome};
use crate::buffer::Rough;
use crate::{Connection, Instant, Message, Outgoing, RecvBuf, Role, SendError};

/// The most slices of one vectored write.
const SLICES: usize = 16;

/// How often the stream may bring bytes before others have their turn. Streams of tokio's own count the same themselves.
const READS: u8 = 128;

pub(super) struct Driver<S> {
    pub(super) io: S,
    pub(super) conn: Hosted,
    pub(super) rx: LentRecvBuf,
    /// What large messages justify, while `rx` is lent elsewhere.
    justified: Rough,
    timer: Box<Timer>,
    /// Whether bytes have been written since the stream was last flushed.
    unflushed: bool,
    /// How often the stream has brought bytes since it last had none.
    reads: u8,
    /// What the transport failed with, until it is told.
    error: Option<io::Error>,
    /// Whether the end has been told to the caller.
    reported: bool,
}

struct Timer {
    /// The origin of the connection's clock.
    epoch: time::Instant,
    sleep: Option<Pin<Box<time::Sleep>>>,
    /// Whom the timer wakes.
    waker: Option<Waker>,
}

impl Timer {
    /// Whether it will wake `waker` at that time or before: it need not be polled then, which costs more than to read the clock.
    fn is_set(&self, due: time::Instant, waker: &Waker) -> bool {
        self.waker.as_ref().is_some_and(|set| set.will_wake(waker))
            && self.sleep.as_ref().is_some_and(|at| at.deadline() <= due && !at.is_elapsed())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(super) fn new(io: S, conn: Connection, rx: RecvBuf) -> Self {
        let timer = Timer { epoch: time::Instant::now(), sleep: None, waker: None };
        let (conn, rx, timer) = (Hosted::new(conn), rx.into(), Box::new(timer));
        let (justified, error) = (Rough::default(), None);
        Self { io, conn, rx, justified, timer, unflushed: false, reads: 0, error, reported: false }
    }

    /// The next whole message; `None` after a clean end.
    #[inline(always)]
    pub(super) fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Message>, Error>> {
        if let Some(message) = ready!(self.poll_message(cx)) {
            return Poll::Ready(Ok(Some(message)));
        }
        ready!(self.poll_end(cx));
        Poll::Ready(self.report().map(|()| None))
    }

    /// The next whole message; `None` once the core has told the end.
    #[inline(always)]
    pub(super) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        if let Some(message) = self.rx.take_message() {
            return Poll::Ready(Some(*message));
        }
        loop {
            let rx = &mut *self.rx;
            let found = self.conn.next_or_end(rx);
            // A client masks what it echoes where it lies, if nobody else holds it.
            if rx.capacity() < pool::SIZE && self.conn.role() == Role::Server {
                pool::note_away(&found, rx);
            }
            match found {
                Some(Some(message)) => return Poll::Ready(Some(message)),
                Some(None) => drop(self.conn.tell_closed()),
                None => {}
            }
            if self.conn.has_told_closed() {
                return Poll::Ready(None);
            }
            ready!(self.poll_wait(cx));
        }
    }

    /// Ready when the core has an event to tell (`true`) or has told its last (`false`).
    #[inline]
    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        loop {
            if self.conn.has_event(&mut self.rx) {
                if !self.conn.next_is_closed() {
                    return Poll::Ready(Ok(true));
                }
                self.conn.next_event(&mut self.rx);
            }
            if self.conn.has_told_closed() {
                ready!(self.poll_end(cx));
                return Poll::Ready(self.report().map(|()| false));
            }
            ready!(self.poll_wait(cx));
        }
    }

    /// Sends what is queued and ends the transport in order.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // What still comes is dropped, and counted.
            while self.conn.next_message(&mut self.rx).is_some() {}
            if self.conn.is_closed() {
                // The peer may wait for our end of the stream to end, too.
                self.shut_down(cx);
                return Poll::Ready(());
            }
            ready!(self.poll_wait(cx));
        }
    }

    fn shut_down(&mut self, cx: &mut Context<'_>) {
        if self.conn.wants_shutdown() && Pin::new(&mut self.io).poll_shutdown(cx).is_ready() {
            self.conn.handle_shutdown();
        }
    }

    /// How the connection ended, told once; later calls see a clean end.
    pub(super) fn report(&mut self) -> Result<(), Error> {
        match self.conn.closed() {
            Some(closed) if !self.reported => {
                self.reported = true;
                self.conn.end();
                outcome(closed, self.error.take())
            }
            _ => Ok(()),
        }
    }

    /// Ready when a message can be queued.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let room = self.conn.config().high_water();
        loop {
            if self.conn.is_closing() {
                return Poll::Ready(Err(self.take_error(SendError::Closed(()).into())));
            }
            if self.conn.queued() < room {
                return Poll::Ready(Ok(()));
            }
            // A write that waits may have made room before it did.
            if self.poll_write(cx).is_pending() && self.conn.queued() >= room {
                return Poll::Pending;
            }
        }
    }

    /// Ready when `message` has been taken and queued, or was none.
    #[inline(always)]
    pub(super) fn poll_feed(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Outgoing>,
    ) -> Poll<Result<(), Error>> {
        if message.is_some() && self.conn.check_send().is_err() {
            ready!(self.poll_room(cx))?;
            self.conn.check_send()?;
        }
        if let Some(message) = message.take() {
            self.conn.queue(message);
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when nothing waits to be sent.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.conn.wants_write() || self.unflushed {
            ready!(self.poll_write(cx));
        }
        Poll::Ready(match (self.error.take(), self.conn.closed()) {
            (Some(error), _) => Err(error.into()),
            (None, Some(closed)) if self.conn.is_abandoned() => Err(Error::Closed(closed.into())),
            (None, _) => Ok(()),
        })
    }

    /// What the transport failed with, else `error`.
    pub(super) fn take_error(&mut self, error: Error) -> Error {
        self.error.take().map_or(error, Error::Io)
    }

    /// Sends what is queued, minding the time. Ready when something has changed.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_send(cx).is_ready() {
            return Poll::Ready(());
        }
        self.poll_timer(cx)
    }

    /// Sends what is queued, then waits for bytes, the end of the transport or a timeout. Ready when there
    /// may be something to tell.
    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sent = self.poll_send(cx);
        if sent.is_pending() && self.conn.has_told_closed() {
            // The end of the transport would end the wait for what has not left the stream yet.
            return self.poll_timer(cx);
        }
        self.shut_down(cx);
        if self.conn.is_closed() || self.conn.has_news() {
            return Poll::Ready(());
        }
        if self.reads >= READS {
            // A peer that always has more would keep the thread, and the time from being looked at.
            self.reads = 0;
            cx.waker().wake_by_ref();
            return self.poll_timer(cx);
        }
        if self.conn.can_read() && self.conn.may_read(cx) {
            if let Poll::Ready(read) = self.poll_read(cx) {
                self.reads += 1;
                match read {
                    Ok(0) => self.conn.handle_eof(),
                    Ok(_) => pool::lend_transmit(&mut self.conn, &mut self.rx),
                    Err(error) => self.fail(error),
                }
                return Poll::Ready(());
            }
        }
        self.reads = 0;
        pool::take_back(&mut self.conn, &mut self.rx, &mut self.justified);
        self.poll_timer(cx)
    }

    /// Reads once, into memory that is not zeroed first.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        pool::lend(&mut self.rx, &mut self.justified);
        loop {
            let mut spare = self.rx.spare();
            // The future holds no state of its own: it is made for this poll and dropped after it.
            match ready!(pin!(self.io.read_buf(&mut spare)).poll(cx)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // TLS without `close_notify`: the Close frame says whether it was the end.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(0));
                }
                read => return Poll::Ready(read),
            }
        }
    }

    /// Writes and flushes until nothing is left or the stream takes no more. A failure of the stream
    /// leaves nothing to write.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.conn.attend(cx);
        loop {
            let written = if self.conn.wants_write() {
                self.unflushed = true;
                let io = Pin::new(&mut self.io);
                let tx = self.conn.transmit();
                let written = if io.is_write_vectored() && tx.chunk().len() < tx.remaining() {
                    let mut slices = [io::IoSlice::new(&[]); SLICES];
                    let used = tx.chunks_vectored(&mut slices);
                    ready!(io.poll_write_vectored(cx, &slices[..used]))
                } else {
                    ready!(io.poll_write(cx, tx.chunk()))
                };
                match written {
                    Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => {
                        tx.note_sent(count);
                        pool::take_back_grown(tx);
                        Ok(())
                    }
                    Err(error) => Err(error),
                }
            } else if self.unflushed {
                let Poll::Ready(flushed) = Pin::new(&mut self.io).poll_flush(cx) else {
                    self.conn.handle_unflushed();
                    return Poll::Pending;
                };
                self.conn.handle_flushed();
                self.unflushed = flushed.is_err();
                flushed
            } else {
                return Poll::Ready(());
            };
            match written {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => self.fail(error),
                _ => {}
            }
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.unflushed = false;
        self.conn.handle_transport_error();
        self.error.get_or_insert(error);
    }

    /// Minds the time. Ready when a timeout has been handled.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let epoch = self.timer.epoch;
        let clock = || Instant::from_origin(time::Instant::now() - epoch);
        let mut now = clock();
        let Some(at) = self.conn.poll_timeout(now) else { return Poll::Pending };
        while now < at {
            let due = epoch + at.since(Instant::ORIGIN);
            if self.timer.is_set(due, cx.waker()) {
                return Poll::Pending;
            }
            let sleep = self.timer.sleep.get_or_insert_with(|| Box::pin(time::sleep_until(due)));
            // A timer that fires early costs one poll; setting it anew for each message costs more.
            if sleep.deadline() > due {
                sleep.as_mut().reset(due);
            }
            // Without a budget it returns before it has noted whom to wake.
            let notes = coop::has_budget_remaining();
            if sleep.as_mut().poll(cx).is_pending() {
                self.timer.waker = notes.then(|| cx.waker().clone());
                return Poll::Pending;
            }
            self.timer.waker = None;
            now = clock();
            if now < at {
                sleep.as_mut().reset(due);
            }
        }
        self.conn.handle_timeout(now);
        if self.conn.is_abandoned() {
            self.unflushed = false;
        }
        Poll::Ready(())
    }
}

/// Without a message that waits.
impl<S: fmt::Debug> fmt::Debug for Driver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("io", &self.io)
            .field("conn", &self.conn)
            .field("rx", &self.rx)
            .finish_non_exhaustive()
    }
}
