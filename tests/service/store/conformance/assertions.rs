//! The assertions that were used.

use super::{at, on_every_database};
use crate::store::Backend;

on_every_database! {
    an_assertion_is_used_once,
    of_many_uses_at_once_one_is_the_first,
    an_assertion_that_ended_is_forgotten,
}

async fn an_assertion_is_used_once(backend: Backend) {
    let (one, other) = (backend.database(), backend.of_another_process().await);
    assert!(one.first_use("ci", "j", at(60), at(0)).await.unwrap());
    assert!(!one.first_use("ci", "j", at(60), at(1)).await.unwrap());
    assert!(!other.first_use("ci", "j", at(60), at(60)).await.unwrap(), "nor in another process, to its very end");
    assert!(other.first_use("cd", "j", at(60), at(1)).await.unwrap(), "another client's is another");
    assert!(other.first_use("ci", "k", at(60), at(1)).await.unwrap());
}

async fn of_many_uses_at_once_one_is_the_first(backend: Backend) {
    let processes = [backend.database(), backend.of_another_process().await];
    let mut uses = Vec::new();
    for n in 0..20 {
        let database = processes[n % 2].clone();
        uses.push(tokio::spawn(async move { database.first_use("ci", "j", at(60), at(0)).await.unwrap() }));
    }
    let mut firsts = 0;
    for used in uses {
        firsts += usize::from(used.await.unwrap());
    }
    assert_eq!(firsts, 1);
}

async fn an_assertion_that_ended_is_forgotten(backend: Backend) {
    let database = backend.database();
    assert!(database.first_use("ci", "j", at(60), at(0)).await.unwrap());
    assert!(database.first_use("ci", "j", at(160), at(61)).await.unwrap());
}
