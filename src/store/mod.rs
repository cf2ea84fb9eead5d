//! What feedpass knows: spaces, feeds, clients and their grants.
//!
//! The request path reads a [`Snapshot`] in memory. Whoever changes something replaces the whole
//! snapshot, so a request sees all of a change or none of it, and the next request sees it.
//! Today the configuration file is the only source; a database will be merged in here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::domain::{Client, ClientId, Feed, SecretHash, SpaceFeed};

/// The current [`Snapshot`], shared by everyone who reads it.
#[derive(Debug)]
pub struct Store {
    current: ArcSwap<Snapshot>,
}

impl Store {
    /// A store that starts with `snapshot`.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self { current: ArcSwap::from_pointee(snapshot) }
    }

    /// What is known now. Keep it for one request and no longer.
    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Makes `snapshot` what the next request sees.
    pub fn replace(&self, snapshot: Snapshot) {
        self.current.store(Arc::new(snapshot));
    }
}

/// All feeds and clients as they were at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    feeds: BTreeMap<SpaceFeed, Arc<Feed>>,
    clients: HashMap<ClientId, Arc<Client>>,
    clients_by_secret: HashMap<SecretHash, Arc<Client>>,
}

impl Snapshot {
    /// Indexes feeds and clients; of two with one name, or one secret, the later stays.
    #[must_use]
    pub fn new(feeds: impl IntoIterator<Item = Feed>, clients: impl IntoIterator<Item = Client>) -> Self {
        let mut snapshot = Self::default();
        for feed in feeds {
            snapshot.feeds.insert(feed.name.clone(), Arc::new(feed));
        }
        for client in clients.into_iter().map(Arc::new) {
            for secret in &client.secrets {
                snapshot.clients_by_secret.insert(secret.clone(), Arc::clone(&client));
            }
            snapshot.clients.insert(client.id.clone(), client);
        }
        snapshot
    }

    /// The feed of that name.
    #[must_use]
    pub fn feed(&self, name: &SpaceFeed) -> Option<&Arc<Feed>> {
        self.feeds.get(name)
    }

    /// All feeds, by name.
    pub fn feeds(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.feeds.values()
    }

    /// The client of that id.
    #[must_use]
    pub fn client(&self, id: &ClientId) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    /// The client one of whose secrets has that hash.
    #[must_use]
    pub fn client_by_secret(&self, hash: &SecretHash) -> Option<&Arc<Client>> {
        self.clients_by_secret.get(hash)
    }
}
