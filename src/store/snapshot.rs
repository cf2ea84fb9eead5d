//! All that feedpass knows at one moment, in memory.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use imbl::{HashMap, OrdMap, OrdSet};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::clash::{self, Clash};
use super::layer::Layer;
use super::merged::merged;
use super::{Document, Given, Kind, Record, StoreError, Write};
use crate::domain::{
    AccountId, Audience, Client, ClientId, Feed, Region, Rename, RenameOf, SecretHash, Slug, Space, SpaceFeed, Subject,
    SubjectParts, TrustedIssuer, WorkloadIssuerUrl, WorkloadRule,
};

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

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// From the configuration, and so not to be changed here.
    Declared,
    /// From the store.
    Stored {
        /// The revision that wrote it.
        version: i64,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last written.
        changed_at: Timestamp,
    },
}

/// A value and where it comes from.
#[derive(Debug)]
pub struct Entry<T> {
    /// The value.
    pub value: Arc<T>,
    /// Where it comes from.
    pub source: Source,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), source: self.source }
    }
}

/// A name that was given once and is never given again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tombstone {
    /// When the name was freed.
    pub freed_at: Timestamp,
    /// What it was renamed to, if it was.
    pub moved_to: Option<String>,
}

/// All that feedpass knows at one moment: what is declared, over what is stored.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    revision: i64,
    pub(super) declared: Layer,
    pub(super) stored: Layer,
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
    /// What `declared` alone makes: of two of one name, the later stays.
    #[must_use]
    pub fn of(declared: Declared) -> Self {
        let mut snapshot = Self::default();
        snapshot.redeclare(declared);
        snapshot
    }

    /// Puts `declared` in the place of all that was declared.
    pub(super) fn redeclare(&mut self, declared: Declared) {
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
    pub(super) fn clashes(&self) -> Vec<Clash> {
        clash::clashes(self)
    }

    /// Takes in what was written up to `revision`.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub(super) fn take_in(&mut self, revision: i64, documents: Vec<Document>) -> Result<(), StoreError> {
        for document in documents {
            self.take(document)?;
        }
        self.revision = self.revision.max(revision);
        Ok(())
    }

    fn take(&mut self, document: Document) -> Result<(), StoreError> {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == document.kind) else {
            let reason = "this feedpass does not know the kind".to_owned();
            return Err(StoreError::Unreadable { kind: document.kind, name: document.name, reason });
        };
        let Document { version, created_at, changed_at, removed, .. } = document;
        let source = Source::Stored { version, created_at, changed_at };
        match kind {
            Kind::Space => {
                let space: Space = read(&document)?;
                if removed {
                    self.stored.spaces.remove(&space.slug);
                } else {
                    self.stored.put_space(Entry { value: Arc::new(space), source });
                }
            }
            Kind::Feed => {
                let feed: Feed = read(&document)?;
                if removed {
                    self.stored.remove_feed(&feed.name);
                    if let Some(subject) = Given::subject_of(&feed) {
                        self.leave_behind(&subject);
                    }
                } else {
                    let before = self.stored.feeds.get(&feed.name).and_then(|entry| Given::subject_of(&entry.value));
                    if let Some(left) = before.filter(|before| Given::subject_of(&feed).as_ref() != Some(before)) {
                        self.give(left);
                    }
                    self.stored.put_feed(Entry { value: Arc::new(feed), source });
                }
            }
            Kind::Client => {
                let client: Client = read(&document)?;
                if removed {
                    self.stored.remove_client(&client.id);
                } else {
                    self.stored.put_client(Entry { value: Arc::new(client), source });
                }
            }
            Kind::Rename => {
                let rename: Rename = read(&document)?;
                if removed {
                    self.renames.remove(&rename.of);
                } else {
                    self.renames.insert(rename.of.clone(), Entry { value: Arc::new(rename), source });
                }
            }
            Kind::Bootstrap => self.bootstrapped = true,
            Kind::Given => {
                let given: Given = read(&document)?;
                self.unwritten.remove(&given);
                self.leave_behind(&given);
                self.given.insert(given);
            }
            Kind::WorkloadIssuer => {
                let issuer: TrustedIssuer = read(&document)?;
                if removed {
                    self.stored.remove_issuer(issuer.name());
                } else {
                    self.stored.put_issuer(Entry { value: Arc::new(issuer), source });
                }
            }
            Kind::Workload => {
                let rule: WorkloadRule = read(&document)?;
                if removed {
                    self.stored.remove_workload(rule.name());
                } else {
                    self.stored.put_workload(Entry { value: Arc::new(rule), source });
                }
            }
        }
        let name = (kind, document.name);
        if removed {
            self.tombstones.insert(name, Tombstone { freed_at: changed_at, moved_to: document.moved_to });
        } else {
            self.tombstones.remove(&name);
        }
        Ok(())
    }

    /// Has `given` never be another's.
    fn give(&mut self, given: Given) {
        if !self.given.contains(&given) {
            self.leave_behind(&given);
            self.unwritten.insert(given.clone());
            self.given.insert(given);
        }
    }

    fn leave_behind(&mut self, given: &Given) {
        if let Given::Subject { feed, audience } = given {
            let identity = (Subject::new(feed, SubjectParts::FeedOnly), audience.clone());
            self.left_behind.entry(identity).or_default().insert(feed.clone());
        }
    }

    /// What was given and is not known to be in the store.
    pub(super) fn unwritten(&self) -> impl Iterator<Item = &Given> {
        self.unwritten.iter()
    }

    /// What would be known after `writes`, without a change of anything.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for a value that would not be read back.
    pub fn with(&self, writes: &[Write], now: Timestamp) -> Result<Self, StoreError> {
        let mut next = self.clone();
        let documents = writes.iter().cloned().map(|write| Document {
            kind: write.kind.as_str().to_owned(),
            name: write.name,
            body: write.body,
            removed: write.removed,
            moved_to: write.moved_to,
            version: self.revision + 1,
            created_at: now,
            changed_at: now,
        });
        next.take_in(self.revision, documents.collect())?;
        Ok(next)
    }

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

    /// What is left of a name that was freed.
    #[must_use]
    pub fn tombstone(&self, kind: Kind, name: &str) -> Option<&Tombstone> {
        self.tombstones.get(&(kind, name.to_owned()))
    }

    /// Whether the configuration declares the name, or did: it may do so again, and nobody else may have it.
    #[must_use]
    pub fn was_declared(&self, kind: Kind, name: &str) -> bool {
        let given = match kind {
            Kind::Space => name.parse().ok().map(Given::Space),
            Kind::Feed => name.parse().ok().map(Given::Feed),
            _ => None,
        };
        given.is_some_and(|given| self.given.contains(&given))
    }

    /// Another feed than `feed` that has its subject and audience, has had them, or will by a planned rename.
    ///
    /// Only a subject without a space in it can be two feeds': the others' names are given once. Feeds of one space
    /// whose subject is the space's alone are one to AWS, as whoever made them so says.
    #[must_use]
    pub fn subject_taken(&self, feed: &Feed) -> Option<SpaceFeed> {
        if feed.web_identity.subject != SubjectParts::FeedOnly {
            return None;
        }
        let (subject, audience) = (feed.subject(), &feed.web_identity.audience);
        let alike = |other: &Feed| other.subject() == subject && other.web_identity.audience == *audience;
        let live = self.feeds_with_partial_subjects().filter(|other| alike(other)).map(|other| other.name.clone());
        let left = self.left_behind.get(&(subject.clone(), audience.clone())).into_iter().flatten();
        let left = left.map(|name| self.name_now(name).unwrap_or_else(|| name.clone()));
        let planned = self.renames().filter_map(|plan| {
            let RenameOf::Feed(name) = &plan.value.of else { return None };
            let renamed = plan.value.renamed(self.feed(name)?)?;
            (alike(&renamed) && renamed.name != feed.name).then(|| name.clone())
        });
        live.chain(left).chain(planned).find(|other| *other != feed.name)
    }

    /// What will have the name, by a planned rename.
    #[must_use]
    pub fn reserved_for(&self, kind: Kind, name: &str) -> Option<&RenameOf> {
        let will_be = |rename: &Rename| match &rename.of {
            RenameOf::Space(_) => kind == Kind::Space && rename.to.as_str() == name,
            RenameOf::Feed(feed) => kind == Kind::Feed && format!("{}/{}", feed.space, rename.to) == name,
        };
        self.renames().find(|rename| will_be(&rename.value)).map(|rename| &rename.value.of)
    }

    /// The name that a renamed feed has now; none when `name` was never one's that was renamed. A slug is given once,
    /// so an old name leads to one feed alone.
    #[must_use]
    pub fn name_now(&self, name: &SpaceFeed) -> Option<SpaceFeed> {
        let mut now: Option<SpaceFeed> = None;
        // A name leads on to one that is newer, so the way ends.
        loop {
            let known = now.as_ref().unwrap_or(name);
            match self.moved_to(Kind::Feed, known, self.feed(known).is_some()) {
                Some(next) => now = Some(next),
                None => return now,
            }
        }
    }

    /// The slug that a renamed space has now; none as for [`Snapshot::name_now`].
    #[must_use]
    pub fn space_now(&self, slug: &Slug) -> Option<Slug> {
        let mut now: Option<Slug> = None;
        loop {
            let known = now.as_ref().unwrap_or(slug);
            match self.moved_to(Kind::Space, known, self.space(known).is_some()) {
                Some(next) => now = Some(next),
                None => return now,
            }
        }
    }

    /// Where the name led next, unless something has it.
    fn moved_to<T: Display + FromStr>(&self, kind: Kind, name: &T, is_there: bool) -> Option<T> {
        if is_there || self.tombstones.is_empty() {
            return None;
        }
        self.tombstone(kind, &name.to_string())?.moved_to.as_ref()?.parse().ok()
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

fn read<R: Record + DeserializeOwned>(document: &Document) -> Result<R, StoreError> {
    let unreadable =
        |reason: String| StoreError::Unreadable { kind: document.kind.clone(), name: document.name.clone(), reason };
    let value: R = serde_json::from_str(&document.body).map_err(|error| unreadable(error.to_string()))?;
    if value.name() == document.name { Ok(value) } else { Err(unreadable(format!("it is that of `{}`", value.name()))) }
}
