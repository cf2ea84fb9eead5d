//! The AWS accounts that the sandbox plays: what an operator would have set up for the feeds.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use crate::aws::permissions::{may_assume, permissions};
use crate::aws::trust_policy::{second_trust_policy, trust_policy};
use crate::config::{AwsEndpoint, SandboxRole, SandboxSettings, SandboxUser, Settings};
use crate::domain::{
    AccessKey, AwsSecret, Feed, Identity, IssuerUrl, RoleArn, SessionDuration, SpaceFeed, UserArn, WebIdentity,
};
use crate::iam::{Policy, PolicyError, PolicyKind};
use crate::sandbox::{Accounts, OidcProvider, Role, Sandbox, User};
use crate::store::Store;
use crate::store::vault::Vault;

/// Why a role of the sandbox cannot be.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// One of its policies is wrong.
    #[error("the {which} of sandbox {whose} is wrong: {source}")]
    Policy {
        /// The role or user, by its ARN.
        whose: String,
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
        AwsEndpoint::Sandbox(sandbox) => of(&settings.issuer, settings.feeds.iter(), sandbox, None).map(drop),
        AwsEndpoint::Aws | AwsEndpoint::Custom { .. } => Ok(()),
    }
}

/// Gives `sandbox` what the feeds need, now and after each change of them.
pub(super) fn follow(store: &Store, settings: &Arc<ArcSwap<Settings>>, sandbox: &Arc<Sandbox>, vault: &Vault) {
    let (settings, sandbox, vault) = (Arc::clone(settings), Arc::clone(sandbox), vault.clone());
    store.on_change(move |snapshot| {
        let settings = settings.load();
        let AwsEndpoint::Sandbox(declared) = &settings.aws else { return };
        match of(&settings.issuer, snapshot.feeds().map(|feed| &**feed), declared, Some(&vault)) {
            Ok(accounts) => sandbox.set_accounts(accounts),
            Err(error) => tracing::error!("the sandbox's accounts stay as they were: {error}"),
        }
    });
}

/// A provider for each account that a feed's role is in, a user for each access key, and a role for each feed: the
/// declared ones, or else such as trust the feeds that name them and nobody else, as the README has operators make them.
///
/// `vault` opens the secrets of feeds that come from the store.
pub(super) fn of<'f>(
    issuer: &IssuerUrl,
    feeds: impl Iterator<Item = &'f Feed>,
    sandbox: &SandboxSettings,
    vault: Option<&Vault>,
) -> Result<Accounts, AccountsError> {
    let mut accounts = Accounts::default();
    for role in &sandbox.roles {
        accounts.roles.push(declared(role)?);
    }
    for user in &sandbox.users {
        accounts.users.push(declared_user(user)?);
    }
    let ambient: Vec<String> = accounts.users.iter().map(|user| user.arn.to_string()).collect();
    let mut sharing: BTreeMap<&RoleArn, Vec<&Feed>> = BTreeMap::new();
    for feed in feeds {
        if let Some(identity) = feed.web_identity() {
            add_provider(&mut accounts.providers, issuer, identity);
        }
        if let Identity::AccessKey(key) = &feed.identity {
            add_user(&mut accounts.users, feed, key, vault)?;
        }
        for role in feed.roles() {
            sharing.entry(role).or_default().push(feed);
        }
    }
    for (arn, feeds) in sharing {
        if !sandbox.roles.iter().any(|role| role.arn == *arn) {
            let role = generated(issuer, arn, &feeds, &ambient)?;
            accounts.roles.push(role);
        }
    }
    Ok(accounts)
}

