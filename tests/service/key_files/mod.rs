//! Files of keys, as `openssl` and others write and read them.

mod kept;
mod public;
mod read;
mod refused;
mod written;

use feedpass::domain::{Algorithm, KeyType};
use feedpass::issuer::keyring::{PrivateKey, public_pem};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::support::openssl::{accepts, openssl};

const PASSPHRASE: &str = "correct horse battery";

fn passphrase() -> SecretString {
    SecretString::from(PASSPHRASE)
}

/// What `openssl` answers to `input`, its arguments as one types them.
fn run(command: &str, input: &[u8]) -> Vec<u8> {
    openssl(&words(command), input)
}

/// [`run`], where it answers with PEM.
fn pem(command: &str, input: &str) -> String {
    String::from_utf8(run(command, input.as_bytes())).unwrap()
}

/// Whether `openssl` is content.
fn passes(command: &str, input: &str) -> bool {
    accepts(&words(command), input.as_bytes())
}

/// The arguments in `command`, with [`PASSPHRASE`] for `PASS`.
fn words(command: &str) -> Vec<&str> {
    command.split(' ').map(|word| if word == "PASS" { "pass:correct horse battery" } else { word }).collect()
}

/// A new key, PKCS#8 in clear: `rsa:3072`, `P-256`.
fn fresh(kind: &str) -> String {
    let options = match kind.split_once(':') {
        Some(("rsa", bits)) => format!("-algorithm RSA -quiet -pkeyopt rsa_keygen_bits:{bits}"),
        _ => format!("-algorithm EC -pkeyopt ec_paramgen_curve:{kind}"),
    };
    pem(&format!("genpkey {options}"), "")
}

/// Has `key` sign with all that it can sign with, and openssl verify with the public key that we export.
async fn signs_as_openssl_verifies(key: &PrivateKey, what: &str) {
    let key_type = key.public().key_type();
    for algorithm in key_type.algorithms() {
        let jwk = key.jwk(*algorithm).unwrap();
        let message = format!("{what} signed with {algorithm}");
        let signature = key.signer(*algorithm).unwrap().sign(message.as_bytes()).await.unwrap();
        assert!(is_verified(&public_pem(&jwk).unwrap(), *algorithm, &message, &signature), "{message}");
        assert!(!is_verified(&public_pem(&jwk).unwrap(), *algorithm, &message.replace("signed", "forged"), &signature));
    }
}

fn is_verified(public: &str, algorithm: Algorithm, message: &str, signature: &[u8]) -> bool {
    let directory = TempDir::new().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let signature = if algorithm.key_type() == KeyType::Rsa { signature.to_vec() } else { der(signature) };
    let (public, signature) = (file("public.pem", public.as_bytes()), file("signature", &signature));
    let hash = format!("-sha{}", &algorithm.as_str()[2..]);
    accepts(&["dgst", &hash, "-verify", &public, "-signature", &signature], message.as_bytes())
}

/// The two numbers of a JWS signature (RFC 7518 §3.4) as `ECDSA-Sig-Value` (RFC 3279 §2.2.3) has them.
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap();
        let sign = if number[start] >= 0x80 { &[0][..] } else { &[] };
        let number = [sign, &number[start..]].concat();
        [&[2, u8::try_from(number.len()).unwrap()], number.as_slice()].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let numbers = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(numbers.len()).unwrap()], numbers.as_slice()].concat()
}
