//! `SQLite` and `PostgreSQL` by one SQL text.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, QueryBuilder, SqlSafeStr as _};

use super::line::{COLUMNS, Numbered};
use super::{Assertions, AuditLine, Documents, LineFilter, Pruned, Receiver, Trail, TrailEnds, WrittenLine};
use crate::store::{Document, StoreError, Write};

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(5);
/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Lines to a statement: `SQLite` takes 32,766 values in one, `PostgreSQL` 65,535.
const LINES_AT_ONCE: usize = 500;

/// A database that `sqlite:PATH` or `postgres://…` names.
pub struct SqlDatabase {
    writer: Pool,
    /// For `SQLite`: readers that no writer holds up.
    reader: Pool,
    /// For a database in memory, which goes with its last connection: one that nobody uses. A pool closes a connection
    /// whose user goes away amid a question.
    #[expect(dead_code, reason = "it is there to be kept")]
    anchor: Option<Mutex<SqliteConnection>>,
}

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Compiles `$body` for each kind of pool: the statements are the same, their types are not.
macro_rules! on {
    ($chosen:expr, $pool:ident => $body:expr) => {
        match &$chosen {
            Pool::Sqlite($pool) => $body,
            Pool::Postgres($pool) => $body,
        }
    };
}

/// Numbers, chains and inserts lines in an open transaction. The head's row is the lock that makes one process wait
/// for another.
macro_rules! append {
    ($transaction:ident, $lines:expr, $now:expr) => {
        let lines: Vec<AuditLine> = $lines;
        if !lines.is_empty() {
            let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
            let (last, mut hash): (i64, String) =
                sqlx::query_as("UPDATE audit_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash")
                    .bind(count)
                    .fetch_one(&mut *$transaction)
                    .await?;
            let mut numbered = Vec::with_capacity(lines.len());
            for (seq, line) in (last - count + 1..).zip(lines) {
                let row = Numbered::new(seq, line, &hash, $now)?;
                hash.clone_from(&row.hash);
                numbered.push(row);
            }
            for rows in numbered.chunks(LINES_AT_ONCE) {
                let mut insert = QueryBuilder::new(
                    "INSERT INTO audit (seq, at, hash, body, event, outcome, client, feed, space, kid, jti, \
                     session_name, aws_request_id) ",
                );
                insert.push_values(rows, |mut values, row| {
                    values.push_bind(row.seq).push_bind(row.at);
                    values.push_bind(&row.hash).push_bind(&row.body);
                    for column in &row.columns {
                        values.push_bind(column);
                    }
                });
                insert.build().execute(&mut *$transaction).await?;
            }
            sqlx::query("UPDATE audit_head SET hash = $1 WHERE id = 1").bind(&hash).execute(&mut *$transaction).await?;
        }
    };
}

type DocumentRow = (String, String, String, i64, Option<String>, i64, i64, i64);
type Text = Option<String>;
type LineRow = (i64, String, String, i64, Text, Text, Text, Text, Text, Text, Text, Text, Text);
type ReceiverRow = (String, i64, i64, i64);

impl SqlDatabase {
    /// Opens the database, makes it if it is a `SQLite` file that is not there, and brings its tables up to date.
    /// A new file is readable by its owner alone.
    ///
    /// # Errors
    /// [`StoreError::Open`] and [`StoreError::Migrate`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let database = if url.starts_with("sqlite:") { open_sqlite(url).await? } else { open_postgres(url).await? };
        let migration = |number, name: &'static str, text: &'static str| {
            Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
        };
        let migrator = Migrator::with_migrations(vec![
            migration(1, "store", include_str!("../migrations/0001_store.sql")),
            migration(2, "audit space", include_str!("../migrations/0002_audit_space.sql")),
        ]);
        let migrated = on!(database.writer, pool => migrator.run(pool).await);
        migrated.map_err(|error| StoreError::Migrate(error.to_string()))?;
        Ok(database)
    }
}

async fn open_sqlite(url: &str) -> Result<SqlDatabase, StoreError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|error| StoreError::Open(error.to_string()))?;
    let in_memory = url.ends_with(":memory:");
    if !in_memory {
        keep_to_owner(options.get_filename())?;
    }
    // Full: what was acknowledged is on the disk, whatever happens to the machine.
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE);
    let opened = |error: sqlx::Error| StoreError::Open(format!("{}: {error}", options.get_filename().display()));
    let anchor = if in_memory { Some(SqliteConnection::connect_with(&options).await.map_err(opened)?) } else { None };
    let writer = pool(1).connect_with(options.clone()).await.map_err(opened)?;
    let reader = if in_memory { writer.clone() } else { pool(4).connect_lazy_with(options.clone()) };
    Ok(SqlDatabase { writer: Pool::Sqlite(writer), reader: Pool::Sqlite(reader), anchor: anchor.map(Mutex::new) })
}

/// The files that `SQLite` makes beside it take its mode.
fn keep_to_owner(file: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Open(format!("{}: {error}", file.display()))),
    }
}

