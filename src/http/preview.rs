//! What AWS sees of a feed's tokens, wherever the feed is shown.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::aws::trust_policy::provider_arn;
use crate::domain::{Audience, Feed, IssuerUrl, Subject};

/// What a role's trust policy goes by.
#[derive(Serialize)]
pub(super) struct TokenPreview {
    subject: Subject,
    audience: Audience,
    provider_arn: String,
    /// The keys of the policy's conditions, with what each has to be.
    condition_keys: BTreeMap<String, String>,
}

impl TokenPreview {
    /// What AWS sees of the feed's tokens; none of one that has none.
    pub(super) fn of(issuer: &IssuerUrl, feed: &Feed) -> Option<Self> {
        let identity = feed.web_identity()?;
        let subject = identity.subject_of(&feed.name);
        let key = |name: &str| format!("{}:{name}", issuer.without_scheme());
        Some(Self {
            provider_arn: provider_arn(issuer, &identity.role),
            condition_keys: BTreeMap::from([
                (key("aud"), identity.audience.to_string()),
                (key("sub"), subject.to_string()),
            ]),
            audience: identity.audience.clone(),
            subject,
        })
    }
}
