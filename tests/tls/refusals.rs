//! What must fail, and what it says.

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

use hybi::blocking::Error;
use hybi::tls::rustls::{self, AlertDescription, CertificateError};
use hybi::tls::{ClientCertificates, ClientTls, Identity, ServerTls, TlsError, Versions};

use crate::adapters::{bounded, tcp};
use crate::certificates::{AUTHORITY, Authority, client, server};
use crate::meeting::{HOST, meet, meet_at};

#[test]
fn a_certificate_for_another_name_is_refused() {
    let server = ServerTls::new(AUTHORITY.identity(&["example.net"])).unwrap();
    meet(&client().build().unwrap(), &server, |met| {
        let error = met.client.unwrap_err();
        assert!(
            matches!(
                certificate_error(&error),
                Some(
                    CertificateError::NotValidForName
                        | CertificateError::NotValidForNameContext { .. }
                )
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains("example.net"), "{error}");
        assert_eq!(alert(&met.server.unwrap_err()), Some(AlertDescription::BadCertificate));
    });
}

#[test]
fn a_certificate_for_another_address_is_refused() {
    let server = ServerTls::new(AUTHORITY.identity(&["127.0.0.2"])).unwrap();
    meet_at("127.0.0.1", &client().build().unwrap(), &server, |met| {
        assert!(certificate_error(&met.client.unwrap_err()).is_some());
    });
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_refused() {
    let server = ServerTls::new(Authority::new("unknown").identity(&[HOST])).unwrap();
    meet(&client().build().unwrap(), &server, |met| {
        let error = met.client.unwrap_err();
        assert_eq!(certificate_error(&error), Some(&CertificateError::UnknownIssuer), "{error:?}");
        assert_eq!(alert(&met.server.unwrap_err()), Some(AlertDescription::UnknownCA));
    });
}

#[test]
fn an_expired_certificate_is_refused() {
    let server = ServerTls::new(AUTHORITY.expired(&[HOST])).unwrap();
    meet(&client().build().unwrap(), &server, |met| {
        let error = met.client.unwrap_err();
        assert!(
            matches!(
                certificate_error(&error),
                Some(CertificateError::Expired | CertificateError::ExpiredContext { .. })
            ),
            "{error:?}"
        );
        assert_eq!(alert(&met.server.unwrap_err()), Some(AlertDescription::CertificateExpired));
    });
}

#[test]
fn a_client_without_the_certificate_that_is_required_is_refused() {
    let clients = Authority::new("of the clients");
    let server = ServerTls::builder(AUTHORITY.identity(&[HOST]))
        .client_certificates(ClientCertificates::Required(clients.store()))
        .build()
        .unwrap();
    // In TLS 1.3 the client is done before it hears of it: the error is one of the stream.
    meet(&client().build().unwrap(), &server, |met| {
        let refused = met.server.unwrap_err();
        assert!(
            matches!(tls_error(&refused), Some(rustls::Error::NoCertificatesPresented)),
            "{refused:?}"
        );
        assert_eq!(alert(&met.client.unwrap_err()), Some(AlertDescription::CertificateRequired));
    });
}

#[test]
fn a_client_with_a_certificate_of_somebody_else_is_refused() {
    let clients = Authority::new("of the clients");
    for wanted in [
        ClientCertificates::Required(clients.store()),
        ClientCertificates::Optional(clients.store()),
    ] {
        let server = ServerTls::builder(AUTHORITY.identity(&[HOST]));
        let server = server.client_certificates(wanted).build().unwrap();
        let client = client().identity(AUTHORITY.identity(&["somebody"])).build().unwrap();
        meet(&client, &server, |met| {
            let refused = met.server.unwrap_err();
            assert_eq!(certificate_error(&refused), Some(&CertificateError::UnknownIssuer));
            assert_eq!(alert(&met.client.unwrap_err()), Some(AlertDescription::UnknownCA));
        });
    }
}

#[test]
fn a_server_that_only_speaks_http_2_is_refused() {
    let mut own = rustls::ServerConfig::clone(server().config());
    own.alpn_protocols = vec![b"h2".to_vec()];
    meet(&client().build().unwrap(), &own.into(), |met| {
        assert_eq!(alert(&met.client.unwrap_err()), Some(AlertDescription::NoApplicationProtocol));
        let refused = met.server.unwrap_err();
        assert!(matches!(tls_error(&refused), Some(rustls::Error::NoApplicationProtocol)));
    });
}

#[test]
fn http_2_is_refused_where_configurations_of_the_callers_own_agree_on_it() {
    let mut own_server = rustls::ServerConfig::clone(server().config());
    let mut own_client = rustls::ClientConfig::clone(client().build().unwrap().config());
    own_server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    own_client.alpn_protocols = own_server.alpn_protocols.clone();
    meet(&own_client.into(), &own_server.into(), |met| {
        for error in [met.client.unwrap_err(), met.server.unwrap_err()] {
            assert!(
                matches!(&error, Error::Tls(TlsError::Protocol(protocol)) if protocol == b"h2"),
                "{error:?}"
            );
            assert!(error.to_string().contains("\"h2\" by ALPN"), "{error}");
        }
    });
}

#[test]
fn two_ends_without_a_version_in_common_part() {
    let provider = server().config().crypto_provider().clone();
    let old = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(server().config().cert_resolver.clone());
    meet(&client().versions(Versions::Tls13).build().unwrap(), &old.into(), |met| {
        assert_eq!(alert(&met.client.unwrap_err()), Some(AlertDescription::ProtocolVersion));
        assert!(matches!(
            tls_error(&met.server.unwrap_err()),
            Some(rustls::Error::PeerIncompatible(_))
        ));
    });
}

/// What a client and a server make of bytes that are no TLS, over each adapter.
fn instead_of_tls(bytes: &'static [u8], check: fn(Error)) {
    for adapter in [0, 1] {
        for role in [hybi::Role::Client, hybi::Role::Server] {
            bounded(move || {
                let (ours, mut theirs) = tcp::sockets();
                let peer = thread::spawn(move || {
                    theirs.write_all(bytes).unwrap();
                    theirs.shutdown(std::net::Shutdown::Write).unwrap();
                    let mut rest = Vec::new();
                    // A reset is as good.
                    let _ = theirs.read_to_end(&mut rest);
                });
                let client = client().build().unwrap();
                let error = match (adapter, role) {
                    (0, hybi::Role::Client) => {
                        hybi::blocking::TlsStream::connect(ours, &client, HOST).map(drop)
                    }
                    (0, hybi::Role::Server) => {
                        hybi::blocking::TlsStream::accept(ours, &server()).map(drop)
                    }
                    (_, role) => {
                        let mut builder = tokio::runtime::Builder::new_current_thread();
                        let runtime = builder.enable_all().build().unwrap();
                        ours.set_nonblocking(true).unwrap();
                        runtime.block_on(async {
                            let ours = tokio::net::TcpStream::from_std(ours).unwrap();
                            match role {
                                hybi::Role::Client => {
                                    let stream =
                                        hybi::tokio::TlsStream::connect(ours, &client, HOST);
                                    stream.await.map(drop)
                                }
                                hybi::Role::Server => {
                                    hybi::tokio::TlsStream::accept(ours, &server()).await.map(drop)
                                }
                            }
                        })
                    }
                };
                check(error.unwrap_err());
                peer.join().unwrap();
            });
        }
    }
}

#[test]
fn plain_http_is_told_from_tls() {
    instead_of_tls(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n\r\n", |error| {
        assert!(matches!(error, Error::Tls(TlsError::NotTls)), "{error:?}");
        assert!(error.to_string().contains("ws:"), "{error}");
    });
    instead_of_tls(b"HTTP/1.1 400 Bad Request\r\n\r\n", |error| {
        assert!(matches!(error, Error::Tls(TlsError::NotTls)), "{error:?}");
    });
}

#[test]
fn garbage_is_told_from_tls() {
    instead_of_tls(&[0; 64], |error| {
        assert!(matches!(error, Error::Tls(TlsError::NotTls)), "{error:?}");
    });
    // The head of a record with nothing in it that makes sense.
    instead_of_tls(b"\x16\x03\x01\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff", |error| {
        assert!(matches!(error, Error::Tls(TlsError::Handshake(_))), "{error:?}");
    });
}

#[test]
fn an_end_in_the_handshake_is_told() {
    instead_of_tls(b"", |error| {
        assert!(matches!(error, Error::Tls(TlsError::Ended)), "{error:?}");
    });
    instead_of_tls(b"\x16\x03\x01\x00\xff\x01", |error| {
        assert!(matches!(error, Error::Tls(TlsError::Ended)), "{error:?}");
    });
}

#[test]
fn names_that_no_certificate_can_have_are_refused_before_anything_is_sent() {
    for name in ["", "a b", "example..com", "[::1]", "-"] {
        let error = client().build().unwrap().with_server_name(name).unwrap_err();
        assert!(matches!(&error, TlsError::ServerName(told) if told == name), "{error:?}");
    }
}

#[test]
fn pem_without_what_is_needed_is_refused() {
    let (chain, key) = AUTHORITY.pem_for(&[HOST], |_| {});
    let (_, other_key) = AUTHORITY.pem_for(&[HOST], |_| {});
    for (chain, key) in
        [(&key, &key), (&chain, &chain), (&String::new(), &key), (&chain, &String::new())]
    {
        let error = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(matches!(error, TlsError::Pem(_)), "{error:?}");
    }
    let both = [chain.as_str(), key.as_str()].concat();
    ServerTls::new(Identity::from_pem(both.as_bytes(), both.as_bytes()).unwrap()).unwrap();
    let mismatched = Identity::from_pem(chain.as_bytes(), other_key.as_bytes()).unwrap();
    let error = ServerTls::new(mismatched).unwrap_err();
    let TlsError::Config(error) = error else { panic!("{error:?}") };
    assert!(matches!(*error, rustls::Error::InconsistentKeys(_)), "{error:?}");
}

#[test]
fn an_empty_store_is_told() {
    let empty = hybi::tls::Roots::Own(Arc::new(rustls::RootCertStore::empty()));
    let error = ClientTls::builder().roots(empty).build().unwrap_err();
    assert!(matches!(error, TlsError::NoRoots), "{error:?}");
}

/// The error of rustls, whether it came in the handshake or after.
fn tls_error(error: &Error) -> Option<&rustls::Error> {
    match error {
        Error::Tls(TlsError::Handshake(error)) => Some(error),
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

fn certificate_error(error: &Error) -> Option<&CertificateError> {
    match tls_error(error)? {
        rustls::Error::InvalidCertificate(error) => Some(error),
        _ => None,
    }
}

/// The alert that the peer sent.
fn alert(error: &Error) -> Option<AlertDescription> {
    match tls_error(error)? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}
