//! Numbers to watch.

use core::time::Duration;

/// What has passed through a connection.
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
    /// The round trip of the last keepalive ping that was answered.
    pub last_rtt: Option<Duration>,
    /// The round trip, smoothed over about eight pings.
    pub smoothed_rtt: Option<Duration>,
}

/// Adds to a counter. It wraps, as at 100 Gbit/s a count of bytes does after 46 years: the difference of two readings
/// stays right.
#[inline]
pub(super) const fn count(counter: &mut u64, more: u64) {
    *counter = counter.wrapping_add(more);
}

impl Stats {
    pub(super) fn note_rtt(&mut self, rtt: Duration) {
        self.last_rtt = Some(rtt);
        self.smoothed_rtt = match self.smoothed_rtt {
            // The estimator of RFC 6298: seven parts of what was, one part of what is.
            Some(smoothed) => smoothed.saturating_mul(7).saturating_add(rtt).checked_div(8),
            None => Some(rtt),
        };
    }
}
