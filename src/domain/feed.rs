//! Spaces and feeds.

use serde::{Deserialize, Serialize};

use super::{
    AccountId, Audience, DisplayName, Invalid, Region, RegistryHost, RoleArn, SessionDuration, Slug, SpaceFeed,
    Subject, SubjectParts,
};

/// A tenant: a name that feeds live below.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Its slug, unique in the installation.
    pub slug: Slug,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
}

/// A registry that a space uses, and the identity for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Feed {
    /// Its space and slug.
    pub name: SpaceFeed,
    /// What people call it.
    pub display_name: Option<DisplayName>,
    /// Where its registry is, and where STS is asked.
    pub region: Region,
    /// The account whose registry it is.
    pub registry: AccountId,
    /// How feedpass is known to AWS when it acts for this feed.
    pub web_identity: WebIdentity,
}

impl Feed {
    /// The feed, if its role and its region are in one partition: partitions trust nothing of each other.
    ///
    /// # Errors
    /// [`Invalid`] for a role of another partition.
    pub fn in_one_partition(self) -> Result<Self, Invalid> {
        let (has, needs) = (self.web_identity.role.partition(), self.region.partition());
        if has == needs {
            return Ok(self);
        }
        let expected =
            format!("region `{}` is in partition `{needs}`, and partitions trust nothing of each other", self.region);
        Err(Invalid::new("a role for the feed", self.web_identity.role.as_str(), expected))
    }

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
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebIdentity {
    /// The role, in the partition of the feed's region.
    #[serde(rename = "role_arn")]
    pub role: RoleArn,
    /// The `aud` claim.
    pub audience: Audience,
    /// Which parts the `sub` claim has.
    #[serde(default)]
    pub subject: SubjectParts,
    /// How long a role session lives.
    #[serde(default)]
    pub session_duration: SessionDuration,
}

/// A feed as the store and the API write it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Form {
    space: Slug,
    slug: Slug,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<DisplayName>,
    region: Region,
    registry: AccountId,
    web_identity: WebIdentity,
}

impl From<Feed> for Form {
    fn from(feed: Feed) -> Self {
        let Feed { name: SpaceFeed { space, feed: slug }, display_name: name, region, registry, web_identity } = feed;
        Self { space, slug, name, region, registry, web_identity }
    }
}

impl TryFrom<Form> for Feed {
    type Error = Invalid;

    fn try_from(form: Form) -> Result<Self, Invalid> {
        let Form { space, slug, name, region, registry, web_identity } = form;
        Self { name: SpaceFeed { space, feed: slug }, display_name: name, region, registry, web_identity }
            .in_one_partition()
    }
}
