//! Signing, wherever the private half is kept.

use async_trait::async_trait;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;

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

/// Signs RS256 in this process. Holds the parsed key, so that no signature parses it again.
///
/// No `Debug`: nothing about a private key is worth printing.
pub(super) struct Rs256Signer {
    key: KeyPair,
}

impl Rs256Signer {
    pub(super) fn new(key: KeyPair) -> Self {
        Self { key }
    }
}

#[async_trait]
impl Signer for Rs256Signer {
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        rs256(&self.key, message)
    }
}

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
pub(super) fn rs256(key: &KeyPair, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let mut signature = vec![0; key.public().modulus_len()];
    // PKCS#1 v1.5 is deterministic: ring asks for a generator only to blind, and takes none but its own.
    #[expect(clippy::disallowed_methods, reason = "the signature does not depend on it")]
    let blinding = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &blinding, message, &mut signature).map_err(|_| SignError)?;
    Ok(signature)
}
