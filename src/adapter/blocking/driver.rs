//! Moving bytes between a blocking stream and a connection.

use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

use bytes::Buf;

use super::Transport;
use super::waits::{Idle, SHORTEST, Waits, is_idle};
use crate::adapter::trace::Traced;
use crate::adapter::{Error, outcome};
use crate::connection::Received;
use crate::{Connection, Instant, Message, RecvBuf};

/// The most slices of one vectored write.
const SLICES: usize = 16;

#[derive(Debug)]
pub(super) struct Driver<S> {
    pub(super) io: S,
    pub(super) conn: Traced,
    pub(super) rx: RecvBuf,
    pub(super) waits: Waits,
    /// Whether bytes have been written since the stream was last flushed.
    unflushed: bool,
    /// What the transport failed with, until it is told.
    pub(super) error: Option<io::Error>,
    /// Whether the end has been told to the caller.
    pub(super) reported: bool,
}

impl<S: Transport> Driver<S> {
    /// `own` is the bound on reads that the caller had set.
    pub(super) fn new(
        mut io: S,
        conn: Connection,
        rx: RecvBuf,
        own: Option<Duration>,
    ) -> io::Result<Self> {
        let waits = Waits::new(&mut io, &conn, own)?;
        let conn = Traced::new(conn);
        Ok(Self { io, conn, rx, waits, unflushed: false, error: None, reported: false })
    }

    /// The next whole message; `None` after a clean end.
    pub(super) fn recv(&mut self) -> Result<Option<Message>, Error> {
        let give_up = self.waits.give_up();
        loop {
            if let Some(Received::Message(message)) = self.conn.next_message(&mut self.rx) {
                return Ok(Some(message));
            }
            if self.conn.has_told_closed() {
                return self.end().map(|()| None);
            }
            self.wait(give_up)?;
        }
    }

    /// True when the core has an event to tell, false when it has told its last.
    pub(super) fn find_event(&mut self) -> Result<bool, Error> {
        let give_up = self.waits.give_up();
        loop {
            if self.conn.has_event(&mut self.rx) {
                if !self.conn.next_is_closed() {
                    return Ok(true);
                }
                self.conn.next_event(&mut self.rx);
            }
            if self.conn.has_told_closed() {
                return self.end().map(|()| false);
            }
            self.wait(give_up)?;
        }
    }

