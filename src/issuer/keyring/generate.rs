//! Making keys.

use std::sync::Arc;

use jiff::Timestamp;
use ring::rsa::KeyPair;
use rsa::PrivateKey;
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use zeroize::Zeroizing;

use super::jwk;
use super::lifecycle::{KeyRecord, KeyState};
use crate::domain::Algorithm;
use crate::entropy::{Entropy, EntropyRng};

/// A key that was just made and is kept nowhere yet. No `Debug`: it holds the private half.
pub struct NewKey {
    record: KeyRecord,
    private_pem: Zeroizing<String>,
}

/// Why no key could be made.
#[derive(Debug, thiserror::Error)]
#[error("a key could not be made: {0}")]
pub struct GenerateError(String);

impl NewKey {
    /// Makes a key off the runtime's threads; it starts in the state that `state` gives for `now`.
    ///
    /// # Errors
    /// [`GenerateError`] when the machine gives no random bytes.
    pub async fn generate(
        algorithm: Algorithm,
        state: fn(Timestamp) -> KeyState,
        now: Timestamp,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, GenerateError> {
        tokio::task::spawn_blocking(move || Self::generate_blocking(algorithm, state(now), now, &*entropy))
            .await
            .map_err(|error| GenerateError(error.to_string()))?
    }

    fn generate_blocking(
        algorithm: Algorithm,
        state: KeyState,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, GenerateError> {
        let failed = |error: &dyn std::fmt::Display| GenerateError(error.to_string());
        let bits = match algorithm {
            Algorithm::Rs256 => 2048,
        };
        let private = PrivateKey::new(&mut EntropyRng(entropy), bits).map_err(|error| failed(&error))?;
        let public = private.to_public_key();
        let der = private.to_pkcs8_der().map_err(|error| failed(&error))?;
        let pair = KeyPair::from_pkcs8(der.as_bytes()).map_err(|error| failed(&error))?;
        let kid = jwk::thumbprint(&public).map_err(|error| failed(&error))?;
        let certificate = jwk::self_signed_certificate(&pair, &public, &kid).map_err(|error| failed(&error))?;
        let jwk = jwk::rsa_jwk(&public, &kid, algorithm, &certificate);
        let private_pem = private.to_pkcs8_pem(LineEnding::LF).map_err(|error| failed(&error))?;
        Ok(Self { record: KeyRecord { kid, algorithm, created_at: now, state, jwk }, private_pem })
    }

    /// What is known of it.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// The private half, PKCS#8 in PEM (RFC 7468 §10), as it is to be stored.
    pub(super) fn private_pem(&self) -> &str {
        &self.private_pem
    }
}
