//! What a decision is made on: one snapshot, one moment, one operator.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::change::Change;
use super::{AdminError, Audiences};
use crate::authz::Operator;
use crate::domain::{Client, ClientId, Feed, Rename, RenameOf, Slug, Space, SpaceFeed, TrustedIssuer, WorkloadRule};
use crate::store::vault::Vault;
use crate::store::{Entry, Kind, Record, Snapshot, Source};

/// Which version of a thing an operator has read and means to replace (RFC 9110 §13.1.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expected {
    /// It does not say.
    Unsaid,
    /// Whichever there is.
    Any,
    /// One of these; an empty list is none that there ever was.
    Versions(Vec<i64>),
}

/// What operators make, change and remove.
pub trait Kept: Record + Clone + PartialEq {
    /// Its name, read.
    type Key: fmt::Display;

    /// The one of that name.
    fn find<'s>(snapshot: &'s Snapshot, key: &Self::Key) -> Option<&'s Entry<Self>>;

    /// The space that it is in, by which it is within an operator's reach.
    fn space(&self) -> Option<&Slug>;

    /// The value as anyone may see it who may see it at all: without secrets and their hashes.
    ///
    /// # Errors
    /// When the value has no JSON form, which none lacks.
    fn public(&self) -> Result<Value, serde_json::Error>;

    /// What is kept of it when it is removed.
    #[must_use]
    fn remains(&self) -> Self {
        self.clone()
    }
}

impl Kept for Space {
    type Key = Slug;

    fn find<'s>(snapshot: &'s Snapshot, key: &Slug) -> Option<&'s Entry<Self>> {
        snapshot.space(key)
    }

    fn space(&self) -> Option<&Slug> {
        Some(&self.slug)
    }

    fn public(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

impl Kept for Feed {
    type Key = SpaceFeed;

    fn find<'s>(snapshot: &'s Snapshot, key: &SpaceFeed) -> Option<&'s Entry<Self>> {
        snapshot.feed_entry(key)
    }

    fn space(&self) -> Option<&Slug> {
        Some(&self.name.space)
    }

    fn public(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self.without_secret())
    }

    /// Nobody signs with it any more.
    fn remains(&self) -> Self {
        self.without_secret()
    }
}

impl Kept for Client {
    type Key = ClientId;

    fn find<'s>(snapshot: &'s Snapshot, key: &ClientId) -> Option<&'s Entry<Self>> {
        snapshot.client_entry(key)
    }

    fn space(&self) -> Option<&Slug> {
        self.space.as_ref()
    }

    fn public(&self) -> Result<Value, serde_json::Error> {
        let mut form = serde_json::to_value(Self { secrets: Vec::new(), ..self.clone() })?;
        let secret = |secret: &crate::domain::ClientSecret| json!({ "id": secret.id(), "created_at": secret.created_at, "expires_at": secret.expires_at });
        form["secrets"] = self.secrets.iter().map(secret).collect();
        Ok(form)
    }

    /// A hash of a secret that opens nothing any more is of no use to anyone who should have it.
    fn remains(&self) -> Self {
        Self { secrets: Vec::new(), public_keys: Vec::new(), ..self.clone() }
    }
}

impl Kept for TrustedIssuer {
    type Key = Slug;

    fn find<'s>(snapshot: &'s Snapshot, key: &Slug) -> Option<&'s Entry<Self>> {
        snapshot.workload_issuer(key)
    }

    fn space(&self) -> Option<&Slug> {
        None
    }

    fn public(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

impl Kept for WorkloadRule {
    type Key = Slug;

    fn find<'s>(snapshot: &'s Snapshot, key: &Slug) -> Option<&'s Entry<Self>> {
        snapshot.workload(key)
    }

    fn space(&self) -> Option<&Slug> {
        None
    }

    fn public(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

impl Kept for Rename {
    type Key = RenameOf;

    fn find<'s>(snapshot: &'s Snapshot, key: &RenameOf) -> Option<&'s Entry<Self>> {
        snapshot.rename(key)
    }

    fn space(&self) -> Option<&Slug> {
        Some(self.of.space())
    }

    fn public(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

/// What a decision is made on.
pub struct Scene<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) operator: &'s Operator,
    pub(super) audiences: &'s Audiences,
    pub(super) vault: &'s Vault,
    pub(super) now: Timestamp,
}

