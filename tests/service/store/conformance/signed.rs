//! The counts of what was signed.

use feedpass::store::database::{AuditLine, Database, Signed};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{at, on_every_database, put, verified};
use crate::store::{Backend, line};

on_every_database! {
    tokens_are_counted_by_key_and_the_longest_end_is_told,
    a_token_is_live_until_nobody_takes_it,
    a_part_of_a_second_is_a_second,
    only_what_was_signed_counts,
    a_batch_of_any_size_counts_each_token,
    a_line_of_a_change_counts_with_the_change,
    writers_at_once_lose_no_count,
    what_ended_is_forgotten_but_for_each_keys_last_end,
}

async fn tokens_are_counted_by_key_and_the_longest_end_is_told(backend: Backend) {
    let database = backend.database();
    assert_eq!(signed(&*database, 0).await, []);
    database.append(vec![mint("b", 60), access_token("a", 600), mint("b", 60)], at(0)).await.unwrap();
    database.append(vec![mint("b", 90), mint("b", 60), mint("B", 30)], at(0)).await.unwrap();
    let expected = [of("B", 30, 1), of("a", 600, 1), of("b", 90, 4)];
    assert_eq!(signed(&*database, 0).await, expected);
    assert_eq!(signed(&*backend.of_another_process().await, 0).await, expected);
    database.append(vec![mint("b", 20)], at(0)).await.unwrap();
    assert_eq!(signed(&*database, 0).await[2], of("b", 90, 5), "one that ends sooner takes nothing away");
}

async fn a_token_is_live_until_nobody_takes_it(backend: Backend) {
    let database = backend.database();
    database.append(vec![mint("a", 10), mint("a", 10), mint("a", 11), mint("b", 5)], at(0)).await.unwrap();
    assert_eq!(signed(&*database, 309).await, [of("a", 11, 3), of("b", 5, 0)]);
    assert_eq!(signed(&*database, 310).await, [of("a", 11, 1), of("b", 5, 0)], "5 minutes after the end, no more");
    let shortly_before = at(310).checked_sub(SignedDuration::from_millis(1)).unwrap();
    assert_eq!(database.signed(shortly_before).await.unwrap()[0], of("a", 11, 3));
    assert_eq!(signed(&*database, 9999).await, [of("a", 11, 0), of("b", 5, 0)]);
}

async fn a_part_of_a_second_is_a_second(backend: Backend) {
    let database = backend.database();
    let late = at(60).checked_add(SignedDuration::from_nanos(1)).unwrap();
    database.append(vec![token("mint", "a", late), mint("a", 61)], at(0)).await.unwrap();
    assert_eq!(signed(&*database, 360).await, [of("a", 61, 2)]);
    assert_eq!(signed(&*database, 361).await, [of("a", 61, 0)]);
}

async fn only_what_was_signed_counts(backend: Backend) {
    let database = backend.database();
    let mut lines: Vec<_> = ["refused", "failed"].map(|outcome| with(mint("a", 60), "outcome", outcome)).into();
    for event in ["web_identity_token", "assume_role", "credentials", "session", "authorization_token", "change"] {
        lines.push(with(mint("a", 60), "event", event));
    }
    lines.push(with(mint("a", 60), "expires_at", "soon"));
    for missing in ["kid", "expires_at"] {
        let mut line = mint("a", 60);
        line.remove(missing);
        lines.push(line);
    }
    let written = i64::try_from(lines.len()).unwrap();
    database.append(lines, at(0)).await.unwrap();
    assert_eq!(verified(&*database).await, written);
    assert_eq!(signed(&*database, 0).await, []);
}

async fn a_batch_of_any_size_counts_each_token(backend: Backend) {
    let database = backend.database();
    let many = || (0..2345).map(|n| mint(if n % 2 == 0 { "a" } else { "b" }, n));
    database.append(many().collect(), at(0)).await.unwrap();
    assert_eq!(signed(&*database, 0).await, [of("a", 2344, 1173), of("b", 2343, 1172)]);
    database.append(many().rev().collect(), at(0)).await.unwrap();
    assert_eq!(signed(&*database, 300 + 2343).await, [of("a", 2344, 2), of("b", 2343, 0)]);
}

async fn a_line_of_a_change_counts_with_the_change(backend: Backend) {
    let database = backend.database();
    let write = [put("team-a", "A")];
    let revision = database.revision().await.unwrap();
    let next = database.commit(revision, &write, vec![mint("a", 60)], at(0)).await.unwrap();
    assert!(next.is_some());
    assert_eq!(signed(&*database, 0).await, [of("a", 60, 1)]);
    assert_eq!(database.commit(revision, &write, vec![mint("a", 90)], at(0)).await.unwrap(), None);
    assert_eq!(signed(&*database, 0).await, [of("a", 60, 1)], "nor does the line of a change that was not made");
}

