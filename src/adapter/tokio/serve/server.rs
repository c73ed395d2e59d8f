//! The loop that accepts.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::tokio::net::{TcpListener, ToSocketAddrs};
use ::tokio::task::JoinSet;
use ::tokio::time;

use super::admit::{Door, Ready, admit};
use super::house::{House, Order, Room, Stage, subscriber};
use super::{Listen, Metrics, Report, ServeOptions, ServerStream, Shutdown, Visitor, WhenFull};
use crate::adapter::deadline;
use crate::adapter::tokio::WebSocket;
use crate::handshake::{Accept, Rejection};
use crate::rate::KeyedBuckets;

/// Accepts connections and makes their handshakes, side by side and within limits.
///
/// Either [`serve`](Self::serve) runs a function for each connection, or [`accept`](Self::accept) hands
/// connections to a loop of your own. Both end with [`Handle::shutdown`].
///
/// Errors of the listener never end it. After one that concerns a single connection it goes on at once, up to 127 times in a
/// row; after any other, such as too many open files, it waits 5 ms, then twice as long each time up to 1 s, and counts it in
/// [`Metrics::accept_errors`].
///
/// Handshakes run in tasks of the runtime and are dropped with the server; so it must be used inside a runtime.
#[must_use = "a server does nothing unless it accepts"]
pub struct Server<L: Listen = TcpListener, T = ()> {
    /// Absent once the server is shutting down: who comes then is refused by the operating system.
    listener: Option<L>,
    door: Arc<Door<T>>,
    handshakes: JoinSet<Option<Ready<L::Io, T>>>,
    /// Handshakes by address, where they are limited.
    addresses: Option<KeyedBuckets<IpAddr>>,
    /// After an error of the listener.
    rest: Option<Pin<Box<time::Sleep>>>,
    next_rest: Duration,
    /// How many clients in a row were gone before they were accepted, since the last rest.
    gone: u32,
}

/// A connection and who is at its other end.
type Opened<L, T> = (WebSocket<ServerStream<<L as Listen>::Io>>, Visitor<T>);

/// How many clients in a row may be gone before they are accepted.
const MOST_GONE: u32 = 128;

/// The first wait after an error of the listener, and the longest.
const RESTS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

impl Server {
    /// Listens on a TCP address.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`].
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self::new(TcpListener::bind(address).await?))
    }

    /// The address it listens on; useful after binding to port 0.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::local_addr`]; [`ErrorKind::NotConnected`] once it is shutting down.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.listener.as_ref().ok_or(ErrorKind::NotConnected)?.local_addr()
    }
}

impl<L: Listen> Server<L> {
    /// Takes connections from any listener.
    pub fn new(listener: L) -> Self {
        Self::with_options(listener, ServeOptions::default())
    }

    /// Takes connections from any listener, within limits of one's own.
    pub fn with_options(listener: L, options: ServeOptions) -> Self {
        let house = Arc::new(House::new(options.messages, options.max_addresses));
        let rate = options.handshakes_per_address;
        let addresses = rate.map(|rate| KeyedBuckets::new(rate, options.max_addresses));
        let welcome =
            |_| -> super::admit::Decision<()> { Box::pin(async { Ok((Accept::new(), ())) }) };
        Self {
            listener: Some(listener),
            door: Arc::new(Door { options, hook: Box::new(welcome), house }),
            handshakes: JoinSet::new(),
            addresses,
            rest: None,
            next_rest: RESTS.0,
            gone: 0,
        }
    }