impl<'s> Scene<'s> {
    /// The same, a change later.
    pub(super) fn on<'t>(&self, snapshot: &'t Snapshot) -> Scene<'t>
    where
        's: 't,
    {
        Scene { snapshot, operator: self.operator, audiences: self.audiences, vault: self.vault, now: self.now }
    }

    /// The one of that name, if it is within reach.
    pub(super) fn existing<T: Kept>(&self, key: &T::Key) -> Result<&'s Entry<T>, AdminError> {
        existing(self.snapshot, self.operator, key)
    }

    /// The same, if it is the store's and of the version that is expected.
    pub(super) fn changeable<T: Kept>(&self, key: &T::Key, expected: &Expected) -> Result<&'s Entry<T>, AdminError> {
        let entry = self.existing::<T>(key)?;
        let (kind, name) = (T::KIND, key.to_string());
        let Source::Stored { version, changed_at, .. } = entry.source else {
            return Err(AdminError::Declared { kind, name });
        };
        match expected {
            Expected::Versions(read) if !read.contains(&version) => {
                Err(AdminError::ChangedMeanwhile { kind, name, version, changed_at, by: None })
            }
            _ => Ok(entry),
        }
    }

    /// The same, for a change that replaces all of it: which version that is must be said.
    pub(super) fn replaceable<T: Kept>(&self, key: &T::Key, expected: &Expected) -> Result<&'s Entry<T>, AdminError> {
        let entry = self.changeable::<T>(key, expected)?;
        match (expected, entry.source) {
            (Expected::Unsaid, Source::Stored { version, .. }) => {
                Err(AdminError::VersionMissing { kind: T::KIND, name: key.to_string(), version })
            }
            _ => Ok(entry),
        }
    }

    /// Whether the space, or what belongs to none, is within reach.
    pub(super) fn reaches(&self, space: Option<&Slug>) -> bool {
        self.operator.reach().covers(space)
    }

    /// Refuses a name of `kind` that was given before, or will be.
    pub(super) fn never_given(&self, kind: Kind, name: &str) -> Result<(), AdminError> {
        let name = name.to_owned();
        if let Some(tombstone) = self.snapshot.tombstone(kind, &name) {
            let (freed_at, moved_to) = (tombstone.freed_at, tombstone.moved_to.clone());
            return Err(AdminError::Tombstoned { kind, name, freed_at, moved_to });
        }
        if self.snapshot.was_declared(kind, &name) {
            return Err(AdminError::WasDeclared { kind, name });
        }
        match self.snapshot.reserved_for(kind, &name) {
            Some(of) => Err(AdminError::Reserved { kind, name, of: of.to_string() }),
            None => Ok(()),
        }
    }

    /// Refuses what a planned rename of the same thing, of its space or of anything in it stands in the way of.
    pub(super) fn no_rename_of(&self, of: &RenameOf) -> Result<(), AdminError> {
        let collides = |planned: &RenameOf| match (planned, of) {
            (RenameOf::Feed(a), RenameOf::Feed(b)) => a == b,
            (a, b) => a.space() == b.space(),
        };
        match self.snapshot.renames().find(|planned| collides(&planned.value.of)) {
            Some(planned) => Err(AdminError::RenamePlanned { of: planned.value.of.clone() }),
            None => Ok(()),
        }
    }

    /// `value` in the place of `before`, as it will be read, and the change that makes it so.
    pub(super) fn put<T: Kept>(
        &self,
        before: Option<&Entry<T>>,
        value: T,
    ) -> Result<(Option<Change>, Entry<T>), AdminError> {
        let change = Change::put(before.map(|entry| &*entry.value), &value)?;
        let source = match before.map(|entry| entry.source) {
            Some(source) if change.is_none() => source,
            Some(Source::Stored { created_at, .. }) => self.made(created_at),
            _ => self.made(self.now),
        };
        Ok((change, Entry { value: value.into(), source }))
    }

    fn made(&self, created_at: Timestamp) -> Source {
        Source::Stored { version: self.snapshot.revision() + 1, created_at, changed_at: self.now }
    }
}

/// The one of that name, if it is within the operator's reach.
pub(super) fn existing<'s, T: Kept>(
    snapshot: &'s Snapshot,
    operator: &Operator,
    key: &T::Key,
) -> Result<&'s Entry<T>, AdminError> {
    T::find(snapshot, key)
        .filter(|entry| operator.reach().covers(entry.value.space()))
        .ok_or_else(|| AdminError::NotFound { kind: T::KIND, name: key.to_string() })
}
