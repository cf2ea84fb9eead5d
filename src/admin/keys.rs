//! What an operator may do with the signing keys, and what goes on around them: verifiers are asked about them.

mod canary;
mod outside;
mod revocation;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;

pub use canary::Canaries;
pub use outside::Outside;
pub use revocation::{Deny, Exposed, ExposedPassword, ExposedSession, ProbedPlace, Revocation};
pub use view::{KeyPlan, KeyView, KeysView, PlaceSeen};

use crate::audit::{Audit, Outcome, Unwritten, What};
use crate::authz::Operator;
use crate::domain::{Algorithm, Kid};
use crate::issuer::keyring::evidence::{Evidence, Question};
use crate::issuer::keyring::lifecycle::Refusal;
use crate::issuer::keyring::plan::{Start, plan};
use crate::issuer::keyring::rotation::{By, Imported, KeyError, Rotated};
use crate::issuer::keyring::schedule::next_change;
use crate::issuer::keyring::{KeyRecord, Place, Rotation};
use crate::store::{Store, StoreError};

/// The signing keys, for operators. Cloning shares them.
#[derive(Clone)]
pub struct SigningKeys {
    rotation: Rotation,
    store: Arc<Store>,
    audit: Audit,
}

/// Why an operator did not get what it wanted.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The step was not taken.
    #[error(transparent)]
    Step(#[from] KeyError),
    /// The key is not revoked, so there is nothing to report.
    #[error("key {0} is not revoked; `key revoke` takes a burnt key out of use")]
    NotRevoked(Kid),
    /// The look could not be written down.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// The trail could not be read.
    #[error("what is known of the keys cannot be read")]
    Store(#[from] StoreError),
}

impl SigningKeys {
    /// Those that `rotation` rotates.
    #[must_use]
    pub fn new(rotation: Rotation, store: Arc<Store>, audit: Audit) -> Self {
        Self { rotation, store, audit }
    }

    /// All keys, the active one first and then the newest.
    ///
    /// # Errors
    /// [`KeysError::Unwritten`].
    pub async fn list(&self, operator: &Operator) -> Result<KeysView, KeysError> {
        let known = self.rotation.known().await;
        let (keys, policy, now) = (self.rotation.keys(), self.rotation.policy(), self.rotation.now());
        let mut records: Vec<_> = keys.keys().keys.iter().collect();
        records.sort_by_key(|key| (!key.state.is_active(), std::cmp::Reverse(key.created_at)));
        let items = records.into_iter().map(|key| KeyView::of(key, &keys, &policy, &known, now)).collect();
        let next_change = next_change(keys.keys(), &policy, &known, now);
        let trouble = self.rotation.trouble();
        self.looked(operator, json!({ "read": "keys" })).await?;
        Ok(KeysView { items, next: None, next_change, trouble, foreign: keys.foreign().to_vec() })
    }

    /// One key, with what verifiers were seen to do with it.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn show(&self, operator: &Operator, kid: &Kid) -> Result<KeyView, KeysError> {
        let known = self.rotation.known().await;
        let (keys, policy, now) = (self.rotation.keys(), self.rotation.policy(), self.rotation.now());
        let key = keys.keys().get(kid).ok_or_else(|| not_found(kid))?;
        let mut view = KeyView::of(key, &keys, &policy, &known, now);
        let evidence = Evidence::of(self.audit.trail(), Question::Canary, kid).await?;
        let verdict = evidence.verdict(&self.rotation.places(), key.state.published_at());
        view.evidence = Some(verdict.word());
        view.seen = Some(verdict.words().to_owned());
        view.places = evidence.places().map(|(place, seen)| PlaceSeen::of(place, seen)).collect();
        self.looked(operator, json!({ "read": "key", "kid": kid })).await?;
        Ok(view)
    }

    /// What would happen and when, by the calendar or if a rotation began now.
    ///
    /// # Errors
    /// [`KeysError::Unwritten`].
    pub async fn plan(&self, operator: &Operator, start: Start) -> Result<KeyPlan, KeysError> {
        let known = self.rotation.known().await;
        let (keys, policy, now) = (self.rotation.keys(), self.rotation.policy(), self.rotation.now());
        let snapshot = self.store.current();
        let places = self.rotation.places();
        let accounts: BTreeSet<_> = places.keys().filter_map(Place::account).collect();
        let plan = KeyPlan {
            now,
            steps: plan(keys.keys(), &policy, &known, start, now),
            feeds: snapshot.feeds().count(),
            accounts: accounts.into_iter().cloned().collect(),
            algorithm: policy.spec.to_string(),
        };
        self.looked(operator, json!({ "read": "key_plan" })).await?;
        Ok(plan)
    }

    /// Publishes a new key, which waits to be promoted.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn stage(&self, operator: &Operator, reason: Option<&str>) -> Result<Kid, KeysError> {
        let staged = self.rotation.stage(By::Operator(operator), false, reason).await;
        self.done(operator, "stage", None, staged).await
    }

    /// Begins a rotation, or goes on with the one that is under way.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn rotate(&self, operator: &Operator, reason: Option<&str>) -> Result<Rotated, KeysError> {
        let rotated = self.rotation.rotate(By::Operator(operator), reason).await;
        self.done(operator, "rotate", None, rotated).await
    }

    /// Has a published key sign.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn promote(&self, operator: &Operator, kid: &Kid, force: Option<&str>) -> Result<(), KeysError> {
        let promoted = self.rotation.promote(By::Operator(operator), kid, force).await;
        self.done(operator, "promote", Some(kid), promoted).await
    }

    /// Has the key that signed before sign again.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn roll_back(&self, operator: &Operator, reason: &str) -> Result<Kid, KeysError> {
        let back = self.rotation.roll_back(By::Operator(operator), reason).await;
        self.done(operator, "roll_back", None, back).await
    }

    /// Takes a key out of the JWKS; gives how many live tokens that breaks.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn retire(&self, operator: &Operator, kid: &Kid, force: Option<&str>) -> Result<u64, KeysError> {
        let retired = self.rotation.retire(By::Operator(operator), kid, force).await;
        self.done(operator, "retire", Some(kid), retired).await
    }

    /// Takes a burnt key out of use at once, and says which key signs in its place and what is left to do. The store
    /// may be silent meanwhile.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn revoke(
        &self,
        operator: &Operator,
        kid: &Kid,
        reason: &str,
        successor: Option<&Kid>,
    ) -> Result<(Option<Kid>, Revocation), KeysError> {
        let revoked = self.rotation.revoke(By::Operator(operator), kid, reason, successor).await;
        let successor = self.done(operator, "revoke", Some(kid), revoked).await?;
        Ok((successor, self.report(kid).await?))
    }

    /// How the revocation of a key stands.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn revocation(&self, operator: &Operator, kid: &Kid) -> Result<Revocation, KeysError> {
        let revocation = self.report(kid).await?;
        self.looked(operator, json!({ "read": "revocation", "kid": kid })).await?;
        Ok(revocation)
    }

    async fn report(&self, kid: &Kid) -> Result<Revocation, KeysError> {
        let keys = self.rotation.keys();
        let key = keys.keys().get(kid).ok_or_else(|| not_found(kid))?;
        let snapshot = self.store.current();
        let places = self.rotation.places();
        let roles =
            snapshot.feeds().filter_map(|feed| feed.web_identity()).map(|identity| identity.role.to_string()).collect();
        let policy = self.rotation.policy();
        let revocation = Revocation::of(&self.audit, kid, &key.state, &places, roles, &policy).await;
        revocation.ok_or_else(|| KeysError::NotRevoked(kid.clone()))
    }

    /// Brings in a key, which is published then.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn import(
        &self,
        operator: &Operator,
        pem: &SecretString,
        passphrase: Option<&SecretString>,
        algorithm: Option<Algorithm>,
        verify_only: bool,
    ) -> Result<Imported, KeysError> {
        let by = By::Operator(operator);
        let imported = self.rotation.import(by, pem, passphrase, algorithm, verify_only).await;
        self.done(operator, "import", None, imported).await
    }

    /// What is known of a key, for its public half.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn public(&self, operator: &Operator, kid: &Kid) -> Result<KeyRecord, KeysError> {
        let keys = self.rotation.keys();
        let key = keys.keys().get(kid).ok_or_else(|| not_found(kid))?.clone();
        self.looked(operator, json!({ "read": "public_key", "kid": kid })).await?;
        Ok(key)
    }

    /// Writes down that a step was refused; one that was taken has its line.
    async fn done<T>(
        &self,
        operator: &Operator,
        action: &str,
        kid: Option<&Kid>,
        result: Result<T, KeyError>,
    ) -> Result<T, KeysError> {
        if let Err(error) = &result
            && error.is_refusal()
        {
            let mut event = operator.caller().event(&self.audit, What::Change);
            event.change = Some(json!({ "action": action, "kind": "key", "name": kid }));
            event.kid = kid.cloned();
            self.audit.record(event.ended(Outcome::Refused, error.code(), error.to_string())).await?;
        }
        Ok(result?)
    }

    async fn looked(&self, operator: &Operator, details: serde_json::Value) -> Result<(), Unwritten> {
        let mut event = operator.caller().event(&self.audit, What::AdminRead);
        event.details = Some(details);
        self.audit.record(event).await
    }
}

fn not_found(kid: &Kid) -> KeysError {
    KeyError::from(Refusal::NotFound(kid.clone())).into()
}
