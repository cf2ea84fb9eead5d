//! What feedpass knows: spaces, feeds, clients and their grants; and what it wrote down.
//!
//! The request path reads a [`Snapshot`] in memory, never the database. A change is decided on a snapshot,
//! written if no other came first, and taken into the next snapshot before it is acknowledged; a task reads what
//! other processes wrote. So a request sees all of a change or none of it, and the next request sees it.

pub mod database;
mod document;
mod error;
mod merged;
mod snapshot;

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

pub use document::{Document, Kind, Record, Write};
pub use error::StoreError;
pub use snapshot::{Declared, Entry, Snapshot, Source, Tombstone};

use self::database::{AuditLine, Database};
use crate::clock::Clock;

/// How often a change is decided anew because another process was faster.
const ATTEMPTS: usize = 20;

/// The current [`Snapshot`], shared by everyone who reads it, and the database behind it.
pub struct Store {
    current: ArcSwap<Snapshot>,
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
    /// Held by whoever takes something in.
    turn: Mutex<()>,
    changed: OnceLock<Hook>,
}

/// What is told of each new snapshot.
type Hook = Box<dyn Fn(&Snapshot) + Send + Sync>;

/// What a change writes, and what it gives whoever asked for it.
pub struct Plan<T> {
    /// The documents.
    pub writes: Vec<Write>,
    /// What the audit trail says of it.
    pub lines: Vec<AuditLine>,
    /// What it gives.
    pub outcome: T,
}

/// Why a change did not come to be.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E> {
    /// It was decided against.
    #[error(transparent)]
    Refused(E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Reads all that the database holds, below what is declared.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(
        database: Arc<dyn Database>,
        declared: Declared,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let mut snapshot = Snapshot::of(declared);
        let (revision, documents) = database.read_after(0).await?;
        snapshot.take_in(revision, documents)?;
        let store = Self {
            current: ArcSwap::from_pointee(snapshot),
            database,
            clock,
            turn: Mutex::default(),
            changed: OnceLock::new(),
        };
        match store.current().declared_twice() {
            twice if twice.is_empty() => Ok(store),
            twice => Err(StoreError::DeclaredTwice(twice)),
        }
    }

    /// What is known now. Keep it for one request and no longer.
    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Has `hook` called now, and with each new snapshot before whoever made the change hears of it. The first hook counts.
    pub fn on_change(&self, hook: impl Fn(&Snapshot) + Send + Sync + 'static) {
        hook(&self.current());
        // A second one would have been told of at review: there is one place that calls this.
        let _ = self.changed.set(Box::new(hook));
    }

    fn tell(&self) {
        if let Some(hook) = self.changed.get() {
            hook(&self.current());
        }
    }

    /// The database behind it, for what is not in snapshots.
    #[must_use]
    pub fn database(&self) -> &Arc<dyn Database> {
        &self.database
    }

    /// Makes `declared` what the next request sees of the configuration.
    ///
    /// # Errors
    /// [`StoreError::DeclaredTwice`] when the store has one of the names; nothing is changed then.
    pub fn redeclare(&self, declared: &Declared) -> Result<(), StoreError> {
        let with = |current: &Arc<Snapshot>| {
            let mut next = Snapshot::clone(current);
            next.redeclare(declared.clone());
            next
        };
        match with(&self.current()).declared_twice() {
            twice if twice.is_empty() => {
                // A change that comes in between is kept: it is in what `with` starts from.
                self.current.rcu(with);
                self.tell();
                Ok(())
            }
            twice => Err(StoreError::DeclaredTwice(twice)),
        }
    }

    /// Takes in what other processes wrote; says whether there was anything.
    ///
    /// # Errors
    /// [`StoreError`]; the snapshot stays as it was.
    pub async fn refresh(&self) -> Result<bool, StoreError> {
        if self.database.revision().await? == self.current().revision() {
            return Ok(false);
        }
        let _turn = self.turn.lock().await;
        self.catch_up().await
    }

    /// Decides on a change by what is known now and writes it; decides again if another process was faster.
    ///
    /// # Errors
    /// What `decide` says against it, and [`StoreError`]; nothing is changed then.
    pub async fn change<T, E>(&self, decide: impl Fn(&Snapshot) -> Result<Plan<T>, E>) -> Result<T, ChangeError<E>> {
        let _turn = self.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let current = self.current();
            let Plan { writes, lines, outcome } = decide(&current).map_err(ChangeError::Refused)?;
            if writes.is_empty() && lines.is_empty() {
                return Ok(outcome);
            }
            let committed = self.database.commit(current.revision(), &writes, lines, self.clock.now()).await?;
            self.catch_up().await?;
            if committed.is_some() {
                return Ok(outcome);
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Reads on from the snapshot's revision. The caller holds the turn.
    async fn catch_up(&self) -> Result<bool, StoreError> {
        let (revision, documents) = self.database.read_after(self.current().revision()).await?;
        let found = !documents.is_empty();
        // Tried first, since what is swapped in must not fail.
        Snapshot::clone(&self.current()).take_in(revision, documents.clone())?;
        self.current.rcu(|current| {
            let mut next = Snapshot::clone(current);
            let _ = next.take_in(revision, documents.clone());
            next
        });
        if found {
            self.tell();
        }
        Ok(found)
    }
}
