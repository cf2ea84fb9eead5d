//! The audit trail.

use feedpass::store::database::{AuditLine, Database, GENESIS, LineFilter, Pruned, link};
use serde_json::{Value, json};

use super::{at, on_every_database, verified};
use crate::store::{Backend, line};

on_every_database! {
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
}

async fn lines_are_numbered_from_one_and_chained(backend: Backend) {
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

async fn a_line_is_kept_to_the_letter(backend: Backend) {
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

async fn many_lines_at_once_are_one_chain(backend: Backend) {
    let database = backend.database();
    database.append((0..2345).map(|n| line(json!({ "n": n }))).collect(), at(1)).await.unwrap();
    assert_eq!(verified(&*database).await, 2345);
    assert_eq!(bodies(&*database, LineFilter::default()).await[2344]["n"], 2344);
}

async fn each_filter_gives_its_lines_alone(backend: Backend) {
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
    assert_eq!(numbers(&*database, between).await, [10], "a line's own time counts, from `since` to before `until`");
    let both = LineFilter { event: Some("mint".into()), kid: Some("x/y".into()), ..LineFilter::default() };
    assert_eq!(numbers(&*database, both).await, [5]);
}

async fn lines_of_a_space_are_of_no_space_that_begins_alike(backend: Backend) {
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

async fn lines_come_from_either_end_in_pages(backend: Backend) {
    let database = backend.database();
    database.append((0..5).map(|_| line(json!({}))).collect(), at(1)).await.unwrap();
    let page = |after, before, newest_first| LineFilter { after, before, newest_first, ..LineFilter::default() };
    let two = async |filter| database.lines(&filter, 2).await.unwrap().iter().map(|l| l.seq).collect::<Vec<_>>();
    assert_eq!(two(page(None, None, false)).await, [1, 2]);
    assert_eq!(two(page(Some(2), None, false)).await, [3, 4]);
    assert_eq!(two(page(None, None, true)).await, [5, 4]);
    assert_eq!(two(page(None, Some(4), true)).await, [3, 2]);
}

async fn two_processes_write_one_chain(backend: Backend) {
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

async fn old_lines_go_and_the_rest_verifies(backend: Backend) {
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

async fn a_young_line_keeps_all_after_it(backend: Backend) {
    let database = backend.database();
    database.append([1, 9, 2, 3].map(aged).into(), at(9)).await.unwrap();
    assert_eq!(prune(&*database, 5).await, Some(Pruned { lines: 1, through: 1 }), "the clock was set back");
    assert_eq!(verified(&*database).await, 4);
}

async fn nothing_old_changes_nothing(backend: Backend) {
    let database = backend.database();
    assert_eq!(prune(&*database, 50).await, None);
    database.append(vec![aged(60)], at(60)).await.unwrap();
    assert_eq!(prune(&*database, 50).await, None);
    assert_eq!(verified(&*database).await, 1);
}

async fn receivers_are_counted_by_client(backend: Backend) {
    let database = backend.database();
    let given = |client: &str, session: &str, second: i64, outcome: &str| {
        let at = at(second).to_string();
        line(json!({ "event": "credentials", "outcome": outcome, "client": client, "session_name": session, "at": at }))
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
    let found: Vec<_> = found.iter().map(|who| (who.client.as_str(), who.first_at, who.last_at, who.times)).collect();
    assert_eq!(found, [("b", at(1), at(3), 2), ("a", at(2), at(2), 1)]);
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

async fn bodies(database: &dyn Database, filter: LineFilter) -> Vec<Value> {
    let lines = database.lines(&filter, 10_000).await.unwrap();
    lines.iter().map(|line| serde_json::from_str(&line.body).unwrap()).collect()
}

async fn numbers(database: &dyn Database, filter: LineFilter) -> Vec<i64> {
    database.lines(&filter, 10_000).await.unwrap().iter().map(|line| line.seq).collect()
}

fn aged(second: i64) -> AuditLine {
    line(json!({ "at": at(second).to_string() }))
}

async fn prune(database: &dyn Database, before: i64) -> Option<Pruned> {
    let tell = |pruned: Pruned| {
        let details = json!({ "lines": pruned.lines, "through": pruned.through });
        line(json!({ "event": "pruned", "at": at(99).to_string(), "details": details }))
    };
    database.prune(at(before), at(99), &tell).await.unwrap()
}
