//! The frame codec (RFC 6455 section 5): slices in, values out, no allocation and no state.
//!
//! This is the low level. A proxy, a fuzzer or a test that wants frames instead of messages uses
//! [`Header`] and [`mask`] directly; everything above is built on the same functions.

mod close;
mod header;
mod mask;
mod opcode;
mod whole;

pub use close::{CloseCode, ClosePayloadError, MAX_CLOSE_REASON, encode_close, parse_close};
pub use header::{
    Expect, Header, HeaderBytes, HeaderError, MAX_CONTROL_PAYLOAD, MAX_HEADER, Masking,
};
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
pub(crate) use mask::mask_blocks;
pub use mask::{mask, rotate};
pub use opcode::OpCode;
pub(crate) use whole::Whole;
