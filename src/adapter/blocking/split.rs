//! Two halves of a connection in two threads.
//!
//! The connection stands behind a mutex that is never held while a thread waits for the stream. Reading and
//! writing have a mutex each: whoever holds the writing one sends all that is queued, by whichever half. The receiving half
//! sends in passing only: were it to wait for the peer to read, two peers that write to each other would wait for ever.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant as Clock};
use std::{fmt, io};

use bytes::{Buf, Bytes};

use super::driver::{Driver, Idle, SHORTEST, Waits, is_idle, write_some};
use super::{Error, Transport};
use crate::adapter::outcome;
use crate::adapter::trace::Traced;
use crate::connection::Received;
use crate::{CloseCode, Closed, Instant, Message, Outgoing, RecvBuf, SendError};

/// The half that sends. It can be cloned: clones send whole messages, in any order among them.
#[derive(Debug)]
pub struct Sender<S> {
    shared: Arc<Shared<S>>,
}

/// The half that receives.
#[derive(Debug)]
pub struct Receiver<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    core: Mutex<Core>,
    reading: Mutex<Reading<S>>,
    writing: Mutex<S>,
    /// Whether a write returns within [`STALL`].
    bounded: bool,
}

struct Core {
    conn: Traced,
    /// What was taken from the queue to be written in passing and was not.
    leftover: Bytes,
    /// Whether that happened to a flush.
    unflushed: bool,
    /// Since when the stream takes nothing, and how often it has said so without a wait.
    stalled: Option<(Clock, u32)>,
    /// A message that the sending half came upon while it answered pings.
    inbox: Option<Message>,
    error: Option<io::Error>,
    reported: bool,
    receiver_gone: bool,
}

#[derive(Debug)]
struct Reading<S> {
    io: S,
    rx: RecvBuf,
    waits: Waits,
    /// When bytes were last looked for.
    looked: Instant,
}

/// How often a sending half looks for pings, where the receiving half does not read.
const LOOK: Duration = Duration::from_secs(1);

/// How long such a look may take.
const GLANCE: Duration = Duration::from_millis(1);

/// How long one write may wait.
const STALL: Duration = Duration::from_millis(10);

/// How often a stream may take nothing and not wait either.
const MAX_AT_ONCE: u32 = 100;

/// How much is taken from the queue for one write.
const BATCH: usize = 64 * 1024;

pub(super) fn split<S: Transport>(driver: Driver<S>) -> io::Result<(Sender<S>, Receiver<S>)> {
    let Driver { io, conn, rx, waits, error, reported, .. } = driver;
    let mut writing = io.second_handle()?;
    let bounded = writing.bound_writes(STALL)?;
    let core = Core {
        conn,
        leftover: Bytes::new(),
        unflushed: false,
        stalled: None,
        inbox: None,
        error,
        reported,
        receiver_gone: false,
    };
    let shared = Arc::new(Shared {
        core: Mutex::new(core),
        reading: Mutex::new(Reading { io, rx, looked: waits.now(), waits }),
        writing: Mutex::new(writing),
        bounded,
    });
    Ok((Sender { shared: shared.clone() }, Receiver { shared }))
}

impl<S: Transport> Receiver<S> {
    /// The next message, or `None` when the connection has been closed by both ends.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::recv`](super::WebSocket::recv).
    pub fn recv(&mut self) -> Result<Option<Message>, Error> {
        let shared = &*self.shared;
        let mut reading = lock(&shared.reading);
        let give_up = reading.waits.give_up();
        loop {
            if let Some(message) = shared.next_message(&mut reading.rx) {
                return Ok(Some(message));
            }
            let next = shared.send_in_passing();
            if shared.is_over() {
                return lock(&shared.core).report().map(|()| None);
            }
            shared.read(&mut reading, give_up, next)?;
        }
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        lock(&self.shared.core).conn.closed()
    }
}

impl<S> Drop for Receiver<S> {
    fn drop(&mut self) {
        let mut core = lock(&self.shared.core);
        core.receiver_gone = true;
        core.inbox = None;
    }
}

impl<S> Clone for Sender<S> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<S: Transport> Sender<S> {
    /// Queues a message and sends all that is queued.
    ///
    /// Also answers pings that have come, once a second, where the receiving half does not read; at most
    /// one message is set aside for it by that.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`](super::WebSocket::send).
    pub fn send(&self, message: impl Into<Outgoing>) -> Result<(), Error> {
        self.feed(message)?;
        self.flush()
    }