async fn open_postgres(url: &str) -> Result<SqlDatabase, StoreError> {
    // Whatever is wrong with the URL, its words may hold the password.
    let options =
        PgConnectOptions::from_str(url).map_err(|_| StoreError::Open("its URL is not one of PostgreSQL".into()))?;
    let options = options.disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(ACQUIRE).connect_with(options).await;
    let pool = Pool::Postgres(pool.map_err(|error| StoreError::Open(error.to_string()))?);
    Ok(SqlDatabase { writer: pool.clone(), reader: pool, anchor: None })
}

#[async_trait]
impl Documents for SqlDatabase {
    async fn read_after(&self, after: i64) -> Result<(i64, Vec<Document>), StoreError> {
        // The revision first: a change in between is then read twice, and never missed.
        let revision = self.revision().await?;
        let rows: Vec<DocumentRow> = on!(self.reader, pool => {
            sqlx::query_as(
                "SELECT kind, name, body, removed, moved_to, version, created_at, changed_at FROM document \
                 WHERE version > $1 ORDER BY version",
            )
            .bind(after)
            .fetch_all(pool)
            .await?
        });
        Ok((revision, rows.into_iter().map(document).collect()))
    }

    async fn revision(&self) -> Result<i64, StoreError> {
        Ok(on!(self.reader, pool => sqlx::query_scalar("SELECT n FROM revision WHERE id = 1").fetch_one(pool).await?))
    }

    async fn commit(
        &self,
        base: i64,
        writes: &[Write],
        lines: Vec<AuditLine>,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        on!(self.writer, pool => {
            // The first statement writes, so that `SQLite` takes its lock at once and none has to be raised later.
            let mut transaction = pool.begin().await?;
            let counted = sqlx::query("UPDATE revision SET n = n + 1 WHERE id = 1 AND n = $1").bind(base);
            if counted.execute(&mut *transaction).await?.rows_affected() == 0 {
                return Ok(None);
            }
            for write in writes {
                sqlx::query(
                    "INSERT INTO document (kind, name, body, removed, moved_to, version, created_at, changed_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
                     ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, removed = excluded.removed, \
                     moved_to = excluded.moved_to, version = excluded.version, changed_at = excluded.changed_at, \
                     created_at = CASE WHEN document.removed = 1 THEN excluded.created_at ELSE document.created_at END",
                )
                .bind(write.kind.as_str())
                .bind(&write.name)
                .bind(&write.body)
                .bind(i64::from(write.removed))
                .bind(&write.moved_to)
                .bind(base + 1)
                .bind(now.as_millisecond())
                .execute(&mut *transaction)
                .await?;
            }
            append!(transaction, lines, now);
            transaction.commit().await?;
            Ok(Some(base + 1))
        })
    }
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

fn document(row: DocumentRow) -> Document {
    let (kind, name, body, removed, moved_to, version, created_at, changed_at) = row;
    let (created_at, changed_at) = (time(created_at), time(changed_at));
    Document { kind, name, body, removed: removed != 0, moved_to, version, created_at, changed_at }
}

fn written(row: LineRow) -> WrittenLine {
    let (seq, body, hash, at, event, outcome, client, feed, space, kid, jti, session_name, aws_request_id) = row;
    let columns: [_; COLUMNS.len()] = [event, outcome, client, feed, space, kid, jti, session_name, aws_request_id];
    WrittenLine { seq, body, hash, copies: (at, columns) }
}

fn receiver((client, first_at, last_at, times): ReceiverRow) -> Receiver {
    Receiver { client, first_at: time(first_at), last_at: time(last_at), times }
}

#[async_trait]
impl Trail for SqlDatabase {
    async fn append(&self, lines: Vec<AuditLine>, now: Timestamp) -> Result<(), StoreError> {
        on!(self.writer, pool => {
            let mut transaction = pool.begin().await?;
            append!(transaction, lines, now);
            transaction.commit().await?;
            Ok(())
        })
    }

