//! Messages of any bytes, sent as compressed ones to an end.

use flate2::{Decompress, FlushDecompress, Status};
use hybi::Role;
use hybi::deflate::{Direction, Params};

use super::common::{End, Told, config, frame};
use super::puff::{Broken, Puff};

/// An end, what it is to hear, and what a slow inflater makes of that.
pub struct Inflating {
    pub end: End,
    pub wire: Vec<u8>,
    pub expected: Vec<Told>,
    /// What is wrong with the message after those.
    pub broken: Option<Broken>,
    pub limit: usize,
}

impl Inflating {
    /// Each message comes in two fragments, the first of `cut` bytes.
    pub fn new(knobs: u8, cut: usize, lengths: [u8; 2], bytes: &[u8]) -> Self {
        let (window_bits, context_takeover) = (8 + (knobs & 7), knobs & 8 != 0);
        let limit = if knobs & 16 != 0 { 900 } else { 300_000 };
        let config = config(|config| {
            config.max_message_size = limit as u64;
            if knobs & 32 != 0 {
                config.delivery = hybi::Delivery::Chunks;
            }
        });
        let one = Direction { context_takeover, window_bits };
        let mut end = End::of(Role::Client, config);
        end.conn = end.conn.with_compression(Params { server: one, client: one }, None);

        let mut puff = Puff::new(window_bits, context_takeover, limit);
        let (mut wire, mut expected, mut broken) = (Vec::new(), Vec::new(), None);
        for message in split(bytes, lengths) {
            let (first, last) = message.split_at(message.len().min(cut));
            wire.extend_from_slice(&frame(0x42, first));
            wire.extend_from_slice(&frame(0x80, last));
            if broken.is_some() {
                continue;
            }
            match puff.message(message) {
                Ok(plain) => {
                    assert!(!zlib_differs(message, &plain, context_takeover), "two oracles differ");
                    expected.push(Told::binary(&plain));
                }
                Err(error) => broken = Some(error),
            }
        }
        Self { end, wire, expected, broken, limit }
    }
}

/// Up to three messages.
fn split(bytes: &[u8], lengths: [u8; 2]) -> [&[u8]; 3] {
    let (first, rest) = bytes.split_at(bytes.len().min(lengths[0].into()));
    let (second, third) = rest.split_at(rest.len().min(lengths[1].into()));
    [first, second, third]
}

/// Whether an inflater that is widely used makes something else of a message of its own.
fn zlib_differs(message: &[u8], plain: &[u8], takeover: bool) -> bool {
    if takeover || message.is_empty() {
        return false;
    }
    let input = [message, &[0, 0, 0xff, 0xff]].concat();
    let mut out = Vec::with_capacity(plain.len() + 64);
    match Decompress::new(false).decompress_vec(&input, &mut out, FlushDecompress::Sync) {
        Ok(Status::StreamEnd) => !plain.starts_with(&out),
        Ok(_) => plain != out,
        Err(_) => true,
    }
}
