//! The one change by which a rename comes to be.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::change::{Change, Decision};
use crate::admin::scene::Kept;
use crate::admin::{Admin, AdminError, feeds};
use crate::audit::{Event, What};
use crate::domain::{Client, Feed, FeedPattern, Grant, Rename, RenameOf, Role, Slug, Space, SpaceFeed};
use crate::store::{ChangeError, Plan, Snapshot, Source};

impl Admin {
    /// Switches to the new names, if the plan still stands and STS was asked about its feeds as they are now; says
    /// whether it did.
    pub(super) async fn switch(&self, plan: &Rename, taken: &BTreeMap<SpaceFeed, Feed>) -> Result<bool, AdminError> {
        let switched = self.store.change(|snapshot| {
            let planned = snapshot.rename(&plan.of).is_some_and(|entry| *entry.value == *plan);
            let asked = |feed: &Feed| plan.renamed(feed).is_none_or(|renamed| taken.get(&feed.name) == Some(&renamed));
            if !planned || !snapshot.feeds().all(|feed| asked(feed)) {
                return Ok(Plan { writes: Vec::new(), lines: Vec::new(), outcome: None });
            }
            still_free(snapshot, plan)?;
            let Decision { changes, outcome: () } = switch(snapshot, plan)?;
            // Nobody asks for it now: who planned it did.
            let event = |change: &Change| Event {
                client: Some(plan.planned_by.clone()),
                change: Some(change.to_json()),
                feed: change.feed(),
                ..self.audit.event(What::Change)
            };
            let events: Vec<_> = changes.iter().map(event).collect();
            let lines = events.iter().map(Event::line).collect::<Result<_, _>>()?;
            Ok(Plan { lines, writes: changes.into_iter().map(|change| change.write).collect(), outcome: Some(events) })
        });
        let events = switched.await.map_err(|error: ChangeError<AdminError>| AdminError::from(error))?;
        events.iter().flatten().for_each(Event::log);
        Ok(events.is_some())
    }
}

/// A feed's audience may have changed since the rename was planned, and with it whose subject is the same.
fn still_free(snapshot: &Snapshot, plan: &Rename) -> Result<(), AdminError> {
    let RenameOf::Feed(name) = &plan.of else { return Ok(()) };
    let Some(renamed) = snapshot.feed(name).and_then(|feed| plan.renamed(feed)) else { return Ok(()) };
    feeds::subject_is_free(snapshot, &renamed)
}

/// Everything that names the old slug names the new one; the old names lead there.
fn switch(snapshot: &Snapshot, plan: &Rename) -> Result<Decision<()>, serde_json::Error> {
    let mut changes = Vec::new();
    if let RenameOf::Space(slug) = &plan.of
        && let Some(space) = snapshot.space(slug)
    {
        let name = plan.name.clone().or_else(|| space.value.name.clone());
        changes.push(Change::bury(&*space.value, Some(plan.to.to_string()))?);
        put(&mut changes, None, &Space { slug: plan.to.clone(), name })?;
    }
    for feed in snapshot.feeds() {
        if let Some(renamed) = plan.renamed(feed) {
            changes.push(Change::bury(&**feed, Some(renamed.name.to_string()))?);
            put(&mut changes, None, &renamed)?;
        }
    }
    for client in snapshot.clients_after(None).filter(|entry| entry.source != Source::Declared) {
        put(&mut changes, Some(&*client.value), &rewritten(plan, &client.value))?;
    }
    if let Some(entry) = snapshot.rename(&plan.of) {
        changes.push(Change::bury(&*entry.value, None)?);
    }
    Ok(Decision { changes, outcome: () })
}

fn put<T: Kept>(changes: &mut Vec<Change>, before: Option<&T>, after: &T) -> Result<(), serde_json::Error> {
    changes.extend(Change::put(before, after)?);
    Ok(())
}

/// `client` with the new names in the place of the old.
fn rewritten(plan: &Rename, client: &Client) -> Client {
    let space = |slug: &Slug| match &plan.of {
        RenameOf::Space(old) if old == slug => plan.to.clone(),
        _ => slug.clone(),
    };
    let pattern = |pattern: &FeedPattern| match &pattern.feed {
        None => FeedPattern { space: space(&pattern.space), feed: None },
        Some(feed) => {
            let name = SpaceFeed { space: pattern.space.clone(), feed: feed.clone() };
            let name = plan.new_name(&name).unwrap_or(name);
            FeedPattern { space: name.space, feed: Some(name.feed) }
        }
    };
    let grant = |grant: &Grant| Grant { feeds: grant.feeds.iter().map(pattern).collect(), ..grant.clone() };
    let role = |role: &Role| match role {
        Role::SpaceAdmin(slug) => Role::SpaceAdmin(space(slug)),
        role => role.clone(),
    };
    Client {
        space: client.space.as_ref().map(space),
        grants: client.grants.iter().map(grant).collect(),
        roles: client.roles.iter().map(role).collect::<BTreeSet<_>>(),
        ..client.clone()
    }
}
