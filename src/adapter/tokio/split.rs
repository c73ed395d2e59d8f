//! Two halves of a connection, each its own value, in one task or two.
//!
//! They share the connection behind a mutex that is held for one poll, never across an await. The stream wakes
//! both: which half moves the bytes does not matter, so pings are answered while either is in use.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use ::tokio::io::{AsyncRead, AsyncWrite};

use super::{Error, WebSocket};
use crate::{CloseCode, Closed, Message, Outgoing, SendError};

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

/// Halves of two different connections were handed to [`Receiver::reunite`].
#[derive(Debug)]
pub struct ReuniteError<S>(pub Sender<S>, pub Receiver<S>);

#[derive(Debug)]
struct Shared<S> {
    state: Mutex<State<S>>,
    wakers: Arc<Wakers>,
}

#[derive(Debug)]
struct State<S> {
    ws: WebSocket<S>,
    receiver_gone: bool,
}

/// Who waits. One waker stands for all towards the stream, or the half that asked last would be the only
/// one to be woken.
#[derive(Debug, Default)]
struct Wakers {
    receiver: Mutex<Option<Waker>>,
    senders: Mutex<Vec<(u64, Waker)>>,
    /// Distinguishes the futures of the sending halves: several may run in one task.
    ids: AtomicU64,
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let receiver = lock(&self.receiver).take();
        let senders = std::mem::take(&mut *lock(&self.senders));
        for waker in receiver.into_iter().chain(senders.into_iter().map(|(_, waker)| waker)) {
            waker.wake();
        }
    }
}

pub(super) fn split<S>(ws: WebSocket<S>) -> (Sender<S>, Receiver<S>) {
    let state = State { ws, receiver_gone: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), wakers: Arc::default() });
    (Sender { shared: shared.clone() }, Receiver { shared })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Receiver<S> {
    /// The next message, or `None` when the connection has been closed by both ends.
    ///
    /// Cancel safe: no message is lost.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::recv`].
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        let shared = &self.shared;
        poll_fn(|cx| {
            // Registered before the stream is asked, so that no wake-up falls between.
            *lock(&shared.wakers.receiver) = Some(cx.waker().clone());
            let received = shared.poll(|state, cx| state.ws.driver.poll_recv(cx));
            if received.is_ready() {
                lock(&shared.wakers.receiver).take();
            }
            received
        })
        .await
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        lock(&self.shared.state).ws.closed()
    }

    /// The whole connection again, once no clone of the sending half is left.
    ///
    /// # Errors
    ///
    /// The halves, where they do not belong together or another clone of the sender lives.
    pub fn reunite(self, sender: Sender<S>) -> Result<WebSocket<S>, Box<ReuniteError<S>>> {
        if !Arc::ptr_eq(&self.shared, &sender.shared) || Arc::strong_count(&self.shared) > 2 {
            return Err(Box::new(ReuniteError(sender, self)));
        }
        drop(sender);
        let shared = self.shared.clone();
        let kept = lock(&shared.state).ws.driver.rx.take_message();
        // Its drop would mark the receiver as gone: the mark goes with the shared state.
        drop(self);
        let shared = Arc::into_inner(shared).expect("both halves have been given up");
        let mut ws = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner).ws;
        if kept.is_some() {
            ws.driver.rx.set_aside(kept);
        }
        Ok(ws)
    }
}

impl<S> Drop for Receiver<S> {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.receiver_gone = true;
        drop(state.ws.driver.rx.take_message());
    }
}

impl<S> Clone for Sender<S> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sender<S> {
    /// Queues a message and sends all that is queued. Cancel safe, as [`WebSocket::send`].
    ///
    /// Also answers pings that have come, where the receiving half does not; at most one message is set
    /// aside for it by that.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`].
    pub async fn send(&self, message: impl Into<Outgoing>) -> Result<(), Error> {
        self.queue(message.into()).await?;
        self.flush().await
    }