    /// Asks `hook` about each request: it accepts, and may say who this is, or rejects with any status, headers and body.
    ///
    /// It may wait for as long as [`ServeOptions::authorize_timeout`] and holds up nobody else.
    ///
    /// ```no_run
    /// use hybi::handshake::Accept;
    /// use hybi::tokio::{Server, Visitor};
    /// use http::StatusCode;
    ///
    /// # async fn find_user(_: Option<&str>) -> Option<String> { None }
    /// # async fn example() -> std::io::Result<()> {
    /// let server = Server::bind("127.0.0.1:9001").await?.authorize(|visitor: Visitor| async move {
    ///     match find_user(visitor.header("authorization")).await {
    ///         Some(user) => Ok((Accept::new(), user)),
    ///         None => Err(StatusCode::UNAUTHORIZED.into()),
    ///     }
    /// });
    /// server.serve(|mut ws, visitor| async move {
    ///     let _ = ws.send(format!("Hello {}", visitor.admitted)).await;
    /// }).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn authorize<T, F>(
        self,
        hook: impl Fn(Visitor) -> F + Send + Sync + 'static,
    ) -> Server<L, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<(Accept, T), Rejection>> + Send + 'static,
    {
        let Door { options, house, .. } = &*self.door;
        Server {
            listener: self.listener,
            door: Arc::new(Door {
                options: options.clone(),
                hook: Box::new(move |visitor| Box::pin(hook(visitor))),
                house: house.clone(),
            }),
            handshakes: JoinSet::new(),
            addresses: self.addresses,
            rest: None,
            next_rest: RESTS.0,
            gone: 0,
        }
    }
}

impl<L: Listen, T: Send + 'static> Server<L, T> {
    /// By which other tasks watch the server and end it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { house: self.door.house.clone() }
    }

    /// The next connection whose handshake is done; `None` once the server is shutting down and no handshake is left.
    ///
    /// Keep calling it: between calls the handshakes that have begun go on, but nobody new is let in.
    ///
    /// Cancel safe: no connection is lost.
    ///
    /// ```no_run
    /// # async fn example() -> std::io::Result<()> {
    /// let mut server = hybi::tokio::Server::bind("127.0.0.1:9001").await?;
    /// while let Some((mut ws, visitor)) = server.accept().await {
    ///     tokio::spawn(async move {
    ///         while let Ok(Some(message)) = ws.recv().await {
    ///             println!("{:?}: {message:?}", visitor.peer());
    ///         }
    ///     });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept(&mut self) -> Option<(WebSocket<ServerStream<L::Io>>, Visitor<T>)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Runs `handler` for each connection, in a task of its own, until the server has been shut down and every task has
    /// ended. At the deadline of the shutdown the tasks that are left are dropped.
    ///
    /// What `handler` returns is dropped: tell there of errors that matter. One that panics ends its own connection alone.
    pub async fn serve<H, F>(mut self, handler: H)
    where
        H: Fn(WebSocket<ServerStream<L::Io>>, Visitor<T>) -> F,
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let mut tasks = JoinSet::new();
        let mut accepting = true;
        poll_fn(|cx| {
            while accepting {
                match self.poll_accept(cx) {
                    Poll::Ready(Some((ws, visitor))) => {
                        #[cfg(feature = "tracing")]
                        let span = ws.driver.conn.span();
                        // A panic before there is a future ends its own connection alone, too.
                        let begun = catch_unwind(AssertUnwindSafe(|| handler(ws, visitor)));
                        let Ok(task) = begun else { continue };
                        let task = async move { drop(task.await) };
                        #[cfg(feature = "tracing")]
                        let task = tracing::Instrument::instrument(task, span);
                        tasks.spawn(task);
                    }
                    Poll::Ready(None) => accepting = false,
                    Poll::Pending => break,
                }
            }
            if self.door.house.poll_stage(cx) == Stage::Over {
                tasks.abort_all();
            }
            // A task that panics ends its own connection alone.
            while ready!(tasks.poll_join_next(cx)).is_some() {}
            if accepting { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Opened<L, T>>> {
        match self.door.house.poll_stage(cx) {
            Stage::Serving => {}
            Stage::Closing => self.listener = None,
            Stage::Over => {
                self.listener = None;
                self.handshakes.abort_all();
            }
        }
        loop {
            while let Poll::Ready(Some(ended)) = self.handshakes.poll_join_next(cx) {
                match ended {
                    Ok(Some(ready)) => return Poll::Ready(Some(ready.enter())),
                    Ok(None) => {}
                    // A hook that panics ends its own handshake alone.
                    Err(error) if error.is_panic() => {
                        self.door.house.count(|metrics| metrics.failed += 1);
                    }
                    Err(_) => {}
                }
            }
            if self.listener.is_none() && self.handshakes.is_empty() {
                return Poll::Ready(None);
            }
            ready!(self.poll_newcomer(cx));
        }
    }

    /// Lets one more in where there is room.
    fn poll_newcomer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Door { options, house, .. } = &*self.door;
        let Some(listener) = &mut self.listener else { return Poll::Pending };
        let full = options.when_full == WhenFull::Wait
            && options
                .max_connections
                .is_some_and(|most| house.open() + self.handshakes.len() >= most);
        if full || self.handshakes.len() >= options.max_handshakes.max(1) {
            return Poll::Pending;
        }
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        match ready!(listener.poll_accept(cx)) {
            Ok((io, peer)) => {
                (self.next_rest, self.gone) = (RESTS.0, 0);
                let address = peer.map(|peer| subscriber(peer.ip()));
                if let (Some(addresses), Some(address)) = (&mut self.addresses, address) {
                    if addresses.take(address, 1, house.now()).is_err() {
                        house.count(|metrics| metrics.throttled += 1);
                        return Poll::Ready(());
                    }
                }
                let under_way = house.begin_handshake();
                self.handshakes.spawn(admit(io, peer, self.door.clone(), under_way));
            }
            Err(error) => {
                house.count(|metrics| metrics.accept_errors += 1);
                #[cfg(feature = "tracing")]
                tracing::warn!(%error, "cannot accept");
                self.gone += 1;
                if !concerns_one_connection(&error) || self.gone >= MOST_GONE {
                    self.gone = 0;
                    self.rest = Some(Box::pin(time::sleep(self.next_rest)));
                    self.next_rest = (self.next_rest * 2).min(RESTS.1);
                }
            }
        }
        Poll::Ready(())
    }
}

impl<L: Listen + std::fmt::Debug, T> std::fmt::Debug for Server<L, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("options", &self.door.options)
            .field("handshakes", &self.handshakes.len())
            .finish_non_exhaustive()
    }
}

