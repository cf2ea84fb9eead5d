//! The signing keys: what each is, where in its life it stands, and which one signs.

pub mod backends;
mod certificate;
mod generate;
mod lifecycle;
mod private_key;
mod public_key;
mod signer;

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;

pub use certificate::certificate_pem;
pub use generate::NewKey;
pub use lifecycle::{KeyRecord, KeyState};
pub use private_key::{GenerateError, JwkError, PemError, PrivateKey, WriteError};
pub use public_key::{PublicKey, public_pem};
pub use signer::{SignError, Signer};

use self::backends::{Added, KeyStore, KeyStoreError};
use crate::authn::AccessTokenKeys;
use crate::authn::jws::VerificationKey;
use crate::clock::Clock;
use crate::domain::{Algorithm, IssuerUrl, KeySpec, Kid};
use crate::entropy::Entropy;

/// A key as a backend holds it: its record, and its signer while the private half exists.
#[derive(Clone)]
pub struct StoredKey {
    /// What is known of it.
    pub record: KeyRecord,
    /// Signs with it; none when the private half is gone.
    pub signer: Option<Arc<dyn Signer>>,
}

/// Why there is no key ring.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The keys could not be read or written.
    #[error("the signing keys are not usable")]
    Store(#[from] KeyStoreError),
    /// No key could be made.
    #[error("no first signing key could be made")]
    Generate(#[from] GenerateError),
    /// There are keys, but none signs.
    #[error("none of the {0} signing keys is active; put the active key's files back, or start with an empty store")]
    NoneActive(usize),
    /// More than one key is active, which no transition leads to.
    #[error("keys {0} and {1} are both active; exactly one may be")]
    TwoActive(Kid, Kid),
    /// The keys were made for another issuer, which roles out there trust by name.
    #[error(
        "these keys are those of the issuer {was}, and the configuration says {now}: every role that trusts the old one \
         would refuse. Put it back, or start once with --change-issuer if that is meant"
    )]
    IssuerChanged {
        /// The issuer that the keys were made for.
        was: IssuerUrl,
        /// The configured one.
        now: IssuerUrl,
    },
    /// The keys that were there are gone; a new one would have AWS refuse until it has fetched it.
    #[error(
        "there were keys of the issuer {0}, and none is there any more: put them back from a backup, or remove the \
         note `issuer` beside them to begin with a new key"
    )]
    Lost(IssuerUrl),
    /// The active key has no private half.
    #[error(
        "the private half of the active key {0}, `{0}.pem`, is missing: put it back from a backup, or empty the folder to begin with a new key"
    )]
    NoPrivateHalf(Kid),
}

/// The keys in use. Readers take a [`KeySet`] and never wait.
pub struct KeyRing {
    keys: ArcSwap<KeySet>,
}

/// All keys as they stood at one moment; exactly one is active.
pub struct KeySet {
    published: Vec<KeyRecord>,
    verifiers: Vec<(Kid, VerificationKey)>,
    active_kid: Kid,
    active_algorithm: Algorithm,
    signer: Arc<dyn Signer>,
}

impl KeySet {
    /// The keys that verifiers should know, the active one first.
    #[must_use]
    pub fn published(&self) -> &[KeyRecord] {
        &self.published
    }

    /// The id of the key that signs.
    #[must_use]
    pub fn active_kid(&self) -> &Kid {
        &self.active_kid
    }

    /// How it signs.
    #[must_use]
    pub fn active_algorithm(&self) -> Algorithm {
        self.active_algorithm
    }

    /// Signs with the active key.
    #[must_use]
    pub fn signer(&self) -> &Arc<dyn Signer> {
        &self.signer
    }

