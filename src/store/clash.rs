//! Why what is declared cannot be, beside what the store has, had and will have.

use imbl::OrdMap;
use jiff::Timestamp;

use super::{Kind, Snapshot, SubjectTaken};

/// Why something that is declared cannot be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Clash {
    /// The store has it too.
    #[error("the store has {kind} `{name}` too; {}", mend(*.kind))]
    Stored {
        /// What.
        kind: Kind,
        /// Its name, or its URL.
        name: String,
    },
    /// The name was one of the store's.
    #[error(
        "{kind} `{name}` was the store's until {freed_at}{}, and a slug is never given again, since a role may trust it \
         still; declare it by another", now(moved_to.as_ref())
    )]
    Freed {
        /// What.
        kind: Kind,
        /// Its name.
        name: String,
        /// Until when.
        freed_at: Timestamp,
        /// What it was renamed to.
        moved_to: Option<String>,
    },
    /// The name is kept for something that will be renamed.
    #[error("{kind} `{name}` is the name that `{of}` will have; declare it by another, or have that rename cancelled")]
    Reserved {
        /// What.
        kind: Kind,
        /// Its name.
        name: String,
        /// What will have it, by its name now.
        of: String,
    },
    /// Two feeds would be the same to AWS.
    #[error(transparent)]
    Subject(#[from] SubjectTaken),
}

fn mend(kind: Kind) -> &'static str {
    match kind {
        // Removing it there would make a tombstone of the name.
        Kind::Space | Kind::Feed => "leave it to the store, or declare it by another name",
        _ => "remove it from one of the two",
    }
}

/// The words for where something went.
pub(crate) fn now(moved_to: Option<&String>) -> String {
    moved_to.map(|to| format!(" and is `{to}` now")).unwrap_or_default()
}

/// All that stands against what `snapshot` has declared.
pub(super) fn clashes(snapshot: &Snapshot) -> Vec<Clash> {
    let (declared, stored) = (&snapshot.declared, &snapshot.stored);
    let mut clashes = both(Kind::Space, &declared.spaces, &stored.spaces);
    clashes.extend(both(Kind::Feed, &declared.feeds, &stored.feeds));
    clashes.extend(both(Kind::Client, &declared.clients, &stored.clients));
    clashes.extend(both(Kind::WorkloadIssuer, &declared.issuers, &stored.issuers));
    clashes.extend(both(Kind::WorkloadIssuer, &declared.issuer_urls, &stored.issuer_urls));
    clashes.extend(both(Kind::Workload, &declared.workloads, &stored.workloads));
    clashes.extend(declared.spaces.keys().filter_map(|slug| not_free(snapshot, Kind::Space, slug.to_string())));
    clashes.extend(declared.feeds.keys().filter_map(|name| not_free(snapshot, Kind::Feed, name.to_string())));
    for feed in declared.feeds.values().map(|entry| &entry.value) {
        clashes.extend(snapshot.subject_taken(feed).map(Clash::Subject));
    }
    clashes
}

/// The names that the configuration and the store both have.
fn both<K: Ord + ToString, V>(kind: Kind, declared: &OrdMap<K, V>, stored: &OrdMap<K, V>) -> Vec<Clash> {
    let twice = declared.keys().filter(|name| stored.contains_key(*name));
    twice.map(|name| Clash::Stored { kind, name: name.to_string() }).collect()
}

/// What the name is kept for, if it is.
fn not_free(snapshot: &Snapshot, kind: Kind, name: String) -> Option<Clash> {
    if let Some(tombstone) = snapshot.tombstone(kind, &name) {
        let (freed_at, moved_to) = (tombstone.freed_at, tombstone.moved_to.clone());
        return Some(Clash::Freed { kind, name, freed_at, moved_to });
    }
    let of = snapshot.reserved_for(kind, &name)?.to_string();
    Some(Clash::Reserved { kind, name, of })
}
