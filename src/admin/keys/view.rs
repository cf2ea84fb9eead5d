//! How keys stand, as operators see it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::domain::AccountId;
use crate::issuer::keyring::evidence::{Seen, Verdict};
use crate::issuer::keyring::plan::Planned;
use crate::issuer::keyring::schedule::{Gate, Known, RotationPolicy, due, leaves_at, promotion};
use crate::issuer::keyring::{KeyRecord, KeySet, KeyState, Place};

/// All keys.
#[derive(Clone, Debug, Serialize)]
pub struct KeysView {
    /// The active one first, and then the newest.
    pub items: Vec<KeyView>,
    /// There is one page.
    pub next: Option<String>,
    /// When a step is due by the calendar.
    pub next_change: Option<Timestamp>,
    /// Why what is stored is not what is in use.
    pub trouble: Option<String>,
    /// What stands beside the keys and is none of feedpass's.
    pub foreign: Vec<String>,
}

/// One key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyView {
    /// What is known of it.
    #[serde(flatten)]
    pub record: KeyRecord,
    /// Its kind, `RS256 (2048 bits)`.
    pub spec: String,
    /// How many of the tokens that it signed may still be accepted; none when that is not known.
    pub live_tokens: Option<u64>,
    /// Of a published key: when it is promoted by the calendar; none when that waits for an admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<Timestamp>,
    /// Of a published key: whether it may sign now, and if not, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// Of a retiring key: when it leaves the JWKS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves_at: Option<Timestamp>,
    /// What was seen of it: `full`, `partial`, `against` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<&'static str>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// The same by place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PlaceSeen>,
    /// What is wrong with its private half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What was seen of a key in one place.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceSeen {
    /// Where.
    #[serde(flatten)]
    pub place: Value,
    /// What.
    #[serde(flatten)]
    pub seen: Seen,
}

/// What would happen, and to whom.
#[derive(Clone, Debug, Serialize)]
pub struct KeyPlan {
    /// The time of the plan.
    pub now: Timestamp,
    /// The kind of a new key.
    pub algorithm: String,
    /// The steps, in their order.
    pub steps: Vec<Planned>,
    /// How many feeds' tokens are signed with the keys: all.
    pub feeds: usize,
    /// The accounts whose STS has to know a key before it signs.
    pub accounts: Vec<AccountId>,
}

impl PlaceSeen {
    pub(super) fn of(place: &Place, seen: &Seen) -> Self {
        Self { place: place.to_json(), seen: seen.clone() }
    }
}

impl KeyView {
    pub(super) fn of(key: &KeyRecord, keys: &KeySet, policy: &RotationPolicy, known: &Known, now: Timestamp) -> Self {
        let verdict = key.is_candidate().then(|| known.verdict(&key.kid));
        let gate = verdict.as_ref().map(|verdict| match promotion(key, policy, verdict, now) {
            Gate::Open => "open".to_owned(),
            Gate::Opens(at) => format!("opens at {at:.0}"),
            Gate::Held(against) => format!("held: {against}"),
        });
        let retiring = matches!(key.state, KeyState::Retiring { .. });
        Self {
            record: key.clone(),
            spec: key.spec().map_or_else(|| key.algorithm.to_string(), |spec| spec.to_string()),
            live_tokens: known.signed.is_some().then(|| known.live(&key.kid)),
            promoted_at: key.is_candidate().then(|| due(keys.keys(), key, policy)).flatten(),
            gate,
            leaves_at: retiring.then(|| leaves_at(key, policy, known).ok()).flatten(),
            evidence: verdict.as_ref().map(Verdict::word),
            seen: verdict.map(|verdict| verdict.words().to_owned()),
            places: Vec::new(),
            fault: keys.faults().get(&key.kid).cloned(),
        }
    }
}
