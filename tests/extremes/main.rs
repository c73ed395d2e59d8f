//! Values that nobody means, nothing and the most, in every field that takes a number or a time: nothing panics and
//! nothing hangs; the conversation works, or it ends and says why.

#[cfg(feature = "tokio")]
#[path = "../adapters/mod.rs"]
mod adapters;
#[path = "../common/mod.rs"]
mod common;
mod core;
#[cfg(feature = "tokio")]
mod over_adapters;
mod values;
