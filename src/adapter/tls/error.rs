//! What can go wrong before a TLS stream is open.

use std::fmt;

use rustls::InvalidMessage;

use crate::handshake::Brief;

/// Why there is no TLS configuration, or no TLS session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// Nobody provides the cryptography.
    NoProvider,
    /// Nobody says which certificates are trusted: no feature brings roots and the caller gave none.
    NoRoots,
    /// The system's store of certificates holds none, or cannot be read; what its reader says.
    EmptyStore(String),
    /// The PEM text holds no certificate, or no private key that is known.
    Pem(String),
    /// The configuration does not fit together: a key that is not the certificate's, for example.
    Config(Box<rustls::Error>),
    /// The name of the server is neither a DNS name nor an IP address.
    ServerName(String),
    /// What came was no TLS: another protocol is spoken on that port.
    NotTls,
    /// The handshake failed: which certificate, parameter or alert it was stands in the error.
    Handshake(Box<rustls::Error>),
    /// The peer chose a protocol by ALPN that is not `http/1.1`.
    Protocol(Vec<u8>),
    /// The peer ended the connection during the handshake.
    Ended,
    /// The handshake took too long.
    Timeout,
}

impl TlsError {
    /// Of the handshake.
    pub(super) fn of_handshake(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            error => Self::Handshake(error.into()),
        }
    }

    pub(super) fn of_config(error: rustls::Error) -> Self {
        Self::Config(error.into())
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider => f.write_str(
                "no cryptography for TLS: enable the feature tls-ring or tls-aws-lc-rs of hybi, or install \
                 a provider of rustls for the process",
            ),
            Self::NoRoots => f.write_str(
                "no trusted certificates for TLS: enable the feature tls-webpki-roots, tls-native-roots or \
                 tls-platform-verifier of hybi, or give roots of your own",
            ),
            Self::EmptyStore(why) if why.is_empty() => {
                f.write_str("the system's store holds no trusted certificates")
            }
            Self::EmptyStore(why) => {
                let why = Brief(why);
                write!(f, "the system's store of trusted certificates is of no use: {why}")
            }
            Self::Pem(what) => write!(f, "bad PEM: {what}"),
            Self::Config(error) => write!(f, "the configuration for TLS is of no use: {error}"),
            Self::ServerName(name) => {
                write!(f, "no certificate can be checked against the server name {name:?}")
            }
            Self::NotTls => f.write_str("the peer does not speak TLS: is the port one for ws: and not wss:?"),
            Self::Handshake(error) => {
                // The names in a certificate are as many as the peer likes.
                write!(f, "the TLS handshake failed: {}", Brief(&error.to_string()))?;
                f.write_str(hint(error).unwrap_or_default())
            }
            Self::Protocol(protocol) => write!(
                f,
                "the peer chose the protocol {:?} by ALPN: a WebSocket needs http/1.1",
                String::from_utf8_lossy(protocol)
            ),
            Self::Ended => f.write_str("the peer ended the connection during the TLS handshake"),
            Self::Timeout => f.write_str("the TLS handshake was not done in time"),
        }
    }
}

/// What the error of a library that names only the rule means here.
fn hint(error: &rustls::Error) -> Option<&'static str> {
    use rustls::{AlertDescription as Alert, CertificateError, Error};
    Some(match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            ": nobody whom we trust has issued the certificate"
        }
        Error::AlertReceived(Alert::UnknownCA) => {
            ": the peer does not trust who issued our certificate"
        }
        Error::AlertReceived(Alert::CertificateRequired) => {
            ": the peer wants a certificate of ours"
        }
        Error::AlertReceived(Alert::NoApplicationProtocol) => ": the peer does not offer http/1.1",
        Error::AlertReceived(Alert::UnrecognisedName) => {
            ": the peer has no certificate for this name"
        }
        _ => return None,
    })
}

/// The text has all of it, the error of rustls included.
impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) | Self::Handshake(error) => error.source(),
            _ => None,
        }
    }
}
