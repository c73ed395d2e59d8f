//! Whose cryptography is used.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::TlsError;

/// The one that the process has installed, else that of our features, `tls-aws-lc-rs` before `tls-ring`.
///
/// `rustls::ClientConfig::builder` would panic where the features of all crates together leave a choice.
pub(super) fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    match CryptoProvider::get_default() {
        Some(installed) => Ok(installed.clone()),
        None => of_features(),
    }
}

#[cfg(feature = "tls-aws-lc-rs")]
fn of_features() -> Result<Arc<CryptoProvider>, TlsError> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc-rs")))]
fn of_features() -> Result<Arc<CryptoProvider>, TlsError> {
    Ok(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
fn of_features() -> Result<Arc<CryptoProvider>, TlsError> {
    Err(TlsError::NoProvider)
}
