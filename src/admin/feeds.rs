//! Feeds: the registries of a space, and how feedpass is known to AWS for each.

use serde::Deserialize;

use super::change::{Change, Decision};
use super::list::{Page, Wanted, page};
use super::scene::{Expected, Scene};
use super::spaces::{slug, the_same_slug};
use super::{Admin, AdminError, Attempt, ChangeAction, Replaceable};
use crate::authz::{Operator, Reach};
use crate::domain::{
    AccountId, Audience, DisplayName, Feed, Region, RenameOf, RoleArn, SessionDuration, Slug, Space, SpaceFeed,
    SubjectParts, WebIdentity,
};
use crate::store::{Entry, Kind, Snapshot};

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
    /// The account whose registry it is; left out, that of the role.
    pub registry: Option<AccountId>,
    /// How feedpass is known to AWS when it acts for this feed.
    pub web_identity: IdentityDraft,
}

/// A feed's identity to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityDraft {
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
        let feed = draft.feed(name, &scene.audiences.default)?;
        check(scene, Some(&before.value), &feed)?;
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

    fn feed(&self, name: &SpaceFeed, default_audience: &Audience) -> Result<Feed, AdminError> {
        let Self { space: _, slug: _, name: display_name, region, registry, web_identity } = self;
        let IdentityDraft { role_arn, audience, subject, session_duration } = web_identity;
        let feed = Feed {
            name: name.clone(),
            display_name: display_name.clone(),
            region: region.clone(),
            registry: registry.clone().unwrap_or_else(|| role_arn.account().clone()),
            web_identity: WebIdentity {
                role: role_arn.clone(),
                audience: audience.clone().unwrap_or_else(|| default_audience.clone()),
                subject: *subject,
                session_duration: *session_duration,
            },
        };
        feed.in_one_partition().map_err(|error| invalid(name, error.to_string()))
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
    let feed = draft.feed(name, &scene.audiences.default)?;
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
    let identity = &feed.web_identity;
    if scene.audiences.reserved.as_ref() == Some(&identity.audience) {
        let reason =
            format!("audience `{}` is that of feedpass's own access tokens; choose another", identity.audience);
        return Err(invalid(&feed.name, reason));
    }
    if identity.subject != SubjectParts::FeedOnly {
        return Ok(());
    }
    // What it was before, somebody who may has allowed.
    let before = before.map(|before| &before.web_identity);
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
