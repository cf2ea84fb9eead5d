//! `SQLite` and `PostgreSQL` by one SQL text.

mod assertions;
mod documents;
mod open;
mod signed;
mod trail;

use std::sync::Mutex;

use jiff::Timestamp;
use sqlx::postgres::PgPool;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

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
use on;

/// A time as it is kept.
fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;
    use crate::store::database::{AuditLine, LineFilter, Trail as _};

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
