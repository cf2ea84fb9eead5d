//! Feeds: the registries of a space, and how feedpass is known to AWS for each.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::change::{Change, Decision};
use super::list::{Page, Wanted, page};
use super::scene::{Expected, Scene};
use super::spaces::{slug, the_same_slug};
use super::{Admin, AdminError, Attempt, ChangeAction, Replaceable};
use crate::authz::{Operator, Reach};
use crate::domain::{
    AccessKey, AccessKeyId, AccountId, Ambient, Audience, AwsSecret, DisplayName, Feed, Identity, Invalid, Region,
    RenameOf, RoleArn, SecondHop, SessionDuration, SessionTags, Slug, SourceIdentity, Space, SpaceFeed, SubjectParts,
    WebIdentity,
};
use crate::store::vault::Vault;
use crate::store::{Entry, Kind, Snapshot, Source};

/// A feed to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedDraft {
    /// Its space, where the path does not say it; the same where it does.
    pub space: Option<Slug>,
    /// Its slug; left out, it is made of the name.
    pub slug: Option<Slug>,
    /// What people call it.
    pub name: Option<DisplayName>,
    /// Where its registry is, and where STS is asked.
    pub region: Region,
    /// Where the same account's registry is too.
    #[serde(default)]
    pub more_regions: Vec<Region>,
    /// The account whose registry it is; left out, that of the role.
    pub registry: Option<AccountId>,
    /// Exactly one identity is given: tokens for a role,
    pub web_identity: Option<WebIdentityDraft>,
    /// a user's access key,
    pub access_key: Option<AccessKeyDraft>,
    /// or what the process has of its own.
    pub ambient: Option<Ambient>,
    /// The role that is assumed from there.
    pub assume_role: Option<SecondHop>,
    /// Whether a session is narrowed to what the caller's grants are for.
    #[serde(default)]
    pub narrow_to_grants: bool,
}

/// A feed's web identity to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebIdentityDraft {
    /// The role, in the partition of the feed's region.
    pub role_arn: RoleArn,
    /// The `aud` claim; left out, that of the installation, as it is now.
    pub audience: Option<Audience>,
    /// Which parts the `sub` claim has.
    #[serde(default)]
    pub subject: SubjectParts,
    /// How long a role session lives.
    #[serde(default)]
    pub session_duration: SessionDuration,
    /// The tags that its sessions carry.
    #[serde(default)]
    pub session_tags: SessionTags,
    /// The source identity of its sessions.
    pub source_identity: Option<SourceIdentity>,
}

/// A feed's access key to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKeyDraft {
    /// The key's id.
    pub access_key_id: AccessKeyId,
    /// Its secret half; left out, the one that the feed has for that id.
    pub secret_access_key: Option<SecretString>,
}

impl Admin {
    /// The feeds within reach after `after`, by name; of `space`, if one is given.
    #[must_use]
    pub fn feeds(
        &self,
        operator: &Operator,
        wanted: &Wanted,
        space: Option<&Slug>,
        after: Option<&SpaceFeed>,
    ) -> Page<Feed> {
        let snapshot = self.store.current();
        let within = |feed: &Feed| operator.reach().covers(Some(&feed.name.space));
        let of_space = |feed: &Feed| space.is_none_or(|space| feed.name.space == *space);
        page(snapshot.feeds_after(after), wanted, |feed| {
            let display = feed.display_name.as_ref().map(DisplayName::as_str);
            of_space(feed) && within(feed) && wanted.says([Some(&*feed.name.to_string()), display])
        })
    }

    /// Makes a feed of `space`.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] for the space, [`AdminError::Taken`], [`AdminError::Reserved`],
    /// [`AdminError::Tombstoned`], [`AdminError::WasDeclared`], [`AdminError::Invalid`], [`AdminError::SubjectTaken`],
    /// [`AdminError::BeyondReach`].
    pub async fn add_feed(
        &self,
        operator: &Operator,
        space: &Slug,
        draft: FeedDraft,
    ) -> Result<Entry<Feed>, AdminError> {
        let name = draft.name_in(space)?;
        let attempt = Attempt { action: ChangeAction::Create, kind: Kind::Feed, name: &name.to_string() };
        self.change(operator, &attempt, |scene| Decision::of(add(scene, &name, &draft)?)).await
    }
}

