//! Messages: into the queue, on to the connection, and back.

use alloc::vec::Vec;

use super::event::Event;
use super::outbox::{MessageId, NotQueued, Queued, Taken};
use super::{Reconnect, State};
use crate::buffer::RecvBuf;
use crate::connection::{self, Connection, Received};
use crate::message::{Message, Outgoing};

/// Messages.
impl Reconnect {
    /// Queues a message, connected or not.
    ///
    /// # Errors
    ///
    /// [`NotQueued`], with the message in it.
    pub fn send(&mut self, message: impl Into<Outgoing>) -> Result<Taken, NotQueued> {
        let outgoing = message.into();
        match self.state {
            State::Over => Err(NotQueued::Over(outgoing)),
            _ => self.outbox.push(outgoing, &self.options, &mut self.counters),
        }
    }

    /// Puts messages back that were [in doubt](Event::InDoubt), in the order given, before all that wait. They are sent
    /// again, so the peer may get them twice.
    ///
    /// They keep their numbers, and may exceed the bounds of the queue.
    pub fn requeue(&mut self, messages: impl IntoIterator<Item = Queued>) {
        self.outbox.requeue(messages);
    }

    /// Forgets a message that the application knows to have arrived; whether a connection had taken it and nothing had
    /// been reported of it.
    pub fn acknowledge(&mut self, id: MessageId) -> bool {
        self.outbox.acknowledge(id, &mut self.counters)
    }

    /// Hands waiting messages to the open connection, as many as it takes. Call it before each wait.
    pub fn transfer(&mut self, conn: &mut Connection) {
        if matches!(self.state, State::Open { .. }) {
            self.outbox.transfer(conn, self.options.confirm, &mut self.counters);
        }
    }

    /// The next message from the peer, if all of it is there. It looks at pongs on the way: use it in place of
    /// [`Connection::next_message`].
    pub fn next_message(&mut self, conn: &mut Connection, rx: &mut RecvBuf) -> Option<Message> {
        while conn.has_event(rx) {
            if conn.next_is_message() {
                match conn.next_message(rx) {
                    Some(Received::Message(message)) => return Some(message),
                    _ => return None,
                }
            }
            match conn.next_event(rx) {
                Some(connection::Event::Pong(payload)) => {
                    if let Some(through) = self.outbox.confirm(payload, &mut self.counters) {
                        self.events.push_back(Event::Confirmed { through });
                    }
                }
                Some(connection::Event::Closed(_)) | None => return None,
                Some(_) => {}
            }
        }
        None
    }

    /// Takes out what waits, once it is over: messages that were never sent.
    pub fn take_unsent(&mut self) -> Vec<Queued> {
        match self.state {
            State::Over => self.outbox.drain(),
            _ => Vec::new(),
        }
    }
}
