//! What one source of knowledge holds.

use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};

use super::Entry;
use crate::domain::{
    AccountId, Client, ClientId, Feed, Region, SecretHash, Slug, Space, SpaceFeed, SubjectParts, TrustedIssuer,
    WorkloadIssuerUrl, WorkloadRule,
};

/// What one source holds. Cloning shares all of it; a change copies a path, not the whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) spaces: OrdMap<Slug, Entry<Space>>,
    pub(super) feeds: OrdMap<SpaceFeed, Entry<Feed>>,
    pub(super) clients: OrdMap<ClientId, Entry<Client>>,
    pub(super) secrets: HashMap<SecretHash, ClientId>,
    pub(super) registries: HashMap<(AccountId, Region), OrdSet<SpaceFeed>>,
    /// The feeds whose subject drops a part, by which others may be taken for them.
    pub(super) partial: OrdSet<SpaceFeed>,
    pub(super) issuers: OrdMap<Slug, Entry<TrustedIssuer>>,
    /// The names of issuers by their URLs. No two have one, but for a moment where one takes another's place.
    pub(super) issuer_urls: OrdMap<WorkloadIssuerUrl, Slug>,
    pub(super) workloads: OrdMap<Slug, Entry<WorkloadRule>>,
    /// The rules for each issuer's tokens, by their names.
    rules: HashMap<Slug, OrdMap<Slug, Arc<WorkloadRule>>>,
}

impl Layer {
    pub(super) fn put_space(&mut self, entry: Entry<Space>) {
        self.spaces.insert(entry.value.slug.clone(), entry);
    }

    pub(super) fn put_feed(&mut self, entry: Entry<Feed>) {
        self.remove_feed(&entry.value.name);
        let feed = &entry.value;
        for region in feed.regions() {
            self.registries.entry((feed.registry.clone(), region.clone())).or_default().insert(feed.name.clone());
        }
        if feed.web_identity().is_some_and(|identity| identity.subject != SubjectParts::SpaceAndFeed) {
            self.partial.insert(feed.name.clone());
        }
        self.feeds.insert(feed.name.clone(), entry);
    }

    pub(super) fn remove_feed(&mut self, name: &SpaceFeed) {
        let Some(old) = self.feeds.remove(name) else { return };
        for region in old.value.regions() {
            if let Some(there) = self.registries.get_mut(&(old.value.registry.clone(), region.clone())) {
                there.remove(name);
            }
        }
        self.partial.remove(name);
    }

    pub(super) fn put_client(&mut self, entry: Entry<Client>) {
        self.remove_client(&entry.value.id);
        for secret in &entry.value.secrets {
            self.secrets.insert(secret.hash.clone(), entry.value.id.clone());
        }
        self.clients.insert(entry.value.id.clone(), entry);
    }

    pub(super) fn remove_client(&mut self, id: &ClientId) {
        let Some(old) = self.clients.remove(id) else { return };
        for secret in &old.value.secrets {
            self.secrets.remove(&secret.hash);
        }
    }

    pub(super) fn put_issuer(&mut self, entry: Entry<TrustedIssuer>) {
        self.remove_issuer(entry.value.name());
        let (name, url) = (entry.value.name().clone(), entry.value.issuer().clone());
        self.issuer_urls.insert(url, name.clone());
        self.issuers.insert(name, entry);
    }

    pub(super) fn remove_issuer(&mut self, name: &Slug) {
        let Some(old) = self.issuers.remove(name) else { return };
        if self.issuer_urls.get(old.value.issuer()) == Some(name) {
            self.issuer_urls.remove(old.value.issuer());
        }
    }

    pub(super) fn put_workload(&mut self, entry: Entry<WorkloadRule>) {
        self.remove_workload(entry.value.name());
        let rule = Arc::clone(&entry.value);
        self.rules.entry(rule.issuer().clone()).or_default().insert(rule.name().clone(), rule);
        self.workloads.insert(entry.value.name().clone(), entry);
    }

    pub(super) fn remove_workload(&mut self, name: &Slug) {
        let Some(old) = self.workloads.remove(name) else { return };
        if let Some(rules) = self.rules.get_mut(old.value.issuer()) {
            rules.remove(name);
        }
    }

    /// The rules for tokens of the issuer, by name.
    pub(super) fn rules(&self, issuer: &Slug) -> impl Iterator<Item = &Arc<WorkloadRule>> {
        self.rules.get(issuer).into_iter().flat_map(OrdMap::values)
    }
}
