//! What one end proves who it is with.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// A chain of certificates and the private key of the first.
#[derive(Debug)]
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From PEM text, as servers keep it in files: the chain, the end's own certificate first; and a key, as PKCS #8, PKCS #1
    /// or SEC 1. Both may be the same text.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`]. Whether they belong together is seen when a configuration is made of them.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::Pem(format!("no private key: {error}")))?;
        Ok(Self { chain, key })
    }

    /// From DER values.
    #[must_use]
    pub const fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self { chain, key }
    }

    /// The certificates, the end's own first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// All certificates of a PEM text: one at least.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(chain) if chain.is_empty() => Err(TlsError::Pem("no certificate".into())),
        Ok(chain) => Ok(chain),
        Err(error) => Err(TlsError::Pem(format!("no certificate: {error}"))),
    }
}
