//! WebSockets over TLS, both ends ours, over both adapters.
#![cfg(all(feature = "tokio", any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

#[path = "../adapters/mod.rs"]
mod adapters;
mod certificates;
mod conversations;
mod faults;
mod meeting;
mod refusals;
mod serve;
mod streams;
mod wire;
