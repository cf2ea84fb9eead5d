//! The store on top of a database: what it knows, and how a change is decided.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use feedpass::clock::ManualClock;
use feedpass::domain::{Feed, Slug, Space};
use feedpass::store::database::Database;
use feedpass::store::{Declared, Kind, Plan, Snapshot, Store, StoreError, Write};
use serde_json::json;

use super::{at, on_every_database, put, space, verified};
use crate::store::{Backend, line};

on_every_database! {
    a_removed_document_stays_as_a_tombstone,
    a_change_is_seen_by_the_next_request,
    a_change_of_another_process_is_seen_on_refresh,
    who_was_slower_decides_anew,
    what_was_refused_changed_nothing,
    what_was_declared_is_remembered_by_the_store,
    a_subject_that_a_feed_gave_up_is_remembered_by_the_store,
    what_was_the_stores_is_not_declared,
    nothing_is_declared_that_waits_for_the_database,
}

async fn a_removed_document_stays_as_a_tombstone(backend: Backend) {
    let store = store(backend.database()).await;
    keep(&store, "a").await;
    let bury = |_: &Snapshot| {
        let writes = vec![Write::bury(&space("a", "a"), Some("b".into())).unwrap()];
        Ok::<_, Infallible>(Plan { writes, lines: vec![], outcome: () })
    };
    store.change(bury).await.unwrap();
    let again = self::store(backend.of_another_process().await).await;
    for store in [&store, &again] {
        assert!(!knows(store, "a"));
        let tombstone = store.current().tombstone(Kind::Space, "a").cloned().unwrap();
        assert_eq!((tombstone.moved_to.as_deref(), tombstone.freed_at), (Some("b"), at(0)));
    }
}

async fn a_change_is_seen_by_the_next_request(backend: Backend) {
    let store = store(backend.database()).await;
    assert!(!knows(&store, "a"));
    assert_eq!(keep(&store, "a").await, 1);
    assert!(knows(&store, "a"));
    let entry = store.current().space(&"a".parse().unwrap()).cloned().unwrap();
    assert_eq!(*entry.value, space("a", "a"));
    assert_eq!(verified(&**store.database()).await, 1);
}

async fn a_change_of_another_process_is_seen_on_refresh(backend: Backend) {
    let (one, other) = (store(backend.database()).await, store(backend.of_another_process().await).await);
    keep(&one, "a").await;
    assert!(!knows(&other, "a"));
    assert!(other.refresh().await.unwrap());
    assert!(knows(&other, "a"));
    assert!(!other.refresh().await.unwrap(), "there is nothing more");
}

async fn who_was_slower_decides_anew(backend: Backend) {
    let (one, other) = (store(backend.database()).await, store(backend.of_another_process().await).await);
    assert_eq!(keep(&one, "a").await, 1);
    assert_eq!(keep(&other, "b").await, 2, "on what the first had made");
    assert!(knows(&other, "a") && knows(&other, "b"));
    assert_eq!((verified(&**one.database()).await, one.refresh().await.unwrap()), (2, true));
}

async fn what_was_declared_is_remembered_by_the_store(backend: Backend) {
    opened(backend.database(), declaring("a/x", "one")).await.unwrap();
    let later = opened(backend.of_another_process().await, Declared::default()).await.unwrap().current();
    assert!(later.was_declared(Kind::Space, "a") && later.was_declared(Kind::Feed, "a/x"));
    assert!(!later.was_declared(Kind::Space, "b") && !later.was_declared(Kind::Feed, "a/y"));
    assert_eq!(later.subject_taken(&alone("b/x", "one")).map(|taken| taken.other), Some("a/x".parse().unwrap()));
    assert_eq!(later.subject_taken(&alone("b/x", "two")), None);
    let found = clashes(opened(backend.database(), declaring("b/x", "one")).await);
    assert!(found.len() == 1 && found[0].contains("as feed `a/x` is, was or will be"), "{found:?}");
    let again = opened(backend.database(), declaring("a/x", "two")).await.unwrap();
    assert!(again.current().feed(&"a/x".parse().unwrap()).is_some(), "the same name is the same feed");
    let revision = again.database().revision().await.unwrap();
    opened(backend.database(), declaring("a/x", "two")).await.unwrap();
    assert_eq!(again.database().revision().await.unwrap(), revision, "what is remembered is not written again");
}

async fn a_subject_that_a_feed_gave_up_is_remembered_by_the_store(backend: Backend) {
    let store = store(backend.database()).await;
    for audience in ["one", "two", "three"] {
        let writes = || vec![Write::put(&alone("a/x", audience)).unwrap()];
        let plan = |_: &Snapshot| Ok::<_, Infallible>(Plan { writes: writes(), lines: vec![], outcome: () });
        store.change(plan).await.unwrap();
    }
    let later = self::store(backend.of_another_process().await).await;
    for store in [&store, &later] {
        for audience in ["one", "two", "three"] {
            let taken = store.current().subject_taken(&alone("b/x", audience));
            assert_eq!(taken.map(|taken| taken.other), Some("a/x".parse().unwrap()), "{audience}");
            assert_eq!(store.current().subject_taken(&alone("a/x", audience)), None, "{audience} is its own");
        }
    }
}

