//! Clients: who may ask, for what, and what they may do beyond that.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::change::{Change, Decision};
use super::list::{Page, Wanted, page};
use super::scene::{Expected, Scene};
use super::{Admin, AdminError, Attempt, ChangeAction, Replaceable, last_admin};
use crate::authz::Operator;
use crate::domain::{Client, ClientId, DisplayName, FeedPattern, Grant, PublicJwk, Role, Slug, SpaceFeed};
use crate::store::{Entry, Kind};

/// How many public keys a client may have.
const MAX_PUBLIC_KEYS: usize = 10;

/// A client to be. Its secrets are not part of it: they are made one by one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientDraft {
    /// Its id, where the path does not say it; the same where it does.
    pub id: Option<ClientId>,
    /// What people call it.
    pub name: Option<DisplayName>,
    /// The space that it belongs to.
    pub space: Option<Slug>,
    /// What it may have.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// What it may do beyond that.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
    /// From when on it is nobody any more.
    pub expires_at: Option<Timestamp>,
    /// The keys that it signs its assertions with, 10 at most.
    #[serde(default)]
    pub public_keys: Vec<PublicJwk>,
}

impl Admin {
    /// The clients within reach after `after`, by id: those that belong to `space`, and have `role`, if these are given.
    #[must_use]
    pub fn clients(
        &self,
        operator: &Operator,
        wanted: &Wanted,
        space: Option<&Slug>,
        role: Option<&Role>,
        after: Option<&ClientId>,
    ) -> Page<Client> {
        let snapshot = self.store.current();
        page(snapshot.clients_after(after), wanted, |client| {
            let within = operator.reach().covers(client.space.as_ref());
            let of_space = space.is_none_or(|space| client.space.as_ref() == Some(space));
            let has_role = role.is_none_or(|role| client.roles.contains(role));
            let says = wanted.says([Some(client.id.as_str()), client.name.as_ref().map(DisplayName::as_str)]);
            within && of_space && has_role && says
        })
    }

    /// Makes a client, without a secret. The id of one that was removed may be given again.
    ///
    /// # Errors
    /// [`AdminError::Taken`], [`AdminError::Invalid`], [`AdminError::BeyondReach`].
    pub async fn add_client(&self, operator: &Operator, draft: ClientDraft) -> Result<Entry<Client>, AdminError> {
        let id = draft.own_id()?;
        let attempt = Attempt { action: ChangeAction::Create, kind: Kind::Client, name: id.as_str() };
        self.change(operator, &attempt, |scene| Decision::of(add(scene, &id, &draft)?)).await
    }
}

/// All of it but its secrets; removed, they go with it.
impl Replaceable for Client {
    type Draft = ClientDraft;

    fn change(
        scene: &Scene<'_>,
        before: &Entry<Self>,
        draft: &ClientDraft,
    ) -> Result<(Option<Change>, Entry<Self>), AdminError> {
        let id = &before.value.id;
        if let Some(other) = draft.id.as_ref().filter(|other| *other != id) {
            return Err(invalid(id, format!("its id would be `{other}`; make that one, and remove this one")));
        }
        let client = draft.client(id, Some(&before.value));
        check(scene, Some(&before.value), &client)?;
        last_admin::check(scene, &before.value, Some(&client))?;
        scene.put(Some(before), client)
    }

    fn remove(scene: &Scene<'_>, id: &ClientId, expected: &Expected) -> Result<Change, AdminError> {
        let before = scene.changeable::<Self>(id, expected)?;
        last_admin::check(scene, &before.value, None)?;
        Ok(Change::bury(&*before.value, None)?)
    }
}

impl ClientDraft {
    /// The id, where nothing else says it.
    pub(super) fn own_id(&self) -> Result<ClientId, AdminError> {
        let reason = || "give an `id`, as in `ci`".to_owned();
        self.id.clone().ok_or_else(|| AdminError::Invalid { kind: Kind::Client, name: String::new(), reason: reason() })
    }

    fn client(&self, id: &ClientId, before: Option<&Client>) -> Client {
        let Self { id: _, name, space, grants, roles, expires_at, public_keys } = self.clone();
        let secrets = before.map(|before| before.secrets.clone()).unwrap_or_default();
        Client { id: id.clone(), name, space, grants, roles, expires_at, secrets, public_keys }
    }
}

