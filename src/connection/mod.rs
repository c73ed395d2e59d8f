//! The state machine of an open connection (RFC 6455 sections 5 to 7), without I/O.
//!
//! ```text
//!                 our Close queued            peer's Close came
//!          +-----------> Closing --------------------+
//!          |                                         v           told, sent, transport ended
//!   Open --+--- peer's Close, a failure, the end --> Ended -----------------------------> (is_closed)
//!               of the transport, a timeout
//! ```
//!
//! One file for each thing it does: `receive` from bytes to events, with `limits` and `whole`, its short cut; `send` and
//! `writer` from messages to bytes, which wait in `sending`, `compression` for what RFC 7692 adds to both, `close` for every way to end,
//! `timers` for everything that time decides, with `keepalive` and `round_trips`.

mod close;
mod closed;
#[cfg(feature = "deflate")]
mod compression;
mod event;
mod keepalive;
mod limits;
mod mask_keys;
mod receive;
mod round_trips;
mod send;
mod sending;
mod stats;
mod timers;
mod whole;
mod writer;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use crate::buffer::Transmit;
use crate::config::{Config, Role};

#[cfg(feature = "handshake")]
pub(crate) use close::check_close;
pub use closed::{Cause, Closed, Timeout};
pub use event::{Chunk, ChunkData, CloseFrame, Event, Received};
pub use mask_keys::MaskKeys;
pub use round_trips::RoundTrips;
#[cfg(feature = "tokio")]
pub(crate) use sending::Sending;
pub use stats::Stats;
pub use writer::MessageWriter;

/// An open WebSocket connection: bytes in, events out; messages in, bytes out.
///
/// The caller moves the bytes: it fills a [`RecvBuf`](crate::RecvBuf) from the transport, takes events with
/// [`next_event`](Self::next_event) until there are none, sends what [`transmit`](Self::transmit) holds, and
/// waits for bytes or for the point in time that [`poll_timeout`](Self::poll_timeout) names. It never
/// blocks, reads no clock and owns no socket, so it runs under any runtime or none.
///
/// ```
/// use hybi::{Connection, Event, RecvBuf};
///
/// let mut conn = Connection::server(Default::default());
/// let mut rx = RecvBuf::new();
///
/// // What came from the client: "Hello", masked (RFC 6455 section 5.7).
/// rx.extend_from_slice(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
///
/// while let Some(event) = conn.next_event(&mut rx) {
///     if let Event::Text(text) = event {
///         conn.send_text(text)?; // the event borrows `rx`, so the connection is free
///     }
/// }
/// let mut wire = Vec::new();
/// bytes::BufMut::put(&mut wire, conn.transmit());
/// assert_eq!(wire, b"\x81\x05Hello");
/// # Ok::<(), hybi::SendError<()>>(())
/// ```
#[must_use = "a connection does nothing unless it is driven"]
pub struct Connection {
    config: Arc<Config>,
    /// Present in a client: every frame it sends is masked.
    mask_keys: Option<Box<dyn MaskKeys>>,
    phase: Phase,
    receive: receive::State,
    send: send::State,
    out: sending::Queue,
    /// Made when the connection begins to end.
    closing: Option<Box<close::State>>,
    timers: timers::Timers,
    stats: Box<Stats>,
    /// Made with the first keepalive ping.
    keepalive: Option<Box<keepalive::Keepalive>>,
    /// Present where compression was agreed on.
    #[cfg(feature = "deflate")]
    compression: Option<Box<compression::State>>,
}

/// How far the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Data flows.
    Open,
    /// Our Close frame is queued, the peer's has not come: we receive, and send no data.
    Closing,
    /// Nothing more is received: what is queued leaves, then the transport ends.
    Ended,
    /// The transport is given up.
    Abandoned,
}

impl Connection {
    /// The server's end of a connection whose opening handshake is done.
    pub fn server(config: Arc<Config>) -> Self {
        Self::new(config, None)
    }

    /// The client's end of a connection whose opening handshake is done.
    pub fn client(config: Arc<Config>, mask_keys: impl MaskKeys + 'static) -> Self {
        Self::new(config, Some(Box::new(mask_keys)))
    }

    fn new(config: Arc<Config>, mask_keys: Option<Box<dyn MaskKeys>>) -> Self {
        Self {
            receive: receive::State::new(&config),
            config,
            mask_keys,
            phase: Phase::Open,
            send: send::State::default(),
            out: sending::Queue::default(),
            closing: None,
            timers: timers::Timers::default(),
            stats: Box::default(),
            keepalive: None,
            #[cfg(feature = "deflate")]
            compression: None,
        }
    }

    /// Takes a random number that shortens [`Config::max_lifetime`] by up to a tenth, so that connections
    /// opened together do not end together.
    pub fn with_jitter(mut self, random: u32) -> Self {
        self.timers.jitter = random;
        self
    }

    /// Which end this is.
    #[must_use]
    pub fn role(&self) -> Role {
        if self.mask_keys.is_some() { Role::Client } else { Role::Server }
    }

    /// The limits and timeouts in force.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// What has passed through the connection.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How long the answers to keepalive pings took.
    #[must_use]
    pub fn round_trips(&self) -> &RoundTrips {
        self.keepalive.as_ref().map_or(RoundTrips::NONE, |keepalive| &keepalive.round_trips)
    }

    /// Bytes that the transport has taken.
    #[cfg(feature = "tokio")]
    pub(crate) fn bytes_sent(&self) -> u64 {
        self.out.sent()
    }

    /// Reading is put off on purpose: what is not read is no silence of the peer.
    #[cfg(feature = "tokio")]
    pub(crate) fn note_pause(&mut self) {
        self.timers.note_arrival();
    }
}

/// The transport's side: what to do with the socket.
impl Connection {
    /// The bytes to send, in order. Take them with [`Buf::advance`](bytes::Buf::advance) as the
    /// transport does.
    #[inline]
    pub fn transmit(&mut self) -> &mut Transmit {
        self.queue_waiting_pong();
        self.out.tx()
    }

    /// Whether bytes wait to be sent. An adapter sends them before it waits for anything else.
    #[inline]
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.out.sending().is_some_and(|sending| sending.has_bytes()) && self.can_write()
    }

    /// Whether to read from the transport.
    ///
    /// False while more than [`Config::write_high_water`] bytes wait to be sent, so that a peer that does
    /// not read cannot make us queue without end, and once the transport has ended. While the connection
    /// ends, what is read is dropped: unread input would turn the end of the transport into a reset that
    /// can destroy our Close frame on its way.
    #[inline]
    #[must_use]
    pub fn wants_read(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::Closing => {
                self.out.len() < self.config.high_water() && self.can_read()
            }
            Phase::Ended | Phase::Abandoned => self.can_read(),
        }
    }

    /// Whether the transport may have bytes for us, however much waits to be sent.
    ///
    /// Enough for an adapter, whose callers wait for room before they queue an answer: reading alone
    /// queues nothing but one pong. Two ends that both stopped reading because of what they have queued
    /// would wait for each other.
    pub(crate) fn can_read(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::Closing => !self.has_eof(),
            Phase::Ended => self.wants_drain(),
            Phase::Abandoned => false,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("role", &self.role())
            .field("phase", &self.phase)
            .field("queued", &self.out.len())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
