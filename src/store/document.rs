//! What admins make, as the database keeps it.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Client, Feed, Rename, Space, TrustedIssuer, WorkloadRule};

/// A kind of document.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A [`Space`]; its name is its slug.
    Space,
    /// A [`Feed`], named `space/feed`.
    Feed,
    /// A [`Client`], named by its id.
    Client,
    /// A trusted issuer of workload identities, named by its slug.
    WorkloadIssuer,
    /// A rule from a workload's claims to a client, named by its slug.
    Workload,
    /// A planned change of a name, named `space:SLUG` or `feed:SPACE/FEED` after what has the name now.
    Rename,
    /// That the first admin was made.
    Bootstrap,
    /// A name or a subject that was given once; see [`Given`](super::Given).
    Given,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Space,
        Self::Feed,
        Self::Client,
        Self::WorkloadIssuer,
        Self::Workload,
        Self::Rename,
        Self::Bootstrap,
        Self::Given,
    ];

    /// The word for it in the database, in answers and in the audit trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Space => "space",
            Self::Feed => "feed",
            Self::Client => "client",
            Self::WorkloadIssuer => "workload_issuer",
            Self::Workload => "workload",
            Self::Rename => "rename",
            Self::Bootstrap => "bootstrap",
            Self::Given => "given",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value that is kept as a document.
pub trait Record: Serialize + DeserializeOwned {
    /// Its kind.
    const KIND: Kind;

    /// Its name among those of its kind.
    fn name(&self) -> String;
}

impl Record for Space {
    const KIND: Kind = Kind::Space;

    fn name(&self) -> String {
        self.slug.to_string()
    }
}

impl Record for Feed {
    const KIND: Kind = Kind::Feed;

    fn name(&self) -> String {
        self.name.to_string()
    }
}

impl Record for Client {
    const KIND: Kind = Kind::Client;

    fn name(&self) -> String {
        self.id.to_string()
    }
}

impl Record for TrustedIssuer {
    const KIND: Kind = Kind::WorkloadIssuer;

    fn name(&self) -> String {
        // By the type: each has a method of this name of its own.
        TrustedIssuer::name(self).to_string()
    }
}

impl Record for WorkloadRule {
    const KIND: Kind = Kind::Workload;

    fn name(&self) -> String {
        WorkloadRule::name(self).to_string()
    }
}

impl Record for Rename {
    const KIND: Kind = Kind::Rename;

    fn name(&self) -> String {
        self.of.to_string()
    }
}

/// A document as it is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// Its kind, as the database has it: a later feedpass may have written kinds that this one does not know.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The value as JSON; of a tombstone, as it was at last.
    pub body: String,
    /// Whether it is a tombstone.
    pub removed: bool,
    /// Of a tombstone that was renamed: the new name.
    pub moved_to: Option<String>,
    /// The revision that wrote it.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub changed_at: Timestamp,
}

/// One write of a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Write {
    /// The document's kind.
    pub kind: Kind,
    /// The document's name.
    pub name: String,
    /// The new value as JSON.
    pub body: String,
    /// Whether it becomes a tombstone.
    pub removed: bool,
    /// The new name of what was renamed.
    pub moved_to: Option<String>,
}

impl Write {
    /// Writes `value`, new or in the place of the one of that name.
    ///
    /// # Errors
    /// When the value has no JSON form, which no domain type lacks.
    pub fn put<R: Record>(value: &R) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_string(value)?;
        Ok(Self { kind: R::KIND, name: value.name(), body, removed: false, moved_to: None })
    }

    /// Makes a tombstone of `value`, which says where it went if it was renamed.
    ///
    /// # Errors
    /// As [`Write::put`].
    pub fn bury<R: Record>(value: &R, moved_to: Option<String>) -> Result<Self, serde_json::Error> {
        Ok(Self { removed: true, moved_to, ..Self::put(value)? })
    }
}
