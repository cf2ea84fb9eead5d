//! What the store promises, held on each kind of database.

mod conformance;
mod killed;
mod tampered;

use std::sync::Arc;

use feedpass::store::database::{AuditLine, Database, SqlDatabase};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::support::postgres;

/// A fresh database.
pub struct Backend {
    url: String,
    first: Arc<SqlDatabase>,
    /// Where its file is, which goes with it.
    _directory: Option<TempDir>,
}

impl Backend {
    pub async fn sqlite_file() -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite:{}", directory.path().join("store.db").display());
        Some(Self { _directory: Some(directory), ..Self::at(url).await })
    }

    pub async fn sqlite_memory() -> Option<Self> {
        Some(Self::at("sqlite::memory:".into()).await)
    }

    /// None, and a loud line, on a machine without PostgreSQL.
    pub async fn postgres() -> Option<Self> {
        Some(Self::at(postgres::database().await?).await)
    }

    async fn at(url: String) -> Self {
        let first = Arc::new(SqlDatabase::open(&url).await.unwrap());
        Self { url, first, _directory: None }
    }

    /// The database, as the process has it that made it.
    pub fn database(&self) -> Arc<dyn Database> {
        self.first.clone()
    }

    /// Runs a statement of nobody's, past feedpass. A database in memory cannot be reached so.
    pub async fn edit(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        if self.url.starts_with("sqlite:") {
            SqliteConnection::connect(&self.url).await.unwrap().execute(statement).await.unwrap();
        } else {
            PgConnection::connect(&self.url).await.unwrap().execute(statement).await.unwrap();
        }
    }

    /// The database as another process has it. One in memory no other process has.
    pub async fn of_another_process(&self) -> Arc<dyn Database> {
        if self.url.ends_with(":memory:") {
            return self.database();
        }
        Arc::new(SqlDatabase::open(&self.url).await.unwrap())
    }
}

/// A line of the trail to be.
pub fn line(value: Value) -> AuditLine {
    let Value::Object(mut members) = value else { panic!("a line is an object") };
    members.entry("event").or_insert(json!("mint"));
    members.entry("outcome").or_insert(json!("ok"));
    members
}
