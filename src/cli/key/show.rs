//! `feedpass key list` and `feedpass key show`

use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::words::{count, length, place, time, time_and_distance, timestamp, word};
use super::{KEYS, OfKey, answer};
use crate::cli::Server;
use crate::cli::output::{each, print, print_columns, print_table, print_to_people};
use crate::clock::{Clock as _, SystemClock};
use crate::issuer::keyring::evidence::IN_A_ROW;

pub(super) async fn list(server: &Server, json: bool) -> anyhow::Result<()> {
    let listed = server.json(Method::GET, &KEYS, &[], None).await?;
    if json {
        return answer(&listed, json, String::new);
    }
    let rows: Vec<_> = each(&listed["items"]).map(row).collect();
    print_columns(&["KID", "ALGORITHM", "STATE", "SINCE", "NEXT", "LIVE TOKENS", "EVIDENCE"], &rows)?;
    for line in troubles(&listed) {
        print_to_people(&line);
    }
    Ok(())
}

fn row(key: &Value) -> Vec<String> {
    vec![
        word(&key["kid"]),
        word(&key["algorithm"]),
        word(&key["state"]),
        time(since(key)),
        next(key),
        live(key),
        word(&key["evidence"]),
    ]
}

/// When the key came to its state.
fn since(key: &Value) -> &Value {
    match key["state"].as_str() {
        Some("published") => &key["published_at"],
        Some("active") => &key["activated_at"],
        Some("retiring") => &key["retiring_at"],
        Some("retired") => &key["retired_at"],
        _ => &key["revoked_at"],
    }
}

/// What becomes of it next.
fn next(key: &Value) -> String {
    match key["state"].as_str() {
        Some("active") => "signs".into(),
        Some("published") if key["verify_only"] == true => "verifies alone".into(),
        Some("published") if key["evidence"] == "against" => "held back".into(),
        Some("published") => match &key["promoted_at"] {
            Value::Null => "waits for an admin".into(),
            at => format!("signs {}", time(at)),
        },
        Some("retiring") => match &key["leaves_at"] {
            Value::Null => "leaves, when is not known".into(),
            at => format!("leaves {}", time(at)),
        },
        Some("revoked") if key["destroyed_at"].is_null() => "verifiers are asked".into(),
        _ => "-".into(),
    }
}

fn live(key: &Value) -> String {
    key["live_tokens"].as_u64().map_or_else(|| "not known".into(), |live| live.to_string())
}

/// What an admin has to look at.
fn troubles(listed: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let trouble @ Value::String(_) = &listed["trouble"] {
        lines.push(format!("TROUBLE: what is stored is not in use, and the keys above sign on: {}", word(trouble)));
    }
    let faulty = each(&listed["items"]).filter(|key| key["fault"].is_string());
    lines.extend(faulty.map(|key| format!("FAULT of key {}: {}", word(&key["kid"]), word(&key["fault"]))));
    let foreign: Vec<_> = each(&listed["foreign"]).map(word).collect();
    if !foreign.is_empty() {
        let names = foreign.join(", ");
        lines.push(format!("beside the keys, and none of feedpass's: {names}; `feedpass key import` brings a key in"));
    }
    lines
}

pub(super) async fn show(OfKey { kid, server }: &OfKey, json: bool) -> anyhow::Result<()> {
    let kid = kid.resolve(server).await?;
    let key = server.json(Method::GET, &[&KEYS[..], &[kid.as_str()]].concat(), &[], None).await?;
    if json {
        return print(&format!("{key:#}\n"));
    }
    let rows = rows(&key, SystemClock.now());
    let rows: Vec<_> = rows.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    print_table(&rows)
}

fn rows(key: &Value, now: Timestamp) -> Vec<(String, String)> {
    let mut rows =
        vec![("key".into(), word(&key["kid"])), ("kind".into(), word(&key["spec"])), ("state".into(), state(key))];
    for (name, member) in [
        ("made", "created_at"),
        ("published", "published_at"),
        ("signs since", "activated_at"),
        ("retiring since", "retiring_at"),
        ("retired", "retired_at"),
        ("revoked", "revoked_at"),
        ("destroyed", "destroyed_at"),
        ("signs from", "promoted_at"),
        ("leaves", "leaves_at"),
    ] {
        if key[member].is_string() {
            rows.push((name.into(), time_and_distance(&key[member], now)));
        }
    }
    if key["reason"].is_string() {
        rows.push(("reason".into(), word(&key["reason"])));
    }
    if key["gate"].is_string() {
        rows.push(("may it sign now?".into(), gate(key)));
    }
    rows.push(("live tokens".into(), live(key)));
    if key["seen"].is_string() && !each(&key["places"]).collect::<Vec<_>>().is_empty() || key["gate"].is_string() {
        rows.push(("evidence".into(), format!("{}: {}", word(&key["evidence"]), word(&key["seen"]))));
    }
    rows.extend(each(&key["places"]).map(|seen| (format!("  {}", place(seen)), said(seen, &key["published_at"]))));
    if key["fault"].is_string() {
        rows.push(("FAULT".into(), word(&key["fault"])));
    }
    rows
}