fn add_provider(providers: &mut Vec<OidcProvider>, issuer: &IssuerUrl, identity: &WebIdentity) {
    let account = identity.role.account();
    let audience = &identity.audience;
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

/// The user whose key the feed has, unless the key is a declared user's or another feed's too.
fn add_user(users: &mut Vec<User>, feed: &Feed, key: &AccessKey, vault: Option<&Vault>) -> Result<(), AccountsError> {
    if users.iter().any(|user| user.access_key_id == key.access_key_id) {
        return Ok(());
    }
    let secret = match (&key.secret, vault) {
        (Some(AwsSecret::Clear(secret)), _) => secret.clone(),
        (Some(AwsSecret::Sealed(sealed)), Some(vault)) => match vault.open(sealed, key.access_key_id.as_str()) {
            Ok(secret) => secret,
            // Whoever asks for the feed is told so.
            Err(_) => return Ok(()),
        },
        _ => return Ok(()),
    };
    let arn = user_arn(feed);
    let permissions = match &feed.assume_role {
        Some(hop) => may_assume([&hop.role]),
        None => permissions([feed], true),
    };
    let permissions = parse(&format!("user {arn}"), PolicyKind::Identity, &permissions.to_string())?;
    users.push(User { arn, access_key_id: key.access_key_id.clone(), secret, permissions });
    Ok(())
}

/// The user that the sandbox makes for the access key of a feed.
fn user_arn(feed: &Feed) -> UserArn {
    let account = feed.role().map_or(&feed.registry, RoleArn::account);
    let SpaceFeed { space, feed: slug } = &feed.name;
    UserArn::new(feed.partition(), account.clone(), &format!("feedpass-{space}.{slug}"))
}

fn declared_user(user: &SandboxUser) -> Result<User, AccountsError> {
    Ok(User {
        arn: user.arn.clone(),
        access_key_id: user.access_key_id.clone(),
        secret: user.secret.clone(),
        permissions: parse(
            &format!("user {}", user.arn),
            PolicyKind::Identity,
            user.permissions.as_deref().unwrap_or(MAY_AUTHORIZE),
        )?,
    })
}

fn declared(role: &SandboxRole) -> Result<Role, AccountsError> {
    let permissions = role
        .permissions
        .as_deref()
        .map(|text| parse(&format!("role {}", role.arn), PolicyKind::Identity, text))
        .transpose()?;
    Ok(Role {
        arn: role.arn.clone(),
        trust_policy: parse(&format!("role {}", role.arn), PolicyKind::Trust, &role.trust_policy)?,
        permissions: match permissions {
            Some(permissions) => permissions,
            None => parse(&format!("role {}", role.arn), PolicyKind::Identity, MAY_AUTHORIZE)?,
        },
        max_session_duration: role.max_session_duration,
    })
}

/// What a declared role may do when its permissions are left out.
const MAY_AUTHORIZE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}]}"#;

fn generated(issuer: &IssuerUrl, arn: &RoleArn, feeds: &[&Feed], ambient: &[String]) -> Result<Role, AccountsError> {
    let mut trust = trust_policy(issuer, arn, feeds.iter().copied());
    let hops = feeds.iter().filter_map(|feed| {
        let hop = feed.assume_role.as_ref().filter(|hop| hop.role == *arn)?;
        let from = match &feed.identity {
            Identity::WebIdentity(identity) => vec![identity.role.to_string()],
            Identity::AccessKey(_) => vec![user_arn(feed).to_string()],
            Identity::Ambient(_) => ambient.to_vec(),
        };
        (!from.is_empty()).then_some((hop, from))
    });
    let second = second_trust_policy(hops);
    add_statements(&mut trust, &second);
    if trust["Statement"].as_array().is_none_or(Vec::is_empty) {
        // Feedpass's own identity is none that the sandbox knows.
        trust["Statement"] = json!([{ "Effect": "Deny", "Principal": "*", "Action": "sts:*" }]);
    }
    let next: Vec<&RoleArn> = feeds
        .iter()
        .filter(|feed| feed.role() != Some(arn))
        .filter_map(|feed| feed.assume_role.as_ref().map(|hop| &hop.role))
        .collect();
    let reaching: Vec<&Feed> = feeds.iter().copied().filter(|feed| feed.role() == Some(arn)).collect();
    let mut allowed = json!({ "Version": "2012-10-17", "Statement": [] });
    if !reaching.is_empty() {
        add_statements(&mut allowed, &permissions(reaching, true));
    }
    if !next.is_empty() {
        add_statements(&mut allowed, &may_assume(next));
    }
    let whose = format!("role {arn}");
    Ok(Role {
        arn: arn.clone(),
        trust_policy: parse(&whose, PolicyKind::Trust, &trust.to_string())?,
        permissions: parse(&whose, PolicyKind::Identity, &allowed.to_string())?,
        max_session_duration: SessionDuration::MAX,
    })
}

fn add_statements(policy: &mut Value, more: &Value) {
    if let (Some(all), Some(more)) = (policy["Statement"].as_array_mut(), more["Statement"].as_array()) {
        all.extend_from_slice(more);
    }
}

fn parse(whose: &str, kind: PolicyKind, text: &str) -> Result<Policy, AccountsError> {
    let which = match kind {
        PolicyKind::Trust => "trust policy",
        PolicyKind::Identity => "permissions",
    };
    let wrong = |source| AccountsError::Policy { whose: whose.to_owned(), which, source };
    let policy: Policy = text.parse().map_err(wrong)?;
    policy.check_kind(kind).map_err(wrong)?;
    Ok(policy)
}
