//! What rules would make of tokens, for those who write rules. Nobody gets anything by it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Authn;
use super::jws::{TokenType, UnverifiedJwt};
use super::workload::{PolicyReport, test_claims};
use crate::domain::{Slug, TrustedIssuer, WorkloadRule};

/// What is judged.
#[derive(Clone, Debug)]
pub enum Sample {
    /// A whole token, its signature too.
    Token(String),
    /// Claims, as if their issuer had signed them.
    Claims(Map<String, Value>),
}

/// Why a sample cannot be judged at all.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// There is no such issuer.
    #[error("there is no workload issuer `{0}`")]
    NoSuchIssuer(Slug),
    /// It does not say which issuer's it is.
    #[error("the sample has no `iss` of a trusted issuer; name the issuer beside it")]
    NoIssuer,
}

impl Authn {
    /// Judges `sample` by the rules that there are, or by `rules` in their place; as one of `issuer`, or of whom it
    /// names itself.
    ///
    /// # Errors
    /// [`SampleError`].
    pub async fn test_policy(
        &self,
        issuer: Option<&Slug>,
        rules: Option<&[Arc<WorkloadRule>]>,
        sample: &Sample,
    ) -> Result<PolicyReport, SampleError> {
        let issuer = self.issuer_of(issuer, sample)?;
        let live: Vec<_> = self.store.current().workload_rules(issuer.name()).cloned().collect();
        let (rules, now) = (rules.unwrap_or(&live), self.clock.now());
        Ok(match sample {
            Sample::Claims(claims) => test_claims(&issuer, rules, claims, now),
            Sample::Token(token) => self.workloads.test_token(&issuer, rules, token, now).await,
        })
    }

    fn issuer_of(&self, issuer: Option<&Slug>, sample: &Sample) -> Result<Arc<TrustedIssuer>, SampleError> {
        let snapshot = self.store.current();
        if let Some(name) = issuer {
            let found = snapshot.workload_issuer(name).ok_or_else(|| SampleError::NoSuchIssuer(name.clone()))?;
            return Ok(Arc::clone(&found.value));
        }
        let unverified_issuer = match sample {
            Sample::Claims(claims) => claims.get("iss").and_then(Value::as_str).map(str::to_owned),
            Sample::Token(token) => {
                let token = UnverifiedJwt::parse(token, TokenType::Jwt).ok();
                token.and_then(|token| token.unverified_issuer().map(str::to_owned))
            }
        };
        let found = unverified_issuer.and_then(|url| snapshot.workload_issuer_of(&url).cloned());
        found.map(|entry| entry.value).ok_or(SampleError::NoIssuer)
    }
}
