//! One PostgreSQL for all tests, and a database for each.

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::process::Lines;
use crate::real::parts::{Part, parts, script};

/// The URL of an empty database that nobody else uses; none, and a loud line, on a machine without
/// PostgreSQL. The databases end with the test binary.
pub async fn database() -> Option<String> {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(1);
    parts(Part::PostgreSql)?;
    let server = SERVER.get_or_init(Server::start);
    let name = format!("t_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server.url("postgres")).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    connection.close().await.unwrap();
    Some(server.url(&name))
}

struct Server {
    url: String,
    /// Holds the launcher's standard input open. That ends with this process, however it ends, and the
    /// server with it.
    _launcher: Child,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(script("postgres"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut launcher = command.spawn().unwrap();
        let said = Lines::of(launcher.stdout.take().unwrap());
        let errors = Lines::of(launcher.stderr.take().unwrap());
        let ready = said.wait_for(&["{"]).unwrap_or_else(|| panic!("{}", errors.to_end()));
        let facts: Value = serde_json::from_str(&ready).unwrap();
        Self { url: facts["url"].as_str().unwrap().to_owned(), _launcher: launcher }
    }

    fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.url)
    }
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_on_a_real_postgresql() {
    let (Some(one), Some(other)) = (database().await, database().await) else { return };
    assert_ne!(one, other);
    let mut connection = PgConnection::connect(&one).await.unwrap();
    connection.execute("CREATE TABLE only_here (n BIGINT)").await.unwrap();
    let version: String = sqlx::query_scalar("SELECT version()").fetch_one(&mut connection).await.unwrap();
    assert!(version.starts_with("PostgreSQL "), "{version}");
    let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(&mut connection).await.unwrap();
    assert_eq!(fsync, "on", "what is acknowledged is on disk");

    let mut connection = PgConnection::connect(&other).await.unwrap();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&mut connection).await.unwrap();
    assert_eq!(tables, 0);
}
