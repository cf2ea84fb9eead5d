//! `feedpass token SPACE/FEED`

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;

use super::Server;
use super::output::print;
use crate::domain::SpaceFeed;

/// Get a web identity token of a feed, for `AWS_WEB_IDENTITY_TOKEN_FILE`
#[derive(Args)]
pub(super) struct Token {
    /// The feed, as in default/images
    #[arg(value_name = "SPACE/FEED")]
    feed: SpaceFeed,

    #[command(flatten)]
    server: Server,
}

#[derive(Deserialize)]
struct Given {
    token: String,
}

impl Token {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let SpaceFeed { space, feed } = &self.feed;
        let path = ["v1", "spaces", space.as_str(), "feeds", feed.as_str(), "token"];
        let body = self.server.post(&path, "").await?;
        if json {
            let value: serde_json::Value = serde_json::from_slice(&body).context("the answer is not JSON")?;
            print(&format!("{value:#}\n"))?;
        } else {
            let given: Given = serde_json::from_slice(&body).context("the answer is not what feedpass gives")?;
            // In a file a newline would become part of the token, and AWS's SDKs would send it.
            let end = if std::io::stdout().is_terminal() { "\n" } else { "" };
            print(&format!("{}{end}", given.token))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
