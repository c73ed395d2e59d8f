//! What a connection needs only while bytes are on their way, lent by its thread as a whole: state and memory together, so
//! that an idle connection holds neither.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

use super::pool::Lease;
use crate::buffer::Rough;
use crate::connection::Sending;
use crate::{Connection, Message, RecvBuf};

/// How many of each kind a thread keeps. What a connection borrows comes back before it waits, unless it waits in the
/// midst of something.
const KEPT: usize = 8;

thread_local! {
    static RECEIVING: Kept<Receiving> = const { RefCell::new(Vec::new()) };
    static SENDING: Kept<Sending> = const { RefCell::new(Vec::new()) };
}

type Kept<T> = RefCell<Vec<Box<T>>>;

/// What has come and is not done with.
#[derive(Default)]
struct Receiving {
    rx: RecvBuf,
    /// A message that was come upon while something else was waited for.
    inbox: Option<Box<Message>>,
    lease: Lease,
}

/// A receive buffer: nothing but a pointer until it is written to.
pub(super) struct LentRecvBuf(Option<Box<Receiving>>);

impl LentRecvBuf {
    /// The buffer, and the right to the memory that it may have grown to.
    pub(super) fn with_lease(&mut self) -> (&mut RecvBuf, &mut Lease) {
        let Receiving { rx, lease, .. } = self.receiving();
        (rx, lease)
    }

    /// Whether a message has been set aside.
    pub(super) fn has_message(&self) -> bool {
        self.0.as_ref().is_some_and(|receiving| receiving.inbox.is_some())
    }

    /// Sets a message aside, or drops the one that was.
    pub(super) fn set_aside(&mut self, message: Option<Box<Message>>) {
        self.receiving().inbox = message;
    }

    /// The message that was set aside.
    #[inline]
    pub(super) fn take_message(&mut self) -> Option<Box<Message>> {
        self.0.as_mut()?.inbox.take()
    }

    /// Gives all of it back where there is nothing in it. What the connection's messages justify stays with it; memory that is
    /// one too many is handed back.
    pub(super) fn give_back(&mut self, justified: &mut Rough) -> Option<Vec<u8>> {
        let done = self.0.take_if(|receiving| {
            receiving.rx.is_empty() && receiving.inbox.is_none() && receiving.lease.is_none()
        });
        let mut receiving = done?;
        *justified = (*justified).max(receiving.rx.hand_over());
        keep(&RECEIVING, receiving)?.rx.take_memory()
    }

    #[inline]
    fn receiving(&mut self) -> &mut Receiving {
        self.0.get_or_insert_with(|| take(&RECEIVING))
    }
}

impl From<RecvBuf> for LentRecvBuf {
    fn from(rx: RecvBuf) -> Self {
        // Where nothing came with the handshake, the thread's own serves as well, with its memory.
        let kept = (!rx.is_empty()).then(|| Box::new(Receiving { rx, ..Default::default() }));
        Self(kept)
    }
}

impl Deref for LentRecvBuf {
    type Target = RecvBuf;

    fn deref(&self) -> &RecvBuf {
        static EMPTY: RecvBuf = RecvBuf::new();
        self.0.as_ref().map_or(&EMPTY, |receiving| &receiving.rx)
    }
}

impl DerefMut for LentRecvBuf {
    #[inline]
    fn deref_mut(&mut self) -> &mut RecvBuf {
        &mut self.receiving().rx
    }
}

impl fmt::Debug for LentRecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Lends a queue to a connection that has none.
pub(super) fn lend_queue(conn: &mut Connection) {
    if !conn.has_queue() {
        conn.lend_queue(take(&SENDING));
    }
}

/// Takes a queue back in which nothing waits, and hands back memory that is one too many.
pub(super) fn take_queue_back(conn: &mut Connection) -> Option<Vec<u8>> {
    keep(&SENDING, conn.take_queue()?)?.take_memory()
}

/// Nothing is kept where the thread is ending and has dropped what it kept.
fn take<T: Default>(kept: &'static LocalKey<Kept<T>>) -> Box<T> {
    kept.try_with(|kept| kept.borrow_mut().pop()).ok().flatten().unwrap_or_default()
}

/// Hands back what is one too many.
fn keep<T>(kept: &'static LocalKey<Kept<T>>, lent: Box<T>) -> Option<Box<T>> {
    let mut lent = Some(lent);
    let _ = kept.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() < KEPT {
            kept.extend(lent.take());
        }
    });
    lent
}
