//! `feedpass key rotate`

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::progress::{Progress, passes, pause};
use super::words::{distance, time, timestamp, word};
use super::{KEYS, Why, act, answer, plan, show};
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
                progress.show(&how_far(&key), &left(due, now));
            }
            Ok(key) if key["state"] == "revoked" || key["activated_at"].is_null() => {
                bail!("key {kid} is {} meanwhile, and will not sign", word(&key["state"]))
            }
            Ok(key) => return Ok(key),
            Err(error) if passes(&error) => progress.show(&format!("asked again and again: {error:#}"), ""),
            Err(error) => return Err(error),
        }
        clock.sleep(pause(due, now)).await;
    }
}

fn how_far(key: &Value) -> String {
    let signs = match &key["promoted_at"] {
        _ if key["evidence"] == "against" => format!("held back, {}", show::gate(key)),
        Value::Null => "waits for an admin".into(),
        at => format!("signs from {} on", time(at)),
    };
    format!("published; {signs}; {}", word(&key["seen"]))
}

fn left(due: Option<Timestamp>, now: Timestamp) -> String {
    due.map(|due| format!("{}: ", distance(due, now))).unwrap_or_default()
}
