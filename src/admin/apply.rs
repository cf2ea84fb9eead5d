//! Makes the store what a file says, all of it or nothing.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::Deserialize;

use super::change::{Change, Decision};
use super::scene::{Expected, Kept, Scene};
use super::spaces::slug;
use super::workloads::{self, OfWorkloads};
use super::{
    Admin, AdminError, Attempt, ChangeAction, ClientDraft, FeedDraft, Replaceable as _, SpaceDraft, clients, feeds,
    spaces,
};
use crate::authz::Operator;
use crate::domain::{Client, ClientId, Feed, Slug, Space, SpaceFeed, TrustedIssuer, WorkloadRule};
use crate::store::{Entry, Kind, Snapshot, Source};

/// What there shall be. What the configuration declares may stand here too, if it is the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The spaces.
    #[serde(default)]
    pub spaces: Vec<SpaceDraft>,
    /// The feeds, each with its space.
    #[serde(default)]
    pub feeds: Vec<FeedDraft>,
    /// The clients. They keep the secrets that they have.
    #[serde(default)]
    pub clients: Vec<ClientDraft>,
    /// The outside issuers whose tokens are believed.
    #[serde(default)]
    pub workload_issuers: Vec<TrustedIssuer>,
    /// The rules for their tokens.
    #[serde(default)]
    pub workloads: Vec<WorkloadRule>,
}

/// How it is applied.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Says what would change, and changes nothing.
    pub dry_run: bool,
    /// Removes what the store has beyond it.
    pub prune: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What differs.
    pub changes: Vec<Change>,
    /// Whether it was changed.
    pub applied: bool,
}

impl Admin {
    /// Makes the store what `wanted` says.
    ///
    /// # Errors
    /// What making, changing or removing the things one by one would be refused for; nothing is changed then.
    pub async fn apply(
        &self,
        operator: &Operator,
        wanted: &Application,
        options: Options,
    ) -> Result<Applied, AdminError> {
        if options.dry_run {
            let (snapshot, audiences) = (self.store.current(), self.audiences.load());
            let (vault, now) = (&self.vault, self.clock.now());
            let scene = Scene { snapshot: &snapshot, operator, audiences: &audiences, vault, now };
            return Ok(Applied { changes: differences(&scene, wanted, options.prune)?, applied: false });
        }
        let attempt = Attempt { action: ChangeAction::Change, kind: Kind::Space, name: "(apply)" };
        self.change(operator, &attempt, |scene| {
            let changes = differences(scene, wanted, options.prune)?;
            Ok(Decision { outcome: Applied { changes: changes.clone(), applied: true }, changes })
        })
        .await
    }
}

/// The changes so far, and what would be known after them.
struct Course<'s> {
    scene: &'s Scene<'s>,
    snapshot: Snapshot,
    changes: Vec<Change>,
}

/// What there is comes before what names it, and goes after it.
fn differences(scene: &Scene<'_>, wanted: &Application, prune: bool) -> Result<Vec<Change>, AdminError> {
    let mut course = Course { scene, snapshot: scene.snapshot.clone(), changes: Vec::new() };
    let spaces = course.spaces(&wanted.spaces)?;
    let feeds = course.feeds(&wanted.feeds)?;
    let clients = course.clients(&wanted.clients)?;
    let issuers = course.of_workloads(&wanted.workload_issuers)?;
    let rules = course.of_workloads(&wanted.workloads)?;
    if prune {
        course.prune_of_workloads::<WorkloadRule>(&rules)?;
        course.prune_of_workloads::<TrustedIssuer>(&issuers)?;
        course.prune(&spaces, &feeds, &clients)?;
    }
    Ok(course.changes)
}

