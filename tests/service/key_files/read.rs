//! Private keys as others write them.

use feedpass::domain::Algorithm;
use feedpass::issuer::keyring::{PemError, PrivateKey, certificate_pem};
use secrecy::SecretString;

use super::{fresh, passphrase, pem, signs_as_openssl_verifies};
use crate::support::openssl::openssl;

/// What encrypts a PKCS#8 file, of what openssl has that is worth the name.
const ENCRYPTIONS: [&str; 6] = [
    "pkcs8 -topk8 -passout PASS",
    "pkcs8 -topk8 -v2 aes-128-cbc -passout PASS",
    "pkcs8 -topk8 -v2 aes-192-cbc -passout PASS",
    "pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 100000 -passout PASS",
    "pkcs8 -topk8 -scrypt -passout PASS",
    "pkcs8 -topk8 -v2 aes-128-cbc -scrypt -passout PASS",
];

/// Every form of the same key is read as that key, and it signs.
async fn all_are_one(forms: &[(&str, String)]) {
    let first = PrivateKey::from_pem(&forms[0].1, None).unwrap_or_else(|error| panic!("{}: {error}", forms[0].0));
    signs_as_openssl_verifies(&first, forms[0].0).await;
    for (what, text) in forms {
        for text in [text.clone(), text.replace('\n', "\r\n"), format!("Bag Attributes: none\n{text}\n\n")] {
            let key =
                PrivateKey::from_pem(&text, Some(&passphrase())).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(key.kid(), first.kid(), "{what}");
        }
    }
}

fn encrypted(clear: &str) -> impl Iterator<Item = (&'static str, String)> {
    ENCRYPTIONS.into_iter().map(move |command| (command, pem(command, clear)))
}

#[tokio::test]
async fn every_form_of_an_rsa_key_is_read() {
    let clear = fresh("rsa:2048");
    let traditional = pem("rsa -traditional", &clear);
    assert!(traditional.starts_with("-----BEGIN RSA PRIVATE KEY-----"), "openssl rsa -traditional writes PKCS#1");
    let mut forms = vec![("genpkey", clear.clone()), ("rsa -traditional", traditional)];
    forms.extend(encrypted(&clear));
    all_are_one(&forms).await;
}

#[tokio::test]
async fn every_form_of_a_key_of_a_curve_is_read() {
    for curve in ["P-256", "P-384"] {
        let clear = fresh(curve);
        let sec1 = pem("ec", &clear);
        assert!(sec1.starts_with("-----BEGIN EC PRIVATE KEY-----"), "openssl ec writes SEC 1");
        let mut forms = vec![("genpkey", clear.clone()), ("ec", sec1.clone())];
        forms.push(("ec -no_public", pem("ec -no_public", &clear)));
        forms.extend(encrypted(&clear));
        all_are_one(&forms).await;
    }
}

#[tokio::test]
async fn a_key_is_read_as_each_command_that_makes_one_writes_it() {
    for command in [
        "genrsa -traditional 2048",
        "genrsa 3072",
        "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:4096",
        "ecparam -name prime256v1 -genkey",
        "ecparam -name secp384r1 -genkey",
        "ecparam -name secp384r1 -genkey -noout",
        "genpkey -quiet -aes256 -pass PASS -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        "genpkey -aes-128-cbc -pass PASS -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    ] {
        let text = pem(command, "");
        assert_eq!(command.contains("PASS"), text.contains("ENCRYPTED"), "{command}");
        assert_eq!(command.starts_with("ecparam") && !command.contains("-noout"), text.contains("EC PARAMETERS"));
        let key = PrivateKey::from_pem(&text, Some(&passphrase())).unwrap_or_else(|error| panic!("{command}: {error}"));
        signs_as_openssl_verifies(&key, command).await;
    }
}

#[tokio::test]
async fn a_file_may_hold_the_keys_certificate_too() {
    let key = fresh("P-256");
    let jwk = PrivateKey::from_pem(&key, None).unwrap().jwk(Algorithm::Es256).unwrap();
    let certificate = certificate_pem(&jwk).unwrap();
    let both = [format!("{certificate}{key}"), format!("{key}{certificate}{certificate}")];
    assert!(both.iter().all(|text| PrivateKey::from_pem(text, None).is_ok()));
}

#[test]
fn a_passphrase_is_taken_byte_for_byte() {
    let clear = fresh("P-256");
    for other in ["", " correct horse battery", "Correct horse battery", "pässe→"] {
        let encrypted = openssl(&["pkcs8", "-topk8", "-passout", &format!("pass:{other}")], clear.as_bytes());
        let text = String::from_utf8(encrypted).unwrap();
        let refused = PrivateKey::from_pem(&text, Some(&passphrase())).err().expect("it is another passphrase");
        assert_eq!(refused, PemError::WrongPassphrase, "{other}");
        assert!(PrivateKey::from_pem(&text, Some(&SecretString::from(other))).is_ok(), "{other}");
    }
}
