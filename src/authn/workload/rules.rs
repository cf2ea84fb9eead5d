//! Which rules a token fits, and why it does not fit the others. Pure.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{ClaimPath, ClaimPattern, ClientId, RuleMode, Slug, WorkloadRule, shown};

/// A rule, and the client that it gives.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RuleAndClient {
    /// The rule.
    pub rule: Slug,
    /// Its client.
    pub client: ClientId,
}

/// What a set of rules makes of a token's claims.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Decision {
    /// It is this client's. Of several rules with the same client, the first by name.
    Client(RuleAndClient),
    /// No rule fits.
    NoRule,
    /// Rules fit that give different clients: none of them is given.
    Ambiguous {
        /// All rules that fit and count, by name.
        fitting: Vec<RuleAndClient>,
    },
}

/// Decides by the rules that count, and says what those would give that are only observed.
pub(super) fn decide(rules: &[Arc<WorkloadRule>], claims: &Map<String, Value>) -> (Decision, Vec<RuleAndClient>) {
    let of = |mode| {
        let fitting = rules.iter().filter(|rule| rule.mode() == mode && fits(rule, claims));
        let mut fitting: Vec<_> =
            fitting.map(|rule| RuleAndClient { rule: rule.name().clone(), client: rule.client().clone() }).collect();
        fitting.sort();
        fitting
    };
    let enforced = of(RuleMode::Enforce);
    let decision = match enforced.first() {
        None => Decision::NoRule,
        Some(first) if enforced.iter().all(|other| other.client == first.client) => Decision::Client(first.clone()),
        Some(_) => Decision::Ambiguous { fitting: enforced },
    };
    (decision, of(RuleMode::Observe))
}

fn fits(rule: &WorkloadRule, claims: &Map<String, Value>) -> bool {
    rule.claims().iter().all(|(path, pattern)| holds(path, pattern, claims))
}

fn holds(path: &ClaimPath, pattern: &ClaimPattern, claims: &Map<String, Value>) -> bool {
    path.find(claims).is_some_and(|value| pattern.matches(value))
}

/// How a rule took a token.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RuleReport {
    /// The rule.
    pub rule: Slug,
    /// Its client.
    pub client: ClientId,
    /// Whether it counts.
    pub mode: RuleMode,
    /// Whether all conditions hold.
    pub fits: bool,
    /// Each of its conditions.
    pub conditions: Vec<ConditionReport>,
}

/// How a condition took a token.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ConditionReport {
    /// Which claim it is on.
    pub claim: ClaimPath,
    /// What the claim must be.
    pub expected: ClaimPattern,
    /// What it is, shortened where it is long; none where the token has no such claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
    /// Whether the condition holds.
    pub holds: bool,
}

/// Reports on the rules that are nearest to fitting, at most so many, the nearest first.
pub(super) fn report(rules: &[Arc<WorkloadRule>], claims: &Map<String, Value>, at_most: usize) -> Vec<RuleReport> {
    let failing =
        |rule: &Arc<WorkloadRule>| rule.claims().iter().filter(|(path, pattern)| !holds(path, pattern, claims)).count();
    let mut nearest: Vec<_> = rules.iter().collect();
    nearest.sort_by_cached_key(|rule| (failing(rule), rule.name()));
    nearest.into_iter().take(at_most).map(|rule| RuleReport::of(rule, claims)).collect()
}

impl RuleReport {
    fn of(rule: &WorkloadRule, claims: &Map<String, Value>) -> Self {
        let conditions = rule.claims().iter().map(|(path, pattern)| {
            let (found, holds) = (path.find(claims).map(shortened), holds(path, pattern, claims));
            ConditionReport { claim: path.clone(), expected: pattern.clone(), found, holds }
        });
        Self {
            rule: rule.name().clone(),
            client: rule.client().clone(),
            mode: rule.mode(),
            fits: fits(rule, claims),
            conditions: conditions.collect(),
        }
    }

    /// The conditions that do not hold.
    pub fn failing(&self) -> impl Iterator<Item = &ConditionReport> {
        self.conditions.iter().filter(|condition| !condition.holds)
    }
}

fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > 80 => shown(text).into(),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if text.len() > 200 { shown(&text).into() } else { value.clone() }
        }
        short => short.clone(),
    }
}

impl fmt::Display for RuleReport {
    /// As a sentence for the log: ``rule `ci` fits``, or ``rule `ci`: `sub` is "a", not "b"``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule `{}`", self.rule)?;
        if self.fits {
            return f.write_str(" fits");
        }
        for (at, condition) in self.failing().enumerate() {
            let ConditionReport { claim, expected, found, .. } = condition;
            f.write_str(if at == 0 { ": " } else { ", " })?;
            match found {
                Some(found) => write!(f, "`{claim}` is {found}, not {expected}")?,
                None => write!(f, "there is no `{claim}`, which should be {expected}")?,
            }
        }
        Ok(())
    }
}