fn state(key: &Value) -> String {
    let more = match key["state"].as_str() {
        Some("published") if key["verify_only"] == true => ", to verify with alone",
        Some("published") if key["promote_when_due"] == true => ", and signs as soon as it may",
        Some("active") if key["rolled_back"] == true => ", after a rollback",
        Some("revoked") if key["destroyed_at"].is_null() => "; its private half is kept to ask verifiers with",
        _ => "",
    };
    word(&key["state"]) + more
}

/// Whether a published key may sign now.
pub(super) fn gate(key: &Value) -> String {
    match key["gate"].as_str() {
        Some("open") => "yes".into(),
        _ => format!("no: {}", word(&key["gate"])),
    }
}

/// What a place said of the key.
fn said(seen: &Value, published_at: &Value) -> String {
    let (asked, taken) = (word(&seen["asked"]), seen["accepted_in_a_row"].as_u64().unwrap_or_default());
    let since = |member: &str| {
        let first = timestamp(&seen[member])?.duration_since(timestamp(published_at)?);
        Some(length(first.as_secs().max(0)))
    };
    if seen["against"].is_string() {
        return format!("does not take it since {}: {}", time(&seen["refused_since"]), word(&seen["against"]));
    }
    if seen["unclear"].is_string() {
        return format!("says nothing: {}", word(&seen["unclear"]));
    }
    let first = since("first_accepted_at").map(|after| format!(", first {after} after it was published"));
    let enough = if taken < IN_A_ROW.into() { format!("; {IN_A_ROW} in a row count") } else { String::new() };
    format!("took it {} in a row of {asked}{}{enough}", count(taken, "time"), first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_tells_of_what_is_wrong() {
        let listed = json!({
            "items": [{ "kid": "abcd", "fault": "it is missing" }],
            "trouble": "keys.json is no JSON",
            "foreign": ["old.pem", "notes"],
        });
        assert_eq!(
            troubles(&listed),
            [
                "TROUBLE: what is stored is not in use, and the keys above sign on: keys.json is no JSON",
                "FAULT of key abcd: it is missing",
                "beside the keys, and none of feedpass's: old.pem, notes; `feedpass key import` brings a key in",
            ]
        );
        assert!(troubles(&json!({ "items": [], "trouble": null, "foreign": [] })).is_empty());
    }

    #[test]
    fn each_state_says_what_comes_next() {
        for (key, expected) in [
            (json!({ "state": "active" }), "signs"),
            (json!({ "state": "published", "promoted_at": "2026-11-24T11:00:00.5Z" }), "signs 2026-11-24T11:00:00Z"),
            (json!({ "state": "published" }), "waits for an admin"),
            (json!({ "state": "published", "verify_only": true }), "verifies alone"),
            (json!({ "state": "published", "evidence": "against" }), "held back"),
            (json!({ "state": "retiring", "leaves_at": "2026-11-24T11:00:00Z" }), "leaves 2026-11-24T11:00:00Z"),
            (json!({ "state": "retiring" }), "leaves, when is not known"),
            (json!({ "state": "retired" }), "-"),
            (json!({ "state": "revoked" }), "verifiers are asked"),
            (json!({ "state": "revoked", "destroyed_at": "2026-11-24T11:00:00Z" }), "-"),
        ] {
            assert_eq!(next(&key), expected, "{key}");
        }
    }

    #[test]
    fn a_place_says_what_it_said() {
        let published = json!("2026-11-23T11:00:00Z");
        let took =
            |taken: u64| json!({ "asked": 9, "accepted_in_a_row": taken, "first_accepted_at": "2026-11-23T11:04:00Z" });
        assert_eq!(said(&took(8), &published), "took it 8 times in a row of 9, first 4 min after it was published");
        assert_eq!(
            said(&took(1), &published),
            "took it 1 time in a row of 9, first 4 min after it was published; 3 in a row count"
        );
        let against = json!({ "asked": 4, "against": "token_refused", "refused_since": "2026-11-23T11:01:00.7Z" });
        assert_eq!(said(&against, &published), "does not take it since 2026-11-23T11:01:00Z: token_refused");
        assert_eq!(said(&json!({ "unclear": "no answer" }), &published), "says nothing: no answer");
    }
}
