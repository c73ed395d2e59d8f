//! The values, and the fields that take them.

use std::time::Duration;

use hybi::Config;
use hybi::reconnect::Options;

/// A field, and what puts a value into it: the numbers fit as far as they can.
pub(crate) type Field<T> = (&'static str, fn(&mut T, Extreme));

/// A value that nobody means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extreme {
    Nothing,
    One,
    Most,
}

pub(crate) const EXTREMES: [Extreme; 3] = [Extreme::Nothing, Extreme::One, Extreme::Most];

impl Extreme {
    pub(crate) fn time(self) -> Duration {
        match self {
            Self::Nothing => Duration::ZERO,
            Self::One => Duration::from_nanos(1),
            Self::Most => Duration::MAX,
        }
    }

    pub(crate) fn number<T: From<u8> + Bounded>(self) -> T {
        match self {
            Self::Nothing => T::from(0),
            Self::One => T::from(1),
            Self::Most => T::MOST,
        }
    }
}

pub(crate) trait Bounded {
    const MOST: Self;
}

impl Bounded for u8 {
    const MOST: Self = Self::MAX;
}

impl Bounded for u32 {
    const MOST: Self = Self::MAX;
}

impl Bounded for u64 {
    const MOST: Self = Self::MAX;
}

impl Bounded for usize {
    const MOST: Self = Self::MAX;
}

pub(crate) const CONFIG: &[Field<Config>] = &[
    ("max_frame_size", |config, value| config.max_frame_size = value.number()),
    ("max_message_size", |config, value| config.max_message_size = value.number()),
    ("max_fragments", |config, value| config.max_fragments = value.number()),
    ("max_empty_fragments", |config, value| config.max_empty_fragments = value.number()),
    ("control_frame_burst", |config, value| config.control_frame_burst = value.number()),
    ("control_frames_per_second", |config, value| {
        config.control_frames_per_second = value.number();
    }),
    ("write_high_water", |config, value| config.write_high_water = value.number()),
    ("ping_interval", |config, value| config.ping_interval = Some(value.time())),
    ("pong_timeout", |config, value| config.pong_timeout = value.time()),
    ("close_timeout", |config, value| config.close_timeout = value.time()),
    ("idle_timeout", |config, value| config.idle_timeout = Some(value.time())),
    ("write_timeout", |config, value| config.write_timeout = Some(value.time())),
    ("max_lifetime", |config, value| config.max_lifetime = Some(value.time())),
    #[cfg(feature = "deflate")]
    ("compression.level", |config, value| compression(config).level = value.number()),
    #[cfg(feature = "deflate")]
    ("compression.mem_level", |config, value| compression(config).mem_level = value.number()),
    #[cfg(feature = "deflate")]
    ("compression.min_size", |config, value| compression(config).min_size = value.number()),
    #[cfg(feature = "deflate")]
    ("compression.send.window_bits", |config, value| {
        compression(config).send.window_bits = value.number();
    }),
    #[cfg(feature = "deflate")]
    ("compression.receive.window_bits", |config, value| {
        compression(config).receive.window_bits = value.number();
    }),
    #[cfg(feature = "deflate")]
    ("compression.max_ratio", |config, value| {
        compression(config).max_ratio = Some(value.number());
    }),
    #[cfg(feature = "deflate")]
    ("compression.release_after", |config, value| {
        compression(config).release_after = Some(value.time());
    }),
];

#[cfg(feature = "deflate")]
fn compression(config: &mut Config) -> &mut hybi::Compression {
    let compression = config.compression.get_or_insert_default();
    compression.min_size = 0;
    (compression.send.context_takeover, compression.receive.context_takeover) = (true, true);
    compression
}

/// Each field alone, and all of them together, at each extreme.
pub(crate) fn all<T: Clone>(fields: &[Field<T>], plain: &T, mut each: impl FnMut(String, T)) {
    for extreme in EXTREMES {
        for (name, set) in fields {
            let mut options = plain.clone();
            set(&mut options, extreme);
            each(format!("{name}: {extreme:?}"), options);
        }
        let mut options = plain.clone();
        fields.iter().for_each(|(_, set)| set(&mut options, extreme));
        each(format!("all: {extreme:?}"), options);
    }
}

pub(crate) const OPTIONS: &[Field<Options>] = &[
    ("first_delay", |options, value| options.first_delay = value.time()),
    ("base_delay", |options, value| options.base_delay = value.time()),
    ("max_delay", |options, value| options.max_delay = value.time()),
    ("stable_after", |options, value| options.stable_after = value.time()),
    ("dial_timeout", |options, value| options.dial_timeout = value.time()),
    ("drain_timeout", |options, value| options.drain_timeout = value.time()),
    ("max_losses", |options, value| options.max_losses = Some(value.number())),
    ("max_retry_after", |options, value| options.max_retry_after = value.time()),
    ("breaker_failures", |options, value| options.breaker_failures = value.number()),
    ("breaker_rest", |options, value| options.breaker_rest = value.time()),
    ("max_messages", |options, value| options.max_messages = value.number()),
    ("max_bytes", |options, value| options.max_bytes = value.number()),
];
