//! What a policy would make of a token, for those who write policies.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::rules::{self, Decision, RuleAndClient, RuleReport};
use super::{Workloads, expectations};
use crate::authn::jws::{TokenType, UnverifiedJwt};
use crate::domain::{Slug, TrustedIssuer, WorkloadRule};
use crate::telemetry::with_causes;

/// What an issuer's rules make of a token, rule by rule.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PolicyReport {
    /// The issuer that the token was judged by.
    pub issuer: Slug,
    /// Why the token would be refused before any rule is asked; none where it would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What the rules say; of a token that is refused, what they would.
    #[serde(flatten)]
    pub decision: Decision,
    /// What rules would give that are only observed.
    pub would_have: Vec<RuleAndClient>,
    /// The issuer's rules, those first that are nearest to fitting.
    pub rules: Vec<RuleReport>,
}

impl PolicyReport {
    /// The client and rule by which the token gets in, if it does.
    #[must_use]
    pub fn admitted(&self) -> Option<&RuleAndClient> {
        match &self.decision {
            Decision::Client(admitted) if self.refused.is_none() => Some(admitted),
            Decision::Client(_) | Decision::NoRule | Decision::Ambiguous { .. } => None,
        }
    }
}

/// Judges claims as if a key of `issuer` had signed them and it were `now`. Those of `iss`, `aud`, `iat` and `exp` that
/// are left out are as in a good token: a sample that must fail would else fail for them, and show nothing of the rules.
/// Rules for other issuers are left out.
#[must_use]
pub fn test_claims(
    issuer: &TrustedIssuer,
    rules: &[Arc<WorkloadRule>],
    claims: &Map<String, Value>,
    now: Timestamp,
) -> PolicyReport {
    judged(issuer, rules, &completed(issuer, claims, now), now)
}

fn judged(
    issuer: &TrustedIssuer,
    rules: &[Arc<WorkloadRule>],
    claims: &Map<String, Value>,
    now: Timestamp,
) -> PolicyReport {
    let rules: Vec<_> = rules.iter().filter(|rule| rule.issuer() == issuer.name()).cloned().collect();
    let refused = expectations(issuer, now).check(claims).err().map(|error| error.to_string());
    let (decision, would_have) = rules::decide(&rules, claims);
    let rules = rules::report(&rules, claims, usize::MAX);
    PolicyReport { issuer: issuer.name().clone(), refused, decision, would_have, rules }
}

fn completed(issuer: &TrustedIssuer, claims: &Map<String, Value>, now: Timestamp) -> Map<String, Value> {
    let now = now.as_second();
    let mut completed = claims.clone();
    for (claim, good) in [
        ("iss", json!(issuer.issuer())),
        ("aud", json!(issuer.audiences().first())),
        ("iat", json!(now)),
        ("exp", json!(now + 60)),
    ] {
        completed.entry(claim).or_insert(good);
    }
    completed
}

impl Workloads {
    /// Judges a whole token, its signature too, as if it were `now`. Gives no client to anyone.
    pub async fn test_token(
        &self,
        issuer: &TrustedIssuer,
        rules: &[Arc<WorkloadRule>],
        token: &str,
        now: Timestamp,
    ) -> PolicyReport {
        let unverified = match UnverifiedJwt::parse(token, TokenType::Jwt) {
            Ok(unverified) => unverified,
            Err(error) => {
                let mut report = judged(issuer, rules, &Map::new(), now);
                report.refused = Some(error.to_string());
                return report;
            }
        };
        let mut report = judged(issuer, rules, unverified.unverified_claims(), now);
        if let Err(error) = self.verify_signature(issuer, unverified).await {
            report.refused = Some(with_causes(&error));
        }
        report
    }
}
