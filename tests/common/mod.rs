//! What the tests of the core share: bytes as hex, events as values, one [`End`] of a connection with its
//! buffer, and a [`Pair`] of ends on a made-up clock.
#![allow(dead_code, unused_imports, reason = "each test crate uses a part of it")]

mod end;
mod pair;
mod told;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use hybi::{Config, Instant};

pub(crate) use end::{End, said_code};
pub(crate) use pair::Pair;
pub(crate) use told::{Told, failure, the_end};
pub(crate) use wire::{KEY, Wire, close_frame, frame, masked, parse_frames, wire};

/// The defaults with some of them changed.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = Config::default();
    change(&mut config);
    Arc::new(config)
}

/// A point of the made-up clock.
pub(crate) fn at(seconds: f64) -> Instant {
    Instant::ORIGIN + Duration::from_secs_f64(seconds)
}
