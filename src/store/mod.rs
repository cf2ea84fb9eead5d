//! What feedpass knows: spaces, feeds, clients and their grants, workloads' issuers and rules; and what it wrote down.
//!
//! The request path reads a [`Snapshot`] in memory, never the database. A change is decided on a snapshot,
//! written if no other came first, and taken into the next snapshot before it is acknowledged; a task reads what
//! other processes wrote. So a request sees all of a change or none of it, and the next request sees it.
//!
//! What was given once, a name or a subject, is remembered here for good, whoever gave it.

mod clash;
pub mod database;
mod document;
mod entry;
mod error;
mod given;
mod layer;
mod merged;
mod snapshot;
pub mod vault;

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

pub use clash::Clash;
pub(crate) use clash::now as now_called;
pub use document::{Document, Kind, Record, Write};
pub use entry::{Entry, Source};
pub use error::StoreError;
pub use given::Given;
pub use snapshot::{Declared, Snapshot, SubjectTaken, Tombstone};

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
    /// Reads all that the database holds, below what is declared, whose names are the configuration's from now on.
    ///
    /// # Errors
    /// [`StoreError`]; of what is declared [`StoreError::Clashes`], and nothing is written then.
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
        match store.current().clashes() {
            clashes if clashes.is_empty() => {
                store.write_given().await?;
                Ok(store)
            }
            clashes => Err(StoreError::Clashes(clashes)),
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

    /// Makes `declared` what the next request sees of the configuration. Its names are given from now on; the next
    /// change or [`Store::refresh`] writes that down. Nothing waits for that here: a grant that was taken away must
    /// count though the database does not answer.
    ///
    /// # Errors
    /// [`StoreError::Clashes`]; nothing is changed then.
    pub fn redeclare(&self, declared: &Declared) -> Result<(), StoreError> {
        let with = |current: &Arc<Snapshot>| {
            let mut next = Snapshot::clone(current);
            next.redeclare(declared.clone());
            next
        };
        match with(&self.current()).clashes() {
            clashes if clashes.is_empty() => {
                // A change that comes in between is kept: it is in what `with` starts from.
                self.current.rcu(with);
                self.tell();
                Ok(())
            }
            clashes => Err(StoreError::Clashes(clashes)),
        }
    }

    /// Writes down what the configuration gave, if that is not done yet.
    async fn write_given(&self) -> Result<(), StoreError> {
        if self.current().unwritten().next().is_none() {
            return Ok(());
        }
        let nothing = |_: &Snapshot| Ok(Plan { writes: Vec::new(), lines: Vec::new(), outcome: () });
        match self.change::<(), Infallible>(nothing).await {
            Ok(()) => Ok(()),
            Err(ChangeError::Store(error)) => Err(error),
            Err(ChangeError::Refused(never)) => match never {},
        }
    }

    /// Takes in what other processes wrote; says whether there was anything. Before that it writes down what the
    /// configuration gave, if that is not done yet.
    ///
    /// # Errors
    /// [`StoreError`]; the snapshot stays as it was.
    pub async fn refresh(&self) -> Result<bool, StoreError> {
        self.write_given().await?;
        if self.database.revision().await? == self.current().revision() {
            return Ok(false);
        }
        let _turn = self.turn.lock().await;
        self.catch_up().await
    }

    /// Decides on a change by what is known now and writes it; decides again if another process was faster. What the
    /// change leaves behind that may never be another's is written with it.
    ///
    /// # Errors
    /// What `decide` says against it, and [`StoreError`]; nothing is changed then.
    pub async fn change<T, E>(&self, decide: impl Fn(&Snapshot) -> Result<Plan<T>, E>) -> Result<T, ChangeError<E>> {
        let _turn = self.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let current = self.current();
            let Plan { mut writes, lines, outcome } = decide(&current).map_err(ChangeError::Refused)?;
            let after = current.with(&writes, self.clock.now())?;
            for given in after.unwritten() {
                writes.push(Write::put(given).map_err(StoreError::from)?);
            }
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
