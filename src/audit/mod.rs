//! Who asked for what and what came of it. Nothing leaves feedpass before its line is safe.
//!
//! [`Audit`] writes; [`Follower`] reads on as lines come; [`verify()`] walks the chain; [`Lineage`] joins keys, tokens,
//! sessions and credentials with whoever was given them.

mod event;
mod file;
mod follow;
mod lineage;
mod prune;
mod verify;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

pub use event::{Event, Outcome, What, WorkloadIdentity};
pub use file::LineFile;
pub use follow::Follower;
pub use lineage::{CloudTrailError, CloudTrailEvent, Lineage, LineageKey, Scope, Told};
pub use verify::{Break, Report, Seen, verify};

use self::follow::News;
use crate::clock::Clock;
use crate::domain::Origin;
use crate::store::StoreError;
use crate::store::database::{AuditLine, Database};

/// How many lines are written in one transaction at most.
const BATCH: usize = 1000;

/// The audit trail's pen. Cloning shares it.
///
/// Lines that come while others are being written are written together next: one transaction, and one wait for
/// the disk, for all who wait.
#[derive(Clone)]
pub struct Audit {
    queue: mpsc::Sender<Waiting>,
    database: Arc<dyn Database>,
    news: Arc<watch::Sender<News>>,
    clock: Arc<dyn Clock>,
}

/// The line could not be written, so what it tells of must not happen.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the audit trail cannot be written")]
pub struct Unwritten(#[source] Option<StoreError>);

struct Waiting {
    line: AuditLine,
    written: oneshot::Sender<Result<(), StoreError>>,
}

impl Audit {
    /// Writes to `database`, in a task that ends with the last clone.
    #[must_use]
    pub fn new(database: Arc<dyn Database>, clock: Arc<dyn Clock>) -> Self {
        let (queue, waiting) = mpsc::channel(BATCH);
        let news = Arc::new(watch::Sender::new(News::default()));
        tokio::spawn(write(Arc::clone(&database), waiting, Arc::clone(&news), Arc::clone(&clock)));
        Self { queue, database, news, clock }
    }

    /// What was written, to be read.
    #[must_use]
    pub fn trail(&self) -> &dyn Database {
        &*self.database
    }

    /// An event of now.
    #[must_use]
    pub fn event(&self, what: What) -> Event {
        Event::new(self.now(), what)
    }

    /// An event of now that is a request's from `origin`.
    #[must_use]
    pub fn event_from(&self, what: What, origin: &Origin) -> Event {
        self.event(what).from(origin)
    }

    /// The time that lines are written at.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes `event` down, and returns once it is safe.
    ///
    /// # Errors
    /// [`Unwritten`]: then what it tells of must not happen, or not be told.
    pub async fn record(&self, event: Event) -> Result<(), Unwritten> {
        let line = event.line().map_err(|error| Unwritten(Some(error.into())))?;
        let (written, safe) = oneshot::channel();
        self.queue.send(Waiting { line, written }).await.map_err(|_| Unwritten(None))?;
        safe.await.map_err(|_| Unwritten(None))?.map_err(|error| Unwritten(Some(error)))?;
        event.log();
        Ok(())
    }
}

async fn write(
    database: Arc<dyn Database>,
    mut waiting: mpsc::Receiver<Waiting>,
    news: Arc<watch::Sender<News>>,
    clock: Arc<dyn Clock>,
) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (lines, who): (Vec<_>, Vec<_>) = batch.drain(..).map(|waiting| (waiting.line, waiting.written)).unzip();
        let result = database.append(lines, clock.now()).await;
        if let Err(error) = &result {
            tracing::error!("the audit trail cannot be written, so nothing is given out: {error}");
        }
        for written in who {
            // Whoever asked may have gone away; the line stays.
            let _ = written.send(result.clone());
        }
        news.send_modify(News::came);
    }
}
