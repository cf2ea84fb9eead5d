//! The AWS accounts that the sandbox plays: what an operator would have set up for the feeds.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::aws::trust_policy::{pull_permissions, trust_policy};
use crate::config::{AwsEndpoint, SandboxRole, SandboxSettings, Settings};
use crate::domain::{Feed, IssuerUrl, RoleArn, SessionDuration};
use crate::iam::{Policy, PolicyError, PolicyKind};
use crate::sandbox::{Accounts, OidcProvider, Role, Sandbox};
use crate::store::Store;

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
}

/// Says what is wrong with the policies of the sandbox's roles, without starting it.
///
/// # Errors
/// [`AccountsError`].
pub fn check_sandbox(settings: &Settings) -> Result<(), AccountsError> {
    match &settings.aws {
        AwsEndpoint::Sandbox(sandbox) => of(&settings.issuer, settings.feeds.iter(), sandbox).map(drop),
        AwsEndpoint::Aws | AwsEndpoint::Custom { .. } => Ok(()),
    }
}

/// Gives `sandbox` what the feeds need, now and after each change of them.
pub(super) fn follow(store: &Store, settings: &Arc<ArcSwap<Settings>>, sandbox: &Arc<Sandbox>) {
    let (settings, sandbox) = (Arc::clone(settings), Arc::clone(sandbox));
    store.on_change(move |snapshot| {
        let settings = settings.load();
        let AwsEndpoint::Sandbox(declared) = &settings.aws else { return };
        match of(&settings.issuer, snapshot.feeds().map(|feed| &**feed), declared) {
            Ok(accounts) => sandbox.set_accounts(accounts),
            Err(error) => tracing::error!("the sandbox's accounts stay as they were: {error}"),
        }
    });
}

/// A provider for each account that a feed's role is in, and a role for each feed: the declared one,
/// or else one that trusts the feeds that name it and nobody else, as the README has operators make it.
pub(super) fn of<'f>(
    issuer: &IssuerUrl,
    feeds: impl Iterator<Item = &'f Feed>,
    sandbox: &SandboxSettings,
) -> Result<Accounts, AccountsError> {
    let mut accounts = Accounts { providers: Vec::new(), roles: Vec::new() };
    for role in &sandbox.roles {
        accounts.roles.push(declared(role)?);
    }
    let mut sharing: BTreeMap<&RoleArn, Vec<&Feed>> = BTreeMap::new();
    for feed in feeds {
        add_provider(&mut accounts.providers, issuer, feed);
        sharing.entry(&feed.web_identity.role).or_default().push(feed);
    }
    for (arn, feeds) in sharing {
        if !sandbox.roles.iter().any(|role| role.arn == *arn) {
            accounts.roles.push(generated(issuer, arn, &feeds)?);
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
    let permissions =
        role.permissions.as_deref().map(|text| parse(&role.arn, PolicyKind::Identity, text)).transpose()?;
    Ok(Role {
        arn: role.arn.clone(),
        trust_policy: parse(&role.arn, PolicyKind::Trust, &role.trust_policy)?,
        permissions: match permissions {
            Some(permissions) => permissions,
            None => parse(&role.arn, PolicyKind::Identity, MAY_AUTHORIZE)?,
        },
        max_session_duration: role.max_session_duration,
    })
}

/// What a declared role may do when its permissions are left out.
const MAY_AUTHORIZE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}]}"#;

fn generated(issuer: &IssuerUrl, arn: &RoleArn, feeds: &[&Feed]) -> Result<Role, AccountsError> {
    let trust_policy = trust_policy(issuer, feeds.iter().copied()).to_string();
    let permissions = pull_permissions(feeds.iter().copied()).to_string();
    Ok(Role {
        arn: arn.clone(),
        trust_policy: parse(arn, PolicyKind::Trust, &trust_policy)?,
        permissions: parse(arn, PolicyKind::Identity, &permissions)?,
        max_session_duration: SessionDuration::MAX,
    })
}

fn parse(role: &RoleArn, kind: PolicyKind, text: &str) -> Result<Policy, AccountsError> {
    let which = match kind {
        PolicyKind::Trust => "trust policy",
        PolicyKind::Identity => "permissions",
    };
    let wrong = |source| AccountsError::Policy { role: role.clone(), which, source };
    let policy: Policy = text.parse().map_err(wrong)?;
    policy.check_kind(kind).map_err(wrong)?;
    Ok(policy)
}
