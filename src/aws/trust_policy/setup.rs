//! All that an account has to be given for a feed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{provider_arn, second_trust_policy, trust_policy};
use crate::aws::permissions::{may_assume, permissions};
use crate::domain::{Audience, Feed, Identity, IssuerUrl, RoleArn, SessionDuration};

/// What a feed is to be good for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Pulling, testing and searching.
    #[default]
    Pull,
    /// Pushing too.
    Push,
}

/// What has to be set up in AWS for a feed.
#[derive(Clone, Debug, Serialize)]
pub struct Setup {
    /// The identity provider; none for a feed without tokens.
    pub provider: Option<ProviderSetup>,
    /// Its roles, in the order in which they are assumed.
    pub roles: Vec<RoleSetup>,
    /// What the user of its access key, or feedpass's own identity, has to be allowed; none where a token is the identity.
    pub own_permissions: Option<Value>,
}

/// An IAM OIDC provider.
#[derive(Clone, Debug, Serialize)]
pub struct ProviderSetup {
    /// Its ARN.
    pub arn: String,
    /// The issuer.
    pub url: String,
    /// The audiences, which IAM calls client ids.
    pub client_ids: Vec<Audience>,
}

/// An IAM role.
#[derive(Clone, Debug, Serialize)]
pub struct RoleSetup {
    /// Its ARN.
    pub arn: RoleArn,
    /// Who may assume it. None where that cannot be said: by a user or an identity that feedpass does not know by name.
    pub trust_policy: Option<Value>,
    /// What it may do.
    pub permissions: Value,
    /// How long its sessions have to be able to last.
    pub session_duration: SessionDuration,
}

impl Setup {
    /// What `feed` needs. Its first role trusts the feeds of `sharing` too, whose role it is as well.
    #[must_use]
    pub fn of(issuer: &IssuerUrl, feed: &Feed, sharing: &[&Feed], wanted: Use) -> Self {
        let reaching = permissions(std::iter::once(feed).chain(sharing.iter().copied()), wanted == Use::Push);
        let hop = feed.assume_role.as_ref();
        let leading = |hop: &crate::domain::SecondHop| may_assume([&hop.role]);
        let mut roles = Vec::new();
        let mut provider = None;
        let mut own_permissions = None;
        let from = match &feed.identity {
            Identity::WebIdentity(identity) => {
                let feeds = std::iter::once(feed).chain(sharing.iter().copied());
                let audiences = feeds.clone().filter_map(Feed::web_identity).map(|identity| identity.audience.clone());
                let mut client_ids: Vec<_> = audiences.collect();
                client_ids.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
                client_ids.dedup();
                provider = Some(ProviderSetup {
                    arn: provider_arn(issuer, &identity.role),
                    url: issuer.to_string(),
                    client_ids,
                });
                roles.push(RoleSetup {
                    arn: identity.role.clone(),
                    trust_policy: Some(trust_policy(issuer, &identity.role, feeds)),
                    permissions: hop.map_or_else(|| reaching.clone(), leading),
                    session_duration: identity.session_duration,
                });
                Some(identity.role.to_string())
            }
            Identity::AccessKey(_) | Identity::Ambient(_) => {
                own_permissions = Some(hop.map_or_else(|| reaching.clone(), leading));
                None
            }
        };
        if let Some(hop) = hop {
            roles.push(RoleSetup {
                arn: hop.role.clone(),
                trust_policy: from.map(|from| second_trust_policy([(hop, vec![from])])),
                permissions: reaching,
                session_duration: hop.session_duration,
            });
        }
        Self { provider, roles, own_permissions }
    }
}
