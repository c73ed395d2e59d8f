//! Numbers to watch.

/// What has passed through a connection. How long the answers to pings took is in [`RoundTrips`](crate::RoundTrips).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes received from the transport, headers included, since the opening handshake.
    pub bytes_received: u64,
    /// Frames received, of all kinds.
    pub frames_received: u64,
    /// Data messages received in full.
    pub messages_received: u64,
    /// Payload bytes of received data frames, as they came.
    pub payload_received: u64,
    /// Bytes that compressed payloads were inflated to.
    pub inflated_received: u64,
    /// Frames queued, of all kinds.
    pub frames_sent: u64,
    /// Data messages queued in full.
    pub messages_sent: u64,
    /// Payload bytes of queued messages, before compression.
    pub payload_sent: u64,
    /// Pings received.
    pub pings_received: u64,
    /// Pongs received.
    pub pongs_received: u64,
}

/// Adds to a counter. It wraps, as at 100 Gbit/s a count of bytes does after 46 years: the difference of two readings
/// stays right.
#[inline]
pub(super) const fn count(counter: &mut u64, more: u64) {
    *counter = counter.wrapping_add(more);
}