impl Course<'_> {
    /// Takes the next step where the steps so far lead to.
    fn step(
        &mut self,
        decide: impl FnOnce(&Scene<'_>) -> Result<Option<Change>, AdminError>,
    ) -> Result<(), AdminError> {
        if let Some(change) = decide(&self.scene.on(&self.snapshot))? {
            self.snapshot = self.snapshot.with(std::slice::from_ref(&change.write), self.scene.now)?;
            self.changes.push(change);
        }
        Ok(())
    }

    fn spaces(&mut self, wanted: &[SpaceDraft]) -> Result<BTreeSet<Slug>, AdminError> {
        let mut named = BTreeSet::new();
        for draft in wanted {
            let slug = slug(Kind::Space, draft.slug.as_ref(), draft.name.as_ref())?;
            once(&mut named, &slug, Kind::Space)?;
            self.step(|scene| {
                let space = Space { slug: slug.clone(), name: draft.name.clone() };
                match scene.snapshot.space(&slug) {
                    None => Ok(spaces::add(scene, space)?.0),
                    Some(before) => not_declared(before, scene.put(Some(before), space)?.0),
                }
            })?;
        }
        Ok(named)
    }

    fn feeds(&mut self, wanted: &[FeedDraft]) -> Result<BTreeSet<SpaceFeed>, AdminError> {
        let mut named = BTreeSet::new();
        for draft in wanted {
            let Some(space) = &draft.space else {
                let name = draft.slug.as_ref().map(ToString::to_string).unwrap_or_default();
                return Err(AdminError::Invalid { kind: Kind::Feed, name, reason: "give its `space`".into() });
            };
            let name = draft.name_in(space)?;
            once(&mut named, &name, Kind::Feed)?;
            self.step(|scene| match scene.snapshot.feed_entry(&name) {
                None => Ok(feeds::add(scene, &name, draft)?.0),
                Some(before) => not_declared(before, Feed::change(scene, before, draft)?.0),
            })?;
        }
        Ok(named)
    }

    fn clients(&mut self, wanted: &[ClientDraft]) -> Result<BTreeSet<ClientId>, AdminError> {
        let mut named = BTreeSet::new();
        for draft in wanted {
            let id = draft.own_id()?;
            once(&mut named, &id, Kind::Client)?;
            self.step(|scene| match scene.snapshot.client_entry(&id) {
                None => Ok(clients::add(scene, &id, draft)?.0),
                Some(before) => not_declared(before, Client::change(scene, before, draft)?.0),
            })?;
        }
        Ok(named)
    }

    fn of_workloads<T: OfWorkloads>(&mut self, wanted: &[T]) -> Result<BTreeSet<Slug>, AdminError> {
        let mut named = BTreeSet::new();
        for value in wanted {
            once(&mut named, value.key(), T::KIND)?;
            self.step(|scene| match T::find(scene.snapshot, value.key()) {
                None => workloads::put(scene, None, value).map(|put| put.0),
                Some(before) => not_declared(before, workloads::put(scene, Some(before), value)?.0),
            })?;
        }
        Ok(named)
    }

    fn prune_of_workloads<T: OfWorkloads>(&mut self, named: &BTreeSet<Slug>) -> Result<(), AdminError> {
        let there = self.snapshot.clone();
        for entry in T::all_after(&there, None).filter(|entry| is_stored(entry) && !named.contains(entry.value.key())) {
            self.step(|scene| T::remove(scene, entry.value.key(), &Expected::Any).map(Some))?;
        }
        Ok(())
    }

    /// Removes what the store has beyond what is named.
    fn prune(
        &mut self,
        spaces: &BTreeSet<Slug>,
        feeds: &BTreeSet<SpaceFeed>,
        clients: &BTreeSet<ClientId>,
    ) -> Result<(), AdminError> {
        let there = self.snapshot.clone();
        for client in there.clients_after(None).filter(|entry| is_stored(entry) && !clients.contains(&entry.value.id)) {
            self.step(|scene| Client::remove(scene, &client.value.id, &Expected::Any).map(Some))?;
        }
        for feed in there.feeds_after(None).filter(|entry| is_stored(entry) && !feeds.contains(&entry.value.name)) {
            self.step(|scene| Feed::remove(scene, &feed.value.name, &Expected::Any).map(Some))?;
        }
        for space in there.spaces_after(None).filter(|entry| is_stored(entry) && !spaces.contains(&entry.value.slug)) {
            self.step(|scene| Space::remove(scene, &space.value.slug, &Expected::Any).map(Some))?;
        }
        Ok(())
    }
}

fn is_stored<T>(entry: &Entry<T>) -> bool {
    entry.source != Source::Declared
}

fn once<T: Clone + Display + Ord>(named: &mut BTreeSet<T>, name: &T, kind: Kind) -> Result<(), AdminError> {
    if named.insert(name.clone()) {
        return Ok(());
    }
    Err(AdminError::Invalid { kind, name: name.to_string(), reason: "it stands there twice".into() })
}

/// What the configuration declares stays as it is.
fn not_declared<T: Kept>(before: &Entry<T>, change: Option<Change>) -> Result<Option<Change>, AdminError> {
    match change {
        Some(change) if before.source == Source::Declared => {
            Err(AdminError::Declared { kind: change.kind, name: change.name })
        }
        change => Ok(change),
    }
}
