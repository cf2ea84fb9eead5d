//! The reverse question: who can have a feed?

use std::collections::HashMap;
use std::sync::Arc;

use super::scene::existing;
use super::{Admin, AdminError};
use crate::authz::{Operator, covers, role_now};
use crate::domain::{Action, Client, ClientId, Feed, Grant, Role, SpaceFeed, WorkloadRule};

/// A client that can have something of a feed, or could give it to itself.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Who.
    pub client: Arc<Client>,
    /// Whether it is somebody still.
    pub is_live: bool,
    /// What it may ask of the feed; empty for one that has but a role.
    pub actions: Vec<Action>,
    /// The grants that let it.
    pub grants: Vec<Grant>,
    /// The roles that let it grant the feed to whom it likes.
    pub roles: Vec<Role>,
    /// The rules by which workloads are this client, those too that are only observed.
    pub workloads: Vec<Arc<WorkloadRule>>,
}

impl Admin {
    /// Who can have `feed`, by id: whose grants cover it, and whose roles let them grant it; and the workloads that
    /// are one of these. A feed that was renamed goes by its old name too, as it does for those who ask for
    /// credentials; the name that it has now is given.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] for a feed that is not there or beyond reach.
    pub fn who_can(&self, operator: &Operator, feed: &SpaceFeed) -> Result<(SpaceFeed, Vec<Holder>), AdminError> {
        let snapshot = self.store.current();
        let feed = snapshot.name_now(feed).unwrap_or_else(|| feed.clone());
        existing::<Feed>(&snapshot, operator, &feed)?;
        let now = self.clock.now();
        let mut rules: HashMap<&ClientId, Vec<_>> = HashMap::new();
        for entry in snapshot.workloads_after(None) {
            rules.entry(entry.value.client()).or_default().push(Arc::clone(&entry.value));
        }
        let holders = snapshot.clients_after(None).map(|entry| {
            let client = Arc::clone(&entry.value);
            let grants: Vec<_> =
                client.grants.iter().filter(|grant| covers(grant, &snapshot, &feed)).cloned().collect();
            let granted = |action: &Action| grants.iter().any(|grant| grant.actions.contains(action));
            let administers = |role: &&Role| match role_now(role, &snapshot) {
                Role::Admin => true,
                Role::SpaceAdmin(space) => space == feed.space,
                Role::CatalogReader | Role::Auditor | Role::KeyAdmin => false,
            };
            Holder {
                is_live: client.is_live(now),
                actions: Action::ALL.into_iter().filter(granted).collect(),
                roles: client.roles.iter().filter(administers).cloned().collect(),
                workloads: rules.get(&client.id).cloned().unwrap_or_default(),
                grants,
                client,
            }
        });
        let holders = holders.filter(|holder| !holder.actions.is_empty() || !holder.roles.is_empty()).collect();
        Ok((feed, holders))
    }
}