    /// Sends what is queued, ends the transport in order and tells how the connection ended.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        loop {
            // What still comes is dropped, and counted.
            while self.conn.next_message(&mut self.rx).is_some() {}
            if self.conn.is_closed() {
                // The peer may wait for our end of the stream to end, too.
                self.shut_down();
                break;
            }
            self.wait(self.waits.deadline)?;
        }
        match self.conn.closed() {
            Some(closed) if !self.reported => {
                self.reported = true;
                self.conn.end();
                outcome(closed, self.error.take())
            }
            _ => Ok(()),
        }
    }

    /// Sends all that is queued.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.write()?;
        match (self.error.take(), self.conn.closed()) {
            (Some(error), _) => Err(error.into()),
            (None, Some(closed)) if self.conn.is_abandoned() => Err(Error::Closed(closed.into())),
            (None, _) => Ok(()),
        }
    }

    /// Sends what is queued, then waits for bytes, the end of the transport or a timeout.
    pub(super) fn wait(&mut self, give_up: Option<Instant>) -> io::Result<()> {
        self.write()?;
        self.listen(give_up)
    }

    /// Waits for bytes, the end of the transport or a timeout, whatever is queued.
    pub(super) fn listen(&mut self, give_up: Option<Instant>) -> io::Result<()> {
        self.shut_down();
        if self.conn.has_told_closed() && !self.waits.bounded() {
            // Nobody could say how long the end of the transport may take.
            self.conn.handle_eof();
        }
        if self.conn.is_closed() || self.conn.has_news() || !self.conn.can_read() {
            return Ok(());
        }
        let now = self.waits.now();
        let due = self.conn.poll_timeout(now);
        match self.waits.read(&mut self.io, &mut self.rx, due, give_up) {
            Ok(0) => self.conn.handle_eof(),
            Ok(_) => {}
            Err(Idle::Due) => self.conn.handle_timeout(self.waits.now()),
            Err(Idle::Own(error)) => return Err(error),
            Err(Idle::Failed(error)) => self.fail(error),
        }
        Ok(())
    }

    /// Writes and flushes until nothing is left. A failure of the stream leaves nothing to write.
    pub(super) fn write(&mut self) -> io::Result<()> {
        while self.conn.wants_write() || self.unflushed {
            self.write_once()?;
        }
        Ok(())
    }

    /// Writes as [`write`](Self::write) does, but only while the stream takes something and `until` has not passed;
    /// whether all has left.
    pub(super) fn write_until(&mut self, until: Instant) -> io::Result<bool> {
        while self.conn.wants_write() || self.unflushed {
            if !self.write_once()? || self.waits.now() >= until {
                break;
            }
        }
        Ok(!self.conn.wants_write() && !self.unflushed)
    }

    /// Writes once, or flushes where nothing is left to write. False where the stream took nothing within its bound.
    fn write_once(&mut self) -> io::Result<bool> {
        let start = self.waits.now();
        if self.conn.is_closing() {
            // A peer that takes nothing, or a byte now and then, does not put the end off.
            // What cannot be bounded anew, a socket of some systems after a reset, fails when it is written to.
            let _ = self.bound_writes((self.conn.config().close_timeout / 4).max(SHORTEST));
            self.conn.handle_timeout(start);
            if self.conn.is_abandoned() {
                self.unflushed = false;
                return Ok(true);
            }
        }
        let writes = self.conn.wants_write();
        let written = if writes {
            self.unflushed = true;
            write_some(&mut self.io, self.conn.transmit())
        } else {
            self.io.flush()
        };
        match written {
            Ok(()) if !writes => {
                self.conn.handle_flushed();
                self.unflushed = false;
            }
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_idle(&error) => {
                if !writes {
                    self.conn.handle_unflushed();
                }
                self.mind_stalled(start, error)?;
                return Ok(false);
            }
            Err(error) => self.fail(error),
        }
        Ok(true)
    }

    /// Bounds each later write by `limit` where it was not shorter already.
    pub(super) fn bound_writes(&mut self, limit: Duration) -> io::Result<()> {
        self.waits.shorten_writes(&mut self.io, limit)
    }

    /// Minds the time when the stream took nothing within its bound. An error if it does not block at
    /// all: the caller tries again.
    fn mind_stalled(&mut self, start: Instant, error: io::Error) -> io::Result<()> {
        let now = self.waits.now();
        self.conn.handle_timeout(now);
        if self.conn.is_abandoned() {
            self.unflushed = false;
        } else if self.waits.deadline.is_some_and(|deadline| now >= deadline) {
            return Err(ErrorKind::TimedOut.into());
        } else if now - start < SHORTEST {
            return Err(error);
        }
        Ok(())
    }

    fn shut_down(&mut self) {
        if self.conn.wants_shutdown() {
            // A peer that has gone makes this fail: the read that follows tells.
            let _ = self.io.shut_down();
            self.conn.handle_shutdown();
        }
    }

    pub(super) fn fail(&mut self, error: io::Error) {
        self.unflushed = false;
        self.conn.handle_transport_error();
        self.error.get_or_insert(error);
    }
}

/// Writes once.
pub(super) fn write_some<S: Transport>(io: &mut S, tx: &mut impl Buf) -> io::Result<()> {
    let written = if tx.chunk().len() < tx.remaining() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let used = tx.chunks_vectored(&mut slices);
        io.write_vectored(&slices[..used])
    } else {
        io.write(tx.chunk())
    };
    match written {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        Ok(count) => {
            tx.advance(count);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
