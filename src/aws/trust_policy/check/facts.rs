//! What AWS sees of a feed's token.

use serde_json::Value;

use crate::aws::trust_policy::{provider_arn, trust_policy};
use crate::domain::{Audience, Feed, IssuerUrl, Subject, WebIdentity};
use crate::iam::{Context, Principal, Request};

/// The action of every feed with a web identity.
pub(super) const ASSUME: &str = "sts:AssumeRoleWithWebIdentity";
/// That of one whose sessions carry tags.
pub(super) const TAG: &str = "sts:TagSession";
/// That of one whose sessions have a source identity.
pub(super) const SOURCE: &str = "sts:SetSourceIdentity";

/// What AWS sees of a feed's token, as a trust policy is asked.
pub(super) struct Facts<'f> {
    pub(super) feed: &'f Feed,
    pub(super) identity: &'f WebIdentity,
    pub(super) subject: Subject,
    /// The ARN of the provider in the role's account.
    pub(super) provider: String,
    /// The issuer without its scheme: what condition keys begin with.
    pub(super) prefix: String,
    /// The policy as feedpass writes it.
    pub(super) right: Value,
}

impl<'f> Facts<'f> {
    pub(super) fn of(issuer: &IssuerUrl, feed: &'f Feed, identity: &'f WebIdentity) -> Self {
        Self {
            feed,
            identity,
            subject: identity.subject_of(&feed.name),
            provider: provider_arn(issuer, &identity.role),
            prefix: issuer.without_scheme().to_owned(),
            right: trust_policy(issuer, &identity.role, [feed]),
        }
    }

    /// The actions that the policy is asked for: one right does not give the others.
    pub(super) fn actions(&self) -> Vec<&'static str> {
        let tags = (!self.identity.session_tags.is_empty()).then_some(TAG);
        let source = self.identity.source_identity.is_some().then_some(SOURCE);
        std::iter::once(ASSUME).chain(tags).chain(source).collect()
    }

    /// The condition key of a claim.
    pub(super) fn key(&self, claim: &str) -> String {
        format!("{}:{claim}", self.prefix)
    }

    /// The request that the feed's token makes.
    pub(super) fn request(&self, action: &str) -> Request {
        self.request_as(action, &self.subject, &self.identity.audience)
    }

    /// The same with another subject and audience.
    pub(super) fn request_as(&self, action: &str, subject: &Subject, audience: &Audience) -> Request {
        let mut context = Context::default();
        context.set(&self.key("sub"), [subject.as_str()]);
        context.set(&self.key("aud"), [audience.as_str()]);
        context.set(&self.key("oaud"), [audience.as_str()]);
        let name = &self.feed.name;
        // The part after the @ is another for each token.
        context.set("sts:RoleSessionName", [format!("{}.{}@AAAAAAAAAAAAAAAAAAAAAA", name.space, name.feed)]);
        context.set("sts:SourceIdentity", self.identity.source_identity.as_ref().map(ToString::to_string));
        context.set("aws:TagKeys", self.identity.session_tags.iter().map(|(key, _)| key));
        for (key, value) in self.identity.session_tags.iter() {
            context.set(&format!("aws:RequestTag/{key}"), [value]);
        }
        Request {
            principal: Some(Principal::Federated(self.provider.clone())),
            action: action.to_owned(),
            resource: None,
            context,
        }
    }
}
