//! The self-signed certificate in a key's JWK: some verifiers read keys from `x5c` alone.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jsonwebtoken::jwk::{CommonParameters, Jwk};
use pkcs8::LineEnding;
use pkcs8::der::{SecretDocument, pem};
use rcgen::{CertificateParams, DistinguishedName, DnType, PublicKeyData, SignatureAlgorithm, SigningKey};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};

use super::public_key::PublicKey;
use super::signer::{LocalKey, ecdsa, randomness};
use crate::domain::{Algorithm, KeyType};

/// A self-signed certificate of the key, DER.
///
/// It carries no trust of its own and never expires before the key: it is valid to the end of 9999,
/// the date that RFC 5280 §4.1.2.5 gives to certificates without a planned end.
pub(super) fn self_signed(public: &PublicKey, pkcs8: &SecretDocument, key: &LocalKey) -> Result<Vec<u8>, rcgen::Error> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, format!("feedpass signing key {}", public.kid()));
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let subject = public.subject_public_key().map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    let signer = CertificateKey { key_type: public.key_type(), subject, pkcs8, key };
    Ok(params.self_signed(&signer)?.der().to_vec())
}

/// `jwk` with `certificate` as its `x5c`, in base64 and not base64url (RFC 7517 §4.7).
pub(super) fn put(jwk: Jwk, certificate: &[u8]) -> Jwk {
    let x509_chain = Some(vec![BASE64_STANDARD.encode(certificate)]);
    Jwk { common: CommonParameters { x509_chain, ..jwk.common }, ..jwk }
}

/// The key's certificate as a PEM file; none where its JWK has no `x5c`.
#[must_use]
pub fn certificate_pem(jwk: &Jwk) -> Option<String> {
    let der = BASE64_STANDARD.decode(jwk.common.x509_chain.as_ref()?.first()?).ok()?;
    pem::encode_string("CERTIFICATE", LineEnding::LF, &der).ok()
}

struct CertificateKey<'a> {
    key_type: KeyType,
    subject: Vec<u8>,
    pkcs8: &'a SecretDocument,
    key: &'a LocalKey,
}

impl PublicKeyData for CertificateKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.subject
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.key_type {
            KeyType::Rsa => &rcgen::PKCS_RSA_SHA256,
            KeyType::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyType::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        }
    }
}

impl SigningKey for CertificateKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        // ECDSA's signatures look otherwise in certificates (RFC 5480 §A) than in tokens.
        let asn1 = |algorithm| {
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, self.pkcs8.as_bytes(), &randomness());
            ecdsa(&pair.map_err(|_| rcgen::Error::CouldNotParseKeyPair)?, message)
                .map_err(|_| rcgen::Error::RingUnspecified)
        };
        match self.key_type {
            KeyType::Rsa => self.key.sign(Algorithm::Rs256, message).map_err(|_| rcgen::Error::RingUnspecified),
            KeyType::P256 => asn1(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyType::P384 => asn1(&ECDSA_P384_SHA384_ASN1_SIGNING),
        }
    }
}
