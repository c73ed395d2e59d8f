//! What is agreed and what is wished for.

use core::time::Duration;

/// How one end compresses (RFC 7692 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Direction {
    /// Whether a message may refer to those before it. It makes small messages much smaller and costs both
    /// ends memory for as long as the connection lasts.
    pub context_takeover: bool,
    /// How far back a message may refer: 2 to this power, in bytes; 8 to 15.
    pub window_bits: u8,
}

impl Direction {
    /// Window bits as they are offered without a limit.
    pub(crate) const MAX_BITS: u8 = 15;
    /// The smallest window that RFC 7692 knows.
    pub(crate) const MIN_BITS: u8 = 8;
}

/// What two ends have agreed on for permessage-deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Params {
    /// How the server compresses: `server_no_context_takeover`, `server_max_window_bits`.
    pub server: Direction,
    /// How the client compresses: `client_no_context_takeover`, `client_max_window_bits`.
    pub client: Direction,
}

/// Which kind of data is compressed, as zlib names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// Text, JSON, most things.
    #[default]
    Default,
    /// Data made by a filter, such as differences of samples.
    Filtered,
    /// Frequencies only, no references: fast.
    HuffmanOnly,
    /// Runs of one byte only: fast.
    Rle,
    /// The standard's own codes: fast on very small messages.
    Fixed,
}

/// Compression that this end is ready for.
///
/// The defaults are light: no context takeover in either direction, so compressors come from a shared pool and an
/// idle connection owns none. A connection that keeps its context owns about 280 KB for sending
/// (`mem_level` 5; 380 KB at 8) and 50 to 81 KB for receiving, from its first compressed message on.
///
/// ```
/// use hybi::{Compression, Config};
///
/// let mut config = Config::default();
/// config.compression = Some(Compression::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compression {
    /// 0 (none) to 9 (slowest): 3. Measured on 1 KiB of JSON without context: level 1 takes half the time and
    /// leaves 1.4 times as much, level 6 gains nothing; on 16 KiB level 6 takes a quarter more time and gains
    /// less than a hundredth.
    pub level: u8,
    /// How much memory a compressor takes for its tables, 1 to 9: 5.
    pub mem_level: u8,
    /// Which kind of data is compressed.
    pub strategy: Strategy,
    /// Messages shorter than this are sent as they are, in bytes: 128. Measured on JSON without context, 64
    /// bytes become 48, 128 become 67 and 256 become 100, each for about 5 microseconds.
    pub min_size: usize,
    /// How we compress at most: without context takeover, window of 15 bits.
    pub send: Direction,
    /// How the peer may compress at most: without context takeover, window of 15 bits. A smaller window
    /// spares the peer memory, not us.
    pub receive: Direction,
    /// How many times larger than on the wire a received message may be; it is failed with 1009 beyond
    /// that, as soon as it is larger than its frames so far allow by the lengths in their headers. Messages of up to 1 KiB
    /// are let be; a peer that announces more than it sends is bounded by the size alone. Never: [`Config::max_message_size`](crate::Config::max_message_size) bounds it in any case.
    pub max_ratio: Option<u32>,
    /// A compressor that keeps its context is released when no message has been compressed for this long:
    /// 60 s. The next message starts without context, which every peer can read.
    pub release_after: Option<Duration>,
}

impl Compression {
    pub(crate) const DEFAULT: Self = {
        let light = Direction { context_takeover: false, window_bits: Direction::MAX_BITS };
        Self {
            level: 3,
            mem_level: 5,
            strategy: Strategy::Default,
            min_size: 128,
            send: light,
            receive: light,
            max_ratio: None,
            release_after: Some(Duration::from_secs(60)),
        }
    };
}

impl Default for Compression {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a compressor is made with; compressors with equal settings are interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Settings {
    pub(crate) level: u8,
    pub(crate) mem_level: u8,
    pub(crate) strategy: Strategy,
    pub(crate) window_bits: u8,
}

impl Compression {
    /// The settings for a window that has been agreed on.
    pub(crate) fn settings(&self, window_bits: u8) -> Settings {
        Settings {
            level: self.level.min(9),
            mem_level: self.mem_level.clamp(1, 9),
            strategy: self.strategy,
            window_bits: window_bits.clamp(Direction::MIN_BITS, Direction::MAX_BITS),
        }
    }
}
