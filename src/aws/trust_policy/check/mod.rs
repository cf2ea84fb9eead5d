//! Would this trust policy let the feed in? And if not, why not; and whom else would it let in?
//!
//! [`check`] evaluates the policy as IAM does (`iam`), against the token that the feed would get, and says what it finds
//! with what would mend it: first why it refuses (`refused.rs`), then what is unsafe or useless in it (`lint.rs`). What it
//! should have been is written out (`patch.rs`).

mod facts;
mod finding;
mod key;
mod lint;
mod patch;
mod refused;
mod value;

use serde_json::Value;

pub use finding::{Finding, Severity};

use self::facts::Facts;
use self::refused::Nearest;
use crate::domain::{Feed, IssuerUrl, SpaceFeed, WebIdentity};
use crate::iam::{Decision, Policy, PolicyKind};

/// What a policy says of one action.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The action, `sts:AssumeRoleWithWebIdentity`.
    pub action: &'static str,
    /// The policy's answer; none of one that cannot be read.
    pub decision: Option<Decision>,
}

/// What is to be said of a policy.
#[derive(Clone, Debug)]
pub struct Report {
    /// The answer to each action that the feed's token asks for.
    pub decided: Vec<Decided>,
    /// What was found, the cause of a refusal first.
    pub findings: Vec<Finding>,
    /// The feeds of other roles that the policy lets in, by name.
    pub admits: Vec<SpaceFeed>,
    /// The policy as it should be, where there is something to mend.
    pub patched: Option<Value>,
}

impl Report {
    /// Whether the feed is let in.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.decided.iter().all(|decided| decided.decision.as_ref().is_some_and(Decision::is_allowed))
    }
}

/// Checks `policy`, the text of the trust policy of the role of `feed`, whose identity is `identity`; `others` are all
/// feeds of the installation.
#[must_use]
pub fn check(issuer: &IssuerUrl, feed: &Feed, identity: &WebIdentity, others: &[&Feed], policy: &str) -> Report {
    let facts = Facts::of(issuer, feed, identity);
    let actions = facts.actions();
    let read = policy.parse::<Policy>().and_then(|read| read.check_kind(PolicyKind::Trust).map(|()| read));
    let read = match read {
        Ok(read) => read,
        Err(error) => {
            return Report {
                decided: actions.into_iter().map(|action| Decided { action, decision: None }).collect(),
                findings: vec![finding::unreadable(&error)],
                admits: Vec::new(),
                // Of what IAM would not take, nothing can stay.
                patched: Some(facts.right),
            };
        }
    };
    let decided: Vec<Decided> = actions
        .into_iter()
        .map(|action| Decided { action, decision: Some(read.evaluate(&facts.request(action))) })
        .collect();
    let mut findings = refused::findings(&facts, &read, &decided);
    let (warnings, admits) = lint::findings(&facts, &read, others);
    findings.extend(warnings);
    let patched = match refused::nearest(&facts, &read) {
        _ if findings.is_empty() => None,
        Nearest::Denied => None,
        Nearest::Statement(at) => patch::patched(&facts, policy, Some(at), others),
        Nearest::None => patch::patched(&facts, policy, None, others),
    };
    Report { decided, findings, admits, patched }
}