/// Whether the next connection may be accepted at once: this one has gone before it was accepted.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}

/// Watches a [`Server`] and ends it. Clones are for the same server.
#[derive(Clone, Debug)]
pub struct Handle {
    house: Arc<House>,
}

impl Handle {
    /// What the server has seen so far. It looks at every open connection: for a scrape, not for each message.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.house.metrics()
    }

    /// Shuts the server down: it accepts nobody any more, answers handshakes with status 503, sends a Close frame on each
    /// connection, and waits for all to end, at most until the deadline. What is left then is dropped.
    ///
    /// [`Server::serve`] then returns, [`Server::accept`] tells `None`. A connection can only be closed while its task
    /// polls it, and be dropped by whoever owns it: after the deadline, its calls fail.
    ///
    /// Calling it again waits for the same end, with a deadline of its own; the first call's code is sent. Dropping the
    /// future after its first poll leaves the server closing, without a deadline; who has not been told yet is told then.
    pub async fn shutdown(&self, shutdown: Shutdown) -> Report {
        let end = time::sleep(shutdown.deadline);
        let rooms = self.house.begin_shutdown(&shutdown);
        let close = async {
            let steps = u32::try_from(rooms.len()).unwrap_or(u32::MAX).max(1);
            let step = shutdown.spread.min(shutdown.deadline) / steps;
            let start = time::Instant::now();
            let mut left = Left(rooms.into_iter());
            for number in (0..).take(left.0.len()) {
                if !step.is_zero() {
                    time::sleep_until(deadline(start, step.saturating_mul(number))).await;
                }
                left.close_one();
            }
            poll_fn(|cx| self.house.poll_empty(cx)).await;
        };
        ::tokio::pin!(end, close);
        poll_fn(|cx| match close.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => end.as_mut().poll(cx),
        })
        .await;
        self.house.finish_shutdown()
    }
}

/// The rooms of a server that is shut down that have not been told.
struct Left(std::vec::IntoIter<Arc<Room>>);

impl Left {
    fn close_one(&mut self) -> bool {
        let room = self.0.next();
        if let Some(room) = &room {
            room.give(Order::Close);
        }
        room.is_some()
    }
}

/// Nobody stays because a shutdown was given up half-way.
impl Drop for Left {
    fn drop(&mut self) {
        while self.close_one() {}
    }
}
