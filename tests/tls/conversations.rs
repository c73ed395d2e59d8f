//! What goes well.

use std::slice;

use hybi::tls::rustls::pki_types::CertificateDer;
use hybi::tls::rustls::{self, ProtocolVersion};
use hybi::tls::{ClientCertificates, ClientTls, Identity, Roots, ServerTls, Versions};

use crate::certificates::{AUTHORITY, Authority, client, server};
use crate::meeting::{HOST, meet, meet_at};

#[test]
fn a_message_goes_there_and_back_over_tls_1_3() {
    meet(&client().build().unwrap(), &server(), |met| {
        for end in [met.client.unwrap(), met.server.unwrap()] {
            assert_eq!(end.version, Some(ProtocolVersion::TLSv1_3));
            assert_eq!(end.protocol.as_deref(), Some(&b"http/1.1"[..]));
        }
    });
}

#[test]
fn a_message_goes_there_and_back_over_tls_1_2() {
    let provider = server().config().crypto_provider().clone();
    let old = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(server().config().cert_resolver.clone());
    meet(&client().build().unwrap(), &old.into(), |met| {
        for end in [met.client.unwrap(), met.server.unwrap()] {
            assert_eq!(end.version, Some(ProtocolVersion::TLSv1_2));
            assert_eq!(end.protocol, None, "a server's own configuration is used as it is");
        }
    });
}

#[test]
fn the_server_is_told_which_name_was_asked_for() {
    meet(&client().build().unwrap(), &server(), |met| {
        assert_eq!(met.server.unwrap().server_name.as_deref(), Some(HOST));
        assert_eq!(met.client.unwrap().server_name, None);
    });
}

#[test]
fn the_client_sees_the_certificate_of_the_server() {
    let identity = AUTHORITY.identity(&[HOST]);
    let shown = first_of(&identity);
    meet(&client().build().unwrap(), &ServerTls::new(identity).unwrap(), |met| {
        let agreed = met.client.unwrap();
        assert_eq!(agreed.peer_certificates, slice::from_ref(&shown));
        let brief = format!("peer_certificates: [{}] bytes", shown.len());
        assert!(format!("{agreed:?}").contains(&brief), "{agreed:?}");
        assert_eq!(met.server.unwrap().peer_certificates, []);
    });
}

#[test]
fn a_server_is_reached_by_its_address() {
    for address in ["127.0.0.1", "::1"] {
        let server = ServerTls::new(AUTHORITY.identity(&[address])).unwrap();
        meet_at(address, &client().build().unwrap(), &server, |met| {
            met.client.unwrap();
            assert_eq!(met.server.unwrap().server_name, None, "an address is not sent");
        });
    }
}

#[test]
fn a_name_of_ones_own_takes_the_place_of_the_hosts() {
    let server = ServerTls::new(AUTHORITY.identity(&["inside.example.net"])).unwrap();
    let client = client().build().unwrap().with_server_name("inside.example.net").unwrap();
    meet_at("10.0.0.1", &client, &server, |met| {
        met.client.unwrap();
        assert_eq!(met.server.unwrap().server_name.as_deref(), Some("inside.example.net"));
    });
}

#[test]
fn a_client_shows_its_certificate_where_it_is_asked() {
    let clients = Authority::new("of the clients");
    let identity = clients.identity(&["somebody"]);
    let shown = first_of(&identity);
    for wanted in [
        ClientCertificates::Required(clients.store()),
        ClientCertificates::Optional(clients.store()),
    ] {
        let server = ServerTls::builder(AUTHORITY.identity(&[HOST]));
        let server = server.client_certificates(wanted).build().unwrap();
        meet(&client().identity(identity.clone()).build().unwrap(), &server, |met| {
            met.client.unwrap();
            assert_eq!(met.server.unwrap().peer_certificates, slice::from_ref(&shown));
        });
    }
}

#[test]
fn a_client_without_a_certificate_is_served_where_it_is_optional() {
    let server = ServerTls::builder(AUTHORITY.identity(&[HOST]));
    let wanted = ClientCertificates::Optional(Authority::new("of the clients").store());
    let server = server.client_certificates(wanted).build().unwrap();
    meet(&client().build().unwrap(), &server, |met| {
        met.client.unwrap();
        assert_eq!(met.server.unwrap().peer_certificates, []);
    });
}

#[test]
fn a_session_is_resumed_by_the_clients_that_share_a_configuration() {
    let told = std::cell::RefCell::new(Vec::new());
    meet(&client().build().unwrap(), &server(), |met| {
        told.borrow_mut().push((met.client.unwrap().resumed, met.server.unwrap().resumed));
    });
    assert_eq!(told.into_inner(), [(false, false), (true, true), (true, true), (true, true)]);
}

#[test]
fn a_client_takes_a_configuration_of_the_callers_own() {
    let own = client().versions(Versions::Tls13).build().unwrap().config().clone();
    meet(&ClientTls::from(own), &server(), |met| {
        assert_eq!(met.client.unwrap().version, Some(ProtocolVersion::TLSv1_3));
    });
}

#[test]
fn roots_can_be_several() {
    let other = Authority::new("another");
    let both = [other.pem(), AUTHORITY.pem()].concat();
    let roots = Roots::from_pem(both.as_bytes()).unwrap();
    meet(&ClientTls::builder().roots(roots).build().unwrap(), &server(), |met| {
        met.client.unwrap();
    });
}

fn first_of(identity: &Identity) -> CertificateDer<'static> {
    identity.chain()[0].clone()
}