/// All of it but its name; removed, its slug is never given again in its space.
impl Replaceable for Feed {
    type Draft = FeedDraft;

    fn change(
        scene: &Scene<'_>,
        before: &Entry<Self>,
        draft: &FeedDraft,
    ) -> Result<(Option<Change>, Entry<Self>), AdminError> {
        let name = &before.value.name;
        the_same_space(name, draft)?;
        the_same_slug(Kind::Feed, &name.to_string(), &name.feed, draft.slug.as_ref())?;
        let feed = draft.feed(name, scene, Some(&before.value))?;
        check(scene, Some(&before.value), &feed)?;
        if before.source == Source::Declared && feed != *before.value {
            return Err(AdminError::Declared { kind: Kind::Feed, name: name.to_string() });
        }
        scene.put(Some(before), feed)
    }

    fn remove(scene: &Scene<'_>, name: &SpaceFeed, expected: &Expected) -> Result<Change, AdminError> {
        let before = scene.changeable::<Self>(name, expected)?;
        scene.no_rename_of(&RenameOf::Feed(name.clone()))?;
        Ok(Change::bury(&*before.value, None)?)
    }
}

impl FeedDraft {
    /// The name of the feed in `space`.
    pub(super) fn name_in(&self, space: &Slug) -> Result<SpaceFeed, AdminError> {
        let feed = slug(Kind::Feed, self.slug.as_ref(), self.name.as_ref())?;
        Ok(SpaceFeed { space: space.clone(), feed })
    }

    fn feed(&self, name: &SpaceFeed, scene: &Scene<'_>, before: Option<&Feed>) -> Result<Feed, AdminError> {
        let wrong = |error: Invalid| invalid(name, error.to_string());
        let of_token = |draft: &WebIdentityDraft| draft.identity(&scene.audiences.default);
        let had = before.and_then(|before| match &before.identity {
            Identity::AccessKey(key) => Some(key),
            Identity::WebIdentity(_) | Identity::Ambient(_) => None,
        });
        let key = self.access_key.as_ref().map(|draft| draft.key(name, scene.vault, had)).transpose()?;
        let identity = Identity::one_of(self.web_identity.as_ref().map(of_token), key, self.ambient).map_err(wrong)?;
        let hop = self.assume_role.as_ref().map(|hop| &hop.role);
        let role = hop.or(self.web_identity.as_ref().map(|identity| &identity.role_arn));
        let registry = self.registry.as_ref().or(role.map(RoleArn::account));
        let Some(registry) = registry else {
            return Err(invalid(name, "give `registry`, the account whose registry it is: no role says which".into()));
        };
        let feed = Feed {
            name: name.clone(),
            display_name: self.name.clone(),
            region: self.region.clone(),
            more_regions: self.more_regions.clone(),
            registry: registry.clone(),
            identity,
            assume_role: self.assume_role.clone(),
            narrow_to_grants: self.narrow_to_grants,
        };
        feed.checked().map_err(wrong)
    }
}

impl WebIdentityDraft {
    fn identity(&self, default_audience: &Audience) -> WebIdentity {
        WebIdentity {
            role: self.role_arn.clone(),
            audience: self.audience.clone().unwrap_or_else(|| default_audience.clone()),
            subject: self.subject,
            session_duration: self.session_duration,
            session_tags: self.session_tags.clone(),
            source_identity: self.source_identity.clone(),
        }
    }
}

