//! What the configuration declares, in the snapshot.

use std::sync::Arc;

use super::Snapshot;
use crate::domain::{Client, Feed, Space, TrustedIssuer, WorkloadRule};
use crate::store::clash::{self, Clash};
use crate::store::layer::Layer;
use crate::store::{Entry, Given, Source};

/// What the configuration declares.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Its spaces.
    pub spaces: Vec<Space>,
    /// Its feeds.
    pub feeds: Vec<Feed>,
    /// Its clients.
    pub clients: Vec<Client>,
    /// Its issuers of workload identities.
    pub issuers: Vec<TrustedIssuer>,
    /// Its rules for workloads.
    pub workloads: Vec<WorkloadRule>,
}

impl Snapshot {
    /// What `declared` alone makes: of two of one name, the later stays.
    #[must_use]
    pub fn of(declared: Declared) -> Self {
        let mut snapshot = Self::default();
        snapshot.redeclare(declared);
        snapshot
    }

    /// Puts `declared` in the place of all that was declared.
    pub(in crate::store) fn redeclare(&mut self, declared: Declared) {
        fn entry<T>(value: T) -> Entry<T> {
            Entry { value: Arc::new(value), source: Source::Declared }
        }
        for space in &declared.spaces {
            self.give(Given::Space(space.slug.clone()));
        }
        for feed in &declared.feeds {
            self.give(Given::Feed(feed.name.clone()));
            if let Some(subject) = Given::subject_of(feed) {
                self.give(subject);
            }
        }
        let mut layer = Layer::default();
        declared.spaces.into_iter().for_each(|space| layer.put_space(entry(space)));
        declared.feeds.into_iter().for_each(|feed| layer.put_feed(entry(feed)));
        declared.clients.into_iter().for_each(|client| layer.put_client(entry(client)));
        declared.issuers.into_iter().for_each(|issuer| layer.put_issuer(entry(issuer)));
        declared.workloads.into_iter().for_each(|rule| layer.put_workload(entry(rule)));
        self.declared = layer;
    }

    /// All that stands against what is declared.
    pub(in crate::store) fn clashes(&self) -> Vec<Clash> {
        clash::clashes(self)
    }
}
