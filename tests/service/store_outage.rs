//! A store that fails while feedpass runs.

use std::time::Duration;

use http::Method;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Executor as _};
use tempfile::TempDir;

use crate::support::{TestApp, TestAppBuilder};

/// A feedpass whose store others can reach, and a way to it.
pub async fn with_a_store_to_break(app: TestAppBuilder) -> (TestApp, SqlitePool, TempDir) {
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite:{}", directory.path().join("store.db").display());
    let app = app.store(&url).start().await;
    let store = SqlitePool::connect(&url).await.unwrap();
    (app, store, directory)
}

pub async fn rename(store: &SqlitePool, from: &str, to: &str) {
    store.execute(AssertSqlSafe(format!("ALTER TABLE {from} RENAME TO {to}"))).await.unwrap();
}

#[tokio::test]
async fn nothing_is_given_out_whose_line_cannot_be_written() {
    let (app, store, _directory) = with_a_store_to_break(TestApp::usual()).await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    rename(&store, "audit", "elsewhere").await;
    for path in ["credentials", "token"] {
        let reply = app.post_as("ci", &format!("/v1/spaces/default/feeds/images/{path}")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (503, "audit_unavailable".into()), "{path}, held or not");
        assert_eq!(reply.json()["whose_move"], "operator");
        assert_eq!(reply.header("retry-after"), "2");
    }
    assert_eq!(app.public(Method::GET, "/.well-known/jwks").send().await.status, 200, "AWS is told as ever");
    rename(&store, "elsewhere", "audit").await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "and at once when it can");
}

#[tokio::test]
async fn it_is_not_ready_while_the_store_does_not_answer() {
    let (app, store, _directory) = with_a_store_to_break(TestApp::usual()).await;
    let ready = async |expected: u16| {
        app.clock.advance(Duration::from_secs(1));
        // The task that asks the store runs beside this one.
        let told = async {
            while app.internal(Method::GET, "/readyz").send().await.status != expected {
                app.clock.advance(Duration::from_secs(1));
            }
        };
        tokio::time::timeout(Duration::from_secs(10), told).await.expect("readiness follows the store");
    };
    ready(200).await;
    rename(&store, "revision", "elsewhere").await;
    ready(503).await;
    rename(&store, "elsewhere", "revision").await;
    ready(200).await;
    assert_eq!(app.lines().with("the store answers again").len(), 1);
}
