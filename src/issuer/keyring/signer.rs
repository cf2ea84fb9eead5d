//! Signing, wherever the private half is kept.

use std::sync::Arc;

use async_trait::async_trait;
use ring::error::KeyRejected;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding,
};

use super::public_key::PublicKey;
use crate::domain::{Algorithm, KeyType};

/// Signs with one key. Asynchronous, since a key may be kept where only a network reaches.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The JWS signature of `message` (RFC 7515 §5.1 step 5), in the key's algorithm.
    ///
    /// # Errors
    /// [`SignError`] when the key's keeper cannot sign.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The key's keeper could not sign.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the signature could not be made")]
pub struct SignError;

/// A private key in this process, parsed once and not for each signature.
///
/// No `Debug`: nothing about a private key is worth printing.
pub(super) enum LocalKey {
    Rsa(KeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

impl LocalKey {
    /// Reads the PKCS#8 that `rsa`, `p256` and `p384` write.
    pub(super) fn from_pkcs8(key_type: KeyType, der: &[u8]) -> Result<Self, KeyRejected> {
        let ecdsa = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, der, &randomness());
        match key_type {
            KeyType::Rsa => KeyPair::from_pkcs8(der).map(Self::Rsa),
            KeyType::P256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::P256),
            KeyType::P384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Self::P384),
        }
    }

    pub(super) fn public(&self) -> PublicKey {
        match self {
            Self::Rsa(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::from(pair.public());
                PublicKey::rsa(n, e)
            }
            Self::P256(pair) => PublicKey::p256(pair.public_key().as_ref()),
            Self::P384(pair) => PublicKey::p384(pair.public_key().as_ref()),
        }
    }

    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match (self, algorithm) {
            (Self::Rsa(pair), Algorithm::Rs256) => rsa(pair, &RSA_PKCS1_SHA256, message),
            (Self::Rsa(pair), Algorithm::Rs384) => rsa(pair, &RSA_PKCS1_SHA384, message),
            (Self::Rsa(pair), Algorithm::Rs512) => rsa(pair, &RSA_PKCS1_SHA512, message),
            (Self::P256(pair), Algorithm::Es256) | (Self::P384(pair), Algorithm::Es384) => ecdsa(pair, message),
            _ => Err(SignError),
        }
    }
}

/// RSASSA-PKCS1-v1_5 (RFC 7518 §3.3).
fn rsa(pair: &KeyPair, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &randomness(), message, &mut signature).map_err(|_| SignError)?;
    Ok(signature)
}

/// ECDSA; for JWS the two numbers one after the other (RFC 7518 §3.4).
pub(super) fn ecdsa(pair: &EcdsaKeyPair, message: &[u8]) -> Result<Vec<u8>, SignError> {
    Ok(pair.sign(&randomness(), message).map_err(|_| SignError)?.as_ref().to_vec())
}

/// What ring blinds RSA with, and hides ECDSA's nonces with. It takes no generator but its own.
#[expect(
    clippy::disallowed_methods,
    reason = "ring takes no other, and what must be the same on every run is not drawn"
)]
pub(super) fn randomness() -> SystemRandom {
    SystemRandom::new()
}

/// Signs in this process.
pub(super) struct LocalSigner {
    key: Arc<LocalKey>,
    algorithm: Algorithm,
}

impl LocalSigner {
    /// Signs with `key`, which must be of the algorithm's kind.
    pub(super) fn new(key: Arc<LocalKey>, algorithm: Algorithm) -> Self {
        Self { key, algorithm }
    }
}

#[async_trait]
impl Signer for LocalSigner {
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(self.algorithm, message)
    }
}
