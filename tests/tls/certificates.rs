//! Certificates of an authority that the tests make up.

use std::sync::{Arc, LazyLock};

use hybi::tls::rustls::RootCertStore;
use hybi::tls::{ClientTls, ClientTlsBuilder, Identity, Roots, ServerTls};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, date_time_ymd,
};

/// Somebody who vouches for others.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The one that the tests trust.
pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new("ours"));

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let key = new_key();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Certificate and key, as PEM, for names and addresses.
    pub(crate) fn pem_for(
        &self,
        names: &[&str],
        change: fn(&mut CertificateParams),
    ) -> (String, String) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = new_key();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(crate) fn identity(&self, names: &[&str]) -> Identity {
        let (chain, key) = self.pem_for(names, |_| {});
        Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    /// An identity that was good once.
    pub(crate) fn expired(&self, names: &[&str]) -> Identity {
        let (chain, key) = self.pem_for(names, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        });
        Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::from_pem(self.pem.as_bytes()).unwrap()
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        match self.roots() {
            Roots::Own(store) => store,
            other => panic!("{other:?}"),
        }
    }
}

/// Its signatures have all the same length, so sessions have.
fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

/// A client that trusts our authority.
pub(crate) fn client() -> ClientTlsBuilder {
    ClientTls::builder().roots(AUTHORITY.roots())
}

/// A server whose certificate our authority has signed.
pub(crate) fn server() -> ServerTls {
    static SERVER: LazyLock<ServerTls> =
        LazyLock::new(|| ServerTls::new(AUTHORITY.identity(&["example.com"])).unwrap());
    SERVER.clone()
}
