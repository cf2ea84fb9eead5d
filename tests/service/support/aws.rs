//! What an operator sets up in AWS.

use feedpass::aws::permissions::permissions;
use feedpass::aws::trust_policy::trust_policy;
use feedpass::config::Settings;
use feedpass::domain::{Feed, SessionDuration, WebIdentity};
use feedpass::sandbox::{Accounts, OidcProvider, Role};
use http::Method;
use serde_json::Value;
use url::form_urlencoded;

use super::{Reply, Request, TestApp};

/// The accounts as the feeds need them: a provider in each account, a role for each feed.
pub fn accounts_for(settings: &Settings) -> Accounts {
    let provider = |identity: &WebIdentity| OidcProvider {
        account: identity.role.account().clone(),
        url: settings.issuer.clone(),
        audiences: vec![identity.audience.clone()],
    };
    let role = |feed: &Feed| {
        let role = &feed.web_identity()?.role;
        Some(Role {
            arn: role.clone(),
            trust_policy: policy(&trust_policy(&settings.issuer, role, [feed])),
            permissions: policy(&permissions([feed], false)),
            max_session_duration: SessionDuration::MAX,
        })
    };
    Accounts {
        providers: settings.feeds.iter().filter_map(Feed::web_identity).map(provider).collect(),
        roles: settings.feeds.iter().filter_map(role).collect(),
        users: Vec::new(),
    }
}

/// A policy of its JSON.
pub fn policy(json: &Value) -> feedpass::iam::Policy {
    json.to_string().parse().unwrap()
}

/// Asks the sandbox's STS for a session of the role of a feed in the space `default`.
pub async fn assume_role(app: &TestApp, feed: &str, token: &str) -> Reply {
    let address = app.sandbox().url().strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap();
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "AssumeRoleWithWebIdentity")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &format!("arn:aws:iam::123456789012:role/feedpass-default-{feed}"))
        .append_pair("RoleSessionName", "test")
        .append_pair("WebIdentityToken", token)
        .finish();
    let form = "application/x-www-form-urlencoded";
    Request::new(Method::POST, address, "/").header("content-type", form).body(body).send().await
}
