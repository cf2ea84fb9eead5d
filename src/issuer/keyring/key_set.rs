//! All keys as they stood at one moment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::KeyRingError;
use super::backends::Stored;
use super::lifecycle::Keys;
use super::record::{KeyRecord, KeyState};
use super::signer::Signer;
use crate::authn::jws::VerificationKey;
use crate::domain::{Algorithm, Kid};
use crate::telemetry::with_causes;

/// All keys as they stood at one moment; exactly one is active.
pub struct KeySet {
    keys: Keys,
    published: Vec<KeyRecord>,
    verifiers: Vec<(Kid, VerificationKey)>,
    active_kid: Kid,
    active_algorithm: Algorithm,
    signer: Arc<dyn Signer>,
    signers: HashMap<Kid, Arc<dyn Signer>>,
    faults: BTreeMap<Kid, String>,
    foreign: Vec<String>,
    revoked: HashSet<Kid>,
}

impl KeySet {
    /// Makes the set of what a keeper holds. Where the private half of a key cannot be read any more, what `before`
    /// signed with goes on signing.
    pub(super) fn of(stored: Stored, before: Option<&Self>) -> Result<Self, KeyRingError> {
        let Stored { keys, mut signers, mut faults, foreign } = stored;
        if keys.keys.is_empty() {
            return Err(KeyRingError::Gone);
        }
        let mut active = keys.keys.iter().filter(|key| key.state.is_active());
        let key = active.next().ok_or(KeyRingError::NoneActive(keys.keys.len()))?;
        if let Some(second) = active.next() {
            return Err(KeyRingError::TwoActive(key.kid.clone(), second.kid.clone()));
        }
        if let Some(before) = before {
            let lost = faults.keys().filter_map(|kid| Some((kid.clone(), Arc::clone(before.signers.get(kid)?))));
            signers.extend(lost.collect::<Vec<_>>());
        }
        let Some(signer) = signers.get(&key.kid).cloned() else {
            return Err(match faults.remove(&key.kid) {
                Some(fault) => fault.into(),
                None => KeyRingError::NoneActive(keys.keys.len()),
            });
        };
        let (active_kid, active_algorithm) = (key.kid.clone(), key.algorithm);
        let mut others: Vec<_> =
            keys.keys.iter().filter(|other| other.kid != key.kid && other.state.is_published()).cloned().collect();
        others.sort_by(|a, b| (b.created_at, &a.kid).cmp(&(a.created_at, &b.kid)));
        let published: Vec<_> = std::iter::once(key.clone()).chain(others).collect();
        let verifiers = published.iter().filter_map(verifier).collect();
        let revoked = keys.keys.iter().filter(|key| matches!(key.state, KeyState::Revoked { .. }));
        let revoked = revoked.map(|key| key.kid.clone()).collect();
        let faults = faults.into_iter().map(|(kid, fault)| (kid, with_causes(&fault))).collect();
        Ok(Self { keys, published, verifiers, active_kid, active_algorithm, signer, signers, faults, foreign, revoked })
    }

    /// What is known of all keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

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

    /// Signs with the key `kid`, if its private half is there.
    #[must_use]
    pub fn signer_of(&self, kid: &Kid) -> Option<&Arc<dyn Signer>> {
        self.signers.get(kid)
    }

    /// How the key `kid` signs.
    #[must_use]
    pub fn algorithm_of(&self, kid: &Kid) -> Option<Algorithm> {
        self.keys.get(kid).map(|key| key.algorithm)
    }

    /// What is wrong with the private halves of keys, in words.
    #[must_use]
    pub fn faults(&self) -> &BTreeMap<Kid, String> {
        &self.faults
    }

    /// The names of what stands beside the keys and is none of feedpass's.
    #[must_use]
    pub fn foreign(&self) -> &[String] {
        &self.foreign
    }

    /// The keys that somebody took out of the JWKS as burnt.
    #[must_use]
    pub fn revoked(&self) -> &HashSet<Kid> {
        &self.revoked
    }

    /// Whether the key is one of those.
    #[must_use]
    pub fn is_revoked(&self, kid: &Kid) -> bool {
        !self.revoked.is_empty() && self.revoked.contains(kid)
    }

    /// The published key with this id, as one that verifies.
    pub(super) fn verifier(&self, kid: &str) -> Option<VerificationKey> {
        self.verifiers.iter().find(|(own, _)| own.as_str() == kid).map(|(_, key)| key.clone())
    }

    pub(super) fn tell_of_faults(&self) {
        for (kid, fault) in &self.faults {
            tracing::error!(key.kid = %kid, "the private half of key {kid} cannot be read: {fault}");
        }
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
