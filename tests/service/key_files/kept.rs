//! Key files in the folder of keys, encrypted.

use std::path::Path;
use std::sync::Arc;

use feedpass::clock::ManualClock;
use feedpass::domain::KeySpec;
use feedpass::entropy::{Entropy, SystemEntropy};
use feedpass::issuer::keyring::backends::Directory;
use feedpass::issuer::keyring::{KeyRing, KeyRingError};
use feedpass::telemetry::with_causes;
use secrecy::SecretString;
use tempfile::TempDir;

use super::{PASSPHRASE, passes};
use crate::support::{START, keys};

async fn open(keys: &Path, passphrase: Option<&str>) -> Result<String, KeyRingError> {
    let clock = Arc::new(ManualClock::at(START.parse().unwrap()));
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    let store = Directory::new(keys.to_owned(), passphrase.map(SecretString::from), Arc::clone(&entropy));
    let ring = KeyRing::open(Arc::new(store), KeySpec::default(), clock, entropy).await?;
    Ok(ring.current().active_kid().to_string())
}

#[tokio::test]
async fn with_a_passphrase_a_new_key_is_encrypted_and_opens_with_it_alone() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("keys");
    let kid = open(&path, Some(PASSPHRASE)).await.unwrap();
    let pem = std::fs::read_to_string(path.join(format!("{kid}.pem"))).unwrap();
    assert!(passes("pkey -noout -passin PASS", &pem), "openssl opens it");
    assert!(!passes("pkey -noout -passin pass:other", &pem));
    assert_eq!(open(&path, Some(PASSPHRASE)).await.unwrap(), kid, "the next start goes on with it");
    for (passphrase, problem) in [
        (
            None,
            "it is encrypted, and no passphrase is given: for the keys that feedpass keeps, `keys.passphrase_file` names \
             the file with it",
        ),
        (Some("other"), "the given passphrase does not open it; give the one that it was encrypted with"),
    ] {
        let error = open(&path, passphrase).await.expect_err("what is encrypted stays shut");
        let pem = path.join(format!("{kid}.pem"));
        assert_eq!(
            with_causes(&error),
            format!("the signing keys are not usable: {} is no private key that can be used: {problem}", pem.display())
        );
    }
}

#[tokio::test]
async fn a_key_that_was_kept_in_clear_is_used_under_a_passphrase_too() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("keys");
    keys::put(&path).await;
    let kid = open(&path, None).await.unwrap();
    assert_eq!(open(&path, Some(PASSPHRASE)).await.unwrap(), kid);
}
