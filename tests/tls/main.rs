//! WebSockets over TLS, both ends ours, over both adapters.
#![cfg(all(feature = "tokio", any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

#[path = "../adapters/mod.rs"]
mod adapters;
mod bounds;
mod certificates;
mod conversations;
mod environment;
mod faults;
mod meeting;
mod records;
mod refusals;
mod serve;
mod streams;
mod wire;
