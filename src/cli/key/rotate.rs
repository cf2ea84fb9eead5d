//! `feedpass key rotate`

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::progress::{Progress, passes, pause};
use super::words::{distance, time, timestamp, word};
use super::{KEYS, Why, act, answer, plan};
use crate::cli::Server;
use crate::cli::output::print_to_people;
use crate::clock::{Clock as _, SystemClock};
use crate::domain::Kid;

/// Begin a rotation, or go on with one that has begun: the next key signs as soon as verifiers know it
#[derive(Args)]
#[command(
    after_help = "The server rotates, and this command only asks it to. With --wait it stays and shows how far the rotation is; Ctrl-C ends \
    the waiting, and the rotation goes on. `feedpass key plan` shows it at any time."
)]
pub(in crate::cli) struct Rotate {
    /// Stay until the next key signs
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    server: Server,
}

impl Rotate {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let Self { wait, why, server } = self;
        let rotated = act(&server, &["rotate"], &why.body()).await?;
        let kid: Kid = rotated["kid"].as_str().and_then(|kid| kid.parse().ok()).context("the answer names no key")?;
        let begun = if rotated["resumed"] == true {
            format!("the rotation to key {kid}, which is published already, goes on")
        } else {
            format!("a rotation has begun: key {kid} is published")
        };
        if !wait {
            answer(&rotated, json, || format!("{begun}\n{}", plan::words(&rotated["plan"])))?;
            return Ok(ExitCode::SUCCESS);
        }
        if !json {
            print_to_people(&begun);
        }
        let signs = tokio::select! {
            signs = until_it_signs(&server, &kid, json) => signs?,
            _ = tokio::signal::ctrl_c() => {
                print_to_people("the rotation goes on; `feedpass key plan` shows how far it is");
                return Ok(ExitCode::FAILURE);
            }
        };
        answer(&signs, json, || format!("key {kid} signs since {}\n", time(&signs["activated_at"])))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What is known of the key once it signs.
async fn until_it_signs(server: &Server, kid: &Kid, json: bool) -> anyhow::Result<Value> {
    let path = [&KEYS[..], &[kid.as_str()]].concat();
    let (clock, mut progress) = (SystemClock, Progress::new(json));
    let mut due = None;
    loop {
        let looked = server.json(Method::GET, &path, &[], None).await;
        let now = clock.now();
        match looked {
            Ok(key) if key["state"] == "published" => {
                due = timestamp(&key["promoted_at"]);
                let (stage, how_far) = how_far(&key);
                progress.show(&stage, &how_far, &left(due, now));
            }
            Ok(key) if key["state"] == "revoked" || key["activated_at"].is_null() => {
                bail!("key {kid} is {} meanwhile, and will not sign", word(&key["state"]))
            }
            Ok(key) => return Ok(key),
            Err(error) if passes(&error) => progress.silent(&error),
            Err(error) => return Err(error),
        }
        clock.sleep(pause(due, now)).await;
    }
}

/// In short, which is the same until something changes, and in full.
fn how_far(key: &Value) -> (String, String) {
    let signs = match &key["promoted_at"] {
        _ if key["gate"].as_str().is_some_and(|gate| gate.starts_with("held")) => "held back".into(),
        Value::Null => "waits for an admin".into(),
        at => format!("signs from {} on", time(at)),
    };
    let seen = word(&key["seen"]);
    if key["evidence"] == "against" {
        return (signs.clone(), format!("published; {signs}, once this is over: {seen}"));
    }
    let how_far = format!("published; {signs}; {seen}");
    (how_far.clone(), how_far)
}

fn left(due: Option<Timestamp>, now: Timestamp) -> String {
    due.map(|due| format!("{}: ", distance(due, now))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_against_a_key_changes_with_each_request_and_is_no_change() {
        let held = |request: u32| {
            let seen = format!("token_refused: request {request}");
            let gate = format!("held: {seen}");
            how_far(
                &json!({ "gate": gate, "evidence": "against", "promoted_at": "2026-11-24T11:00:00Z", "seen": seen }),
            )
        };
        assert_eq!(held(1).0, held(2).0);
        assert_eq!(held(1).1, "published; held back, once this is over: token_refused: request 1");
        let waits = json!({ "gate": "opens at x", "evidence": "partial", "promoted_at": "2026-11-24T11:00:00.5Z", "seen": "STS" });
        assert_eq!(how_far(&waits).1, "published; signs from 2026-11-24T11:00:00Z on; STS");
    }
}
