//! Keys that are kept nowhere yet: made here, or brought in.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::private_key::{GenerateError, JwkError, PemError, PrivateKey};
use super::public_key::PublicKey;
use super::record::{KeyRecord, KeyState};
use crate::domain::{Algorithm, KeySpec, Misfit};
use crate::entropy::Entropy;

/// A key that is kept nowhere yet. No `Debug`: it may hold the private half.
pub struct NewKey {
    record: KeyRecord,
    /// None of a key that is only verified with.
    private: Option<Arc<PrivateKey>>,
}

/// Why a key cannot be brought in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// What was given is no such key.
    #[error("the key cannot be read")]
    Pem(#[from] PemError),
    /// It does not sign as it was said to.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// It has no JWK.
    #[error("the key cannot be published")]
    Jwk(#[source] JwkError),
}

impl NewKey {
    /// Makes a key off the runtime's threads; by its record it signs from `now` on.
    ///
    /// # Errors
    /// [`GenerateError`] when the machine gives no random bytes.
    pub async fn generate(spec: KeySpec, now: Timestamp, entropy: Arc<dyn Entropy>) -> Result<Self, GenerateError> {
        let make = move || {
            let private = PrivateKey::generate(spec, &*entropy)?;
            Self::signing(private, spec.algorithm(), now).map_err(|error| GenerateError(error.to_string()))
        };
        tokio::task::spawn_blocking(make).await.map_err(|error| GenerateError(error.to_string()))?
    }

    /// Brings in a key by its private half, off the runtime's threads. It signs with `algorithm`, or with what all
    /// verifiers know for such keys.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn import(
        pem: SecretString,
        passphrase: Option<SecretString>,
        algorithm: Option<Algorithm>,
        now: Timestamp,
    ) -> Result<Self, ImportError> {
        // An encrypted one takes a moment to open.
        let read = move || PrivateKey::from_pem(pem.expose_secret(), passphrase.as_ref());
        let private = tokio::task::spawn_blocking(read).await.unwrap_or(Err(PemError::Malformed("private")))?;
        let algorithm = algorithm.unwrap_or(private.public().key_type().default_algorithm());
        private.public().key_type().signs(algorithm)?;
        Self::signing(private, algorithm, now).map_err(ImportError::Jwk)
    }

    /// Brings in a key by its public half, to verify with alone.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn import_public(pem: &str, algorithm: Option<Algorithm>, now: Timestamp) -> Result<Self, ImportError> {
        let public = PublicKey::from_pem(pem)?;
        let algorithm = algorithm.unwrap_or(public.key_type().default_algorithm());
        let jwk = public.jwk(algorithm)?;
        let state = KeyState::fresh(now);
        let record = KeyRecord { kid: public.kid(), algorithm, created_at: now, verify_only: true, state, jwk };
        Ok(Self { record, private: None })
    }

    fn signing(private: PrivateKey, algorithm: Algorithm, now: Timestamp) -> Result<Self, JwkError> {
        let jwk = private.jwk(algorithm)?;
        let state = KeyState::fresh(now);
        let record = KeyRecord { kid: private.kid(), algorithm, created_at: now, verify_only: false, state, jwk };
        Ok(Self { record, private: Some(Arc::new(private)) })
    }

    /// What is known of it.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// Its private half; none of a key that is only verified with.
    pub(super) fn private(&self) -> Option<&Arc<PrivateKey>> {
        self.private.as_ref()
    }
}