    /// Queues a message; it is sent when either half flushes or waits.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::feed`](super::WebSocket::feed).
    pub fn feed(&self, message: impl Into<Outgoing>) -> Result<(), Error> {
        let Outgoing { mut message, compress } = message.into();
        loop {
            match self.try_send(Outgoing { message, compress }) {
                Err(SendError::Full(back)) => message = back,
                sent => return Ok(sent?),
            }
            self.flush()?;
        }
    }

    /// Queues a message without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] and [`SendError::Closed`] hand the message back.
    pub fn try_send(&self, message: impl Into<Outgoing>) -> Result<(), SendError> {
        lock(&self.shared.core).conn.send(message)
    }

    /// Sends all that is queued.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn flush(&self) -> Result<(), Error> {
        let shared = &*self.shared;
        shared.glance()?;
        shared.send_queued(lock(&shared.writing), Patience::UntilSent);
        shared.send_in_passing();
        let mut core = lock(&shared.core);
        match (core.error.take(), core.conn.closed()) {
            (Some(error), _) => Err(error.into()),
            (None, Some(closed)) if core.conn.is_abandoned() => Err(Error::Closed(closed.into())),
            (None, _) => Ok(()),
        }
    }

    /// Sends a ping.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::ping`](super::WebSocket::ping).
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        lock(&self.shared.core).conn.ping(payload)?;
        self.flush()
    }

    /// Begins to close and sends the Close frame. The receiving half goes on until the peer's Close frame; if
    /// it has been dropped, this waits for the end as [`WebSocket::close`](super::WebSocket::close) does.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::close`](super::WebSocket::close).
    pub fn close(&self, code: impl Into<Option<CloseCode>>, reason: &str) -> Result<(), Error> {
        let shared = &*self.shared;
        let receiver_gone = {
            let mut core = lock(&shared.core);
            core.conn.close(code, reason)?;
            core.receiver_gone
        };
        self.flush()?;
        if !receiver_gone {
            return Ok(());
        }
        let mut reading = lock(&shared.reading);
        loop {
            while shared.next_message(&mut reading.rx).is_some() {}
            let next = shared.send_in_passing();
            if shared.is_over() {
                break;
            }
            shared.read(&mut reading, None, next)?;
        }
        lock(&shared.core).report()
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        lock(&self.shared.core).conn.closed()
    }
}

impl<S: Transport> Shared<S> {
    fn next_message(&self, rx: &mut RecvBuf) -> Option<Message> {
        let mut core = lock(&self.core);
        if let Some(message) = core.inbox.take() {
            return Some(message);
        }
        match core.conn.next_message(rx)? {
            Received::Message(message) => Some(message),
            Received::Closed(_) => None,
        }
    }

    /// Ends the transport in order as far as that needs no waiting; true when nothing is left to do.
    fn is_over(&self) -> bool {
        if lock(&self.core).is_behind() {
            return false;
        }
        if lock(&self.core).conn.wants_shutdown() {
            // Writing comes before the connection wherever both are held. What another thread has
            // taken from the queue is sent when this one gets hold of the stream.
            let mut writing = lock(&self.writing);
            let mut core = lock(&self.core);
            if core.conn.wants_shutdown() {
                // A peer that has gone makes this fail: the read that follows tells.
                let _ = writing.shut_down();
                core.conn.handle_shutdown();
            }
        }
        lock(&self.core).conn.is_closed()
    }

    /// Reads once, without holding the connection.
    fn read(
        &self,
        reading: &mut Reading<S>,
        give_up: Option<Instant>,
        next: Next,
    ) -> io::Result<()> {
        let Reading { io, rx, waits, looked } = reading;
        let due = {
            let mut core = lock(&self.core);
            if core.conn.has_news() {
                return Ok(());
            }
            if !core.conn.can_read() {
                // Only what is queued is left to do: whoever is writing has to get on first.
                drop(core);
                drop(lock(&self.writing));
                return Ok(());
            }
            core.conn.poll_timeout(waits.now())
        };
        // The other half may begin to close while this one waits: it looks up that often.
        let soon = waits.now() + if next == Next::GoOnSending { SHORTEST } else { LOOK };
        let read = waits.read(io, rx, Some(due.map_or(soon, |due| due.min(soon))), give_up);
        *looked = waits.now();
        let mut core = lock(&self.core);
        match read {
            Ok(0) => core.conn.handle_eof(),
            Ok(_) => {}
            Err(Idle::Due) => core.conn.handle_timeout(waits.now()),
            Err(Idle::Own(error)) => return Err(error),
            Err(Idle::Failed(error)) => core.fail(error),
        }
        Ok(())
    }

