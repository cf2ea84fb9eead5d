//! Each promise of the store is a case, and each case runs on every kind of database.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use feedpass::audit::verify;
use feedpass::clock::ManualClock;
use feedpass::domain::{Feed, Slug, Space};
use feedpass::store::database::{Database, GENESIS, LineFilter, Pruned, link};
use feedpass::store::{Declared, Document, Kind, Plan, Store, StoreError, Write};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Backend, line};

/// One test for each case and database, so that a failure names both.
macro_rules! on_every_database {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use super::super::Backend;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_file() {
                super::cases::$case(Backend::sqlite_file().await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_memory() {
                super::cases::$case(Backend::sqlite_memory().await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let Some(backend) = Backend::postgres().await else { return };
                super::cases::$case(backend).await;
            }
        })+
    };
}

on_every_database! {
    a_change_is_written_whole_with_its_lines,
    of_two_changes_on_one_base_one_is_written,
    only_what_is_newer_is_read,
    a_document_keeps_the_time_of_its_making,
    a_removed_document_stays_as_a_tombstone,
    lines_are_numbered_from_one_and_chained,
    a_line_is_kept_to_the_letter,
    many_lines_at_once_are_one_chain,
    each_filter_gives_its_lines_alone,
    lines_of_a_space_are_of_no_space_that_begins_alike,
    lines_come_from_either_end_in_pages,
    two_processes_write_one_chain,
    old_lines_go_and_the_rest_verifies,
    a_young_line_keeps_all_after_it,
    nothing_old_changes_nothing,
    receivers_are_counted_by_client,
    an_assertion_is_used_once,
    of_many_uses_at_once_one_is_the_first,
    an_assertion_that_ended_is_forgotten,
    a_change_is_seen_by_the_next_request,
    a_change_of_another_process_is_seen_on_refresh,
    who_was_slower_decides_anew,
    what_was_refused_changed_nothing,
    what_was_declared_is_remembered_by_the_store,
    a_subject_that_a_feed_gave_up_is_remembered_by_the_store,
    what_was_the_stores_is_not_declared,
    nothing_is_declared_that_waits_for_the_database,
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

/// Takes the second step of the tables back, and has it done anew with lines that are there.
async fn lines_of_before_have_their_space(backend: Backend) {
    let database = backend.database();
    let lines = ["team-a/a", "a-a/team-a", "other/a-a"].map(|feed| line(json!({ "feed": feed })));
    database.append(lines.into_iter().chain([line(json!({}))]).collect(), at(1)).await.unwrap();
    for statement in [
        "DROP INDEX audit_space",
        "ALTER TABLE audit DROP COLUMN space",
        "DELETE FROM _sqlx_migrations WHERE version = 2",
    ] {
        backend.edit(statement).await;
    }
    let database = backend.of_another_process().await;
    for (space, number) in [("team-a", 1), ("a-a", 2), ("other", 3)] {
        let filter = LineFilter { spaces: Some(vec![space.to_owned()]), ..LineFilter::default() };
        assert_eq!(numbers(&*database, filter).await, [number], "{space}");
    }
    assert_eq!(verified(&*database).await, 4);
}

#[tokio::test]
async fn lines_of_before_have_their_space_in_a_sqlite_file() {
    lines_of_before_have_their_space(Backend::sqlite_file().await.unwrap()).await;
}

#[tokio::test]
async fn lines_of_before_have_their_space_in_postgres() {
    let Some(backend) = Backend::postgres().await else { return };
    lines_of_before_have_their_space(backend).await;
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn space(slug: &str, name: &str) -> Space {
    Space { slug: slug.parse().unwrap(), name: Some(name.parse().unwrap()) }
}

fn put(slug: &str, name: &str) -> Write {
    Write::put(&space(slug, name)).unwrap()
}

async fn documents(database: &dyn Database, after: i64) -> Vec<Document> {
    database.read_after(after).await.unwrap().1
}

async fn bodies(database: &dyn Database, filter: LineFilter) -> Vec<Value> {
    let lines = database.lines(&filter, 10_000).await.unwrap();
    lines.iter().map(|line| serde_json::from_str(&line.body).unwrap()).collect()
}

async fn numbers(database: &dyn Database, filter: LineFilter) -> Vec<i64> {
    database.lines(&filter, 10_000).await.unwrap().iter().map(|line| line.seq).collect()
}

async fn verified(database: &dyn Database) -> i64 {
    let report = verify(database, None).await.unwrap();
    assert!(report.intact, "{report:?}");
    report.lines
}

async fn store(database: Arc<dyn Database>) -> Arc<Store> {
    let clock = Arc::new(ManualClock::at(at(0)));
    Arc::new(Store::open(database, Declared::default(), clock).await.unwrap())
}

/// Has `store` keep a space, and gives how often that was decided on.
async fn keep(store: &Store, slug: &str) -> usize {
    let decided = AtomicUsize::new(0);
    let plan = |_: &feedpass::store::Snapshot| {
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

mod cases {
    use super::*;

    pub(super) async fn a_change_is_written_whole_with_its_lines(backend: Backend) {
        let database = backend.database();
        let (writes, lines) = ([put("a", "A"), put("b", "B")], vec![line(json!({})), line(json!({}))]);
        assert_eq!(database.commit(0, &writes, lines, at(1)).await.unwrap(), Some(1));
        assert_eq!(database.revision().await.unwrap(), 1);
        let (revision, documents) = database.read_after(0).await.unwrap();
        assert_eq!((revision, documents.len()), (1, 2));
        assert!(documents.iter().all(|document| document.version == 1 && document.kind == "space"));
        assert_eq!(verified(&*database).await, 2);
    }

    pub(super) async fn of_two_changes_on_one_base_one_is_written(backend: Backend) {
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

    pub(super) async fn only_what_is_newer_is_read(backend: Backend) {
        let database = backend.database();
        for (base, slug) in [(0, "a"), (1, "b"), (2, "a")] {
            assert_eq!(database.commit(base, &[put(slug, slug)], vec![], at(base)).await.unwrap(), Some(base + 1));
        }
        let names = |documents: Vec<Document>| documents.into_iter().map(|document| document.name).collect::<Vec<_>>();
        assert_eq!(names(documents(&*database, 0).await), ["b", "a"]);
        assert_eq!(names(documents(&*database, 2).await), ["a"]);
        assert_eq!(names(documents(&*database, 3).await), [""; 0]);
    }

    pub(super) async fn a_document_keeps_the_time_of_its_making(backend: Backend) {
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

    pub(super) async fn a_removed_document_stays_as_a_tombstone(backend: Backend) {
        let store = store(backend.database()).await;
        keep(&store, "a").await;
        let bury = |_: &feedpass::store::Snapshot| {
            let writes = vec![Write::bury(&space("a", "a"), Some("b".into())).unwrap()];
            Ok::<_, Infallible>(Plan { writes, lines: vec![], outcome: () })
        };
        store.change(bury).await.unwrap();
        let again = super::store(backend.of_another_process().await).await;
        for store in [&store, &again] {
            assert!(!knows(store, "a"));
            let tombstone = store.current().tombstone(Kind::Space, "a").cloned().unwrap();
            assert_eq!((tombstone.moved_to.as_deref(), tombstone.freed_at), (Some("b"), at(0)));
        }
    }

    pub(super) async fn lines_are_numbered_from_one_and_chained(backend: Backend) {
        let database = backend.database();
        for lines in [1, 2, 0, 1] {
            database.append((0..lines).map(|_| line(json!({}))).collect(), at(1)).await.unwrap();
        }
        let mut previous = GENESIS.to_owned();
        for (number, line) in (1..).zip(database.lines(&LineFilter::default(), 100).await.unwrap()) {
            assert_eq!((line.seq, &line.hash), (number, &link(&previous, &line.body)));
            previous = line.hash;
        }
        let ends = database.ends().await.unwrap();
        assert_eq!((ends.seq, ends.hash, ends.pruned_seq), (4, previous, 0));
        assert_eq!(verified(&*database).await, 4);
    }

    pub(super) async fn a_line_is_kept_to_the_letter(backend: Backend) {
        let database = backend.database();
        let odd = json!({
            "at": "2026-11-23T11:00:00Z", "reason": "\"quotes\", ümläute, \u{0} and \u{1f600}", "b": 1, "a": [1.5, null],
        });
        database.append(vec![line(odd)], at(1)).await.unwrap();
        let lines = database.lines(&LineFilter::default(), 10).await.unwrap();
        let expected = r#"{"seq":1,"at":"2026-11-23T11:00:00Z","reason":"\"quotes\", ümläute, \u0000 and 😀","b":1,"a":[1.5,null],"event":"mint","outcome":"ok"}"#;
        assert_eq!(lines[0].body, expected);
        let whole: Value = serde_json::from_str(&lines[0].to_json()).unwrap();
        assert_eq!(whole["hash"], lines[0].hash.as_str());
    }

    pub(super) async fn many_lines_at_once_are_one_chain(backend: Backend) {
        let database = backend.database();
        database.append((0..2345).map(|n| line(json!({ "n": n }))).collect(), at(1)).await.unwrap();
        assert_eq!(verified(&*database).await, 2345);
        assert_eq!(bodies(&*database, LineFilter::default()).await[2344]["n"], 2344);
    }

    pub(super) async fn each_filter_gives_its_lines_alone(backend: Backend) {
        let database = backend.database();
        let members = ["event", "outcome", "client", "feed", "kid", "jti", "session_name", "aws_request_id"];
        let lines: Vec<_> = members.iter().map(|member| line(json!({ *member: "x/y" }))).collect();
        database.append(lines, at(1)).await.unwrap();
        for (number, member) in (1..).zip(members) {
            let wanted = Some("x/y".to_owned());
            let mut filter = LineFilter::default();
            *match member {
                "event" => &mut filter.event,
                "outcome" => &mut filter.outcome,
                "client" => &mut filter.client,
                "feed" => &mut filter.feed,
                "kid" => &mut filter.kid,
                "jti" => &mut filter.jti,
                "session_name" => &mut filter.session_name,
                _ => &mut filter.aws_request_id,
            } = wanted;
            assert_eq!(numbers(&*database, filter).await, [number], "{member}");
        }
        let timed = |second: i64| line(json!({ "at": at(second).to_string() }));
        database.append(vec![timed(10), timed(20), timed(30)], at(99)).await.unwrap();
        let between = LineFilter { since: Some(at(20)), until: Some(at(30)), ..LineFilter::default() };
        assert_eq!(
            numbers(&*database, between).await,
            [10],
            "a line's own time counts, from `since` to before `until`"
        );
        let both = LineFilter { event: Some("mint".into()), kid: Some("x/y".into()), ..LineFilter::default() };
        assert_eq!(numbers(&*database, both).await, [5]);
    }

    pub(super) async fn lines_of_a_space_are_of_no_space_that_begins_alike(backend: Backend) {
        let database = backend.database();
        let lines = ["a/x", "ab/x", "b/a", "a/y"].map(|feed| line(json!({ "feed": feed })));
        database.append(lines.into_iter().chain([line(json!({}))]).collect(), at(1)).await.unwrap();
        let of = |spaces: &[&str]| LineFilter {
            spaces: Some(spaces.iter().map(|space| (*space).to_owned()).collect()),
            ..LineFilter::default()
        };
        assert_eq!(numbers(&*database, of(&["a"])).await, [1, 4]);
        assert_eq!(numbers(&*database, of(&["a", "b"])).await, [1, 3, 4]);
        assert_eq!(numbers(&*database, of(&[])).await, [0; 0], "no space is not every space");
    }

    pub(super) async fn lines_come_from_either_end_in_pages(backend: Backend) {
        let database = backend.database();
        database.append((0..5).map(|_| line(json!({}))).collect(), at(1)).await.unwrap();
        let page = |after, before, newest_first| LineFilter { after, before, newest_first, ..LineFilter::default() };
        let two = async |filter| database.lines(&filter, 2).await.unwrap().iter().map(|l| l.seq).collect::<Vec<_>>();
        assert_eq!(two(page(None, None, false)).await, [1, 2]);
        assert_eq!(two(page(Some(2), None, false)).await, [3, 4]);
        assert_eq!(two(page(None, None, true)).await, [5, 4]);
        assert_eq!(two(page(None, Some(4), true)).await, [3, 2]);
    }

    pub(super) async fn two_processes_write_one_chain(backend: Backend) {
        let processes = [backend.database(), backend.of_another_process().await];
        let mut writers = Vec::new();
        for writer in 0..16_usize {
            let database = processes[writer % 2].clone();
            writers.push(tokio::spawn(async move {
                for n in 0..10 {
                    database.append(vec![line(json!({ "client": format!("{writer}.{n}") }))], at(1)).await.unwrap();
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(verified(&*processes[1]).await, 160);
        let mut clients: Vec<_> = bodies(&*processes[0], LineFilter::default()).await;
        clients.sort_by_key(|line| line["client"].to_string());
        clients.dedup_by_key(|line| line["client"].to_string());
        assert_eq!(clients.len(), 160, "each once");
    }

    async fn prune(database: &dyn Database, before: i64) -> Option<Pruned> {
        let tell = |pruned: Pruned| {
            let details = json!({ "lines": pruned.lines, "through": pruned.through });
            line(json!({ "event": "pruned", "at": at(99).to_string(), "details": details }))
        };
        database.prune(at(before), at(99), &tell).await.unwrap()
    }

    fn aged(second: i64) -> feedpass::store::database::AuditLine {
        line(json!({ "at": at(second).to_string() }))
    }

    pub(super) async fn old_lines_go_and_the_rest_verifies(backend: Backend) {
        let database = backend.database();
        database.append((0..5).map(aged).collect(), at(9)).await.unwrap();
        assert_eq!(prune(&*database, 3).await, Some(Pruned { lines: 3, through: 3 }));
        assert_eq!(numbers(&*database, LineFilter::default()).await, [4, 5, 6]);
        assert_eq!(database.ends().await.unwrap().pruned_seq, 3);
        assert_eq!(verified(&*database).await, 3);
        assert_eq!(prune(&*database, 50).await, Some(Pruned { lines: 2, through: 5 }));
        assert_eq!(bodies(&*database, LineFilter::default()).await[1]["details"], json!({ "lines": 2, "through": 5 }));
        assert_eq!(prune(&*database, 1000).await, Some(Pruned { lines: 2, through: 7 }), "all that there is");
        assert_eq!(verified(&*database).await, 1);
        database.append(vec![aged(0)], at(9)).await.unwrap();
        assert_eq!(verified(&*backend.of_another_process().await).await, 2, "the chain goes on");
    }

    pub(super) async fn a_young_line_keeps_all_after_it(backend: Backend) {
        let database = backend.database();
        database.append([1, 9, 2, 3].map(aged).into(), at(9)).await.unwrap();
        assert_eq!(prune(&*database, 5).await, Some(Pruned { lines: 1, through: 1 }), "the clock was set back");
        assert_eq!(verified(&*database).await, 4);
    }

    pub(super) async fn nothing_old_changes_nothing(backend: Backend) {
        let database = backend.database();
        assert_eq!(prune(&*database, 50).await, None);
        database.append(vec![aged(60)], at(60)).await.unwrap();
        assert_eq!(prune(&*database, 50).await, None);
        assert_eq!(verified(&*database).await, 1);
    }

    pub(super) async fn receivers_are_counted_by_client(backend: Backend) {
        let database = backend.database();
        let given = |client: &str, session: &str, second: i64, outcome: &str| {
            let at = at(second).to_string();
            line(
                json!({ "event": "credentials", "outcome": outcome, "client": client, "session_name": session, "at": at }),
            )
        };
        let lines = vec![
            given("b", "s", 1, "ok"),
            given("a", "s", 2, "ok"),
            given("b", "s", 3, "ok"),
            given("b", "s", 4, "refused"),
            given("c", "other", 5, "ok"),
            line(json!({ "event": "authorization_token", "client": "d", "session_name": "s" })),
        ];
        database.append(lines, at(9)).await.unwrap();
        let found = database.receivers("s").await.unwrap();
        let found: Vec<_> =
            found.iter().map(|who| (who.client.as_str(), who.first_at, who.last_at, who.times)).collect();
        assert_eq!(found, [("b", at(1), at(3), 2), ("a", at(2), at(2), 1)]);
    }

    pub(super) async fn an_assertion_is_used_once(backend: Backend) {
        let (one, other) = (backend.database(), backend.of_another_process().await);
        assert!(one.first_use("ci", "j", at(60), at(0)).await.unwrap());
        assert!(!one.first_use("ci", "j", at(60), at(1)).await.unwrap());
        assert!(!other.first_use("ci", "j", at(60), at(60)).await.unwrap(), "nor in another process, to its very end");
        assert!(other.first_use("cd", "j", at(60), at(1)).await.unwrap(), "another client's is another");
        assert!(other.first_use("ci", "k", at(60), at(1)).await.unwrap());
    }

    pub(super) async fn of_many_uses_at_once_one_is_the_first(backend: Backend) {
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

    pub(super) async fn an_assertion_that_ended_is_forgotten(backend: Backend) {
        let database = backend.database();
        assert!(database.first_use("ci", "j", at(60), at(0)).await.unwrap());
        assert!(database.first_use("ci", "j", at(160), at(61)).await.unwrap());
    }

    pub(super) async fn a_change_is_seen_by_the_next_request(backend: Backend) {
        let store = store(backend.database()).await;
        assert!(!knows(&store, "a"));
        assert_eq!(keep(&store, "a").await, 1);
        assert!(knows(&store, "a"));
        let entry = store.current().space(&"a".parse().unwrap()).cloned().unwrap();
        assert_eq!(*entry.value, space("a", "a"));
        assert_eq!(verified(&**store.database()).await, 1);
    }

    pub(super) async fn a_change_of_another_process_is_seen_on_refresh(backend: Backend) {
        let (one, other) = (store(backend.database()).await, store(backend.of_another_process().await).await);
        keep(&one, "a").await;
        assert!(!knows(&other, "a"));
        assert!(other.refresh().await.unwrap());
        assert!(knows(&other, "a"));
        assert!(!other.refresh().await.unwrap(), "there is nothing more");
    }

    pub(super) async fn who_was_slower_decides_anew(backend: Backend) {
        let (one, other) = (store(backend.database()).await, store(backend.of_another_process().await).await);
        assert_eq!(keep(&one, "a").await, 1);
        assert_eq!(keep(&other, "b").await, 2, "on what the first had made");
        assert!(knows(&other, "a") && knows(&other, "b"));
        assert_eq!((verified(&**one.database()).await, one.refresh().await.unwrap()), (2, true));
    }

    pub(super) async fn what_was_declared_is_remembered_by_the_store(backend: Backend) {
        opened(backend.database(), declaring("a/x", "one")).await.unwrap();
        let later = opened(backend.of_another_process().await, Declared::default()).await.unwrap().current();
        assert!(later.was_declared(Kind::Space, "a") && later.was_declared(Kind::Feed, "a/x"));
        assert!(!later.was_declared(Kind::Space, "b") && !later.was_declared(Kind::Feed, "a/y"));
        assert_eq!(later.subject_taken(&alone("b/x", "one")), Some("a/x".parse().unwrap()));
        assert_eq!(later.subject_taken(&alone("b/x", "two")), None);
        let found = clashes(opened(backend.database(), declaring("b/x", "one")).await);
        assert!(found.len() == 1 && found[0].contains("as feed `a/x` is, was or will be"), "{found:?}");
        let again = opened(backend.database(), declaring("a/x", "two")).await.unwrap();
        assert!(again.current().feed(&"a/x".parse().unwrap()).is_some(), "the same name is the same feed");
        let revision = again.database().revision().await.unwrap();
        opened(backend.database(), declaring("a/x", "two")).await.unwrap();
        assert_eq!(again.database().revision().await.unwrap(), revision, "what is remembered is not written again");
    }

    pub(super) async fn a_subject_that_a_feed_gave_up_is_remembered_by_the_store(backend: Backend) {
        let store = store(backend.database()).await;
        for audience in ["one", "two", "three"] {
            let writes = || vec![Write::put(&alone("a/x", audience)).unwrap()];
            let plan = |_: &feedpass::store::Snapshot| {
                Ok::<_, Infallible>(Plan { writes: writes(), lines: vec![], outcome: () })
            };
            store.change(plan).await.unwrap();
        }
        let later = super::store(backend.of_another_process().await).await;
        for store in [&store, &later] {
            for audience in ["one", "two", "three"] {
                let taken = store.current().subject_taken(&alone("b/x", audience));
                assert_eq!(taken, Some("a/x".parse().unwrap()), "{audience}");
                assert_eq!(store.current().subject_taken(&alone("a/x", audience)), None, "{audience} is its own");
            }
        }
    }

    pub(super) async fn what_was_the_stores_is_not_declared(backend: Backend) {
        let store = store(backend.database()).await;
        keep(&store, "live").await;
        let bury = |_: &feedpass::store::Snapshot| {
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

    pub(super) async fn nothing_is_declared_that_waits_for_the_database(backend: Backend) {
        let store = store(backend.database()).await;
        let revision = store.database().revision().await.unwrap();
        store.redeclare(&declaring("a/x", "one")).unwrap();
        store.redeclare(&Declared::default()).unwrap();
        assert_eq!(store.database().revision().await.unwrap(), revision);
        assert!(store.current().was_declared(Kind::Feed, "a/x"), "it counts at once");
        store.refresh().await.unwrap();
        let later = super::store(backend.of_another_process().await).await;
        assert!(later.current().was_declared(Kind::Feed, "a/x"), "and is remembered with the next look");
    }

    pub(super) async fn what_was_refused_changed_nothing(backend: Backend) {
        let store = store(backend.database()).await;
        let refuse = |_: &feedpass::store::Snapshot| Err::<Plan<()>, _>(std::fmt::Error);
        assert!(store.change(refuse).await.is_err());
        assert_eq!((store.database().revision().await.unwrap(), verified(&**store.database()).await), (0, 0));
    }
}
