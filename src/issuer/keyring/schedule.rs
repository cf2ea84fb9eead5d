//! When which step is due, as pure functions of the keys, the policy, what is known and the time.
//!
//! A key signs when it has been published for [`RotationPolicy::publish_before`] and nothing that was seen speaks
//! against it; it leaves when the last token that it signed can no longer be accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::evidence::Verdict;
use super::lifecycle::Keys;
use super::record::{KeyRecord, KeyState};
use crate::clock::later;
use crate::domain::{KeySpec, Kid, PromoteOn, TOKEN_LEEWAY};
use crate::store::database::Signed;

/// How long after it was made a key may be missing from the JWKS of a process that shares the keys. Only from then on it
/// counts as published.
pub const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// How keys are to be rotated: `[keys]` of the configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RotationPolicy {
    /// What a new key is to be.
    pub spec: KeySpec,
    /// How long a key signs; none leaves its end to admins.
    pub rotate_every: Option<Duration>,
    /// How long a key is in the JWKS before it signs.
    pub publish_before: Duration,
    /// Whether full evidence shortens that.
    pub promote_on: PromoteOn,
    /// How long a key stays in the JWKS after its last token cannot be accepted any more.
    pub keep_after: Duration,
    /// The longest life of a token that is signed from now on.
    pub longest_token: Duration,
}

/// What is known beside the keys.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What verifiers were seen to do with published keys.
    pub verdicts: BTreeMap<Kid, Verdict>,
    /// What each key signed, those that signed anything; none when that could not be learned.
    pub signed: Option<BTreeMap<Kid, Signed>>,
}

impl Known {
    /// What was seen of `kid`.
    #[must_use]
    pub fn verdict(&self, kid: &Kid) -> Verdict {
        self.verdicts.get(kid).cloned().unwrap_or_default()
    }

    /// How many of the tokens that `kid` signed are live; none are where that is not known.
    #[must_use]
    pub fn live(&self, kid: &Kid) -> u64 {
        self.signed.as_ref().and_then(|signed| signed.get(kid)).map_or(0, |signed| signed.live)
    }
}

/// What the key ring should do next by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Make a new key and publish it.
    Stage,
    /// Have a published key sign.
    Promote(Kid),
    /// Take a key out of the JWKS.
    Retire(Kid),
}

/// Whether a published key may sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Gate {
    /// It may.
    Open,
    /// It has not been published long enough.
    Opens(Timestamp),
    /// It has, and something that was seen speaks against it.
    Held(String),
}

/// Why a step waits; `--force` with a reason overrides it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotYet {
    /// Verifiers may not know the key.
    #[error(
        "key {kid} may sign from {opens_at:.0} on, when it has been published for {}; {seen}",
        words(*publish_before)
    )]
    TooSoon {
        /// Which key.
        kid: Kid,
        /// When it may.
        opens_at: Timestamp,
        /// The wait that the policy asks for.
        publish_before: Duration,
        /// What was seen of it so far.
        seen: String,
    },
    /// Verifiers were seen not to know the key.
    #[error("key {kid} is held back: {against}")]
    Held {
        /// Which key.
        kid: Kid,
        /// What speaks against it.
        against: String,
    },
    /// Tokens that the key signed may still be accepted.
    #[error("key {kid} may leave from {leaves_at:.0} on; {live} of the tokens that it signed would break now")]
    StillAccepted {
        /// Which key.
        kid: Kid,
        /// When no token is accepted any more, and the policy's margin is over.
        leaves_at: Timestamp,
        /// How many are still live.
        live: u64,
    },
    /// Nobody can say what the key signed.
    #[error("what key {0} signed cannot be learned now, since the store does not answer")]
    Unknown(Kid),
}

impl NotYet {
    /// The stable code that callers, logs and the audit trail know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooSoon { .. } => "key_not_known_yet",
            Self::Held { .. } => "key_held_back",
            Self::StillAccepted { .. } => "tokens_still_accepted",
            Self::Unknown(_) => "store_unavailable",
        }
    }
}

/// A period as people write it.
pub(super) fn words(period: Duration) -> String {
    crate::domain::Period::of_seconds(period.as_secs()).to_string()
}

/// When a key that signs has its time over; none when that is left to admins.
///
/// A key of another kind than the policy asks for has it over already, unless an admin went back to it.
#[must_use]
pub fn rotation_due(active: &KeyRecord, policy: &RotationPolicy) -> Option<Timestamp> {
    let KeyState::Active { activated_at, rolled_back, .. } = active.state else { return None };
    if active.spec() != Some(policy.spec) && !rolled_back {
        return Some(activated_at);
    }
    policy.rotate_every.map(|period| later(activated_at, period))
}

