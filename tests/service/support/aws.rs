//! What an operator sets up in AWS.

use feedpass::aws::trust_policy::{pull_permissions, trust_policy};
use feedpass::config::Settings;
use feedpass::domain::{Feed, SessionDuration};
use feedpass::sandbox::{Accounts, OidcProvider, Role};
use serde_json::Value;

/// The accounts as the feeds need them: a provider in each account, a role for each feed.
pub fn accounts_for(settings: &Settings) -> Accounts {
    let provider = |feed: &Feed| OidcProvider {
        account: feed.web_identity.role.account().clone(),
        url: settings.issuer.clone(),
        audiences: vec![feed.web_identity.audience.clone()],
    };
    let role = |feed: &Feed| Role {
        arn: feed.web_identity.role.clone(),
        trust_policy: policy(&trust_policy(&settings.issuer, [feed])),
        permissions: policy(&pull_permissions([feed])),
        max_session_duration: SessionDuration::MAX,
    };
    Accounts {
        providers: settings.feeds.iter().map(provider).collect(),
        roles: settings.feeds.iter().map(role).collect(),
    }
}

/// A policy of its JSON.
pub fn policy(json: &Value) -> feedpass::iam::Policy {
    json.to_string().parse().unwrap()
}
