//! Workload identities: tokens of trusted outside issuers, and the clients that they stand for.
//!
//! What a token says of itself is used before its signature is checked for one thing alone: to find the trusted
//! issuer whose key it should be signed with. Trusted issuers are an administrator's choice, and so is where
//! feedpass goes for their keys.

mod discovery;
mod error;
mod fetch;
mod jwks_cache;
mod policy;
mod report;
mod rules;

use std::sync::Arc;

use jiff::Timestamp;

pub use self::discovery::KeysError;
pub use self::error::{Unfitting, WorkloadError};
pub use self::fetch::{Fetch, FetchError, Fetched, HttpsFetch, LONGEST_DOCUMENT};
pub use self::jwks_cache::{JwksCache, KeyError};
pub use self::policy::{Policy, SameIssuer, WorkloadPolicy};
pub use self::report::{PolicyReport, test_claims};
pub use self::rules::{ConditionReport, Decision, RuleAndClient, RuleReport};
use super::jws::{Claims, Expectations, LEEWAY, TokenType, UnverifiedJwt};
use crate::clock::Clock;
use crate::domain::{ClientId, Slug, TrustedIssuer};

/// How many rules a refusal tells of: more would hide the one that was meant.
const NEAREST: usize = 10;

/// A workload whose token is right, and the client that it is.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The name of the trusted issuer.
    pub issuer: Slug,
    /// The token's `sub`.
    pub subject: String,
    /// The token's one `aud`.
    pub audience: String,
    /// The token's `jti`, where it has one.
    pub token_id: Option<String>,
    /// When the token ends: nothing that is given for it should be of use for much longer.
    pub expires_at: Timestamp,
    /// Who the workload is.
    pub client: ClientId,
    /// By which rule.
    pub rule: Slug,
    /// What rules would give that are only observed.
    pub would_have: Vec<RuleAndClient>,
}

/// Verifies the tokens of workloads.
#[derive(Clone)]
pub struct Workloads {
    keys: JwksCache,
    clock: Arc<dyn Clock>,
}

impl Workloads {
    /// Fetches issuers' keys by `fetch` when they are first needed.
    #[must_use]
    pub fn new(fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self { keys: JwksCache::new(fetch, Arc::clone(&clock)), clock }
    }

    /// Finds out which client a token stands for, by the issuers and rules of `policy`.
    ///
    /// # Errors
    /// [`WorkloadError`], whose words are for the caller; [`WorkloadError::explain`] has those for the log. Within
    /// 5 s, which only the token's own issuer can take.
    pub async fn verify(&self, policy: &dyn WorkloadPolicy, token: &str) -> Result<Verified, WorkloadError> {
        let token = UnverifiedJwt::parse(token, TokenType::Jwt).map_err(WorkloadError::Token)?;
        let unverified_issuer = token.unverified_issuer().ok_or(WorkloadError::NoIssuer)?;
        let issuer = policy.issuer(unverified_issuer).ok_or_else(|| WorkloadError::unknown(unverified_issuer))?;
        let claims = self.verify_signature(&issuer, token).await?;
        let checked = claims.check(&expectations(&issuer, self.clock.now())).map_err(WorkloadError::Claims)?;
        let rules = policy.rules(issuer.name());
        match rules::decide(&rules, claims.members()) {
            (Decision::Client(RuleAndClient { rule, client }), would_have) => Ok(Verified {
                issuer: issuer.name().clone(),
                subject: checked.subject,
                audience: checked.audience,
                token_id: checked.token_id,
                expires_at: checked.expires_at,
                client,
                rule,
                would_have,
            }),
            (Decision::NoRule, would_have) => Err(WorkloadError::NoRule(Box::new(Unfitting {
                issuer: issuer.issuer().clone(),
                subject: checked.subject,
                audience: checked.audience,
                rules: rules.len(),
                nearest: rules::report(&rules, claims.members(), NEAREST),
                would_have,
            }))),
            (Decision::Ambiguous { fitting }, _) => Err(WorkloadError::Ambiguous { subject: checked.subject, fitting }),
        }
    }

    async fn verify_signature(
        &self,
        issuer: &TrustedIssuer,
        token: UnverifiedJwt<'_>,
    ) -> Result<Claims, WorkloadError> {
        let jws = token.jws();
        // Before its issuer is asked for anything.
        jws.require_algorithm(issuer.algorithms()).map_err(WorkloadError::Token)?;
        let key = self.keys.key(issuer, jws.unverified_kid(), jws.algorithm()).await.map_err(WorkloadError::Key)?;
        token.verify(&key, issuer.algorithms()).map_err(WorkloadError::Token)
    }
}

/// What is expected of an issuer's tokens at `now`.
fn expectations(issuer: &TrustedIssuer, now: Timestamp) -> Expectations<'_> {
    Expectations {
        issuer: issuer.issuer().as_str(),
        audiences: issuer.audiences(),
        now,
        leeway: LEEWAY,
        max_lifetime: issuer.max_lifetime().as_duration(),
    }
}

#[cfg(test)]
mod tests;
