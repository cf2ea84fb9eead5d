//! What AWS has to allow a feed, and whether a trust policy does.

use std::sync::Arc;

use super::Catalog;
use crate::authn::Caller;
use crate::authz::{self, Refusal};
use crate::aws::trust_policy::{Finding, Report, Setup, Use, check};
use crate::domain::{Feed, IssuerUrl, SpaceFeed};

/// What AWS has to allow a feed.
#[derive(Clone, Debug)]
pub struct Needed {
    /// The feed.
    pub feed: Arc<Feed>,
    /// What has to be set up for it, and for those that share its role as far as the caller may see them.
    pub setup: Setup,
    /// Those.
    pub shared_with: Vec<SpaceFeed>,
    /// How many more there are, which the caller may not see: a policy in the place of theirs would lock them out.
    pub shared_unseen: usize,
}

/// What is to be said of a trust policy.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The feed that it was asked for.
    pub feed: Arc<Feed>,
    /// What was found.
    pub report: Report,
    /// How many of the feeds that it lets in the caller may not see.
    pub admits_unseen: usize,
}

impl Catalog {
    /// The issuer whose tokens AWS sees.
    #[must_use]
    pub fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    /// Says what AWS has to allow `target`, to be good for `wanted`.
    ///
    /// # Errors
    /// [`Refusal`] for a feed that the caller may not look at.
    pub fn needed(&self, caller: &Caller, target: &SpaceFeed, wanted: Use) -> Result<Needed, Refusal> {
        let permit = self.permit(caller, target)?;
        let feed = permit.feed();
        let snapshot = self.store.current();
        let role = feed.web_identity().map(|identity| &identity.role);
        let shares = |other: &&Arc<Feed>| {
            other.name != feed.name && role.is_some() && other.web_identity().map(|identity| &identity.role) == role
        };
        let (seen, unseen): (Vec<&Arc<Feed>>, Vec<_>) =
            snapshot.feeds().filter(shares).partition(|other| authz::sees(caller, &snapshot, other));
        let sharing: Vec<&Feed> = seen.iter().map(|feed| &***feed).collect();
        Ok(Needed {
            feed: Arc::clone(feed),
            setup: Setup::of(&self.issuer, feed, &sharing, wanted),
            shared_with: seen.iter().map(|feed| feed.name.clone()).collect(),
            shared_unseen: unseen.len(),
        })
    }

    /// Says whether `policy`, the text of the trust policy of the role of `target`, lets it in, and whom else.
    ///
    /// # Errors
    /// [`Refusal`] for a feed that the caller may not look at, and for one without a web identity.
    pub fn check_trust(&self, caller: &Caller, target: &SpaceFeed, policy: &str) -> Result<Checked, Refusal> {
        let permit = self.permit(caller, target)?;
        let feed = permit.feed();
        let Some(identity) = feed.web_identity() else {
            let (target, identity) = (feed.name.clone(), feed.identity.kind());
            return Err(Refusal::NotOfIdentity { target, what: "trust policy for tokens", identity });
        };
        let snapshot = self.store.current();
        let others: Vec<&Feed> = snapshot.feeds().map(|feed| &**feed).filter(|other| other.name != feed.name).collect();
        let report = check(&self.issuer, feed, identity, &others, policy);
        let may_see = |name: &SpaceFeed| snapshot.feed(name).is_some_and(|feed| authz::sees(caller, &snapshot, feed));
        let (seen, unseen): (Vec<_>, Vec<_>) = report.admits.iter().cloned().partition(may_see);
        let report = if unseen.is_empty() {
            report
        } else {
            // Nobody learns of a feed that is not theirs, not by this either.
            let told = Finding::admits_others(&seen, unseen.len());
            let findings =
                report.findings.into_iter().map(|found| if found.code == told.code { told.clone() } else { found });
            Report { findings: findings.collect(), admits: seen, ..report }
        };
        Ok(Checked { feed: Arc::clone(feed), report, admits_unseen: unseen.len() })
    }
}
