//! `feedpass lineage`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use http::Method;
use serde_json::Value;

use super::Server;
use super::api::parameters;
use super::input::read;
use super::output::{each, harmless, print};

const PATH: [&str; 3] = ["v1", "admin", "lineage"];

/// See what came of a key, token, session or feed, and who was given it
#[derive(Args)]
pub(super) struct LineageCommand {
    #[command(flatten)]
    from: From,

    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct From {
    /// A signing key
    #[arg(long)]
    kid: Option<String>,
    /// A web identity token
    #[arg(long)]
    jti: Option<String>,
    /// A role session, by its name, as in `default.images@…`
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// A feed
    #[arg(long, value_name = "SPACE/FEED")]
    feed: Option<String>,
    /// A request, as AWS numbered it
    #[arg(long, value_name = "ID")]
    aws_request_id: Option<String>,
    /// A file with an event of CloudTrail, or several as `{"Records": […]}`; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    cloudtrail: Option<String>,
}

impl LineageCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let body = if let Some(file) = &self.from.cloudtrail {
            self.server.request(Method::POST, &PATH, "", read(Path::new(file))?.into()).await?
        } else {
            self.server.get(&PATH, &self.from.query()).await?
        };
        let found: Value = serde_json::from_slice(&body).context("the answer is not JSON")?;
        print(&if json { format!("{found:#}\n") } else { tree(&found) })?;
        let nothing = found["keys"].as_array().is_none_or(Vec::is_empty);
        Ok(if nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl From {
    fn query(&self) -> String {
        let from = [
            ("kid", &self.kid),
            ("jti", &self.jti),
            ("session", &self.session),
            ("feed", &self.feed),
            ("aws_request_id", &self.aws_request_id),
        ];
        parameters(from.map(|(name, value)| (name, value.as_deref())))
    }
}

/// What was found, indented for people.
fn tree(found: &Value) -> String {
    let mut lines: Vec<String> = each(&found["records"]).map(of_record).collect();
    for key in each(&found["keys"]) {
        lines.push(format!("key {}", word(&key["kid"])));
        each(&key["tokens"]).for_each(|token| of_token(token, &mut lines));
    }
    if lines.is_empty() {
        lines.push("nothing is known of it".into());
    }
    if found["truncated"] == true {
        lines.push("… and more: --json has where to go on".into());
    }
    lines.join("\n") + "\n"
}

fn of_record(record: &Value) -> String {
    let known = match &record["matched"] {
        Value::Null => "nothing in it is known here".into(),
        matched => format!("known by {} {}", word(&matched["by"]), word(&matched["value"])),
    };
    format!("event {} of {}: {known}", word(&record["event_name"]), word(&record["event_time"]))
}

fn of_token(token: &Value, lines: &mut Vec<String>) {
    let (jti, feed, end) = (word(&token["jti"]), word(&token["feed"]), word(&token["live_until"]));
    lines.push(format!("  token {jti} of {feed}, {} {end}", life(&token["live"])));
    lines.extend(receivers(token, "    "));
    lines.extend(
        each(&token["refusals"])
            .map(|refusal| format!("    refused {}: {}", word(&refusal["code"]), word(&refusal["reason"]))),
    );
    for session in each(&token["sessions"]) {
        let (name, role, end) = (word(&session["session_name"]), word(&session["role"]), word(&session["expires_at"]));
        lines.push(format!("    session {name} of {role}, {} {end}", life(&session["live"])));
        for credentials in each(&session["credentials"]) {
            let (registry, end) = (word(&credentials["registry"]), word(&credentials["expires_at"]));
            lines.push(format!("      credentials for {registry}, {} {end}", life(&credentials["live"])));
        }
        lines.extend(receivers(session, "      "));
    }
}

fn receivers(given: &Value, indentation: &str) -> impl Iterator<Item = String> {
    each(&given["given_to"]).map(move |who| {
        let (client, first, last) = (word(&who["client"]), word(&who["first_at"]), word(&who["last_at"]));
        format!("{indentation}given to {client}, {} times, {first} to {last}", who["times"])
    })
}

fn life(live: &Value) -> &'static str {
    if *live == true { "LIVE until" } else { "ended" }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| "(not known)".into(), harmless)
}
