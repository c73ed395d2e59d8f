//! What is alive only while there is something to send: an idle connection has none of it.

use alloc::boxed::Box;

use super::Connection;
use crate::buffer::Transmit;
use crate::time::Instant;

/// What waits to be sent, and for how long.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    pub(super) tx: Transmit,
    /// The answer to the latest ping, while the queue is too long to take it.
    pub(super) pong: Option<Box<[u8]>>,
    /// When the transport last took a byte while some waited.
    pub(super) moved: Option<Instant>,
    /// The queue's count of bytes when `moved` was dated.
    dated: u64,
    /// Whether the transport holds bytes that it took.
    pub(super) held: bool,
}

impl Sending {
    /// A queue of a connection that has sent so many bytes.
    #[cold]
    fn make(sent: u64) -> Box<Self> {
        let mut queue = Box::<Self>::default();
        queue.tx.count_from(sent);
        queue
    }

    /// The memory of a queue in which nothing waits.
    #[cfg(feature = "tokio")]
    pub(crate) fn take_memory(&mut self) -> Option<alloc::vec::Vec<u8>> {
        self.tx.take_memory()
    }

    /// Whether there are bytes for the transport.
    #[inline]
    pub(super) fn has_bytes(&self) -> bool {
        !self.tx.is_empty() || self.pong.is_some()
    }

    /// Dates what the transport has taken.
    pub(super) fn date(&mut self, now: Instant) {
        let sent = self.tx.total();
        if self.tx.is_empty() && !self.held {
            self.moved = None;
        } else if self.moved.is_none() || self.dated != sent {
            self.moved = Some(now);
        }
        self.dated = sent;
    }
}

/// Where bytes wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Present while there is something to send.
    sending: Option<Box<Sending>>,
    /// Bytes that were sent before `sending` was made.
    sent: u64,
}

impl Queue {
    /// How many bytes wait to be sent.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.sending.as_ref().map_or(0, |sending| sending.tx.len())
    }

    /// Bytes that were sent in all.
    pub(super) fn sent(&self) -> u64 {
        self.sending.as_ref().map_or(self.sent, |sending| sending.tx.total())
    }

    /// The bytes themselves.
    #[inline]
    pub(super) fn tx(&mut self) -> &mut Transmit {
        &mut self.begin().tx
    }

    /// What there is to send, made where there is nothing.
    #[inline]
    pub(super) fn begin(&mut self) -> &mut Sending {
        let sent = self.sent;
        self.sending.get_or_insert_with(|| Sending::make(sent))
    }

    /// What there is to send, if there is something.
    #[inline]
    pub(super) fn sending(&self) -> Option<&Sending> {
        self.sending.as_deref()
    }

    #[inline]
    pub(super) fn sending_mut(&mut self) -> Option<&mut Sending> {
        self.sending.as_deref_mut()
    }

    /// Drops what waits.
    pub(super) fn discard(&mut self) {
        if let Some(sending) = &mut self.sending {
            sending.tx.discard();
            sending.pong = None;
        }
    }

    /// Drops the pong that waits.
    pub(super) fn drop_waiting_pong(&mut self) {
        if let Some(sending) = &mut self.sending {
            sending.pong = None;
        }
    }
}

/// Looks at the queue without making one.
impl Connection {
    /// How many bytes wait to be sent, without a pong that waits.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        self.out.len()
    }

    /// How many bytes will have been sent in all once everything that waits has left.
    pub(crate) fn queue_end(&self) -> u64 {
        self.out.sent().saturating_add(self.out.len() as u64)
    }
}

/// For adapters, whose idle connections own nothing to send with.
#[cfg(feature = "tokio")]
impl Connection {
    /// Whether there is a queue, with or without bytes in it.
    pub(crate) fn has_queue(&self) -> bool {
        self.out.sending.is_some()
    }

    /// The memory of the queue, in bytes.
    pub(crate) fn queue_capacity(&self) -> usize {
        self.out.sending().map_or(0, |sending| sending.tx.capacity())
    }

    /// Lends a queue and its memory where there is none.
    pub(crate) fn lend_queue(&mut self, mut queue: Box<Sending>) {
        if self.out.sending.is_none() {
            queue.tx.count_from(self.out.sent);
            self.out.sending = Some(queue);
        }
    }

    /// Gives the queue back, with its memory, where nothing waits in it.
    pub(crate) fn take_queue(&mut self) -> Option<Box<Sending>> {
        let mut queue = self.out.sending.take_if(|queue| !queue.has_bytes() && !queue.held)?;
        self.out.sent = queue.tx.total();
        queue.moved = None;
        queue.tx.drop_large_ring();
        Some(queue)
    }
}
