//! Whom a client trusts.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;

use super::TlsError;
use super::identity::certificates;

/// Which certificates are trusted to vouch for a server.
///
/// [`Default`] takes what the features offer, the system's word first: `tls-platform-verifier`, else
/// `tls-native-roots`, else `tls-webpki-roots`. Name one where that must not depend on which features are on.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Roots {
    /// What the features offer.
    #[default]
    OfFeatures,
    /// Those of Mozilla's program, compiled in.
    #[cfg(feature = "tls-webpki-roots")]
    Webpki,
    /// Those of the system's store, read when the configuration is made.
    #[cfg(feature = "tls-native-roots")]
    Native,
    /// The system decides on each certificate itself, where it has the means.
    #[cfg(feature = "tls-platform-verifier")]
    Platform,
    /// The caller's own, and no others.
    Own(Arc<RootCertStore>),
}

impl Roots {
    /// The certificates of a PEM text, and no others: those of a private authority, or one that a server signed itself.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`], [`TlsError::Config`] for a certificate that cannot be a root.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        let mut store = RootCertStore::empty();
        for certificate in certificates(pem)? {
            store.add(certificate).map_err(TlsError::of_config)?;
        }
        Ok(Self::Own(Arc::new(store)))
    }

    pub(super) fn verifier(
        self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let store = match self {
            Self::OfFeatures => return Self::of_features()?.verifier(provider),
            #[cfg(feature = "tls-platform-verifier")]
            Self::Platform => {
                let verifier = rustls_platform_verifier::Verifier::new(provider.clone());
                return Ok(Arc::new(verifier.map_err(TlsError::of_config)?));
            }
            #[cfg(feature = "tls-webpki-roots")]
            Self::Webpki => Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()),
            #[cfg(feature = "tls-native-roots")]
            Self::Native => Arc::new(native()?),
            Self::Own(store) => store,
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(store, provider.clone()).build();
        match verifier {
            Ok(verifier) => Ok(verifier),
            Err(rustls::client::VerifierBuilderError::NoRootAnchors) => Err(TlsError::NoRoots),
            Err(error) => Err(TlsError::of_config(rustls::Error::General(error.to_string()))),
        }
    }

    #[allow(unreachable_code, reason = "the first feature that is on decides")]
    fn of_features() -> Result<Self, TlsError> {
        #[cfg(feature = "tls-platform-verifier")]
        return Ok(Self::Platform);
        #[cfg(feature = "tls-native-roots")]
        return Ok(Self::Native);
        #[cfg(feature = "tls-webpki-roots")]
        return Ok(Self::Webpki);
        Err(TlsError::NoRoots)
    }
}

/// What of the system's store can be used: one bad file must not keep all others out.
#[cfg(feature = "tls-native-roots")]
fn native() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        return Err(TlsError::EmptyStore(errors.join("; ")));
    }
    Ok(store)
}
