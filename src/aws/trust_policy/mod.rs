//! What an AWS account needs so that a feed can assume its role.

use serde_json::{Value, json};

use crate::domain::{Feed, IssuerUrl};

/// The ARN of the IAM OIDC provider that the role's trust policy names (IAM user guide,
/// "Create an OpenID Connect identity provider"): the issuer without its scheme, path included.
#[must_use]
pub fn provider_arn(issuer: &IssuerUrl, feed: &Feed) -> String {
    let role = &feed.web_identity.role;
    format!("arn:{}:iam::{}:oidc-provider/{}", role.partition(), role.account(), issuer.without_scheme())
}

/// The narrowest trust policy of a role that `feeds` share: it lets these in, and no other feed of
/// the same issuer.
#[must_use]
pub fn trust_policy<'a>(issuer: &IssuerUrl, feeds: impl IntoIterator<Item = &'a Feed>) -> Value {
    let statements: Vec<_> = feeds.into_iter().map(|feed| trust_statement(issuer, feed)).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn trust_statement(issuer: &IssuerUrl, feed: &Feed) -> Value {
    let key = issuer.without_scheme();
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": provider_arn(issuer, feed) },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                format!("{key}:aud"): feed.web_identity.audience,
                format!("{key}:sub"): feed.subject().as_str(),
            }
        }
    })
}

/// What a role must be allowed so that images can be pulled from the registries of `feeds`.
#[must_use]
pub fn pull_permissions<'a>(feeds: impl IntoIterator<Item = &'a Feed>) -> Value {
    let repositories: Vec<_> = feeds
        .into_iter()
        .map(|feed| {
            let partition = feed.web_identity.role.partition();
            format!("arn:{partition}:ecr:{}:{}:repository/*", feed.region, feed.registry)
        })
        .collect();
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
            {
                "Effect": "Allow",
                "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Resource": repositories,
            }
        ]
    })
}
