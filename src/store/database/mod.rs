//! What a database promises; `tests/service/store` holds each promise on every kind of database.

mod chain;
mod line;
mod signed;
mod sql;

use async_trait::async_trait;
use jiff::Timestamp;

pub use chain::{GENESIS, link};
pub use line::{AuditLine, FalseCopy, WrittenLine};
pub use signed::{Signed, SignedTokens};
pub use sql::SqlDatabase;

use super::{Document, StoreError, Write};

/// Keeps documents: all of one change or none of it, and no change on top of one that its maker had not seen.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The revision, and all documents written after revision `after`, tombstones too. A document may be newer than
    /// the revision that is told; reading from there on gives it again.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn read_after(&self, after: i64) -> Result<(i64, Vec<Document>), StoreError>;

    /// The revision alone.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn revision(&self) -> Result<i64, StoreError>;

    /// Writes `writes` and the audit `lines` in one transaction, if the revision is still `base`; gives the new
    /// one, `base + 1`, or none if another change came first.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing is written then.
    async fn commit(
        &self,
        base: i64,
        writes: &[Write],
        lines: Vec<AuditLine>,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError>;
}

/// Both ends of the audit trail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrailEnds {
    /// The number of the last line; 0 when there was none yet.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
    /// The number of the last line that was let go for its age; 0 when none was.
    pub pruned_seq: i64,
    /// Its hash, which the first line that is left follows.
    pub pruned_hash: String,
}

/// Which lines are wanted. All that is given must hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LineFilter {
    /// Numbered above this.
    pub after: Option<i64>,
    /// Numbered below this.
    pub before: Option<i64>,
    /// Written at this time or later.
    pub since: Option<Timestamp>,
    /// Written before this time.
    pub until: Option<Timestamp>,
    /// Of this event.
    pub event: Option<String>,
    /// With this outcome.
    pub outcome: Option<String>,
    /// About this client.
    pub client: Option<String>,
    /// About this feed, `space/feed`.
    pub feed: Option<String>,
    /// About a feed of one of these spaces.
    pub spaces: Option<Vec<String>>,
    /// About this signing key.
    pub kid: Option<String>,
    /// About this token.
    pub jti: Option<String>,
    /// About this role session.
    pub session_name: Option<String>,
    /// About this request to AWS.
    pub aws_request_id: Option<String>,
    /// The newest first.
    pub newest_first: bool,
}

/// Keeps the audit trail.
#[async_trait]
pub trait Trail: Send + Sync {
    /// Numbers, chains and writes `lines`, all or none, and returns once they are safe.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn append(&self, lines: Vec<AuditLine>, now: Timestamp) -> Result<(), StoreError>;

    /// At most `limit` lines, in the order of their numbers unless the filter says otherwise.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn lines(&self, filter: &LineFilter, limit: i64) -> Result<Vec<WrittenLine>, StoreError>;

    /// The first and the last of what there is.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn ends(&self) -> Result<TrailEnds, StoreError>;

    /// Who was given the credentials of the role session `session_name`, by client.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn receivers(&self, session_name: &str) -> Result<Vec<Receiver>, StoreError>;

    /// Lets the lines go that stand before the first one of `before` or later, and writes what `tell` says of it
    /// in the same transaction; gives what went, if anything did.
    ///
    /// # Errors
    /// [`StoreError::Database`]; all lines are still there then.
    async fn prune(
        &self,
        before: Timestamp,
        now: Timestamp,
        tell: &(dyn Fn(Pruned) -> AuditLine + Sync),
    ) -> Result<Option<Pruned>, StoreError>;
}

/// What was let go for its age.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pruned {
    /// How many lines.
    pub lines: u64,
    /// The number of the last of them.
    pub through: i64,
}

/// A client that was given the credentials of one role session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receiver {
    /// Its id.
    pub client: String,
    /// When it was given them first.
    pub first_at: Timestamp,
    /// When it was given them last.
    pub last_at: Timestamp,
    /// How often.
    pub times: i64,
}

/// Remembers which assertions were used.
#[async_trait]
pub trait Assertions: Send + Sync {
    /// Notes that `client` used the assertion `jti`, which ends at `expires_at`; false if it had before. Those
    /// that ended before `now` are forgotten.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn first_use(
        &self,
        client: &str,
        jti: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}

/// A database: all that is kept of it in one.
pub trait Database: Documents + Trail + SignedTokens + Assertions {}

impl<T: Documents + Trail + SignedTokens + Assertions> Database for T {}
