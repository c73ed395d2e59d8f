//! Two halves of a connection in two threads.
//!
//! The connection stands behind a mutex that is never held while a thread waits for the stream. Reading and
//! writing have a mutex each: whoever holds the writing one sends all that is queued, by whichever half. The receiving half
//! sends in passing only: were it to wait for the peer to read, two peers that write to each other would wait for ever.
//!
//! - here: the halves
//! - `shared`: what moves the bytes, for both of them
//! - `core`: the connection, and what has been taken from its queue and has not left

mod core;
mod shared;

use std::io;
use std::sync::Arc;

use super::driver::Driver;
use super::{Error, Transport};
use crate::{CloseCode, Closed, Message, Outgoing, SendError};
use shared::{Patience, Shared, lock};

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

pub(super) fn split<S: Transport>(driver: Driver<S>) -> io::Result<(Sender<S>, Receiver<S>)> {
    let shared = Arc::new(Shared::new(driver)?);
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
    /// [`Error::Io`], once; then [`Error::Closed`], or [`SendError::Closed`] while the receiving half has not told the end.
    pub fn flush(&self) -> Result<(), Error> {
        let shared = &*self.shared;
        shared.glance()?;
        shared.send_queued(lock(&shared.writing), Patience::UntilSent);
        shared.send_in_passing();
        let mut core = lock(&shared.core);
        match (core.error.take(), core.conn.closed()) {
            (Some(error), _) => Err(error.into()),
            (None, Some(closed)) if core.conn.is_abandoned() => Err(Error::Closed(closed.into())),
            // Another sender has been told why.
            (None, None) if core.conn.is_abandoned() => Err(SendError::Closed(()).into()),
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
