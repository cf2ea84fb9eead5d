//! `SQLite` and `PostgreSQL` by one SQL text.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, QueryBuilder, SqlSafeStr as _};

use super::{Assertions, AuditLine, Documents, LineFilter, Trail, TrailEnds, WrittenLine, link};
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
                let row = Row::new(seq, line, &hash)?;
                hash.clone_from(&row.hash);
                numbered.push(row);
            }
            for rows in numbered.chunks(LINES_AT_ONCE) {
                let mut insert = QueryBuilder::new(
                    "INSERT INTO audit (seq, at, hash, body, event, outcome, client, feed, kid, jti, session_name, \
                     aws_request_id) ",
                );
                insert.push_values(rows, |mut values, row| {
                    values.push_bind(row.seq).push_bind($now.as_millisecond());
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

/// The columns of a line that are members of its JSON too.
const COLUMNS: [&str; 8] = ["event", "outcome", "client", "feed", "kid", "jti", "session_name", "aws_request_id"];

type DocumentRow = (String, String, String, i64, Option<String>, i64, i64, i64);

impl SqlDatabase {
    /// Opens the database, makes it if it is a `SQLite` file that is not there, and brings its tables up to date.
    /// A new file is readable by its owner alone.
    ///
    /// # Errors
    /// [`StoreError::Open`] and [`StoreError::Migrate`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let database = if url.starts_with("sqlite:") { open_sqlite(url).await? } else { open_postgres(url).await? };
        let migrations = vec![Migration::new(
            1,
            "store".into(),
            MigrationType::Simple,
            include_str!("../migrations/0001_store.sql").into_sql_str(),
            false,
        )];
        let migrator = Migrator::with_migrations(migrations);
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
    let pool = |connections| {
        // A database in memory goes with its connection.
        let kept = if in_memory {
            SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None)
        } else {
            SqlitePoolOptions::new()
        };
        kept.max_connections(connections).acquire_timeout(ACQUIRE)
    };
    let opened = |error: sqlx::Error| StoreError::Open(format!("{}: {error}", options.get_filename().display()));
    let writer = pool(1).connect_with(options.clone()).await.map_err(opened)?;
    let reader = if in_memory { writer.clone() } else { pool(4).connect_lazy_with(options.clone()) };
    Ok(SqlDatabase { writer: Pool::Sqlite(writer), reader: Pool::Sqlite(reader) })
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
    Ok(SqlDatabase { writer: pool.clone(), reader: pool })
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

/// A line with its number and its place in the chain.
struct Row {
    seq: i64,
    body: String,
    hash: String,
    columns: [Option<String>; COLUMNS.len()],
}

impl Row {
    fn new(seq: i64, line: AuditLine, previous: &str) -> Result<Self, StoreError> {
        let column = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
        let columns = COLUMNS.map(column);
        let mut numbered = AuditLine::from_iter([("seq".to_owned(), Value::from(seq))]);
        numbered.extend(line);
        let body = serde_json::to_string(&numbered)?;
        Ok(Self { seq, hash: link(previous, &body), body, columns })
    }
}

fn document(row: DocumentRow) -> Document {
    let (kind, name, body, removed, moved_to, version, created_at, changed_at) = row;
    let time = |millis| Timestamp::from_millisecond(millis).unwrap_or_default();
    let (created_at, changed_at) = (time(created_at), time(changed_at));
    Document { kind, name, body, removed: removed != 0, moved_to, version, created_at, changed_at }
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
        let rows: Vec<(i64, String, String)> = on!(self.reader, pool => {
            let mut query = QueryBuilder::new("SELECT seq, body, hash FROM audit WHERE 1 = 1");
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
            if let Some(space) = &filter.space {
                // A slug holds nothing that LIKE reads as a sign.
                query.push(" AND feed LIKE ").push_bind(format!("{space}/%"));
            }
            query.push(if filter.newest_first { " ORDER BY seq DESC LIMIT " } else { " ORDER BY seq LIMIT " }).push_bind(limit);
            query.build_query_as().fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(seq, body, hash)| WrittenLine { seq, body, hash }).collect())
    }

    async fn ends(&self) -> Result<TrailEnds, StoreError> {
        let (seq, hash, pruned_seq, pruned_hash) = on!(self.reader, pool => {
            sqlx::query_as("SELECT seq, hash, pruned_seq, pruned_hash FROM audit_head WHERE id = 1").fetch_one(pool).await?
        });
        Ok(TrailEnds { seq, hash, pruned_seq, pruned_hash })
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
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
            let Some((seq, hash)) = last else { return Ok(0) };
            let gone = sqlx::query("DELETE FROM audit WHERE seq <= $1").bind(seq).execute(&mut *transaction).await?;
            sqlx::query("UPDATE audit_head SET pruned_seq = $1, pruned_hash = $2 WHERE id = 1")
                .bind(seq)
                .bind(&hash)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(gone.rows_affected())
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