    fn from_stored(stored: Vec<StoredKey>) -> Result<Self, KeyRingError> {
        let count = stored.len();
        let (mut active, others): (Vec<_>, Vec<_>) = stored.into_iter().partition(|key| key.record.state.is_active());
        let key = active.pop().ok_or(KeyRingError::NoneActive(count))?;
        if let Some(second) = active.pop() {
            return Err(KeyRingError::TwoActive(key.record.kid, second.record.kid));
        }
        let signer = key.signer.ok_or_else(|| KeyRingError::NoPrivateHalf(key.record.kid.clone()))?;
        let (active_kid, active_algorithm) = (key.record.kid.clone(), key.record.algorithm);
        let mut others: Vec<_> =
            others.into_iter().map(|key| key.record).filter(|key| key.state.is_published()).collect();
        others.sort_by(|a, b| (b.created_at, &a.kid).cmp(&(a.created_at, &b.kid)));
        let published: Vec<_> = std::iter::once(key.record).chain(others).collect();
        let verifiers = published.iter().filter_map(verifier).collect();
        Ok(Self { published, verifiers, active_kid, active_algorithm, signer })
    }
}

/// What to do when the configured issuer is not the one that the keys were made for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IssuerChange {
    /// Refuse to start.
    Refused,
    /// Go on under the new name.
    Accepted,
}

impl KeyRing {
    /// Notes that the keys in `store` are those of `issuer`, so that no later start changes it unseen.
    ///
    /// # Errors
    /// [`KeyRingError::IssuerChanged`] and [`KeyRingError::Store`].
    pub async fn claim_issuer(
        store: &dyn KeyStore,
        issuer: &IssuerUrl,
        change: IssuerChange,
    ) -> Result<(), KeyRingError> {
        match store.issuer().await? {
            Some(was) if was == *issuer => return Ok(()),
            // No role can trust a loopback issuer, so going from the sandbox to AWS breaks nothing.
            Some(was) if change == IssuerChange::Refused && !was.is_loopback() => {
                return Err(KeyRingError::IssuerChanged { was, now: issuer.clone() });
            }
            Some(was) => tracing::warn!("the issuer changes from {was} to {issuer}"),
            None => {}
        }
        Ok(store.set_issuer(issuer).await?)
    }

    /// Reads the keys from `store`; where there has never been one, makes the first, which signs at once:
    /// no verifier can have fetched a set without it.
    ///
    /// # Errors
    /// [`KeyRingError`], always the operator's to mend.
    pub async fn open(
        store: &dyn KeyStore,
        spec: KeySpec,
        clock: &dyn Clock,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, KeyRingError> {
        let mut stored = store.load().await?;
        if stored.is_empty() {
            if let Some(issuer) = store.issuer().await? {
                return Err(KeyRingError::Lost(issuer));
            }
            let first = NewKey::generate(spec, first_state, clock.now(), entropy).await?;
            let kid = &first.record().kid;
            match store.add_first(&first).await? {
                Added::Yes => tracing::info!(key.kid = %kid, "made a first signing key {kid}"),
                Added::OtherWasFaster => tracing::info!("another process made the first signing key"),
            }
            stored = store.load().await?;
        }
        Ok(Self { keys: ArcSwap::from_pointee(KeySet::from_stored(stored)?) })
    }

    /// The keys as they stand now.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        self.keys.load_full()
    }
}

impl AccessTokenKeys for KeyRing {
    fn key(&self, kid: &str) -> Option<VerificationKey> {
        let keys = self.keys.load();
        keys.verifiers.iter().find(|(own, _)| own.as_str() == kid).map(|(_, key)| key.clone())
    }
}

/// The key as one that verifies, made once and not for each request.
fn verifier(record: &KeyRecord) -> Option<(Kid, VerificationKey)> {
    let Ok(serde_json::Value::Object(jwk)) = serde_json::to_value(&record.jwk) else { return None };
    match VerificationKey::from_jwk(&jwk) {
        Ok(key) => Some((record.kid.clone(), key)),
        Err(fault) => {
            tracing::warn!(key.kid = %record.kid, "access tokens that key {} signed are refused: {fault}", record.kid);
            None
        }
    }
}

fn first_state(now: Timestamp) -> KeyState {
    KeyState::Active { published_at: now, activated_at: now }
}
