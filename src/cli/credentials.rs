//! `feedpass credentials SPACE/FEED`

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::Server;
use super::output::{print, print_table};
use crate::domain::{Region, SpaceFeed};

/// Get registry credentials of a feed
#[derive(Args)]
pub(super) struct Credentials {
    /// The feed, as in default/images
    #[arg(value_name = "SPACE/FEED")]
    feed: SpaceFeed,

    /// The form to print them in; a table without the password when left out
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// One of the feed's regions; its own when left out
    #[arg(long)]
    region: Option<Region>,

    #[command(flatten)]
    server: Server,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// feedpass's own, with expiry
    Json,
    /// A docker config.json
    DockerConfig,
    /// A Kubernetes Secret of type kubernetes.io/dockerconfigjson
    PullSecret,
    /// The password alone, for docker login --password-stdin
    Password,
}

/// What the API answers.
#[derive(Deserialize)]
pub(super) struct Given {
    pub(super) registry: String,
    pub(super) username: String,
    pub(super) password: String,
    expires_at: String,
    refresh_after: String,
}

impl Credentials {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let format = self.format.or(json.then_some(Format::Json));
        let name = format.unwrap_or(Format::Json).to_possible_value();
        let format_name = name.as_ref().map_or("json", |name| name.get_name());
        let region = self.region.as_ref().map(|region| format!("&region={region}")).unwrap_or_default();
        let query = format!("format={format_name}{region}");
        let SpaceFeed { space, feed } = &self.feed;
        let path = ["v1", "spaces", space.as_str(), "feeds", feed.as_str(), "credentials"];
        let body = self.server.post(&path, &query).await?;
        match format {
            None => self.print_table(&body)?,
            // Without a newline, as the API gives it: what reads it from a file or a pipe takes it whole.
            Some(Format::Password) => print(std::str::from_utf8(&body)?)?,
            Some(Format::Json | Format::DockerConfig | Format::PullSecret) => {
                let value: serde_json::Value = serde_json::from_slice(&body).context("the answer is not JSON")?;
                print(&format!("{value:#}\n"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn print_table(&self, body: &[u8]) -> anyhow::Result<()> {
        let given: Given = serde_json::from_slice(body).context("the answer is not what feedpass gives")?;
        let password = format!("{} characters, shown with --format password", given.password.len());
        print_table(&[
            ("feed", &self.feed.to_string()),
            ("registry", &given.registry),
            ("username", &given.username),
            ("password", &password),
            ("expires", &given.expires_at),
            ("newer after", &given.refresh_after),
        ])
    }
}
