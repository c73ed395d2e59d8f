//! How a server speaks TLS.

use std::sync::Arc;
use std::time::Duration;

use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::provider::provider;
use super::{HTTP_1_1, Identity, TlsError, Versions, key_log};

/// How long a handshake may take: as long as the HTTP request that follows.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A server's TLS, made once and used for all its connections. A clone is the same.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    timeout: Duration,
}

impl ServerTls {
    /// With a certificate, asking clients for none.
    ///
    /// # Errors
    ///
    /// [`TlsError::NoProvider`], [`TlsError::Config`] for an identity that does not fit together.
    pub fn new(identity: Identity) -> Result<Self, TlsError> {
        Self::builder(identity).build()
    }

    /// With choices of one's own.
    pub const fn builder(identity: Identity) -> ServerTlsBuilder {
        ServerTlsBuilder {
            identity,
            clients: ClientCertificates::None,
            versions: Versions::Tls12AndTls13,
            logs_keys: false,
        }
    }

    /// How long a handshake may take: 10 s by default.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// How long a handshake may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl From<Arc<ServerConfig>> for ServerTls {
    /// Takes the configuration as it is: its protocols for ALPN, too, which should be none or `http/1.1` alone.
    fn from(config: Arc<ServerConfig>) -> Self {
        Self { config, timeout: TIMEOUT }
    }
}

impl From<ServerConfig> for ServerTls {
    fn from(config: ServerConfig) -> Self {
        Arc::new(config).into()
    }
}

/// Whether clients prove who they are. What they have shown tells `agreed` of the TLS streams.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// They are not asked.
    #[default]
    None,
    /// They are asked; one that shows a certificate must show one that these roots vouch for.
    Optional(Arc<RootCertStore>),
    /// A client without a certificate that these roots vouch for is refused.
    Required(Arc<RootCertStore>),
}

/// The choices of which a [`ServerTls`] is made.
#[derive(Clone, Debug)]
#[must_use = "`build` makes a configuration of it"]
pub struct ServerTlsBuilder {
    identity: Identity,
    clients: ClientCertificates,
    versions: Versions,
    logs_keys: bool,
}

impl ServerTlsBuilder {
    /// Whether clients need a certificate.
    pub fn client_certificates(mut self, clients: ClientCertificates) -> Self {
        self.clients = clients;
        self
    }

    /// Which versions are spoken.
    pub const fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Writes the secrets of all sessions to the file that the environment variable `SSLKEYLOGFILE` names, so that
    /// tools like Wireshark can read along. Whoever has that file reads everything.
    pub const fn log_keys(mut self) -> Self {
        self.logs_keys = true;
        self
    }

    /// Makes the configuration.
    ///
    /// # Errors
    ///
    /// As [`ServerTls::new`], and [`TlsError::NoRoots`] where client certificates are asked for with an empty store.
    pub fn build(self) -> Result<ServerTls, TlsError> {
        let provider = provider()?;
        let verifier: Arc<dyn ClientCertVerifier> = match self.clients {
            ClientCertificates::None => WebPkiClientVerifier::no_client_auth(),
            ClientCertificates::Optional(roots) => {
                WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
                    .allow_unauthenticated()
                    .build()
                    .map_err(bad_verifier)?
            }
            ClientCertificates::Required(roots) => {
                WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
                    .build()
                    .map_err(bad_verifier)?
            }
        };
        let Identity { chain, key } = self.identity;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions.list())
            .map_err(TlsError::of_config)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(TlsError::of_config)?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        if self.logs_keys {
            config.key_log = key_log();
        }
        Ok(config.into())
    }
}

fn bad_verifier(error: VerifierBuilderError) -> TlsError {
    match error {
        VerifierBuilderError::NoRootAnchors => TlsError::NoRoots,
        error => TlsError::of_config(rustls::Error::General(error.to_string())),
    }
}
