//! What the environment decides: where keys are logged, which store is the system's. Each such test runs again in a process
//! of its own, whose environment it is.

use std::path::Path;
use std::process::Command;

use hybi::tls::{ClientTls, Roots};

use crate::certificates::{AUTHORITY, client, server};
use crate::meeting::meet;

/// What `keys_are_logged_where_it_was_asked_for` runs in a process of its own, where the environment names a file.
#[test]
fn a_meeting_that_logs_its_keys() {
    let tls = client().log_keys().build().unwrap();
    meet(&tls, &server(), |met| drop(met.client.unwrap()));
}

/// The same without asking.
#[test]
fn a_meeting_that_logs_no_keys() {
    meet(&client().build().unwrap(), &server(), |met| drop(met.client.unwrap()));
}

#[test]
fn keys_are_logged_where_it_was_asked_for() {
    for (test, logs) in
        [("a_meeting_that_logs_its_keys", true), ("a_meeting_that_logs_no_keys", false)]
    {
        let file = std::env::temp_dir().join(format!("hybi-keys-{}-{logs}", std::process::id()));
        again(test, &[("SSLKEYLOGFILE", &file)]);
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        let _ = std::fs::remove_file(&file);
        assert_eq!(written.contains("CLIENT_TRAFFIC_SECRET_0"), logs, "{written:?}");
    }
}

/// Names the file that `the_systems_store_decides_whom_a_client_trusts` made its store.
const STORE: &str = "HYBI_TEST_STORE";

#[test]
fn the_systems_store_decides_whom_a_client_trusts() {
    let Some(file) = std::env::var_os(STORE) else {
        // Nobody's store has an authority that was made up just now.
        for roots in systems() {
            if let Ok(tls) = ClientTls::builder().roots(roots).build() {
                meet(&tls, &server(), |met| drop(met.client.unwrap_err()));
            }
        }
        let file = std::env::temp_dir().join(format!("hybi-store-{}", std::process::id()));
        std::fs::write(&file, "").unwrap();
        again(
            "the_systems_store_decides_whom_a_client_trusts",
            &[(STORE, &file), ("SSL_CERT_FILE", &file)],
        );
        std::fs::remove_file(&file).unwrap();
        return;
    };
    std::fs::write(file, AUTHORITY.pem()).unwrap();
    for roots in systems() {
        meet(&ClientTls::builder().roots(roots).build().unwrap(), &server(), |met| {
            met.client.unwrap();
        });
    }
}

fn systems() -> Vec<Roots> {
    vec![
        #[cfg(feature = "tls-native-roots")]
        Roots::Native,
        // On other systems it does not read the file.
        #[cfg(all(feature = "tls-platform-verifier", target_os = "linux"))]
        Roots::Platform,
    ]
}

/// Runs a test of this file in a process of its own.
fn again(test: &str, environment: &[(&str, &Path)]) {
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", &format!("environment::{test}")]).envs(environment.iter().copied());
    let done = alone.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}
