//! A key's public half as a JWK, and the certificate in it.

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, Jwk, KeyAlgorithm, PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use rcgen::{CertificateParams, DistinguishedName, DnType, PublicKeyData, SignatureAlgorithm, SigningKey};
use ring::digest::{SHA256, digest};
use ring::rsa::KeyPair;
use rsa::PublicKey;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::traits::PublicKeyParts as _;

use super::signer::rs256;
use crate::domain::{Algorithm, Invalid, Kid};

/// The RFC 7638 §3.1 thumbprint of an RSA key.
pub(super) fn thumbprint(key: &PublicKey) -> Result<Kid, Invalid> {
    let (n, e) = numbers(key);
    thumbprint_of_numbers(&n, &e)
}

/// The thumbprint of a JWK as it is published.
pub(super) fn thumbprint_of(jwk: &Jwk) -> Result<Kid, Invalid> {
    match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => thumbprint_of_numbers(&rsa.n, &rsa.e),
        _ => Err(Invalid::new("an RSA key", "a JWK of another type", "this version signs with RSA keys")),
    }
}

fn thumbprint_of_numbers(n: &str, e: &str) -> Result<Kid, Invalid> {
    // Members in lexical order without white space: RFC 7638 §3.3.
    let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes())).parse()
}

/// The JWK of an RSA key, with `certificate` (DER) as its `x5c`.
pub(super) fn rsa_jwk(key: &PublicKey, kid: &Kid, algorithm: Algorithm, certificate: &[u8]) -> Jwk {
    let (n, e) = numbers(key);
    let key_algorithm = match algorithm {
        Algorithm::Rs256 => KeyAlgorithm::RS256,
    };
    Jwk {
        common: CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(key_algorithm),
            key_id: Some(kid.to_string()),
            // RFC 7517 §4.7: base64, not base64url.
            x509_chain: Some(vec![BASE64_STANDARD.encode(certificate)]),
            ..CommonParameters::default()
        },
        algorithm: AlgorithmParameters::RSA(RSAKeyParameters { key_type: RSAKeyType::RSA, n, e }),
    }
}

fn numbers(key: &PublicKey) -> (String, String) {
    (BASE64_URL_SAFE_NO_PAD.encode(key.n_bytes()), BASE64_URL_SAFE_NO_PAD.encode(key.e_bytes()))
}

/// A self-signed certificate of the key, DER: some verifiers read keys from `x5c` alone.
///
/// It carries no trust of its own and never expires before the key: it is valid to the end of 9999,
/// the date that RFC 5280 §4.1.2.5 gives to certificates without a planned end.
pub(super) fn self_signed_certificate(key: &KeyPair, public: &PublicKey, kid: &Kid) -> Result<Vec<u8>, rcgen::Error> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, format!("feedpass signing key {kid}"));
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let public = public.to_pkcs1_der().map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    let signer = CertificateKey { key, public: public.as_bytes() };
    Ok(params.self_signed(&signer)?.der().to_vec())
}

struct CertificateKey<'a> {
    key: &'a KeyPair,
    public: &'a [u8],
}

impl PublicKeyData for CertificateKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl SigningKey for CertificateKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        rs256(self.key, message).map_err(|_| rcgen::Error::RingUnspecified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn a_thumbprint_is_as_the_rfc_has_it() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let n = rsa::BoxedUint::from_be_slice_vartime(&BASE64_URL_SAFE_NO_PAD.decode(n).unwrap());
        let key = PublicKey::new(n, rsa::BoxedUint::from(65537_u64)).unwrap();
        assert_eq!(thumbprint(&key).unwrap().as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
