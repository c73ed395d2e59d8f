//! What both halves move bytes with.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant as Clock};

use super::core::Core;
use crate::adapter::blocking::Transport;
use crate::adapter::blocking::driver::{Driver, write_some};
use crate::adapter::blocking::waits::{Idle, SHORTEST, Waits, is_idle};
use crate::connection::Received;
use crate::{Instant, Message, RecvBuf};

#[derive(Debug)]
pub(super) struct Shared<S> {
    pub(super) core: Mutex<Core>,
    pub(super) reading: Mutex<Reading<S>>,
    pub(super) writing: Mutex<S>,
    /// The origin of the connection's clock.
    epoch: Clock,
    /// Whether a write returns within [`STALL`].
    bounded: bool,
}

#[derive(Debug)]
pub(super) struct Reading<S> {
    io: S,
    pub(super) rx: RecvBuf,
    pub(super) waits: Waits,
    /// When bytes were last looked for.
    looked: Instant,
}

/// How long to try to send.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Until all has left or the stream has failed.
    UntilSent,
    /// Until the stream takes no more.
    InPassing,
}

/// What the receiving half does after it has sent in passing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It waits for bytes.
    Wait,
    /// It takes what has come and tries again.
    GoOnSending,
}

/// How often a sending half looks for pings, where the receiving half does not read.
const LOOK: Duration = Duration::from_secs(1);

/// How long such a look may take.
const GLANCE: Duration = Duration::from_millis(1);

/// How long one write may wait.
const STALL: Duration = Duration::from_millis(10);

impl<S: Transport> Shared<S> {
    pub(super) fn new(driver: Driver<S>) -> io::Result<Self> {
        let Driver { io, conn, rx, waits, error, reported, .. } = driver;
        let mut writing = io.second_handle()?;
        let (bounded, epoch) = (writing.bound_writes(STALL)?, waits.epoch());
        Ok(Self {
            core: Mutex::new(Core::new(conn, error, reported)),
            reading: Mutex::new(Reading { io, rx, looked: waits.now(), waits }),
            writing: Mutex::new(writing),
            epoch,
            bounded,
        })
    }

    pub(super) fn next_message(&self, rx: &mut RecvBuf) -> Option<Message> {
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
    pub(super) fn is_over(&self) -> bool {
        if lock(&self.core).is_behind() {
            return false;
        }
        if lock(&self.core).conn.wants_shutdown() {
            // Writing comes before the connection wherever both are held. What another thread has
            // taken from the queue is sent when this one gets hold of the stream, or left over for the
            // next attempt.
            let mut writing = lock(&self.writing);
            let mut core = lock(&self.core);
            if core.conn.wants_shutdown() && !core.is_behind() {
                // A peer that has gone makes this fail: the read that follows tells.
                let _ = writing.shut_down();
                core.conn.handle_shutdown();
            }
        }
        lock(&self.core).conn.is_closed()
    }

    /// Reads once, without holding the connection.
    pub(super) fn read(
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
    pub(super) fn glance(&self) -> io::Result<()> {
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
    pub(super) fn send_in_passing(&self) -> Next {
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

    pub(super) fn send_queued(&self, mut writing: MutexGuard<'_, S>, patience: Patience) -> Next {
        loop {
            let Some(mut batch) = lock(&self.core).take_batch() else { return Next::Wait };
            let flushes = batch.is_empty();
            while flushes || !batch.is_empty() {
                let begun = Clock::now();
                let done =
                    if flushes { writing.flush() } else { write_some(&mut *writing, &mut batch) };
                let mut core = lock(&self.core);
                let is_stalled = done.as_ref().is_err_and(is_idle);
                let has_flushed = flushes && done.is_ok();
                match done {
                    Ok(()) => core.stalled = None,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if is_stalled => {
                        let waited = self.bounded && begun.elapsed() >= SHORTEST;
                        core.mind_stalled(waited, error);
                    }
                    Err(error) => core.fail(error),
                }
                if core.conn.is_closing() {
                    // A peer that takes a byte now and then does not put the end off.
                    core.conn.handle_timeout(Instant::from_origin(self.epoch.elapsed()));
                }
                if has_flushed || core.conn.is_abandoned() {
                    return Next::Wait;
                }
                if is_stalled && patience == Patience::InPassing {
                    core.unflushed = flushes;
                    core.leftover = batch;
                    return Next::GoOnSending;
                }
            }
        }
    }
}

/// A panic elsewhere leaves the connection in one piece: no state is half changed across a wait.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