async fn what_was_the_stores_is_not_declared(backend: Backend) {
    let store = store(backend.database()).await;
    keep(&store, "live").await;
    let bury = |_: &Snapshot| {
        let writes = vec![
            Write::bury(&space("a", "a"), None).unwrap(),
            Write::bury(&alone("b/x", "one"), Some("b/y".into())).unwrap(),
        ];
        Ok::<_, Infallible>(Plan { writes, lines: vec![], outcome: () })
    };
    store.change(bury).await.unwrap();
    let revision = store.database().revision().await.unwrap();
    for (declared, said) in [
        (declaring("live/z", "one"), "the store has space `live` too"),
        (declaring("a/z", "one"), "space `a` was the store's until 1970-01-12T13:46:40Z, and a slug"),
        (declaring("b/x", "two"), "feed `b/x` was the store's until 1970-01-12T13:46:40Z and is `b/y` now"),
        (declaring("c/x", "one"), "feed `c/x` would be `feed:x` for audience `one` to AWS, as feed `b/y` is"),
    ] {
        let found = clashes(opened(backend.database(), declared.clone()).await);
        assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
        assert!(store.redeclare(&declared).is_err());
        assert_eq!(store.current().feeds().count(), 0, "nothing of it is there");
    }
    assert_eq!(store.database().revision().await.unwrap(), revision, "nor is it remembered");
}

async fn nothing_is_declared_that_waits_for_the_database(backend: Backend) {
    let store = store(backend.database()).await;
    let revision = store.database().revision().await.unwrap();
    store.redeclare(&declaring("a/x", "one")).unwrap();
    store.redeclare(&Declared::default()).unwrap();
    assert_eq!(store.database().revision().await.unwrap(), revision);
    assert!(store.current().was_declared(Kind::Feed, "a/x"), "it counts at once");
    store.refresh().await.unwrap();
    let later = self::store(backend.of_another_process().await).await;
    assert!(later.current().was_declared(Kind::Feed, "a/x"), "and is remembered with the next look");
}

async fn what_was_refused_changed_nothing(backend: Backend) {
    let store = store(backend.database()).await;
    let refuse = |_: &Snapshot| Err::<Plan<()>, _>(std::fmt::Error);
    assert!(store.change(refuse).await.is_err());
    assert_eq!((store.database().revision().await.unwrap(), verified(&**store.database()).await), (0, 0));
}

async fn store(database: Arc<dyn Database>) -> Arc<Store> {
    let clock = Arc::new(ManualClock::at(at(0)));
    Arc::new(Store::open(database, Declared::default(), clock).await.unwrap())
}

/// Has `store` keep a space, and gives how often that was decided on.
async fn keep(store: &Store, slug: &str) -> usize {
    let decided = AtomicUsize::new(0);
    let plan = |_: &Snapshot| {
        decided.fetch_add(1, Ordering::Relaxed);
        let lines = vec![line(json!({ "event": "change", "client": slug }))];
        Ok::<_, Infallible>(Plan { writes: vec![put(slug, slug)], lines, outcome: () })
    };
    store.change(plan).await.unwrap();
    decided.into_inner()
}

/// What `declared` comes to on `database`.
async fn opened(database: Arc<dyn Database>, declared: Declared) -> Result<Store, StoreError> {
    Store::open(database, declared, Arc::new(ManualClock::at(at(0)))).await
}

/// A feed whose subject drops the space.
fn alone(name: &str, audience: &str) -> Feed {
    let (space, slug) = name.split_once('/').unwrap();
    let role = "arn:aws:iam::123456789012:role/x";
    let identity = json!({ "role_arn": role, "audience": audience, "subject": ["feed"] });
    let feed = json!({ "space": space, "slug": slug, "region": "us-east-1", "registry": "123456789012", "web_identity": identity });
    serde_json::from_value(feed).unwrap()
}

/// Such a feed, in its space.
fn declaring(name: &str, audience: &str) -> Declared {
    let feed = alone(name, audience);
    let space = Space { slug: feed.name.space.clone(), name: None };
    Declared { spaces: vec![space], feeds: vec![feed], ..Declared::default() }
}

fn clashes(opened: Result<Store, StoreError>) -> Vec<String> {
    match opened {
        Err(StoreError::Clashes(clashes)) => clashes.iter().map(ToString::to_string).collect(),
        other => panic!("it clashes with nothing: {:?}", other.err()),
    }
}

fn knows(store: &Store, slug: &str) -> bool {
    store.current().space(&slug.parse::<Slug>().unwrap()).is_some()
}
