//! The issuers and rules that a token is judged by.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{Slug, TrustedIssuer, WorkloadIssuerUrl, WorkloadRule};

/// Knows the trusted issuers and the rules, as of one moment.
pub trait WorkloadPolicy: Send + Sync {
    /// The trusted issuer whose URL is this, to the letter. `unverified_issuer` is what a token says of itself.
    fn issuer(&self, unverified_issuer: &str) -> Option<Arc<TrustedIssuer>>;

    /// The rules for tokens of the issuer with this name.
    fn rules(&self, issuer: &Slug) -> Vec<Arc<WorkloadRule>>;
}

/// Two trusted issuers have the same URL, so that a token could be judged by either.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the workload issuers `{first}` and `{second}` are both {issuer}; make one of them, with the audiences of both"
)]
pub struct SameIssuer {
    /// One's name.
    pub first: Slug,
    /// The other's.
    pub second: Slug,
    /// Their URL.
    pub issuer: WorkloadIssuerUrl,
}

/// A [`WorkloadPolicy`] of given issuers and rules.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    issuers: HashMap<String, Arc<TrustedIssuer>>,
    rules: HashMap<Slug, Vec<Arc<WorkloadRule>>>,
}

impl Policy {
    /// Indexes them.
    ///
    /// # Errors
    /// [`SameIssuer`].
    pub fn new(issuers: &[Arc<TrustedIssuer>], rules: &[Arc<WorkloadRule>]) -> Result<Self, SameIssuer> {
        let mut policy = Self::default();
        for issuer in issuers {
            if let Some(first) = policy.issuers.insert(issuer.issuer().to_string(), Arc::clone(issuer)) {
                let (first, second) = (first.name().clone(), issuer.name().clone());
                return Err(SameIssuer { first, second, issuer: issuer.issuer().clone() });
            }
        }
        for rule in rules {
            policy.rules.entry(rule.issuer().clone()).or_default().push(Arc::clone(rule));
        }
        Ok(policy)
    }
}

impl WorkloadPolicy for Policy {
    fn issuer(&self, unverified_issuer: &str) -> Option<Arc<TrustedIssuer>> {
        self.issuers.get(unverified_issuer).cloned()
    }

    fn rules(&self, issuer: &Slug) -> Vec<Arc<WorkloadRule>> {
        self.rules.get(issuer).cloned().unwrap_or_default()
    }
}
