//! The connection that both halves share, and what has been taken from its queue and has not left.

use std::time::Instant as Clock;
use std::{fmt, io};

use bytes::{Buf, Bytes};

use crate::Message;
use crate::adapter::trace::Traced;
use crate::adapter::{Error, outcome};

pub(super) struct Core {
    pub(super) conn: Traced,
    /// What was taken from the queue to be written in passing and was not.
    pub(super) leftover: Bytes,
    /// Whether that happened to a flush.
    pub(super) unflushed: bool,
    /// Since when the stream takes nothing, and how often it has said so without a wait.
    pub(super) stalled: Option<(Clock, u32)>,
    /// A message that the sending half came upon while it answered pings.
    pub(super) inbox: Option<Message>,
    pub(super) error: Option<io::Error>,
    reported: bool,
    pub(super) receiver_gone: bool,
}

/// How often a stream may take nothing and not wait either.
const MAX_AT_ONCE: u32 = 100;

/// How much is taken from the queue for one write.
const BATCH: usize = 64 * 1024;

impl Core {
    pub(super) const fn new(conn: Traced, error: Option<io::Error>, reported: bool) -> Self {
        Self {
            conn,
            leftover: Bytes::new(),
            unflushed: false,
            stalled: None,
            inbox: None,
            error,
            reported,
            receiver_gone: false,
        }
    }

    /// Whether something is to be sent.
    pub(super) fn wants_write(&self) -> bool {
        self.is_behind() || self.conn.wants_write()
    }

    /// Whether what has been taken from the queue has not left.
    pub(super) fn is_behind(&self) -> bool {
        self.unflushed || !self.leftover.is_empty()
    }

    /// Notes that the stream takes nothing, and gives it up where it has not for the write timeout, or is one that does not block
    /// and so none for two threads. A kernel that is short of memory may wait for less than it was asked to.
    pub(super) fn mind_stalled(&mut self, waited: bool, error: io::Error) {
        let (since, at_once) = self.stalled.get_or_insert_with(|| (Clock::now(), 0));
        *at_once += u32::from(!waited);
        let limit = self.conn.config().write_timeout;
        if *at_once > MAX_AT_ONCE {
            self.fail(error);
        } else if limit.is_some_and(|limit| since.elapsed() >= limit) {
            self.conn.handle_write_timeout();
        }
    }

    /// What is to be written next, nothing where it is to be flushed; `None` where the transport has been given up.
    pub(super) fn take_batch(&mut self) -> Option<Bytes> {
        self.unflushed = false;
        let leftover = std::mem::take(&mut self.leftover);
        if self.conn.is_abandoned() {
            return None;
        }
        if !leftover.is_empty() {
            return Some(leftover);
        }
        let tx = self.conn.transmit();
        let len = tx.remaining().min(BATCH);
        Some(tx.copy_to_bytes(len))
    }

    pub(super) fn fail(&mut self, error: io::Error) {
        self.leftover = Bytes::new();
        self.conn.handle_transport_error();
        self.error.get_or_insert(error);
    }

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