    /// Queues a message; it is sent when either half flushes or waits. Cancel safe, as [`WebSocket::feed`].
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`].
    pub async fn feed(&self, message: impl Into<Outgoing>) -> Result<(), Error> {
        self.queue(message.into()).await?;
        self.shared.wakers.wake_receiver();
        Ok(())
    }

    /// Queues a message without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] and [`SendError::Closed`] hand the message back.
    pub fn try_send(&self, message: impl Into<Outgoing>) -> Result<(), SendError> {
        lock(&self.shared.state).ws.try_send(message)?;
        self.shared.wakers.wake_receiver();
        Ok(())
    }

    /// Sends all that is queued. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn flush(&self) -> Result<(), Error> {
        self.wait(|state, wakers, cx| {
            state.poll_background(wakers, cx);
            state.ws.driver.poll_flush(cx)
        })
        .await
    }

    /// Sends a ping. Cancel safe, as [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As [`WebSocket::ping`].
    pub async fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.wait(|state, _, cx| {
            std::task::ready!(state.ws.driver.poll_room(cx))?;
            Poll::Ready(state.ws.driver.conn.ping(payload).map_err(Error::from))
        })
        .await?;
        self.flush().await
    }

    /// Begins to close and sends the Close frame. The receiving half goes on until the peer's Close frame; if
    /// it has been dropped, this waits for the end as [`WebSocket::close`] does. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::close`].
    pub async fn close(
        &self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), Error> {
        let receiver_gone = {
            let mut state = lock(&self.shared.state);
            state.ws.start_close(code, reason)?;
            state.receiver_gone
        };
        if !receiver_gone {
            // The receiving half has a new deadline to mind.
            self.shared.wakers.wake_receiver();
            return self.flush().await;
        }
        self.wait(|state, _, cx| {
            std::task::ready!(state.ws.driver.poll_end(cx));
            Poll::Ready(state.ws.driver.report())
        })
        .await
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        lock(&self.shared.state).ws.closed()
    }

    /// Room and message in one poll: between two, another clone could take the room.
    async fn queue(&self, message: Outgoing) -> Result<(), Error> {
        let mut message = Some(message);
        self.wait(|state, _, cx| {
            std::task::ready!(state.ws.driver.poll_room(cx))?;
            let message = message.take().expect("a finished future is not polled again");
            Poll::Ready(state.ws.try_send(message).map_err(Error::from))
        })
        .await
    }

    async fn wait<T>(
        &self,
        mut work: impl FnMut(&mut State<S>, &Wakers, &mut Context<'_>) -> Poll<T>,
    ) -> T {
        let wakers = &*self.shared.wakers;
        let waiting = Waiting { wakers, id: wakers.ids.fetch_add(1, Ordering::Relaxed) };
        poll_fn(|cx| {
            waiting.register(cx.waker());
            self.shared.poll(|state, cx| work(state, wakers, cx))
        })
        .await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> State<S> {
    /// Takes what has come, so that pings are answered, up to the first message for the receiving half.
    /// While that one waits for bytes itself, there is nothing to do.
    fn poll_background(&mut self, wakers: &Wakers, cx: &mut Context<'_>) {
        if lock(&wakers.receiver).is_some() {
            return;
        }
        let driver = &mut self.ws.driver;
        while !driver.rx.has_message() {
            match driver.poll_message(cx) {
                Poll::Ready(Some(message)) if !self.receiver_gone => {
                    driver.rx.set_aside(Some(Box::new(message)));
                }
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
    }
}

impl<S> Shared<S> {
    /// Polls the shared state with a waker that stands for both halves.
    fn poll<T>(&self, work: impl FnOnce(&mut State<S>, &mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let everyone = Waker::from(self.wakers.clone());
        work(&mut lock(&self.state), &mut Context::from_waker(&everyone))
    }
}

impl Wakers {
    fn wake_receiver(&self) {
        if let Some(waker) = lock(&self.receiver).take() {
            waker.wake();
        }
    }
}

/// A future of a sending half, registered from its first poll until it is dropped.
struct Waiting<'w> {
    wakers: &'w Wakers,
    id: u64,
}

impl Waiting<'_> {
    fn register(&self, waker: &Waker) {
        let mut senders = lock(&self.wakers.senders);
        match senders.iter_mut().find(|(id, _)| *id == self.id) {
            Some((_, known)) => known.clone_from(waker),
            None => senders.push((self.id, waker.clone())),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.wakers.senders).retain(|(id, _)| *id != self.id);
    }
}

/// A panic elsewhere leaves the connection in one piece: no state is half changed across a poll.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
