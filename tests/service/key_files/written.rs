//! What we write, as `openssl` reads it.

use feedpass::domain::{Algorithm, KeySpec};
use feedpass::entropy::SystemEntropy;
use feedpass::issuer::keyring::{PrivateKey, certificate_pem, public_pem};

use super::{passes, passphrase, pem, signs_as_openssl_verifies};

fn specs() -> Vec<KeySpec> {
    let rsa = ["2048", "3072", "4096"].map(|bits| KeySpec::new(Algorithm::Rs256, Some(bits.parse().unwrap())).unwrap());
    rsa.into_iter().chain([Algorithm::Es256, Algorithm::Es384].map(KeySpec::from)).collect()
}

#[tokio::test]
async fn openssl_reads_every_key_that_is_made_in_clear_and_encrypted() {
    for spec in specs() {
        let key = PrivateKey::generate(spec, &SystemEntropy::default()).unwrap();
        assert_eq!(key.public().spec(spec.algorithm()), Ok(spec));
        let clear = key.to_pem(None, &SystemEntropy::default()).unwrap();
        assert!(passes("pkey -check -noout", &clear), "{spec}");
        assert!(clear.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{spec}");
        let encrypted = key.to_pem(Some(&passphrase()), &SystemEntropy::default()).unwrap();
        assert!(encrypted.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{spec}");
        assert!(!passes("pkey -noout -passin pass:wrong", &encrypted), "{spec}");
        assert_eq!(pem("pkey -passin PASS", &encrypted), *clear, "{spec}");
        for text in [&clear, &encrypted] {
            let again = PrivateKey::from_pem(text, Some(&passphrase())).unwrap();
            assert_eq!(again.public(), key.public(), "{spec}");
            assert_eq!(again.to_pem(None, &SystemEntropy::default()).unwrap(), clear, "{spec}");
        }
        signs_as_openssl_verifies(&key, &spec.to_string()).await;
    }
}

#[test]
fn no_two_encrypted_files_are_alike() {
    let key = PrivateKey::generate(Algorithm::Es256.into(), &SystemEntropy::default()).unwrap();
    let file = || key.to_pem(Some(&passphrase()), &SystemEntropy::default()).unwrap();
    assert_ne!(file(), file());
}

#[test]
fn what_is_exported_is_what_openssl_makes_of_the_private_key() {
    for spec in specs().into_iter().filter(|spec| spec.rsa_bits().is_none_or(|bits| bits.bits() == 2048)) {
        let key = PrivateKey::generate(spec, &SystemEntropy::default()).unwrap();
        let public = pem("pkey -pubout", &key.to_pem(None, &SystemEntropy::default()).unwrap());
        for algorithm in key.public().key_type().algorithms() {
            let jwk = key.jwk(*algorithm).unwrap();
            assert_eq!(public_pem(&jwk).unwrap(), public, "{spec}");
            let certificate = certificate_pem(&jwk).unwrap();
            assert_eq!(pem("x509 -pubkey -noout", &certificate), public, "{spec}");
            let directory = tempfile::TempDir::new().unwrap();
            let path = directory.path().join("certificate.pem");
            std::fs::write(&path, certificate).unwrap();
            assert!(passes(&format!("verify -check_ss_sig -CAfile {0} {0}", path.display()), ""), "{spec}");
        }
        assert_eq!(certificate_pem(&key.public().jwk(spec.algorithm()).unwrap()), None);
    }
}
