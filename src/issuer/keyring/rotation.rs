//! Taking the steps: by the calendar in a task, and for admins. Each leaves a line in the audit trail.
//!
//! The line of a step is kept with the keys in one write, and goes into the trail right after. So no step is without
//! one, and a store that does not answer stands in nobody's way who has to revoke a key.

mod steps;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde_json::{Value, json};

pub use steps::{Imported, Rotated};

use super::evidence::{Evidence, Question};
use super::place::{InUse, Places};
use super::schedule::{Known, NotYet, RotationPolicy};
use super::{ChangeError, GenerateError, ImportError, KeyRecord, KeyRing, KeySet};
use crate::audit::{Audit, Event, What};
use crate::authz::Operator;
use crate::clock::Clock;
use crate::domain::Kid;
use crate::issuer::metadata::Metadata;
use crate::store::database::{AuditLine, Signed};
use crate::store::{Store, StoreError};
use crate::telemetry::{Metrics, with_causes};

/// Takes the steps in the life of keys. Cloning shares it.
#[derive(Clone)]
pub struct Rotation(Arc<Inner>);

struct Inner {
    ring: Arc<KeyRing>,
    policy: ArcSwap<RotationPolicy>,
    metadata: Arc<Metadata>,
    store: Arc<Store>,
    audit: Audit,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// What the trail was read for, so that it is not read from the start each second.
    evidence: tokio::sync::Mutex<BTreeMap<(Kid, Question), Evidence>>,
    in_use: InUse,
}

/// Who has a step taken.
#[derive(Clone, Copy, Debug)]
pub enum By<'o> {
    /// The policy, when it is due.
    Calendar,
    /// An admin.
    Operator(&'o Operator),
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The keys stay as they are.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It is too early, and nobody forced it.
    #[error("{0}; `--force` with a reason does it all the same")]
    NotYet(NotYet),
    /// No key could be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// What was to be imported is no key that can be.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The store does not answer.
    #[error("what is known of the keys cannot be read")]
    Store(#[from] StoreError),
}

impl KeyError {
    /// The stable code that callers, logs and the audit trail know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Change(ChangeError::Refused(refusal)) => refusal.code(),
            Self::Change(ChangeError::OtherWasFaster) => "keys_changed_meanwhile",
            Self::Change(ChangeError::Trouble(_) | ChangeError::Store(_)) => "key_store_failed",
            Self::NotYet(not_yet) => not_yet.code(),
            Self::Generate(_) => "key_not_made",
            Self::Import(_) => "key_not_importable",
            Self::Store(_) => "store_unavailable",
        }
    }

    /// Whether it was decided against, and did not merely fail.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Change(ChangeError::Refused(_) | ChangeError::OtherWasFaster) | Self::NotYet(_) | Self::Import(_) => {
                true
            }
            Self::Change(ChangeError::Trouble(_) | ChangeError::Store(_)) | Self::Generate(_) | Self::Store(_) => false,
        }
    }
}

impl From<NotYet> for KeyError {
    fn from(not_yet: NotYet) -> Self {
        Self::NotYet(not_yet)
    }
}

impl From<super::Refusal> for KeyError {
    fn from(refusal: super::Refusal) -> Self {
        Self::Change(refusal.into())
    }
}

impl Rotation {
    /// Rotates the keys of `ring`, whose documents are `metadata`.
    #[must_use]
    pub fn new(
        ring: Arc<KeyRing>,
        policy: RotationPolicy,
        metadata: Arc<Metadata>,
        store: Arc<Store>,
        audit: Audit,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let policy = ArcSwap::from_pointee(policy);
        Self(Arc::new(Inner {
            ring,
            policy,
            metadata,
            store,
            audit,
            metrics,
            clock,
            evidence: tokio::sync::Mutex::default(),
            in_use: InUse::default(),
        }))
    }

    /// The keys as they stand now.
    #[must_use]
    pub fn keys(&self) -> Arc<KeySet> {
        self.0.ring.current()
    }

    /// Why what the keeper holds is not in use; none when it is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.ring.trouble()
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> RotationPolicy {
        **self.0.policy.load()
    }

    /// Goes by another policy from now on.
    pub fn set_policy(&self, policy: RotationPolicy) {
        self.0.policy.store(Arc::new(policy));
    }

