//! All that feedpass knows at one moment, in memory.

mod declared;
mod names;
mod written;

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};

use super::layer::Layer;
use super::merged::merged;
use super::{Entry, Given, Kind};
use crate::domain::{
    AccountId, Audience, Client, ClientId, Feed, Region, Rename, RenameOf, SecretHash, Slug, Space, SpaceFeed, Subject,
    TrustedIssuer, WorkloadIssuerUrl, WorkloadRule,
};

pub use declared::Declared;
pub use names::{SubjectTaken, Tombstone};

/// All that feedpass knows at one moment: what is declared, over what is stored.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    revision: i64,
    pub(in crate::store) declared: Layer,
    pub(in crate::store) stored: Layer,
    renames: OrdMap<RenameOf, Entry<Rename>>,
    tombstones: HashMap<(Kind, String), Tombstone>,
    given: OrdSet<Given>,
    /// What of that is not known to be in the store.
    unwritten: OrdSet<Given>,
    /// The subjects without a space in them that feeds have had, which roles may trust to this day, and the names of
    /// those feeds at that time.
    left_behind: HashMap<(Subject, Audience), OrdSet<SpaceFeed>>,
    bootstrapped: bool,
}

impl Snapshot {
    /// The last change that is in it.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Whether the first admin was made.
    #[must_use]
    pub fn is_bootstrapped(&self) -> bool {
        self.bootstrapped
    }

    /// The space of that slug.
    #[must_use]
    pub fn space(&self, slug: &Slug) -> Option<&Entry<Space>> {
        self.declared.spaces.get(slug).or_else(|| self.stored.spaces.get(slug))
    }

    /// All spaces after `after`, by slug.
    pub fn spaces_after(&self, after: Option<&Slug>) -> impl Iterator<Item = &Entry<Space>> {
        merged(&self.declared.spaces, &self.stored.spaces, after)
    }

    /// The feed of that name, and where it comes from.
    #[must_use]
    pub fn feed_entry(&self, name: &SpaceFeed) -> Option<&Entry<Feed>> {
        self.declared.feeds.get(name).or_else(|| self.stored.feeds.get(name))
    }

    /// The feed of that name.
    #[must_use]
    pub fn feed(&self, name: &SpaceFeed) -> Option<&Arc<Feed>> {
        self.feed_entry(name).map(|entry| &entry.value)
    }

    /// All feeds, by name.
    pub fn feeds(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.feeds_after(None).map(|entry| &entry.value)
    }

    /// All feeds after `after`, by name.
    pub fn feeds_after(&self, after: Option<&SpaceFeed>) -> impl Iterator<Item = &Entry<Feed>> {
        merged(&self.declared.feeds, &self.stored.feeds, after)
    }

    /// The feeds whose registry is the account's in the region, by name.
    pub fn feeds_at(&self, account: &AccountId, region: &Region) -> impl Iterator<Item = &Arc<Feed>> {
        let place = (account.clone(), region.clone());
        let there = |layer: &Layer| layer.registries.get(&place).cloned().unwrap_or_default();
        let names = there(&self.declared).union(there(&self.stored));
        names.into_iter().filter_map(|name| self.feed(&name))
    }

    /// The feeds whose subject drops a part.
    pub fn feeds_with_partial_subjects(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.declared.partial.iter().chain(self.stored.partial.iter()).filter_map(|name| self.feed(name))
    }

    /// The client of that id, and where it comes from.
    #[must_use]
    pub fn client_entry(&self, id: &ClientId) -> Option<&Entry<Client>> {
        self.declared.clients.get(id).or_else(|| self.stored.clients.get(id))
    }

    /// The client of that id.
    #[must_use]
    pub fn client(&self, id: &ClientId) -> Option<&Arc<Client>> {
        self.client_entry(id).map(|entry| &entry.value)
    }

    /// All clients after `after`, by id.
    pub fn clients_after(&self, after: Option<&ClientId>) -> impl Iterator<Item = &Entry<Client>> {
        merged(&self.declared.clients, &self.stored.clients, after)
    }

    /// The client one of whose secrets has that hash.
    #[must_use]
    pub fn client_by_secret(&self, hash: &SecretHash) -> Option<&Arc<Client>> {
        let id = self.declared.secrets.get(hash).or_else(|| self.stored.secrets.get(hash))?;
        self.client(id)
    }

    /// The trusted issuer of that name, and where it comes from.
    #[must_use]
    pub fn workload_issuer(&self, name: &Slug) -> Option<&Entry<TrustedIssuer>> {
        self.declared.issuers.get(name).or_else(|| self.stored.issuers.get(name))
    }

    /// The trusted issuer whose URL is this, to the letter.
    #[must_use]
    pub fn workload_issuer_of(&self, url: &str) -> Option<&Entry<TrustedIssuer>> {
        let url: WorkloadIssuerUrl = url.parse().ok()?;
        let name = self.declared.issuer_urls.get(&url).or_else(|| self.stored.issuer_urls.get(&url))?;
        self.workload_issuer(name)
    }

    /// All trusted issuers after `after`, by name.
    pub fn workload_issuers_after(&self, after: Option<&Slug>) -> impl Iterator<Item = &Entry<TrustedIssuer>> {
        merged(&self.declared.issuers, &self.stored.issuers, after)
    }

    /// The rule of that name, and where it comes from.
    #[must_use]
    pub fn workload(&self, name: &Slug) -> Option<&Entry<WorkloadRule>> {
        self.declared.workloads.get(name).or_else(|| self.stored.workloads.get(name))
    }

    /// All rules after `after`, by name.
    pub fn workloads_after(&self, after: Option<&Slug>) -> impl Iterator<Item = &Entry<WorkloadRule>> {
        merged(&self.declared.workloads, &self.stored.workloads, after)
    }

    /// The rules for tokens of the trusted issuer of that name, wherever they come from.
    pub fn workload_rules(&self, issuer: &Slug) -> impl Iterator<Item = &Arc<WorkloadRule>> {
        self.declared.rules(issuer).chain(self.stored.rules(issuer))
    }

    /// The planned renames, by what has the name now.
    pub fn renames(&self) -> impl Iterator<Item = &Entry<Rename>> {
        self.renames.values()
    }

    /// The planned rename of `of`.
    #[must_use]
    pub fn rename(&self, of: &RenameOf) -> Option<&Entry<Rename>> {
        self.renames.get(of)
    }
}
