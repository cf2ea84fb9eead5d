//! Each promise of the store is a case, and each case runs on every kind of database.

mod assertions;
mod documents;
mod signed;
mod store;
mod trail;

use feedpass::audit::verify;
use feedpass::domain::Space;
use feedpass::store::Write;
use feedpass::store::database::Database;
use jiff::Timestamp;

/// One test for each case and database, so that a failure names both.
macro_rules! on_every_database {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use crate::store::Backend;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_file() {
                super::$case(Backend::sqlite_file().await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_memory() {
                super::$case(Backend::sqlite_memory().await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let Some(backend) = Backend::postgres().await else { return };
                super::$case(backend).await;
            }
        })+
    };
}
use on_every_database;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn space(slug: &str, name: &str) -> Space {
    Space { slug: slug.parse().unwrap(), name: Some(name.parse().unwrap()) }
}

fn put(slug: &str, name: &str) -> Write {
    Write::put(&space(slug, name)).unwrap()
}

async fn verified(database: &dyn Database) -> i64 {
    let report = verify(database, None).await.unwrap();
    assert!(report.intact, "{report:?}");
    report.lines
}
