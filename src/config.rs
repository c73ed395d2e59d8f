//! What a connection may cost and how long it may wait.

use core::time::Duration;

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that sent the opening handshake; it masks its frames.
    Client,
    /// The end that accepted it.
    Server,
}

/// How messages are handed to the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Whole: [`Event::Text`](crate::Event::Text) and [`Event::Binary`](crate::Event::Binary). Memory grows
    /// with the message.
    #[default]
    Messages,
    /// As their bytes arrive: [`Event::Chunk`](crate::Event::Chunk). Memory does not grow with the message.
    Chunks,
}

/// Limits and timeouts of a connection. Every limit is on by default.
///
/// One `Config` is shared by many connections through an `Arc`.
///
/// ```
/// use hybi::Config;
/// use std::time::Duration;
///
/// let mut config = Config::default();
/// config.max_message_size = 1024 * 1024;
/// config.ping_interval = Some(Duration::from_secs(50)); // under a proxy's idle timeout of a minute
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The largest payload of one received frame, in bytes: 16 MiB. The length alone decides; a larger
    /// one fails the connection with 1009 before its masking key and its payload are waited for.
    pub max_frame_size: u64,
    /// The largest received message, in bytes: 64 MiB. It is counted over all fragments, at each
    /// fragment's header, and for a compressed message while it is inflated (on the wire such a message may be
    /// an eighth and 1 KiB larger); a larger one fails the connection with 1009.
    pub max_message_size: u64,
    /// The most fragments of one received message, not counting an empty one that ends it: 65,536. A peer that sends
    /// more, each a few bytes long, makes us work without end; it is failed with 1008.
    pub max_fragments: u32,
    /// The most fragments without payload among those of one received message: 128. They are legal and carry
    /// nothing; more of them fail the connection with 1008.
    pub max_empty_fragments: u32,
    /// How many control frames may arrive at once without a byte of data: 4,096. More of them, sent
    /// faster than [`control_frames_per_second`](Self::control_frames_per_second), fail the connection
    /// with 1008.
    pub control_frame_burst: u32,
    /// How many control frames a second are always welcome: 256.
    pub control_frames_per_second: u32,
    /// How many bytes may wait to be sent before messages are handed back with
    /// [`SendError::Full`](crate::SendError::Full) and reading pauses: 1 MiB; at least one. One message may exceed it.
    pub write_high_water: usize,
    /// How messages are handed out: whole.
    pub delivery: Delivery,
    /// A ping is sent when nothing has come from the peer for this long: 20 s. It keeps the state of
    /// proxies and address translators alive and finds peers that have vanished.
    ///
    /// What forgets an idle connection does so without a word, after a minute in nginx and in many load balancers, at times
    /// after half of that in mobile networks and cheap routers. 20 s lie below all of these with time for a
    /// ping that is lost, and above what would keep a phone's radio awake. Behind something slower to forget, 50 s are
    /// enough; both ends may ping, since each only does when it has heard nothing.
    pub ping_interval: Option<Duration>,
    /// How long after such a ping the peer may stay silent: 20 s. Any byte from it counts. Then the
    /// connection is lost.
    pub pong_timeout: Duration,
    /// How long the closing handshake may take, from our Close frame to the end of the transport: 5 s.
    /// Nothing that the peer sends extends it.
    pub close_timeout: Duration,
    /// The connection is closed with 1001 when no message has been sent or received for this long: never.
    pub idle_timeout: Option<Duration>,
    /// The connection is lost when bytes wait to be sent and the transport takes none for this long:
    /// 30 s. A peer that stops reading holds no memory of ours longer than that.
    pub write_timeout: Option<Duration>,
    /// The connection is closed with 1001 at this age, less up to a tenth of it by
    /// [`Connection::with_jitter`](crate::Connection::with_jitter), so that connections opened together do
    /// not end together: never.
    pub max_lifetime: Option<Duration>,
    /// Compression of messages (RFC 7692), negotiated in the opening handshake: off.
    #[cfg(feature = "deflate")]
    pub compression: Option<crate::deflate::Compression>,
}

impl Config {
    /// Of no bytes there would never be room for one.
    pub(crate) const fn high_water(&self) -> usize {
        if self.write_high_water == 0 { 1 } else { self.write_high_water }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_frame_size: 16 * 1024 * 1024,
            max_message_size: 64 * 1024 * 1024,
            max_fragments: 65_536,
            max_empty_fragments: 128,
            control_frame_burst: 4_096,
            control_frames_per_second: 256,
            write_high_water: 1024 * 1024,
            delivery: Delivery::Messages,
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            idle_timeout: None,
            write_timeout: Some(Duration::from_secs(30)),
            max_lifetime: None,
            #[cfg(feature = "deflate")]
            compression: None,
        }
    }
}