impl AccessKeyDraft {
    /// The key with its secret half sealed; that which the feed had, where it is the same one.
    fn key(&self, feed: &SpaceFeed, vault: &Vault, had: Option<&AccessKey>) -> Result<AccessKey, AdminError> {
        let id = &self.access_key_id;
        let had = had.filter(|had| had.access_key_id == *id).and_then(|had| had.secret.as_ref());
        let secret = match (&self.secret_access_key, had) {
            (None, Some(had)) => had.clone(),
            (None, None) => {
                let reason = format!("give `secret_access_key`, the secret half of {id}: none is kept");
                return Err(invalid(feed, reason));
            }
            (Some(secret), _) if secret.expose_secret().trim().is_empty() => {
                return Err(invalid(feed, format!("the `secret_access_key` of {id} is empty")));
            }
            // Sealed anew, the same secret would read like another.
            (Some(secret), Some(AwsSecret::Sealed(sealed)))
                if vault.open(sealed, id.as_str()).is_ok_and(|had| had.expose_secret() == secret.expose_secret()) =>
            {
                AwsSecret::Sealed(sealed.clone())
            }
            (Some(secret), _) => AwsSecret::Sealed(vault.seal(secret, id.as_str())?),
        };
        Ok(AccessKey { access_key_id: id.clone(), secret: Some(secret) })
    }
}

pub(super) fn add(
    scene: &Scene<'_>,
    name: &SpaceFeed,
    draft: &FeedDraft,
) -> Result<(Option<Change>, Entry<Feed>), AdminError> {
    scene.existing::<Space>(&name.space)?;
    the_same_space(name, draft)?;
    let text = name.to_string();
    if scene.snapshot.feed(name).is_some() {
        return Err(AdminError::Taken { kind: Kind::Feed, name: text });
    }
    scene.never_given(Kind::Feed, &text)?;
    let feed = draft.feed(name, scene, None)?;
    check(scene, None, &feed)?;
    scene.put(None, feed)
}

fn the_same_space(name: &SpaceFeed, draft: &FeedDraft) -> Result<(), AdminError> {
    match &draft.space {
        Some(space) if *space != name.space => {
            Err(invalid(name, format!("its space would be `{space}`, and a feed stays in its own")))
        }
        _ => Ok(()),
    }
}

/// What must hold of a feed among all others.
pub(super) fn check(scene: &Scene<'_>, before: Option<&Feed>, feed: &Feed) -> Result<(), AdminError> {
    let Some(identity) = feed.web_identity() else {
        let was =
            before.is_some_and(|before| before.identity == feed.identity && before.assume_role == feed.assume_role);
        if matches!(feed.identity, Identity::Ambient(_)) && !was && *scene.operator.reach() != Reach::Everything {
            return Err(AdminError::BeyondReach {
                kind: Kind::Feed,
                name: feed.name.to_string(),
                reason: "feedpass's own AWS identity is not the space's".into(),
            });
        }
        return Ok(());
    };
    if scene.audiences.reserved.as_ref() == Some(&identity.audience) {
        let reason =
            format!("audience `{}` is that of feedpass's own access tokens; choose another", identity.audience);
        return Err(invalid(&feed.name, reason));
    }
    if identity.subject != SubjectParts::FeedOnly {
        return Ok(());
    }
    // What it was before, somebody who may has allowed.
    let before = before.and_then(Feed::web_identity);
    let new = before.is_none_or(|before| (before.subject, &before.audience) != (identity.subject, &identity.audience));
    if new && *scene.operator.reach() != Reach::Everything {
        return Err(AdminError::BeyondReach {
            kind: Kind::Feed,
            name: feed.name.to_string(),
            reason: "its subject has to name the space, `[\"space\", \"feed\"]` or `[\"space\"]`".into(),
        });
    }
    subject_is_free(scene.snapshot, feed)
}

/// Refuses a subject and audience that another feed has, had or will have.
pub(super) fn subject_is_free(snapshot: &Snapshot, feed: &Feed) -> Result<(), AdminError> {
    snapshot.subject_taken(feed).map_or(Ok(()), |taken| Err(AdminError::SubjectTaken(Box::new(taken))))
}

fn invalid(name: &SpaceFeed, reason: String) -> AdminError {
    AdminError::Invalid { kind: Kind::Feed, name: name.to_string(), reason }
}
