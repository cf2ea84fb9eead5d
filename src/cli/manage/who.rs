//! `feedpass whoami` and `feedpass who-can SPACE/FEED`

use std::process::ExitCode;

use clap::Args;
use http::Method;

use super::client::in_short;
use super::collection::{print_list, print_one, text};
use super::workload::in_a_line;
use crate::cli::Server;
use crate::domain::SpaceFeed;

/// Say who the server takes you for
#[derive(Args)]
pub(in crate::cli) struct Whoami {
    #[command(flatten)]
    server: Server,
}

impl Whoami {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        print_one(&self.server.json(Method::GET, &["v1", "whoami"], &[], None).await?, json)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Say who can get credentials of a feed, and why
#[derive(Args)]
pub(in crate::cli) struct WhoCan {
    /// The feed, as in default/images
    #[arg(value_name = "SPACE/FEED")]
    feed: SpaceFeed,

    #[command(flatten)]
    server: Server,
}

impl WhoCan {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let feed = self.feed.to_string();
        let answer = self.server.json(Method::GET, &["v1", "admin", "who-can"], &[("feed", &feed)], None).await?;
        let clients = answer["clients"].as_array().cloned().unwrap_or_default();
        print_list(&clients, json, &["CLIENT", "ACTIONS", "GRANTS", "ROLES", "WORKLOADS"], |who| {
            let grants: Vec<_> = who["grants"].as_array().into_iter().flatten().map(in_short).collect();
            let rules: Vec<_> = who["workloads"].as_array().into_iter().flatten().map(in_a_line).collect();
            let rules = if rules.is_empty() { "-".into() } else { rules.join("; ") };
            vec![text(&who["id"]), text(&who["actions"]), grants.join(" "), text(&who["roles"]), rules]
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
