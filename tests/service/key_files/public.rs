//! Public keys as others write them, for tokens that are only to be verified.

use feedpass::issuer::keyring::{PrivateKey, PublicKey, certificate_pem, public_pem};

use super::{fresh, pem, run};

#[test]
fn every_form_of_a_public_key_is_read() {
    let rsa = ["pkey -pubout", "rsa -RSAPublicKey_out"];
    let ec = ["pkey -pubout", "ec -pubout -conv_form compressed", "ec -pubout -conv_form hybrid"];
    for (kind, commands) in [("rsa:2048", &rsa[..]), ("rsa:4096", &rsa), ("P-256", &ec), ("P-384", &ec)] {
        let clear = fresh(kind);
        let private = PrivateKey::from_pem(&clear, None).unwrap();
        for command in commands {
            // Hybrid points are allowed by X9.62 and forbidden by RFC 5480 §2.2.
            let read = PublicKey::from_pem(&pem(command, &clear));
            if command.ends_with("hybrid") {
                let words = "its numbers make no valid EC key: it is damaged or was made wrongly; take another";
                assert_eq!(read.unwrap_err().to_string(), words);
                continue;
            }
            let public = read.unwrap_or_else(|error| panic!("{kind} {command}: {error}"));
            assert_eq!((&public, public.kid()), (private.public(), private.kid()), "{kind} {command}");
            let jwk = public.jwk(public.key_type().default_algorithm()).unwrap();
            assert_eq!(PublicKey::from_jwk(&jwk).unwrap(), public);
            assert_eq!(public_pem(&jwk).unwrap(), pem("pkey -pubout", &clear), "{kind} {command}");
            assert_eq!((jwk.common.x509_chain.clone(), certificate_pem(&jwk)), (None, None), "nobody could sign one");
        }
    }
}

#[test]
fn what_is_no_public_key_is_refused_with_what_would_be_right() {
    let clear = fresh("P-256");
    let public = pem("pkey -pubout", &clear);
    let certificate =
        certificate_pem(&PrivateKey::from_pem(&clear, None).unwrap().jwk("ES256".parse().unwrap()).unwrap());
    let refused = |text: &str| PublicKey::from_pem(text).unwrap_err().to_string();
    let private =
        "it is a private key where a public one belongs; `openssl pkey -in OLD -pubout -out NEW` gives its public half";
    assert_eq!(refused(&clear), private);
    assert_eq!(refused(&format!("{public}{clear}")), private);
    assert_eq!(
        refused(&certificate.unwrap()),
        "it is a certificate where a public key belongs; `openssl x509 -in OLD -pubkey -noout -out NEW` gives the key in it"
    );
    assert_eq!(
        refused(&format!("{public}{public}")),
        "it holds 2 keys; give the one that is meant in a file of its own"
    );
    let other = pem("pkey -pubout", &pem("genpkey -algorithm ED25519", ""));
    assert_eq!(
        refused(&other),
        "it is an Ed25519 key; AWS STS accepts RSA keys of 2048, 3072 or 4096 bits and keys of the curves P-256 and P-384"
    );
    let small = pem("pkey -pubout", &fresh("rsa:1024"));
    assert_eq!(refused(&small), "it is an RSA key of 1024 bits; take one of 2048, 3072 or 4096 bits");
    let der = run("pkey -pubout -outform DER", clear.as_bytes());
    assert!(refused(&String::from_utf8_lossy(&der)).starts_with("it is no PEM file"));
}
