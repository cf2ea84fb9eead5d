//! The AWS accounts that the sandbox plays: what an operator would have set up for the feeds.

use crate::aws::trust_policy::{pull_permissions, trust_policy};
use crate::config::{AwsEndpoint, SandboxRole, SandboxSettings, Settings};
use crate::domain::{Feed, Invalid, IssuerUrl, RoleArn, SessionDuration};
use crate::iam::{Policy, PolicyError};
use crate::sandbox::{Accounts, OidcProvider, Role};

/// Why a role of the sandbox cannot be.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// One of its policies is wrong.
    #[error("the {which} of sandbox role {role} is wrong: {source}")]
    Policy {
        /// The role.
        role: RoleArn,
        /// Which of its policies.
        which: &'static str,
        /// What is wrong.
        source: PolicyError,
    },
    /// The longest session that a generated role allows is no session duration.
    #[error(transparent)]
    Duration(#[from] Invalid),
}

/// Says what is wrong with the policies of the sandbox's roles, without starting it.
///
/// # Errors
/// [`AccountsError`].
pub fn check_sandbox(settings: &Settings) -> Result<(), AccountsError> {
    match &settings.aws {
        AwsEndpoint::Sandbox(sandbox) => of(&settings.issuer, &settings.feeds, sandbox).map(drop),
        AwsEndpoint::Aws | AwsEndpoint::Custom { .. } => Ok(()),
    }
}

/// A provider for each account that a feed's role is in, and a role for each feed: the declared one,
/// or else one that trusts the feed and nobody else, as the README has operators make it.
pub(super) fn of(issuer: &IssuerUrl, feeds: &[Feed], sandbox: &SandboxSettings) -> Result<Accounts, AccountsError> {
    let mut accounts = Accounts { providers: Vec::new(), roles: Vec::new() };
    for role in &sandbox.roles {
        accounts.roles.push(declared(role)?);
    }
    for feed in feeds {
        add_provider(&mut accounts.providers, issuer, feed);
        if !sandbox.roles.iter().any(|role| role.arn == feed.web_identity.role) {
            accounts.roles.push(generated(issuer, feed)?);
        }
    }
    Ok(accounts)
}

fn add_provider(providers: &mut Vec<OidcProvider>, issuer: &IssuerUrl, feed: &Feed) {
    let account = feed.web_identity.role.account();
    let audience = &feed.web_identity.audience;
    match providers.iter_mut().find(|provider| provider.account == *account) {
        Some(provider) if provider.audiences.contains(audience) => {}
        Some(provider) => provider.audiences.push(audience.clone()),
        None => providers.push(OidcProvider {
            account: account.clone(),
            url: issuer.clone(),
            audiences: vec![audience.clone()],
        }),
    }
}

fn declared(role: &SandboxRole) -> Result<Role, AccountsError> {
    let permissions = role.permissions.as_deref().map(|text| parse(&role.arn, "permissions", text)).transpose()?;
    Ok(Role {
        arn: role.arn.clone(),
        trust_policy: parse(&role.arn, "trust policy", &role.trust_policy)?,
        permissions: match permissions {
            Some(permissions) => permissions,
            None => parse(&role.arn, "permissions", MAY_AUTHORIZE)?,
        },
        max_session_duration: role.max_session_duration,
    })
}

/// What a declared role may do when its permissions are left out.
const MAY_AUTHORIZE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}]}"#;

/// Several feeds may share a role: then each has a statement of its own in AWS. Here the sandbox
/// has several roles of one name, of which any may match.
fn generated(issuer: &IssuerUrl, feed: &Feed) -> Result<Role, AccountsError> {
    let arn = feed.web_identity.role.clone();
    let trust_policy = parse(&arn, "trust policy", &trust_policy(issuer, feed).to_string())?;
    let permissions = parse(&arn, "permissions", &pull_permissions(feed).to_string())?;
    let max_session_duration: SessionDuration = "12h".parse()?;
    Ok(Role { arn, trust_policy, permissions, max_session_duration })
}

fn parse(role: &RoleArn, which: &'static str, text: &str) -> Result<Policy, AccountsError> {
    text.parse().map_err(|source| AccountsError::Policy { role: role.clone(), which, source })
}
