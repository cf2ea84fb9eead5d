//! Whoever can write to the file can edit the trail, and it shows.

use feedpass::audit::{Report, Seen, verify};
use feedpass::store::database::{LineFilter, link};
use jiff::Timestamp;
use serde_json::json;

use super::{Backend, line};

/// A line in place of the eighth.
const FORGED: &str = r#"{"seq":8,"event":"mint","outcome":"ok"}"#;

/// What is found of ten lines after `edit`, and what line 8 was before.
async fn found_after(edit: &str) -> Report {
    found_with(edit, false).await
}

async fn found_with(edit: &str, seen_before: bool) -> Report {
    let backend = Backend::sqlite_file().await.unwrap();
    let database = backend.database();
    let lines = (1..=10).map(|n| line(json!({ "client": format!("ci-{n}") }))).collect();
    database.append(lines, Timestamp::UNIX_EPOCH).await.unwrap();
    let all = database.lines(&LineFilter::default(), 100).await.unwrap();
    let seen = Seen { seq: 8, hash: all[7].hash.clone() };
    assert!(verify(&*database, Some(&seen)).await.unwrap().intact);

    let edit = edit.replace("HASH-OF-7", &all[6].hash).replace("FORGED", &link(&all[6].hash, FORGED));
    backend.edit(&edit).await;
    verify(&*database, Some(&seen).filter(|_| seen_before)).await.unwrap()
}

fn wrong(report: &Report) -> (i64, &'static str) {
    assert!(!report.intact, "{report:?}");
    let broken = report.broken.as_ref().unwrap();
    (broken.seq, broken.what)
}

#[tokio::test]
async fn an_edited_line_is_found() {
    let report = found_after("UPDATE audit SET body = replace(body, 'ci-4', 'cd-4') WHERE seq = 4").await;
    assert_eq!(wrong(&report), (4, "the hash is not that of the line and the one before"));
    assert_eq!((report.lines, report.last), (3, 3), "so many held");
}

#[tokio::test]
async fn a_line_taken_from_the_middle_is_found() {
    assert_eq!(wrong(&found_after("DELETE FROM audit WHERE seq = 5").await), (5, "the line is missing"));
    let closed = "DELETE FROM audit WHERE seq = 5; UPDATE audit SET seq = seq - 1 WHERE seq > 5";
    assert_eq!(wrong(&found_after(closed).await), (5, "the hash is not that of the line and the one before"));
}

#[tokio::test]
async fn a_cut_tail_is_found() {
    assert_eq!(wrong(&found_after("DELETE FROM audit WHERE seq > 7").await), (8, "the line is missing"));
}

#[tokio::test]
async fn a_cut_tail_with_its_head_written_anew_is_found_by_whoever_saw_more() {
    let cut = "DELETE FROM audit WHERE seq > 7; UPDATE audit_head SET seq = 7, hash = 'HASH-OF-7'";
    assert!(found_with(cut, false).await.intact, "the trail alone cannot tell");
    assert_eq!(wrong(&found_with(cut, true).await), (8, "the line that was seen is gone"));
    let forged = "DELETE FROM audit WHERE seq > 8; UPDATE audit_head SET seq = 8, hash = 'FORGED'; \
                  UPDATE audit SET body = 'BODY', hash = 'FORGED', client = NULL WHERE seq = 8";
    let forged = &forged.replace("BODY", FORGED);
    assert!(found_with(forged, false).await.intact);
    assert_eq!(wrong(&found_with(forged, true).await), (8, "the line is not the one that was seen"));
}

#[tokio::test]
async fn two_lines_in_each_others_place_are_found() {
    let swap = "UPDATE audit SET seq = -3 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; \
                UPDATE audit SET seq = 4 WHERE seq = -3";
    assert_eq!(wrong(&found_after(swap).await), (3, "the hash is not that of the line and the one before"));
}

#[tokio::test]
async fn an_edited_head_is_found() {
    let hash = "UPDATE audit_head SET hash = 'HASH-OF-7'";
    assert_eq!(wrong(&found_after(hash).await), (10, "the trail's head is not its last line"));
    let further = "UPDATE audit_head SET seq = 11";
    assert_eq!(wrong(&found_after(further).await), (11, "the line is missing"));
    let back = "UPDATE audit_head SET seq = 7, hash = 'HASH-OF-7'";
    assert_eq!(wrong(&found_after(back).await), (10, "the line is beyond the trail's end"));
}

#[tokio::test]
async fn a_cut_beginning_is_found() {
    let cut = "DELETE FROM audit WHERE seq <= 7; UPDATE audit_head SET pruned_seq = 7, pruned_hash = 'HASH-OF-7'";
    assert_eq!(wrong(&found_after(cut).await), (7, "lines went from the beginning, and no line tells of it"));
}

#[tokio::test]
async fn an_edited_column_that_hides_a_line_from_searches_is_found() {
    for hide in ["client = 'cd'", "space = 'other'"] {
        let hide = format!("UPDATE audit SET {hide} WHERE seq = 6");
        assert_eq!(wrong(&found_after(&hide).await), (6, "a column is not what the line says"));
    }
}