pub(super) fn add(
    scene: &Scene<'_>,
    id: &ClientId,
    draft: &ClientDraft,
) -> Result<(Option<Change>, Entry<Client>), AdminError> {
    if scene.snapshot.client(id).is_some() {
        return Err(AdminError::Taken { kind: Kind::Client, name: id.to_string() });
    }
    let client = draft.client(id, None);
    check(scene, None, &client)?;
    scene.put(None, client)
}

/// What must hold of a client among all else. What it had before it may keep: a feed that was removed since must not
/// stand in the way of taking a role away.
fn check(scene: &Scene<'_>, before: Option<&Client>, client: &Client) -> Result<(), AdminError> {
    let id = &client.id;
    if !scene.reaches(client.space.as_ref()) {
        let reason = "it has to belong to a space of yours".to_owned();
        return Err(AdminError::BeyondReach { kind: Kind::Client, name: id.to_string(), reason });
    }
    if client.expires_at.is_some_and(|end| end <= scene.now)
        && client.expires_at != before.and_then(|before| before.expires_at)
    {
        return Err(invalid(id, "`expires_at` has to be in the future; to end it now, remove it".into()));
    }
    if client.public_keys.len() > MAX_PUBLIC_KEYS {
        return Err(invalid(id, format!("it may have {MAX_PUBLIC_KEYS} public keys, and would have more")));
    }
    if let Some(objection) = client.grants.iter().find_map(Grant::objection) {
        return Err(invalid(id, objection.into()));
    }
    for space in client.space.iter().chain(client.roles.iter().filter_map(of_space)) {
        let had = |before: &Client| {
            before.space.as_ref().into_iter().chain(before.roles.iter().filter_map(of_space)).any(|had| had == space)
        };
        if scene.snapshot.space(space).is_none() && !before.is_some_and(had) {
            return Err(invalid(id, format!("there is no space `{space}`")));
        }
    }
    let had: BTreeSet<&FeedPattern> = before.into_iter().flat_map(Client::covers).collect();
    for pattern in client.covers().filter(|pattern| !had.contains(pattern)) {
        there_is(scene, id, pattern)?;
    }
    match &client.space {
        Some(space) => within_its_space(client, space),
        None => Ok(()),
    }
}

/// The space that the role is for.
fn of_space(role: &Role) -> Option<&Slug> {
    match role {
        Role::SpaceAdmin(space) => Some(space),
        Role::CatalogReader | Role::Auditor | Role::KeyAdmin | Role::Admin => None,
    }
}

fn there_is(scene: &Scene<'_>, id: &ClientId, pattern: &FeedPattern) -> Result<(), AdminError> {
    let FeedPattern { space, feed } = pattern;
    let found = match feed {
        None => scene.snapshot.space(space).is_some(),
        Some(feed) => scene.snapshot.feed(&SpaceFeed { space: space.clone(), feed: feed.clone() }).is_some(),
    };
    if found {
        Ok(())
    } else {
        Err(invalid(
            id,
            format!(
                "a grant names `{pattern}`, and there is no such {}",
                if feed.is_some() { "feed" } else { "space" }
            ),
        ))
    }
}

/// Whoever administers a space decides on its clients, so these may reach nothing beyond it.
fn within_its_space(client: &Client, space: &Slug) -> Result<(), AdminError> {
    if let Some(beyond) = client.covers().find(|pattern| pattern.space != *space) {
        return Err(invalid(
            &client.id,
            format!("it belongs to space `{space}`, and a grant names `{beyond}`, which is beyond that"),
        ));
    }
    match client.roles.iter().find(|role| of_space(role) != Some(space)) {
        Some(beyond) => Err(invalid(
            &client.id,
            format!(
                "it belongs to space `{space}`, so it may have the role `space_admin:{space}` and no other, as `{beyond}`"
            ),
        )),
        None => Ok(()),
    }
}

fn invalid(id: &ClientId, reason: String) -> AdminError {
    AdminError::Invalid { kind: Kind::Client, name: id.to_string(), reason }
}
