//! What was written to the store, in the snapshot.

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::{Snapshot, Tombstone};
use crate::domain::{Client, Feed, Rename, Space, TrustedIssuer, WorkloadRule};
use crate::store::{Document, Entry, Given, Kind, Record, Source, StoreError, Write};

impl Snapshot {
    /// Takes in what was written up to `revision`.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub(in crate::store) fn take_in(&mut self, revision: i64, documents: Vec<Document>) -> Result<(), StoreError> {
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
}

fn read<R: Record + DeserializeOwned>(document: &Document) -> Result<R, StoreError> {
    let unreadable =
        |reason: String| StoreError::Unreadable { kind: document.kind.clone(), name: document.name.clone(), reason };
    let value: R = serde_json::from_str(&document.body).map_err(|error| unreadable(error.to_string()))?;
    if value.name() == document.name { Ok(value) } else { Err(unreadable(format!("it is that of `{}`", value.name()))) }
}
