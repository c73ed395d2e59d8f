//! Masking keys come from outside: the core has no source of randomness.

/// Where a client gets its masking keys from.
///
/// RFC 6455 section 5.3 asks for a fresh key for every frame, from a strong source of entropy, so that no key
/// helps to predict the next. The adapters use the operating system's generator; who builds a client
/// [`Connection`](super::Connection) by hand brings a generator of the same strength.
///
/// Every key is allowed, all zeros included: do not filter.
pub trait MaskKeys: Send + Sync {
    /// A fresh key.
    fn next_key(&mut self) -> [u8; 4];
}

impl<F: FnMut() -> [u8; 4] + Send + Sync> MaskKeys for F {
    fn next_key(&mut self) -> [u8; 4] {
        self()
    }
}
