//! Making keys.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::lifecycle::{KeyRecord, KeyState};
use super::private_key::{GenerateError, PrivateKey, WriteError};
use crate::domain::KeySpec;
use crate::entropy::Entropy;

/// A key that was just made and is kept nowhere yet. No `Debug`: it holds the private half.
#[derive(Clone)]
pub struct NewKey {
    record: KeyRecord,
    private: Arc<PrivateKey>,
    entropy: Arc<dyn Entropy>,
}

impl NewKey {
    /// Makes a key off the runtime's threads; it starts in the state that `state` gives for `now`.
    ///
    /// # Errors
    /// [`GenerateError`] when the machine gives no random bytes.
    pub async fn generate(
        spec: KeySpec,
        state: fn(Timestamp) -> KeyState,
        now: Timestamp,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, GenerateError> {
        tokio::task::spawn_blocking(move || Self::generate_blocking(spec, state(now), now, entropy))
            .await
            .map_err(|error| GenerateError(error.to_string()))?
    }

    fn generate_blocking(
        spec: KeySpec,
        state: KeyState,
        now: Timestamp,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, GenerateError> {
        let private = PrivateKey::generate(spec, &*entropy)?;
        let algorithm = spec.algorithm();
        let jwk = private.jwk(algorithm).map_err(|error| GenerateError(error.to_string()))?;
        let record = KeyRecord { kid: private.kid(), algorithm, created_at: now, state, jwk };
        Ok(Self { record, private: Arc::new(private), entropy })
    }

    /// What is known of it.
    #[must_use]
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// The private half as it is to be stored; with a passphrase, not on the runtime's threads.
    pub(super) fn private_pem(&self, passphrase: Option<&SecretString>) -> Result<Zeroizing<String>, WriteError> {
        self.private.to_pem(passphrase, &*self.entropy)
    }
}
