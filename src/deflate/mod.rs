//! DEFLATE for messages (RFC 7692 section 7.2), over [`zlib_rs`]: no frames, no connections.
//!
//! A message is compressed as a run of DEFLATE blocks that ends with an empty stored block, whose last four bytes
//! (`00 00 ff ff`) are left out on the wire. A receiver puts them back.

mod compress;
mod decompress;
mod distance;
mod history;
mod pool;
mod settings;

pub use compress::Compressor;
pub use decompress::{Decompressor, InflateError};
pub use distance::{DistanceCheck, DistanceError};
pub use pool::CodecPool;
pub(crate) use pool::{compressor, decompressor};
pub use settings::{Compression, Direction, Params, Strategy};

/// What every compressed message ends with before it is cut off (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The largest window, in bytes: no distance can reach further back.
const MAX_WINDOW: usize = 32 * 1024;
