//! Spaces and feeds.

mod identity;
mod second_hop;
mod secret;
mod session_tags;

use serde::{Deserialize, Serialize};

pub use identity::{AccessKey, AccessKeyId, Ambient, Identity, WebIdentity};
pub use second_hop::{ExternalId, SecondHop};
pub use secret::AwsSecret;
pub use session_tags::{SessionTags, SourceIdentity};

use super::{AccountId, DisplayName, Invalid, Partition, Region, RegistryHost, RoleArn, Slug, SpaceFeed, Subject};

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
    /// Where the same account's registry is too, for the same identity.
    pub more_regions: Vec<Region>,
    /// The account whose registry it is.
    pub registry: AccountId,
    /// How feedpass is known to AWS when it acts for this feed.
    pub identity: Identity,
    /// The role that is assumed from there, where it is another one that may reach the registry.
    pub assume_role: Option<SecondHop>,
    /// Whether a session of the role is narrowed to what the caller's grants are for.
    pub narrow_to_grants: bool,
}

impl Feed {
    /// The feed, if its parts go together.
    ///
    /// # Errors
    /// [`Invalid`] for a role of another partition than its regions, a region that stands twice, a second hop that
    /// lasts longer than AWS lets a chained session last, and narrowing where there is no session to narrow.
    pub fn checked(self) -> Result<Self, Invalid> {
        for (index, region) in self.more_regions.iter().enumerate() {
            if *region == self.region || self.more_regions[..index].contains(region) {
                let expected = format!("region `{region}` stands twice");
                return Err(Invalid::new("a list of regions", region.as_str(), expected));
            }
            if region.partition() != self.region.partition() {
                let (of, needs) = (&self.region, self.region.partition());
                let expected = format!("region `{of}` is in partition `{needs}`, and so has to be every other");
                return Err(Invalid::new("a region for the feed", region.as_str(), expected));
            }
        }
        for role in self.roles() {
            if role.partition() != self.partition() {
                return Err(self.of_another_partition(role));
            }
        }
        if let Some(hop) = &self.assume_role {
            hop.fits_after(&self.identity)?;
        }
        if self.narrow_to_grants && self.role().is_none() {
            let expected = "it takes a role, whose sessions can be narrowed: an access key can do what its user may";
            return Err(Invalid::new("a feed that is narrowed", &self.name.to_string(), expected));
        }
        Ok(self)
    }

    fn of_another_partition(&self, role: &RoleArn) -> Invalid {
        let needs = self.partition();
        let expected =
            format!("region `{}` is in partition `{needs}`, and partitions trust nothing of each other", self.region);
        Invalid::new("a role for the feed", role.as_str(), expected)
    }

    /// The partition that it lies in.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.region.partition()
    }

    /// Its identity, where that is a web identity.
    #[must_use]
    pub fn web_identity(&self) -> Option<&WebIdentity> {
        match &self.identity {
            Identity::WebIdentity(identity) => Some(identity),
            Identity::AccessKey(_) | Identity::Ambient(_) => None,
        }
    }

    /// The `sub` claim that AWS sees for this feed; none for an identity without tokens.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        self.web_identity().map(|identity| identity.subject_of(&self.name))
    }

    /// The roles that are assumed for it, in order.
    pub fn roles(&self) -> impl Iterator<Item = &RoleArn> {
        let first = self.web_identity().map(|identity| &identity.role);
        first.into_iter().chain(self.assume_role.as_ref().map(|hop| &hop.role))
    }

    /// The role that reaches the registry; none where feedpass does so by credentials of its own.
    #[must_use]
    pub fn role(&self) -> Option<&RoleArn> {
        self.roles().last()
    }

    /// Where its registries are: its own region first.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        std::iter::once(&self.region).chain(&self.more_regions)
    }

    /// The host of its registry in `region`, in the plain form; AWS's own answer may name another.
    #[must_use]
    pub fn registry_host(&self, region: &Region) -> RegistryHost {
        RegistryHost::of(&self.registry, region)
    }

    /// The feed as anyone may see it who may see it at all.
    #[must_use]
    pub fn without_secret(&self) -> Self {
        match &self.identity {
            Identity::AccessKey(key) => {
                let key = AccessKey { secret: None, ..key.clone() };
                Self { identity: Identity::AccessKey(key), ..self.clone() }
            }
            Identity::WebIdentity(_) | Identity::Ambient(_) => self.clone(),
        }
    }
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more_regions: Vec<Region>,
    registry: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    web_identity: Option<WebIdentity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_key: Option<AccessKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ambient: Option<Ambient>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    assume_role: Option<SecondHop>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    narrow_to_grants: bool,
}

impl From<Feed> for Form {
    fn from(feed: Feed) -> Self {
        let Feed {
            name: SpaceFeed { space, feed: slug },
            display_name: name,
            region,
            more_regions,
            registry,
            identity,
            assume_role,
            narrow_to_grants,
        } = feed;
        let (web_identity, access_key, ambient) = match identity {
            Identity::WebIdentity(identity) => (Some(identity), None, None),
            Identity::AccessKey(key) => (None, Some(key), None),
            Identity::Ambient(ambient) => (None, None, Some(ambient)),
        };
        Self {
            space,
            slug,
            name,
            region,
            more_regions,
            registry,
            web_identity,
            access_key,
            ambient,
            assume_role,
            narrow_to_grants,
        }
    }
}

impl TryFrom<Form> for Feed {
    type Error = Invalid;

    fn try_from(form: Form) -> Result<Self, Invalid> {
        let identity = Identity::one_of(form.web_identity, form.access_key, form.ambient)?;
        Self {
            name: SpaceFeed { space: form.space, feed: form.slug },
            display_name: form.name,
            region: form.region,
            more_regions: form.more_regions,
            registry: form.registry,
            identity,
            assume_role: form.assume_role,
            narrow_to_grants: form.narrow_to_grants,
        }
        .checked()
    }
}