    /// Looks for pings where nobody reads.
    fn glance(&self) -> io::Result<()> {
        let Ok(mut reading) = self.reading.try_lock() else { return Ok(()) };
        let now = reading.waits.now();
        if now - reading.looked < LOOK {
            return Ok(());
        }
        let end = now + GLANCE;
        loop {
            let mut core = lock(&self.core);
            while core.inbox.is_none() {
                match core.conn.next_message(&mut reading.rx) {
                    Some(Received::Message(message)) if !core.receiver_gone => {
                        core.inbox = Some(message);
                    }
                    Some(Received::Message(_)) => {}
                    Some(Received::Closed(_)) | None => break,
                }
            }
            let full = core.inbox.is_some() || core.conn.has_told_closed();
            drop(core);
            if full || reading.waits.now() >= end {
                return Ok(());
            }
            match self.read(&mut reading, Some(end), Next::Wait) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                read => read?,
            }
        }
    }

    /// Sends what is queued as far as the stream takes it, unless another thread does: that one looks again when it
    /// is done.
    fn send_in_passing(&self) -> Next {
        while lock(&self.core).wants_write() {
            let writing = match self.writing.try_lock() {
                Ok(writing) => writing,
                Err(TryLockError::Poisoned(writing)) => writing.into_inner(),
                Err(TryLockError::WouldBlock) => return Next::Wait,
            };
            if self.send_queued(writing, Patience::InPassing) == Next::GoOnSending {
                return Next::GoOnSending;
            }
        }
        Next::Wait
    }

    fn send_queued(&self, mut writing: MutexGuard<'_, S>, patience: Patience) -> Next {
        loop {
            let mut batch = lock(&self.core).take_batch();
            let flushes = batch.is_empty();
            while flushes || !batch.is_empty() {
                let begun = Clock::now();
                let done =
                    if flushes { writing.flush() } else { write_some(&mut *writing, &mut batch) };
                match done {
                    Ok(()) => {
                        lock(&self.core).stalled = None;
                        if flushes {
                            return Next::Wait;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        let waited = self.bounded && begun.elapsed() >= SHORTEST;
                        let mut core = lock(&self.core);
                        if !is_idle(&error) || core.has_stalled_for_long(waited) {
                            core.fail(error);
                            return Next::Wait;
                        }
                        if patience == Patience::InPassing {
                            core.unflushed = flushes;
                            core.leftover = batch;
                            return Next::GoOnSending;
                        }
                    }
                }
            }
        }
    }
}

/// How long to try to send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Until all has left or the stream has failed.
    UntilSent,
    /// Until the stream takes no more.
    InPassing,
}

/// What the receiving half does after it has sent in passing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It waits for bytes.
    Wait,
    /// It takes what has come and tries again.
    GoOnSending,
}

impl Core {
    /// Whether something is to be sent.
    fn wants_write(&self) -> bool {
        self.is_behind() || self.conn.wants_write()
    }

    /// Whether what has been taken from the queue has not left.
    fn is_behind(&self) -> bool {
        self.unflushed || !self.leftover.is_empty()
    }

    /// Notes that the stream takes nothing; whether it has not for the write timeout, or is one that does not block and
    /// so none for two threads. A kernel that is short of memory may wait for less than it was asked to.
    fn has_stalled_for_long(&mut self, waited: bool) -> bool {
        let (since, at_once) = self.stalled.get_or_insert_with(|| (Clock::now(), 0));
        *at_once += u32::from(!waited);
        let limit = self.conn.config().write_timeout;
        *at_once > MAX_AT_ONCE || limit.is_some_and(|limit| since.elapsed() >= limit)
    }

    fn take_batch(&mut self) -> Bytes {
        self.unflushed = false;
        if !self.leftover.is_empty() {
            return std::mem::take(&mut self.leftover);
        }
        let tx = self.conn.transmit();
        let len = tx.remaining().min(BATCH);
        tx.copy_to_bytes(len)
    }

    fn fail(&mut self, error: io::Error) {
        self.leftover = Bytes::new();
        self.conn.handle_transport_error();
        self.error.get_or_insert(error);
    }

    fn report(&mut self) -> Result<(), Error> {
        match self.conn.closed() {
            Some(closed) if !self.reported => {
                self.reported = true;
                self.conn.end();
                outcome(closed, self.error.take())
            }
            _ => Ok(()),
        }
    }
}

/// Without a message that waits.
impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("conn", &self.conn)
            .field("leftover", &self.leftover.len())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves the connection in one piece: no state is half changed across a wait.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