/// When the key after the active one is to be published, if none is yet.
#[must_use]
pub fn staging_due(keys: &Keys, policy: &RotationPolicy) -> Option<Timestamp> {
    let due = rotation_due(keys.active()?, policy)?;
    let waits = keys.candidates().into_iter().any(|key| fits(key, policy));
    (!waits).then(|| due.checked_sub(policy.publish_before + SHOWN_WITHIN).unwrap_or(due))
}

/// Whether `key` may sign, at `now` and by what was seen.
#[must_use]
pub fn promotion(key: &KeyRecord, policy: &RotationPolicy, verdict: &Verdict, now: Timestamp) -> Gate {
    let due = later(key.state.published_at(), policy.publish_before);
    match verdict {
        Verdict::Full(_) if policy.promote_on == PromoteOn::Evidence => Gate::Open,
        _ if now < due => Gate::Opens(due),
        Verdict::Against(what) => Gate::Held(what.clone()),
        Verdict::Full(_) | Verdict::Partial(_) | Verdict::None(_) => Gate::Open,
    }
}

/// When `key`, which is retiring or never was active, may leave the JWKS: to the second, by the last token that it signed.
/// One that never was active may at once: nobody but STS was ever shown a token of it.
///
/// # Errors
/// [`NotYet::Unknown`].
pub fn leaves_at(key: &KeyRecord, policy: &RotationPolicy, known: &Known) -> Result<Timestamp, NotYet> {
    let KeyState::Retiring { retiring_at, .. } = key.state else { return Ok(key.created_at) };
    let signed = known.signed.as_ref().ok_or_else(|| NotYet::Unknown(key.kid.clone()))?;
    // A token may have been signed just then, and be written down within the leeway.
    let last = signed.get(&key.kid).map_or(retiring_at, |signed| signed.longest_expires_at.max(retiring_at));
    Ok(later(later(last, TOKEN_LEEWAY), policy.keep_after))
}

/// What is due at `now`. Same keys, policy, knowledge and time: same answer.
#[must_use]
pub fn next_step(keys: &Keys, policy: &RotationPolicy, known: &Known, now: Timestamp) -> Option<Step> {
    promotable(keys, policy, known, now)
        .map(Step::Promote)
        .or_else(|| retirable(keys, policy, known, now).map(Step::Retire))
        .or_else(|| staging_due(keys, policy).filter(|due| *due <= now).map(|_| Step::Stage))
}

/// When a step of the calendar is due next, after `now`; steps that are overdue and wait for something have no time.
#[must_use]
pub fn next_change(keys: &Keys, policy: &RotationPolicy, known: &Known, now: Timestamp) -> Option<Timestamp> {
    let staging = staging_due(keys, policy);
    let promotions = keys.candidates().into_iter().filter_map(|key| due(keys, key, policy));
    let retirements = retiring(keys).filter_map(|key| leaves_at(key, policy, known).ok());
    staging.into_iter().chain(promotions).chain(retirements).filter(|time| *time > now).min()
}

/// When a published key is promoted by the calendar; none when it waits for an admin.
#[must_use]
pub fn due(keys: &Keys, key: &KeyRecord, policy: &RotationPolicy) -> Option<Timestamp> {
    let opens = later(key.state.published_at(), policy.publish_before);
    match key.state {
        KeyState::Published { promote_when_due: true, .. } => Some(opens),
        _ if fits(key, policy) => rotation_due(keys.active()?, policy).map(|due| due.max(opens)),
        _ => None,
    }
}

fn promotable(keys: &Keys, policy: &RotationPolicy, known: &Known, now: Timestamp) -> Option<Kid> {
    let wanted = |key: &&KeyRecord| match key.state {
        KeyState::Published { promote_when_due: true, .. } => true,
        _ => due(keys, key, policy).is_some_and(|due| due <= now),
    };
    let open = |key: &&KeyRecord| promotion(key, policy, &known.verdict(&key.kid), now) == Gate::Open;
    keys.candidates().into_iter().filter(wanted).find(open).map(|key| key.kid.clone())
}

fn retirable(keys: &Keys, policy: &RotationPolicy, known: &Known, now: Timestamp) -> Option<Kid> {
    let gone = |key: &&KeyRecord| leaves_at(key, policy, known).is_ok_and(|time| time <= now);
    retiring(keys).find(gone).map(|key| key.kid.clone())
}

fn retiring(keys: &Keys) -> impl Iterator<Item = &KeyRecord> {
    keys.keys.iter().filter(|key| matches!(key.state, KeyState::Retiring { .. }))
}

fn fits(key: &KeyRecord, policy: &RotationPolicy) -> bool {
    key.spec() == Some(policy.spec)
}

#[cfg(test)]
mod tests;
