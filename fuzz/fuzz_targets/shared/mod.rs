//! What the targets share.
#![allow(dead_code, unused_imports, reason = "each target uses a part of it")]

pub mod actions;
#[path = "../../../tests/common/mod.rs"]
pub mod common;
pub mod compressed;
pub mod deflated;
pub mod drops;
pub mod echo;
pub mod extensions;
#[path = "../../../tests/adapters/frames.rs"]
pub mod frames;
pub mod framing;
pub mod heads;
pub mod opening;
pub mod outcome;
#[path = "../../../tests/adapters/poll.rs"]
pub mod poll;
pub mod puff;
pub mod rfc3629;
#[cfg(feature = "peers")]
pub mod standard_urls;
pub mod steps;
pub mod stream;
#[cfg(feature = "peers")]
pub mod tungstenite;
pub mod tunnel;

use std::sync::Arc;

use common::{End, masked, parse_frames};
use hybi::deflate::{Direction, Params};
use hybi::frame::{Header, Masking};
use hybi::{Compression, Config, Role};

/// The lengths of the pieces in which bytes arrive, over and over.
pub type Cuts = [u8; 4];

/// `bytes` in pieces of these lengths, each one byte longer than its number says.
pub fn pieces(mut bytes: &[u8], cuts: Cuts) -> impl Iterator<Item = &[u8]> {
    cuts.into_iter().cycle().map_while(move |cut| {
        let (now, later) = bytes.split_at(bytes.len().min(usize::from(cut) + 1));
        bytes = later;
        (!now.is_empty()).then_some(now)
    })
}

/// Every byte for itself.
pub const SINGLE: Cuts = [0; 4];

/// What the first byte of an input chooses for the targets that feed frames to one end.
#[derive(Clone, Copy)]
pub struct Knobs(pub u8);

impl Knobs {
    pub const CLIENT: u8 = 1;
    pub const AS_IT_IS: u8 = 2;
    pub const STRICT: u8 = 4;
    pub const COMPRESSED: u8 = 8;
    pub const TAKEOVER: u8 = 16;

    pub fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    pub fn role(self) -> Role {
        if self.has(Self::CLIENT) { Role::Client } else { Role::Server }
    }

    /// The bytes that arrive: unmasked frames are masked for a server, so that one input serves both roles and
    /// a changed byte of payload stays one, unless the input is to be taken as it is.
    pub fn wire(self, bytes: &[u8]) -> Vec<u8> {
        match self.role() {
            Role::Server if !self.has(Self::AS_IT_IS) => masked(bytes, common::KEY).0.0,
            _ => bytes.to_vec(),
        }
    }

    /// An end that does what the knobs say.
    pub fn end(self, config: &Config) -> End {
        let mut end = End::of(self.role(), Arc::new(config.clone()));
        if self.has(Self::COMPRESSED) {
            let context_takeover = self.has(Self::TAKEOVER);
            let one = Direction { context_takeover, window_bits: 8 + (self.0 >> 5) };
            end.conn = end.conn.with_compression(Params { server: one, client: one }, None);
        }
        end
    }

    /// The defaults, or limits that short inputs reach.
    pub fn config(self) -> Config {
        let mut config = Config::default();
        if self.has(Self::COMPRESSED) {
            config.max_message_size = 100_000;
            // With every other window a limit on the ratio, which may be the lower one.
            let mut compression = Compression::default();
            compression.max_ratio = (self.0 & 0x20 != 0).then_some(30);
            config.compression = Some(compression);
        }
        if self.has(Self::STRICT) {
            config.max_frame_size = 90;
            config.max_message_size = 150;
            config.max_fragments = 5;
            config.max_empty_fragments = 2;
            config.control_frame_burst = 6;
        }
        config
    }
}

/// The frames that an end of this role has sent, which keep every rule of RFC 6455 section 5, and what follows the
/// last whole one. RSV1, which the strict parser does not take, is taken away for it and put back.
pub fn read_frames(wire: &[u8], role: Role) -> (Vec<(Header, Vec<u8>)>, &[u8]) {
    let masking = if role == Role::Client { Masking::Required } else { Masking::Forbidden };
    let (mut frames, mut in_message, mut rest) = (Vec::new(), false, wire);
    while let Some((_, len)) = frames::parse_one(rest) {
        let (one, later) = rest.split_at(len);
        let mut one = one.to_vec();
        let rsv1 = one[0] & 0x40 != 0;
        assert!(!rsv1 || matches!(one[0] & 0x0f, 1 | 2), "RSV1 stands on a first frame only");
        one[0] &= !0x40;
        let parsed = parse_frames(&one, masking, &mut in_message).expect("a frame of ours");
        frames.extend(
            parsed.into_iter().map(|(header, payload)| (Header { rsv1, ..header }, payload)),
        );
        rest = later;
    }
    (frames, rest)
}
