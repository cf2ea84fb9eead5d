//! Spaces: the tenants.

use serde::Deserialize;

use super::change::{Change, Decision};
use super::list::{Page, Wanted, page};
use super::scene::{Expected, Scene};
use super::{Admin, AdminError, Attempt, ChangeAction, Replaceable};
use crate::authz::Operator;
use crate::domain::{DisplayName, RenameOf, Slug, Space};
use crate::store::{Entry, Kind};

/// A space to be: a slug, or a name to make one of, or both.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceDraft {
    /// Its slug.
    pub slug: Option<Slug>,
    /// What people call it.
    pub name: Option<DisplayName>,
}

impl Admin {
    /// The spaces within reach after `after`, by slug.
    #[must_use]
    pub fn spaces(&self, operator: &Operator, wanted: &Wanted, after: Option<&Slug>) -> Page<Space> {
        let snapshot = self.store.current();
        let within = |space: &Space| operator.reach().covers(Some(&space.slug));
        page(snapshot.spaces_after(after), wanted, |space| {
            within(space) && wanted.says([Some(space.slug.as_str()), space.name.as_ref().map(DisplayName::as_str)])
        })
    }

    /// Makes a space.
    ///
    /// # Errors
    /// [`AdminError::Taken`], [`AdminError::Reserved`], [`AdminError::Tombstoned`], [`AdminError::WasDeclared`],
    /// [`AdminError::Invalid`] without a slug and a name that makes one.
    pub async fn add_space(&self, operator: &Operator, draft: SpaceDraft) -> Result<Entry<Space>, AdminError> {
        let slug = slug(Kind::Space, draft.slug.as_ref(), draft.name.as_ref())?;
        let attempt = Attempt { action: ChangeAction::Create, kind: Kind::Space, name: slug.as_str() };
        let value = || Space { slug: slug.clone(), name: draft.name.clone() };
        self.change(operator, &attempt, |scene| Decision::of(add(scene, value())?)).await
    }
}

/// Another name, and the slug as it is; removed, where nothing is left in it. The slug is never given again.
impl Replaceable for Space {
    type Draft = SpaceDraft;

    fn change(
        scene: &Scene<'_>,
        before: &Entry<Self>,
        draft: &SpaceDraft,
    ) -> Result<(Option<Change>, Entry<Self>), AdminError> {
        let slug = &before.value.slug;
        the_same_slug(Kind::Space, slug.as_str(), slug, draft.slug.as_ref())?;
        scene.put(Some(before), Self { slug: slug.clone(), name: draft.name.clone() })
    }

    fn remove(scene: &Scene<'_>, slug: &Slug, expected: &Expected) -> Result<Change, AdminError> {
        let before = scene.changeable::<Space>(slug, expected)?;
        let feeds = scene.snapshot.feeds().filter(|feed| feed.name.space == *slug);
        let feeds = feeds.map(|feed| format!("feed `{}`", feed.name));
        let clients = scene.snapshot.clients_after(None).filter(|client| client.value.space.as_ref() == Some(slug));
        let clients = clients.map(|client| format!("client `{}`", client.value.id));
        let holds: Vec<_> = feeds.chain(clients).collect();
        if !holds.is_empty() {
            return Err(AdminError::SpaceNotEmpty { space: slug.clone(), holds });
        }
        scene.no_rename_of(&RenameOf::Space(slug.clone()))?;
        Ok(Change::bury(&*before.value, None)?)
    }
}

/// The slug that is given, or the one made of the name.
pub(super) fn slug(kind: Kind, slug: Option<&Slug>, name: Option<&DisplayName>) -> Result<Slug, AdminError> {
    let invalid = |name: &str, reason: String| AdminError::Invalid { kind, name: name.to_owned(), reason };
    match (slug, name) {
        (Some(slug), _) => Ok(slug.clone()),
        (None, Some(name)) => name.slug().map_err(|error| invalid(name.as_str(), error.to_string())),
        (None, None) => Err(invalid("", "give a `slug`, or a `name` to make one of".into())),
    }
}

/// Refuses another slug than `slug`.
pub(super) fn the_same_slug(kind: Kind, name: &str, slug: &Slug, given: Option<&Slug>) -> Result<(), AdminError> {
    match given {
        Some(given) if given != slug => Err(AdminError::Invalid {
            kind,
            name: name.to_owned(),
            reason: format!("its slug would become `{given}`, which takes a rename: roles trust the old one"),
        }),
        _ => Ok(()),
    }
}

pub(super) fn add(scene: &Scene<'_>, space: Space) -> Result<(Option<Change>, Entry<Space>), AdminError> {
    let name = space.slug.to_string();
    if scene.snapshot.space(&space.slug).is_some() {
        return Err(AdminError::Taken { kind: Kind::Space, name });
    }
    scene.never_given(Kind::Space, &name)?;
    scene.put(None, space)
}
