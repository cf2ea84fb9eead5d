//! Opens a database, and brings its tables up to date.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Mutex;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _};

use super::{Pool, SqlDatabase, on};
use crate::store::StoreError;

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(5);
/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);

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
            migration(1, "store", include_str!("../../migrations/0001_store.sql")),
            migration(2, "audit space", include_str!("../../migrations/0002_audit_space.sql")),
            migration(3, "signed tokens", include_str!("../../migrations/0003_signed_tokens.sql")),
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
