//! How a client speaks TLS.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};

use super::provider::provider;
use super::{HTTP_1_1, Identity, Roots, TlsError, Versions, key_log};
use crate::handshake::CLIENT_TIMEOUT;

/// A client's TLS, made once and used for all its connections: sessions are resumed among them. A clone is the same.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    timeout: Duration,
}

impl ClientTls {
    /// With what the features offer: see [`Roots`] and the [module](super).
    ///
    /// # Errors
    ///
    /// [`TlsError::NoProvider`], [`TlsError::NoRoots`], [`TlsError::EmptyStore`].
    pub fn new() -> Result<Self, TlsError> {
        Self::builder().build()
    }

    /// What [`new`](Self::new) makes, made once a process.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); the next call tries again.
    pub fn shared() -> Result<Self, TlsError> {
        static SHARED: OnceLock<ClientTls> = OnceLock::new();
        match SHARED.get() {
            Some(shared) => Ok(shared.clone()),
            None => {
                let made = Self::new()?;
                Ok(SHARED.get_or_init(|| made).clone())
            }
        }
    }

    /// With choices of one's own.
    pub fn builder() -> ClientTlsBuilder {
        ClientTlsBuilder::default()
    }

    /// Checks the server's certificate against this name, and sends it as the server's (SNI), whatever the URL
    /// says.
    ///
    /// # Errors
    ///
    /// [`TlsError::ServerName`].
    pub fn with_server_name(mut self, name: &str) -> Result<Self, TlsError> {
        self.server_name = Some(parse_name(name)?);
        Ok(self)
    }

    /// How long a handshake may take: 20 s by default.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// How long a handshake may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// For a server of another origin, to which the first one leads: trusts whom this one trusts, but shows no certificate of
    /// the client's, resumes no session in which it was shown, and goes by the name in the URL.
    pub(in crate::adapter) fn for_another_origin(mut self) -> Self {
        self.server_name = None;
        if self.config.client_auth_cert_resolver.has_certs() {
            let config = Arc::make_mut(&mut self.config);
            config.client_auth_cert_resolver = Arc::new(NoCertificate);
            config.resumption = Resumption::default();
        }
        self
    }

    /// The name that a server called `host` must prove.
    pub(super) fn name_of(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => parse_name(host),
        }
    }
}

impl From<Arc<ClientConfig>> for ClientTls {
    /// Takes the configuration as it is: its protocols for ALPN, too, which should be none or `http/1.1` alone.
    fn from(config: Arc<ClientConfig>) -> Self {
        Self { config, server_name: None, timeout: CLIENT_TIMEOUT }
    }
}

impl From<ClientConfig> for ClientTls {
    fn from(config: ClientConfig) -> Self {
        Arc::new(config).into()
    }
}

/// The choices of which a [`ClientTls`] is made.
#[derive(Clone, Debug, Default)]
#[must_use = "`build` makes a configuration of it"]
pub struct ClientTlsBuilder {
    roots: Roots,
    identity: Option<Identity>,
    versions: Versions,
    logs_keys: bool,
}

impl ClientTlsBuilder {
    /// Which certificates are trusted.
    pub fn roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// The client's own certificate, for servers that ask for one.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
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
    /// As [`ClientTls::new`], and [`TlsError::Config`] for an identity that does not fit together.
    pub fn build(self) -> Result<ClientTls, TlsError> {
        let provider = provider()?;
        let verifier = self.roots.verifier(&provider)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions.list())
            .map_err(TlsError::of_config)?
            .dangerous() // so it is named, but the verifier is rustls' own or the platform's
            .with_custom_certificate_verifier(verifier);
        let mut config = match self.identity {
            Some(Identity { chain, key }) => {
                config.with_client_auth_cert(chain, key).map_err(TlsError::of_config)?
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        if self.logs_keys {
            config.key_log = key_log();
        }
        Ok(config.into())
    }
}

/// Shows no certificate.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

fn parse_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.to_owned()))
}
