//! Spaces and feeds.

use super::{
    AccountId, Audience, Region, RegistryHost, RoleArn, SessionDuration, Slug, SpaceFeed, Subject, SubjectParts,
};

/// A tenant: a name that feeds live below.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Space {
    /// Its slug, unique in the installation.
    pub slug: Slug,
}

/// A registry that a space uses, and the identity for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Feed {
    /// Its space and slug.
    pub name: SpaceFeed,
    /// Where its registry is, and where STS is asked.
    pub region: Region,
    /// The account whose registry it is.
    pub registry: AccountId,
    /// How feedpass is known to AWS when it acts for this feed.
    pub web_identity: WebIdentity,
}

impl Feed {
    /// The `sub` claim that AWS sees for this feed.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::new(&self.name, self.web_identity.subject)
    }

    /// The host of the feed's registry in its plain form; AWS's own answer may name another.
    #[must_use]
    pub fn registry_host(&self) -> RegistryHost {
        RegistryHost::of(&self.registry, &self.region)
    }
}

/// The identity of a feed that assumes a role with a web identity token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebIdentity {
    /// The role, in the partition of the feed's region.
    pub role: RoleArn,
    /// The `aud` claim.
    pub audience: Audience,
    /// Which parts the `sub` claim has.
    pub subject: SubjectParts,
    /// How long a role session lives.
    pub session_duration: SessionDuration,
}