/// Each with its ends in another order, so that any two that write at once would wait for one another.
async fn writers_at_once_lose_no_count(backend: Backend) {
    let processes = [backend.database(), backend.of_another_process().await];
    let mut writers = Vec::new();
    for writer in 0..8_usize {
        let database = processes[writer % 2].clone();
        writers.push(tokio::spawn(async move {
            for _ in 0..10 {
                let mut lines: Vec<_> = (1..=20).flat_map(|end| [mint("a", end), mint("b", 21 - end)]).collect();
                if writer < 4 {
                    lines.reverse();
                }
                database.append(lines, at(0)).await.unwrap();
                // What another forgets meanwhile is none of these.
                database.forget_signed(at(1)).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(signed(&*processes[0], 0).await, [of("a", 20, 1600), of("b", 20, 1600)]);
    assert_eq!(signed(&*processes[1], 319).await, [of("a", 20, 80), of("b", 20, 80)]);
}

async fn what_ended_is_forgotten_but_for_each_keys_last_end(backend: Backend) {
    let database = backend.database();
    let ends = [("a", 10), ("a", 20), ("b", 10), ("b", 10), ("c", 10), ("c", 30)];
    database.append(ends.map(|(kid, end)| mint(kid, end)).into(), at(0)).await.unwrap();
    database.forget_signed(at(10)).await.unwrap();
    assert_eq!(signed(&*database, 0).await, [of("a", 20, 2), of("b", 10, 2), of("c", 30, 2)], "no end before 10");
    database.forget_signed(at(21)).await.unwrap();
    assert_eq!(signed(&*database, 0).await, [of("a", 20, 1), of("b", 10, 2), of("c", 30, 1)]);
    database.forget_signed(at(9999)).await.unwrap();
    assert_eq!(signed(&*database, 0).await, [of("a", 20, 1), of("b", 10, 2), of("c", 30, 1)], "a last end stays");
}

/// Puts a line where the next one would be, so that it cannot be written.
async fn lines_that_could_not_be_written_count_nothing(backend: Backend) {
    let database = backend.database();
    database.append(vec![mint("a", 60)], at(0)).await.unwrap();
    let there = "INSERT INTO audit (seq, at, hash, body, event, outcome) VALUES (3, 0, '', '', '', '')";
    backend.edit(there).await;
    database.append(vec![mint("a", 70), mint("a", 70)], at(0)).await.unwrap_err();
    assert_eq!(signed(&*database, 0).await, [of("a", 60, 1)]);
    backend.edit("DELETE FROM audit WHERE seq = 3").await;
    backend.edit("ALTER TABLE signed_tokens RENAME TO away").await;
    database.append(vec![mint("a", 80)], at(0)).await.unwrap_err();
    assert_eq!(verified(&*database).await, 1, "nor is a line written that could not be counted");
    backend.edit("ALTER TABLE away RENAME TO signed_tokens").await;
    database.append(vec![mint("a", 90)], at(0)).await.unwrap();
    assert_eq!(signed(&*database, 0).await, [of("a", 90, 2)]);
}

#[tokio::test]
async fn lines_that_could_not_be_written_count_nothing_in_a_sqlite_file() {
    lines_that_could_not_be_written_count_nothing(Backend::sqlite_file().await.unwrap()).await;
}

#[tokio::test]
async fn lines_that_could_not_be_written_count_nothing_in_postgres() {
    let Some(backend) = Backend::postgres().await else { return };
    lines_that_could_not_be_written_count_nothing(backend).await;
}

/// Takes the third step of the tables back, and has it done anew with lines that are there.
async fn tokens_of_before_count_until_the_latest_end_that_they_can_have(backend: Backend) {
    let database = backend.database();
    let of_second = |line: AuditLine, second: i64| with(line, "at", &at(second).to_string());
    let lines = vec![
        of_second(mint("old", 60), 0),
        of_second(mint("old", 61), 1),
        of_second(mint("a", 10_060), 10_000),
        of_second(mint("a", 10_060), 10_000),
        of_second(access_token("b", 10_060), 10_001),
        of_second(mint("b", 10_061), 10_001),
        of_second(with(mint("c", 10_061), "outcome", "refused"), 10_001),
        of_second(with(mint("c", 10_061), "event", "web_identity_token"), 10_001),
    ];
    database.append(lines, at(0)).await.unwrap();
    for statement in ["DROP TABLE signed_tokens", "DELETE FROM _sqlx_migrations WHERE version = 3"] {
        backend.edit(statement).await;
    }
    let database = backend.of_another_process().await;
    let expected = [of("a", 10_900, 2), of("b", 13_601, 2), of("old", 901, 1)];
    assert_eq!(signed(&*database, 0).await, expected, "of what is long over, the last end alone");
}

#[tokio::test]
async fn tokens_of_before_count_in_a_sqlite_file() {
    tokens_of_before_count_until_the_latest_end_that_they_can_have(Backend::sqlite_file().await.unwrap()).await;
}

#[tokio::test]
async fn tokens_of_before_count_in_postgres() {
    let Some(backend) = Backend::postgres().await else { return };
    tokens_of_before_count_until_the_latest_end_that_they_can_have(backend).await;
}

fn token(event: &str, kid: &str, expires_at: Timestamp) -> AuditLine {
    line(json!({ "event": event, "kid": kid, "expires_at": expires_at.to_string() }))
}

fn mint(kid: &str, expires_second: i64) -> AuditLine {
    token("mint", kid, at(expires_second))
}

fn access_token(kid: &str, expires_second: i64) -> AuditLine {
    token("access_token", kid, at(expires_second))
}

fn with(mut line: AuditLine, member: &str, value: &str) -> AuditLine {
    line.insert(member.to_owned(), json!(value));
    line
}

fn of(kid: &str, longest: i64, live: u64) -> Signed {
    Signed { kid: kid.to_owned(), longest_expires_at: at(longest), live }
}

async fn signed(database: &dyn Database, second: i64) -> Vec<Signed> {
    database.signed(at(second)).await.unwrap()
}
