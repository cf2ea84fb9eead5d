//! Who must be let into the roles of a feed: written, rendered for those who set up accounts, and checked.

mod check;
mod render;
mod setup;

use serde_json::{Value, json};

use crate::domain::{Feed, IssuerUrl, RoleArn, SecondHop, WebIdentity};

pub use check::{Decided, Finding, Report, Severity, check};
pub use render::Rendering;
pub use setup::{RoleSetup, Setup, Use};

/// The ARN of the IAM OIDC provider that the trust policy of `role` names (IAM user guide,
/// "Create an OpenID Connect identity provider"): the issuer without its scheme, path included.
#[must_use]
pub fn provider_arn(issuer: &IssuerUrl, role: &RoleArn) -> String {
    format!("arn:{}:iam::{}:oidc-provider/{}", role.partition(), role.account(), issuer.without_scheme())
}

/// The narrowest trust policy of `role`, which `feeds` assume first: it lets these in, and no other feed of
/// the same issuer.
#[must_use]
pub fn trust_policy<'a>(issuer: &IssuerUrl, role: &RoleArn, feeds: impl IntoIterator<Item = &'a Feed>) -> Value {
    let of_role = |feed: &'a Feed| Some((feed, feed.web_identity().filter(|identity| identity.role == *role)?));
    let statements = feeds.into_iter().filter_map(of_role);
    let statements: Vec<_> =
        statements.map(|(feed, identity)| web_identity_statement(issuer, feed, identity)).collect();
    policy(&statements)
}

/// The narrowest trust policy of a second role, which `from` assumes: the ARNs of roles or users.
#[must_use]
pub fn second_trust_policy<'a>(hops: impl IntoIterator<Item = (&'a SecondHop, Vec<String>)>) -> Value {
    let statements: Vec<_> = hops.into_iter().map(|(hop, from)| second_statement(hop, &from)).collect();
    policy(&statements)
}

fn policy(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn web_identity_statement(issuer: &IssuerUrl, feed: &Feed, identity: &WebIdentity) -> Value {
    let key = issuer.without_scheme();
    // One right does not give the others, and without them AWS refuses a token that carries tags or a source identity.
    let tags = (!identity.session_tags.is_empty()).then_some("sts:TagSession");
    let source = identity.source_identity.is_some().then_some("sts:SetSourceIdentity");
    let mut actions: Vec<&str> = std::iter::once("sts:AssumeRoleWithWebIdentity").chain(tags).chain(source).collect();
    let action = if actions.len() == 1 { json!(actions.remove(0)) } else { json!(actions) };
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": provider_arn(issuer, &identity.role) },
        "Action": action,
        "Condition": {
            "StringEquals": {
                format!("{key}:aud"): identity.audience,
                format!("{key}:sub"): identity.subject_of(&feed.name).as_str(),
            }
        }
    })
}

fn second_statement(hop: &SecondHop, from: &[String]) -> Value {
    let from = if let [one] = from { json!(one) } else { json!(from) };
    let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": from }, "Action": "sts:AssumeRole" });
    if let Some(id) = &hop.external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": id } });
    }
    statement
}