    async fn lines(&self, filter: &LineFilter, limit: i64) -> Result<Vec<WrittenLine>, StoreError> {
        let rows: Vec<LineRow> = on!(self.reader, pool => {
            let mut query = QueryBuilder::new(
                "SELECT seq, body, hash, at, event, outcome, client, feed, space, kid, jti, session_name, aws_request_id \
                 FROM audit WHERE 1 = 1",
            );
            for (condition, bound) in [(" AND seq > ", filter.after), (" AND seq < ", filter.before)] {
                if let Some(bound) = bound {
                    query.push(condition).push_bind(bound);
                }
            }
            for (condition, bound) in [(" AND at >= ", filter.since), (" AND at < ", filter.until)] {
                if let Some(bound) = bound {
                    query.push(condition).push_bind(bound.as_millisecond());
                }
            }
            for (condition, wanted) in [
                (" AND event = ", &filter.event),
                (" AND outcome = ", &filter.outcome),
                (" AND client = ", &filter.client),
                (" AND feed = ", &filter.feed),
                (" AND kid = ", &filter.kid),
                (" AND jti = ", &filter.jti),
                (" AND session_name = ", &filter.session_name),
                (" AND aws_request_id = ", &filter.aws_request_id),
            ] {
                if let Some(wanted) = wanted {
                    query.push(condition).push_bind(wanted);
                }
            }
            match filter.spaces.as_deref() {
                None => {}
                // No list in SQL is empty.
                Some([]) => {
                    query.push(" AND 1 = 0");
                }
                Some(spaces) => {
                    let mut list = query.push(" AND space IN (").separated(", ");
                    for space in spaces {
                        list.push_bind(space);
                    }
                    query.push(")");
                }
            }
            query.push(if filter.newest_first { " ORDER BY seq DESC LIMIT " } else { " ORDER BY seq LIMIT " }).push_bind(limit);
            query.build_query_as().fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(written).collect())
    }

    async fn ends(&self) -> Result<TrailEnds, StoreError> {
        let (seq, hash, pruned_seq, pruned_hash) = on!(self.reader, pool => {
            sqlx::query_as("SELECT seq, hash, pruned_seq, pruned_hash FROM audit_head WHERE id = 1").fetch_one(pool).await?
        });
        Ok(TrailEnds { seq, hash, pruned_seq, pruned_hash })
    }

    async fn receivers(&self, session_name: &str) -> Result<Vec<Receiver>, StoreError> {
        let rows: Vec<ReceiverRow> = on!(self.reader, pool => {
            sqlx::query_as(
                "SELECT client, MIN(at), MAX(at), COUNT(*) FROM audit WHERE session_name = $1 AND outcome = 'ok' \
                 AND event IN ('credentials', 'session') AND client IS NOT NULL GROUP BY client ORDER BY MIN(seq)",
            )
            .bind(session_name)
            .fetch_all(pool)
            .await?
        });
        Ok(rows.into_iter().map(receiver).collect())
    }

    async fn prune(
        &self,
        before: Timestamp,
        now: Timestamp,
        tell: &(dyn Fn(Pruned) -> AuditLine + Sync),
    ) -> Result<Option<Pruned>, StoreError> {
        on!(self.writer, pool => {
            let mut transaction = pool.begin().await?;
            // A write first, as in every transaction here.
            sqlx::query("UPDATE audit_head SET seq = seq WHERE id = 1").execute(&mut *transaction).await?;
            // Up to the first line that stays, whatever the clock did in between: the trail has no holes.
            let last: Option<(i64, String)> = sqlx::query_as(
                "SELECT seq, hash FROM audit WHERE seq < COALESCE((SELECT MIN(seq) FROM audit WHERE at >= $1), \
                 (SELECT seq + 1 FROM audit_head WHERE id = 1)) ORDER BY seq DESC LIMIT 1",
            )
            .bind(before.as_millisecond())
            .fetch_optional(&mut *transaction)
            .await?;
            let Some((through, hash)) = last else { return Ok(None) };
            let gone = sqlx::query("DELETE FROM audit WHERE seq <= $1").bind(through).execute(&mut *transaction).await?;
            sqlx::query("UPDATE audit_head SET pruned_seq = $1, pruned_hash = $2 WHERE id = 1")
                .bind(through)
                .bind(&hash)
                .execute(&mut *transaction)
                .await?;
            let pruned = Pruned { lines: gone.rows_affected(), through };
            append!(transaction, vec![tell(pruned)], now);
            transaction.commit().await?;
            Ok(Some(pruned))
        })
    }
}

#[async_trait]
impl Assertions for SqlDatabase {
    async fn first_use(
        &self,
        client: &str,
        jti: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        on!(self.writer, pool => {
            sqlx::query("DELETE FROM used_assertion WHERE expires_at < $1").bind(now.as_millisecond()).execute(pool).await?;
            let noted = sqlx::query(
                "INSERT INTO used_assertion (client, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT (client, jti) DO NOTHING",
            );
            let noted = noted.bind(client).bind(jti).bind(expires_at.as_millisecond()).execute(pool).await?;
            Ok(noted.rows_affected() == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_in_memory_outlives_the_connections_of_its_pools() {
        let database = SqlDatabase::open("sqlite::memory:").await.unwrap();
        let line = AuditLine::from_iter([("event".into(), "mint".into()), ("outcome".into(), "ok".into())]);
        database.append(vec![line], Timestamp::UNIX_EPOCH).await.unwrap();
        for pool in [&database.reader, &database.writer] {
            let Pool::Sqlite(pool) = pool else { unreachable!("it is one of SQLite") };
            // As sqlx does with one whose user went away while it was tried out.
            pool.acquire().await.unwrap().detach().close().await.unwrap();
            assert_eq!(database.lines(&LineFilter::default(), 10).await.unwrap().len(), 1);
        }
    }
}
