//! Whose cryptography is taken, with every choice of features: never a panic, and nothing is installed for the process.
//!
//! The gate runs this file with no provider's feature, with each and with both.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use hybi::tls::rustls::crypto::CryptoProvider;
use hybi::tls::{ClientTls, Identity, Roots, ServerTls, TlsError};

/// One test: what is installed for the process is there for all of it.
#[test]
fn the_installed_provider_goes_before_aws_lc_rs_and_that_before_ring() {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, pem) = (key.cert.pem(), key.signing_key.serialize_pem());
    let client = || ClientTls::builder().roots(Roots::from_pem(chain.as_bytes()).unwrap()).build();
    let server = || ServerTls::new(Identity::from_pem(chain.as_bytes(), pem.as_bytes()).unwrap());

    let of_features = match (cfg!(feature = "tls-aws-lc-rs"), cfg!(feature = "tls-ring")) {
        (true, _) => Some("AwsLcRs"),
        (false, true) => Some("Ring"),
        (false, false) => None,
    };
    match of_features {
        Some(name) => {
            assert_eq!(name_of(client().unwrap().config().crypto_provider()), name);
            assert_eq!(name_of(server().unwrap().config().crypto_provider()), name);
        }
        None => {
            for error in [client().unwrap_err(), server().unwrap_err()] {
                assert!(matches!(error, TlsError::NoProvider), "{error:?}");
                assert!(error.to_string().contains("tls-ring or tls-aws-lc-rs"), "{error}");
            }
        }
    }
    assert!(CryptoProvider::get_default().is_none(), "nothing was installed");

    #[cfg(feature = "tls-ring")]
    {
        // The one that the features would not choose where both are on.
        let ring = hybi::tls::rustls::crypto::ring::default_provider();
        ring.install_default().unwrap();
        assert_eq!(name_of(client().unwrap().config().crypto_provider()), "Ring");
        assert_eq!(name_of(server().unwrap().config().crypto_provider()), "Ring");
    }
}

#[test]
fn without_roots_a_client_says_which_features_bring_some() {
    let any = cfg!(any(
        feature = "tls-webpki-roots",
        feature = "tls-native-roots",
        feature = "tls-platform-verifier"
    ));
    let provider = cfg!(any(feature = "tls-ring", feature = "tls-aws-lc-rs"));
    match (ClientTls::new(), provider) {
        (Err(TlsError::NoProvider), false) => {}
        (Err(error @ TlsError::NoRoots), true) if !any => {
            assert!(error.to_string().contains("tls-webpki-roots"), "{error}");
        }
        // A machine may have no store.
        (Ok(_) | Err(TlsError::EmptyStore(_) | TlsError::Config(_)), true) if any => {}
        (made, _) => panic!("{made:?}"),
    }
}

#[test]
#[cfg(all(feature = "tls-webpki-roots", any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
fn the_roots_of_mozillas_program_are_taken_without_a_system() {
    ClientTls::builder().roots(Roots::Webpki).build().unwrap();
}

/// rustls names its providers in their `Debug` alone.
fn name_of(provider: &CryptoProvider) -> String {
    format!("{:?}", provider.secure_random)
}
