//! The floor: zlib-rs by hand.

use bytes::Bytes;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush};

use super::{Context, LEVEL, RoundTrip};

pub(super) struct Floor {
    deflate: Deflate,
    inflate: Inflate,
    compressed: Vec<u8>,
    plain: Vec<u8>,
    context: Context,
}

impl Floor {
    pub(super) fn new(mem_level: u8, context: Context) -> Self {
        let config = DeflateConfig {
            window_bits: -15,
            mem_level: mem_level.into(),
            ..DeflateConfig::new(LEVEL.into())
        };
        Self {
            deflate: Deflate::new_with_config(config),
            inflate: Inflate::new(false, 15),
            compressed: vec![0; 32 * 1024],
            plain: vec![0; 32 * 1024],
            context,
        }
    }
}

impl RoundTrip for Floor {
    fn round(&mut self, message: &Bytes, told: &mut dyn FnMut(&[u8])) -> usize {
        if self.context == Context::Reset {
            self.deflate.reset();
            self.inflate.reset(false);
        }
        let (before_out, before_in) = (self.deflate.total_out(), self.inflate.total_out());
        let flush = DeflateFlush::SyncFlush;
        self.deflate.compress(message, &mut self.compressed, flush).expect("it fits");
        let wire = (self.deflate.total_out() - before_out) as usize;
        let flush = InflateFlush::NoFlush;
        self.inflate.decompress(&self.compressed[..wire], &mut self.plain, flush).expect("valid");
        let len = (self.inflate.total_out() - before_in) as usize;
        told(std::str::from_utf8(&self.plain[..len]).expect("text").as_bytes());
        wire
    }
}
