//! `feedpass audit` and `feedpass audit verify`

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Server;
use super::api::parameters;
use super::output::{harmless, print, print_to_people};

const PATH: [&str; 3] = ["v1", "admin", "audit"];
/// How many lines the server gives at once.
const PAGE: usize = 1000;

/// See who got what, and verify that nobody edited it
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct AuditCommand {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Action {
    /// Walk the whole chain; exit code 1 when it is broken
    Verify(Verify),
}

#[derive(Args)]
struct Verify {
    /// A line that was seen earlier, as this command printed it: shows a trail that was cut at its end
    #[arg(long, value_name = "SEQ:HASH")]
    expect: Option<String>,

    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct List {
    /// Of this event, as in `credentials`, `mint` or `change`
    #[arg(long)]
    event: Option<String>,
    /// `ok`, `refused` or `failed`
    #[arg(long)]
    outcome: Option<String>,
    /// About this client
    #[arg(long)]
    client: Option<String>,
    /// About this feed
    #[arg(long, value_name = "SPACE/FEED")]
    feed: Option<String>,
    /// About the feeds of this space
    #[arg(long)]
    space: Option<String>,
    /// About this signing key
    #[arg(long)]
    kid: Option<String>,
    /// About this token
    #[arg(long)]
    jti: Option<String>,
    /// About this role session
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// About this request, as AWS numbered it
    #[arg(long, value_name = "ID")]
    aws_request_id: Option<String>,
    /// From this time on, as in `2026-11-23T11:00:00Z`, or `2h` for two hours ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
    /// How many lines at most, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Go on with each line as it comes
    #[arg(long)]
    follow: bool,

    #[command(flatten)]
    server: Server,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Map<String, Value>>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Report {
    intact: bool,
    lines: i64,
    first: i64,
    last: i64,
    hash: String,
    expected: Option<String>,
    broken: Option<Break>,
}

#[derive(Deserialize)]
struct Break {
    seq: i64,
    what: String,
    expected: String,
    found: String,
}

impl AuditCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        match self.action {
            Some(Action::Verify(verify)) => verify.run(json).await,
            None => self.list.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let mut lines = Vec::new();
        let mut cursor: Option<String> = None;
        while lines.len() < self.limit {
            let wanted = (self.limit - lines.len()).min(PAGE).to_string();
            let query = self.query([("limit", Some(&*wanted)), ("cursor", cursor.as_deref())]);
            let body = self.server.get(&PATH, &query).await?;
            let page: Page = serde_json::from_slice(&body).context("the answer is not what feedpass gives")?;
            lines.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut last = 0;
        for line in lines.iter().rev() {
            last = print_line(line, json)?;
        }
        if !self.follow {
            return Ok(ExitCode::SUCCESS);
        }
        loop {
            let query = self.query([("after", Some(&*last.to_string()))]);
            let each = |line: &str| {
                last = print_line(&serde_json::from_str(line).context("the answer is not JSON lines")?, json)?;
                Ok(())
            };
            // The server ends it now and then, to see anew who asks.
            self.server.follow(&[&PATH[..], &["stream"]].concat(), &query, each).await?;
        }
    }

    /// What is asked for, and which part of it.
    fn query<const N: usize>(&self, part: [(&str, Option<&str>); N]) -> String {
        let wanted = [
            ("event", &self.event),
            ("outcome", &self.outcome),
            ("client", &self.client),
            ("feed", &self.feed),
            ("space", &self.space),
            ("kid", &self.kid),
            ("jti", &self.jti),
            ("session_name", &self.session),
            ("aws_request_id", &self.aws_request_id),
            ("since", &self.since),
            ("until", &self.until),
        ];
        parameters(wanted.map(|(name, value)| (name, value.as_deref())).into_iter().chain(part))
    }
}

/// What was changed, as in `promote key KID`.
fn changed(change: &Value) -> String {
    let words = ["action", "kind", "name"].map(|name| change[name].as_str().map(harmless).unwrap_or_default());
    words.join(" ")
}

/// Prints a line, and gives its number.
fn print_line(line: &Map<String, Value>, json: bool) -> anyhow::Result<i64> {
    if json {
        print(&format!("{}\n", serde_json::to_string(line)?))?;
    } else {
        let text = |name: &str| line.get(name).and_then(Value::as_str).map_or_else(|| "-".to_owned(), harmless);
        let why = match (line.get("code"), line.get("reason")) {
            (None, None) => line.get("change").map(changed).unwrap_or_default(),
            _ => format!("{}: {}", text("code"), text("reason")),
        };
        let row = format!(
            "{:20}  {:7}  {:19}  {:16}  {:24}  {why}",
            text("at"),
            text("outcome"),
            text("event"),
            text("client"),
            text("feed"),
        );
        print(&format!("{}\n", row.trim_end()))?;
    }
    line.get("seq").and_then(Value::as_i64).context("a line has no number")
}

impl Verify {
    async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let query = parameters([("expect", self.expect.as_deref())]);
        let body = self.server.get(&[&PATH[..], &["verify"]].concat(), &query).await?;
        let report: Report = serde_json::from_slice(&body).context("the answer is not what feedpass gives")?;
        if json {
            print(&format!("{}\n", serde_json::from_slice::<Value>(&body)?))?;
        } else {
            report.print()?;
        }
        Ok(if report.intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Report {
    fn print(&self) -> anyhow::Result<()> {
        let Self { lines, first, last, hash, .. } = self;
        if let Some(Break { seq, what, expected, found }) = &self.broken {
            let (expected, found) = (harmless(expected), harmless(found));
            print_to_people(&format!(
                "BROKEN at line {seq}: {what}\n  expected: {expected}\n  found:    {found}\n  {lines} lines before it hold"
            ));
            return Ok(());
        }
        let seen = match self.expected.as_deref() {
            Some("pruned") => "; the line that was seen went for its age, and cannot be looked at any more",
            Some(_) => "; the line that was seen is there",
            None => "",
        };
        print(&format!("intact: {lines} lines, {first} to {last}{seen}\n  to expect next time: {last}:{hash}\n"))
    }
}
