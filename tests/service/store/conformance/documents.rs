//! Documents, and the changes of them.

use std::sync::Arc;

use feedpass::store::database::Database;
use feedpass::store::{Document, Write};
use serde_json::json;

use super::{at, on_every_database, put, space, verified};
use crate::store::{Backend, line};

on_every_database! {
    a_change_is_written_whole_with_its_lines,
    of_two_changes_on_one_base_one_is_written,
    only_what_is_newer_is_read,
    a_document_keeps_the_time_of_its_making,
}

async fn a_change_is_written_whole_with_its_lines(backend: Backend) {
    let database = backend.database();
    let (writes, lines) = ([put("a", "A"), put("b", "B")], vec![line(json!({})), line(json!({}))]);
    assert_eq!(database.commit(0, &writes, lines, at(1)).await.unwrap(), Some(1));
    assert_eq!(database.revision().await.unwrap(), 1);
    let (revision, documents) = database.read_after(0).await.unwrap();
    assert_eq!((revision, documents.len()), (1, 2));
    assert!(documents.iter().all(|document| document.version == 1 && document.kind == "space"));
    assert_eq!(verified(&*database).await, 2);
}

async fn of_two_changes_on_one_base_one_is_written(backend: Backend) {
    let (one, other) = (backend.database(), backend.of_another_process().await);
    let change = |database: Arc<dyn Database>, slug: &'static str| async move {
        database.commit(0, &[put(slug, slug)], vec![line(json!({ "client": slug }))], at(1)).await.unwrap()
    };
    let (first, second) = tokio::join!(tokio::spawn(change(one.clone(), "a")), tokio::spawn(change(other, "b")));
    let mut results = [first.unwrap(), second.unwrap()];
    results.sort_unstable();
    assert_eq!(results, [None, Some(1)]);
    assert_eq!((documents(&*one, 0).await.len(), verified(&*one).await), (1, 1), "the other left nothing");
}

async fn only_what_is_newer_is_read(backend: Backend) {
    let database = backend.database();
    for (base, slug) in [(0, "a"), (1, "b"), (2, "a")] {
        assert_eq!(database.commit(base, &[put(slug, slug)], vec![], at(base)).await.unwrap(), Some(base + 1));
    }
    let names = |documents: Vec<Document>| documents.into_iter().map(|document| document.name).collect::<Vec<_>>();
    assert_eq!(names(documents(&*database, 0).await), ["b", "a"]);
    assert_eq!(names(documents(&*database, 2).await), ["a"]);
    assert_eq!(names(documents(&*database, 3).await), [""; 0]);
}

async fn a_document_keeps_the_time_of_its_making(backend: Backend) {
    let database = backend.database();
    let buried = Write::bury(&space("a", "A"), None).unwrap();
    let steps = [(put("a", "A"), 1), (put("a", "B"), 2), (buried, 3), (put("a", "C"), 4)];
    let mut times = Vec::new();
    for (base, (write, second)) in (0..).zip(steps) {
        database.commit(base, &[write], vec![], at(second)).await.unwrap();
        let document = documents(&*database, base).await.remove(0);
        times.push((document.created_at, document.changed_at));
    }
    assert_eq!(times, [(at(1), at(1)), (at(1), at(2)), (at(1), at(3)), (at(4), at(4))]);
}

/// Has the trail fail amid a change, and looks that nothing of the change is there.
async fn a_change_whose_line_cannot_be_written_is_none(backend: Backend) {
    let database = backend.database();
    database.commit(0, &[put("a", "A")], vec![line(json!({}))], at(1)).await.unwrap();
    backend.edit("ALTER TABLE audit RENAME TO gone").await;
    let lines = vec![line(json!({}))];
    assert!(database.commit(1, &[put("a", "B"), put("b", "B")], lines, at(2)).await.is_err());
    assert!(database.append(vec![line(json!({}))], at(2)).await.is_err());
    backend.edit("ALTER TABLE gone RENAME TO audit").await;
    let (revision, documents) = database.read_after(0).await.unwrap();
    assert_eq!((revision, documents.len(), documents[0].changed_at), (1, 1, at(1)));
    assert_eq!(verified(&*database).await, 1);
    assert_eq!(database.commit(1, &[put("b", "B")], vec![line(json!({}))], at(3)).await.unwrap(), Some(2));
    assert_eq!(verified(&*database).await, 2, "and it goes on");
}

#[tokio::test]
async fn a_change_whose_line_cannot_be_written_is_none_in_a_sqlite_file() {
    a_change_whose_line_cannot_be_written_is_none(Backend::sqlite_file().await.unwrap()).await;
}

#[tokio::test]
async fn a_change_whose_line_cannot_be_written_is_none_in_postgres() {
    let Some(backend) = Backend::postgres().await else { return };
    a_change_whose_line_cannot_be_written_is_none(backend).await;
}

async fn documents(database: &dyn Database, after: i64) -> Vec<Document> {
    database.read_after(after).await.unwrap().1
}