    /// The time of steps.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Where keys have to be known, but for the public URL.
    #[must_use]
    pub fn places(&self) -> Arc<Places> {
        self.0.in_use.by(&self.0.store.current())
    }

    /// What is known beside the keys, as far as the store tells.
    pub async fn known(&self) -> Known {
        let keys = self.keys();
        let signed = match self.0.audit.trail().signed(self.now()).await {
            Ok(signed) => Some(signed.into_iter().filter_map(by_kid).collect()),
            Err(error) => {
                tracing::warn!("what was signed with each key is not known: {}", with_causes(&error));
                None
            }
        };
        let candidates = keys.keys().candidates();
        let mut all = self.0.evidence.lock().await;
        let asked_about = |key: &KeyRecord| key.is_candidate() || key.state.is_probed();
        all.retain(|(kid, _), _| keys.keys().get(kid).is_some_and(asked_about));
        let mut verdicts = BTreeMap::new();
        let in_use = self.places();
        for key in candidates {
            let evidence = remembered(&mut all, Question::Canary, &key.kid);
            if let Err(error) = evidence.read_on(self.0.audit.trail(), &key.kid).await {
                tracing::warn!("what was seen of key {} is not known: {}", key.kid, with_causes(&error));
            }
            verdicts.insert(key.kid.clone(), evidence.verdict(&in_use, key.state.published_at()));
        }
        Known { verdicts, signed }
    }

    /// What verifiers were seen to do with `kid`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn seen(&self, question: Question, kid: &Kid) -> Result<Evidence, StoreError> {
        let mut all = self.0.evidence.lock().await;
        let evidence = remembered(&mut all, question, kid);
        evidence.read_on(self.0.audit.trail(), kid).await?;
        Ok(evidence.clone())
    }

    /// Writes what was done into the trail; what cannot be written now is tried again.
    async fn tell(&self) {
        let untold = self.keys().keys().untold.clone();
        if untold.is_empty() {
            return;
        }
        if let Err(error) = self.0.audit.trail().append(untold.clone(), self.now()).await {
            tracing::warn!("what was done with the keys is not in the audit trail yet: {}", with_causes(&error));
            return;
        }
        let told = self.0.ring.change(None, |keys, _| {
            let mut keys = keys.clone();
            keys.untold.retain(|line| !untold.contains(line));
            Ok::<_, ChangeError>((keys, ()))
        });
        if let Err(error) = told.await {
            tracing::warn!("lines about the keys may be in the audit trail twice: {}", with_causes(&error));
        }
    }

    /// That `by` had a step taken with `kid`, which was in the state `before` and is now in `after`.
    fn event(&self, by: By<'_>, step: &StepTaken) -> Event {
        let event = match by {
            By::Calendar => self.0.audit.event(What::Change),
            By::Operator(operator) => operator.caller().event(&self.0.audit, What::Change),
        };
        step.told_by(event)
    }
}

/// What a line says of a step.
struct StepTaken {
    action: &'static str,
    kid: Kid,
    before: Option<&'static str>,
    after: Option<&'static str>,
    details: Value,
}

impl StepTaken {
    fn told_by(&self, event: Event) -> Event {
        let Self { action, kid, before, after, details } = self;
        let change = json!({ "action": action, "kind": "key", "name": kid, "before": before, "after": after });
        let details = details.as_object().is_some_and(|members| !members.is_empty()).then(|| details.clone());
        Event { kid: Some(kid.clone()), change: Some(change), details, ..event }
    }
}

/// The line that tells of an issuer's first key, which signs from `now` on.
pub(super) fn first(key: &KeyRecord, now: Timestamp) -> Option<AuditLine> {
    let details = json!({ "reason": "the first start" });
    let step = StepTaken { action: "stage", kid: key.kid.clone(), before: None, after: Some("active"), details };
    // An event without a JSON form there is none of.
    step.told_by(Event::new(now, What::Change)).line().ok()
}

fn remembered<'e>(all: &'e mut BTreeMap<(Kid, Question), Evidence>, question: Question, kid: &Kid) -> &'e mut Evidence {
    all.entry((kid.clone(), question)).or_insert_with(|| Evidence::none(question))
}

fn by_kid(signed: Signed) -> Option<(Kid, Signed)> {
    Some((signed.kid.parse().ok()?, signed))
}
