//! What would happen and when: the steps of a rotation, with what each waits for.

use jiff::Timestamp;
use serde::Serialize;

use super::lifecycle::Keys;
use super::record::{KeyRecord, KeyState};
use super::schedule::{Gate, Known, RotationPolicy, SHOWN_WITHIN, due, leaves_at, promotion, staging_due, words};
use crate::clock::later;
use crate::domain::{Kid, PromoteOn, TOKEN_LEEWAY};

/// A step to come.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Planned {
    /// `stage`, `promote` or `retire`.
    pub step: &'static str,
    /// The key, where there is one yet.
    pub kid: Option<Kid>,
    /// When it may be at the earliest; none when that is an admin's to say, or not known.
    pub earliest: Option<Timestamp>,
    /// What it waits for, in words.
    pub waits_for: Vec<String>,
}

/// When the rotation begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// When the policy says.
    Calendar,
    /// At once, as `key rotate` has it.
    Now,
}

/// The steps from `now` to the end of the rotation that is under way, or of the next one.
#[must_use]
pub fn plan(keys: &Keys, policy: &RotationPolicy, known: &Known, start: Start, now: Timestamp) -> Vec<Planned> {
    let mut steps = Vec::new();
    let candidate = keys.candidates().into_iter().find(|key| is_next(key, policy));
    let promoted_at = if let Some(key) = candidate {
        let opens = later(key.state.published_at(), policy.publish_before);
        let at = if start == Start::Now { Some(opens) } else { due(keys, key, policy) };
        steps.push(promote(key, policy, known, at, now));
        at.map(|at| at.max(now))
    } else {
        begin(&mut steps, keys, policy, start, now)
    };
    if let Some(active) = keys.active() {
        let earliest =
            promoted_at.map(|at| later(later(later(at, policy.longest_token), TOKEN_LEEWAY), policy.keep_after));
        let waits_for = vec![format!(
            "the end of the last token that it signs by then, 5 minutes more, and {} for caches",
            words(policy.keep_after)
        )];
        steps.push(Planned { step: "retire", kid: Some(active.kid.clone()), earliest, waits_for });
    }
    let retiring = keys.keys.iter().filter(|key| matches!(key.state, KeyState::Retiring { .. }));
    let mut all: Vec<_> = retiring.map(|key| retire(key, policy, known)).collect();
    all.extend(steps);
    all
}

/// The first steps of a rotation that is not under way; gives when the new key signs.
fn begin(
    steps: &mut Vec<Planned>,
    keys: &Keys,
    policy: &RotationPolicy,
    start: Start,
    now: Timestamp,
) -> Option<Timestamp> {
    let staged_at = match start {
        Start::Now => Some(now),
        Start::Calendar => staging_due(keys, policy).map(|at| at.max(now)),
    };
    let what = format!("a new {} key", policy.spec);
    let waits_for = match (start, staged_at) {
        (Start::Now, _) => format!("`key rotate`, which makes {what}"),
        (Start::Calendar, Some(at)) => format!("{at:.0}, when {what} is made"),
        (Start::Calendar, None) => format!("an admin: `rotate_every` is `never`; `key rotate` makes {what}"),
    };
    steps.push(Planned { step: "stage", kid: None, earliest: staged_at, waits_for: vec![waits_for] });
    let promoted_at = staged_at.map(|at| later(later(at, SHOWN_WITHIN), policy.publish_before));
    let waits_for = gates(policy, "no evidence yet");
    steps.push(Planned { step: "promote", kid: None, earliest: promoted_at, waits_for });
    promoted_at
}

fn is_next(key: &KeyRecord, policy: &RotationPolicy) -> bool {
    matches!(key.state, KeyState::Published { promote_when_due: true, .. }) || key.spec() == Some(policy.spec)
}

fn promote(key: &KeyRecord, policy: &RotationPolicy, known: &Known, at: Option<Timestamp>, now: Timestamp) -> Planned {
    let verdict = known.verdict(&key.kid);
    let mut waits_for = match promotion(key, policy, &verdict, now) {
        Gate::Open => Vec::new(),
        Gate::Opens(_) => gates(policy, verdict.words()),
        Gate::Held(against) => vec![format!("verifiers that do not take it: {against}")],
    };
    if at.is_none() {
        waits_for.insert(0, "an admin: `key promote`, or `key rotate` to have it done when it is due".to_owned());
    }
    Planned { step: "promote", kid: Some(key.kid.clone()), earliest: at.map(|at| at.max(now)), waits_for }
}

fn gates(policy: &RotationPolicy, seen: &str) -> Vec<String> {
    let published = words(policy.publish_before);
    let time = match policy.promote_on {
        PromoteOn::Time => format!("being published for {published}"),
        PromoteOn::Evidence => format!("being published for {published}, or full evidence before"),
    };
    vec![time, format!("nothing speaking against it; so far: {seen}")]
}

fn retire(key: &KeyRecord, policy: &RotationPolicy, known: &Known) -> Planned {
    let (earliest, waits_for) = match leaves_at(key, policy, known) {
        Ok(at) => (Some(at), vec![format!("{} live tokens that it signed", known.live(&key.kid))]),
        Err(unknown) => (None, vec![unknown.to_string()]),
    };
    Planned { step: "retire", kid: Some(key.kid.clone()), earliest, waits_for }
}
