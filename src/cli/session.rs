//! `feedpass session SPACE/FEED`

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use super::Server;
use super::output::{print, print_table};
use crate::domain::{Region, SpaceFeed};

/// Get a session of a feed's role, for any program that speaks to AWS
///
/// In ~/.aws/config: `credential_process = feedpass session default/images --format credential-process`.
#[derive(Args)]
pub(super) struct Session {
    /// The feed, as in default/images
    #[arg(value_name = "SPACE/FEED")]
    feed: SpaceFeed,

    /// The form to print it in; a table without the secrets when left out
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
    /// What AWS's programs read from a `credential_process`
    CredentialProcess,
    /// Lines for a shell's `eval`
    Env,
    /// feedpass's own, that of AWS's container credentials
    Json,
}

/// What the API answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
    role_arn: String,
}

impl Session {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let SpaceFeed { space, feed } = &self.feed;
        let path = ["v1", "spaces", space.as_str(), "feeds", feed.as_str(), "session"];
        let query = self.region.as_ref().map(|region| format!("region={region}")).unwrap_or_default();
        let body = self.server.post(&path, &query).await?;
        let given: Given = serde_json::from_slice(&body).context("the answer is not what feedpass gives")?;
        match self.format.or(json.then_some(Format::Json)) {
            None => print_table(&[
                ("feed", &self.feed.to_string()),
                ("role", &given.role_arn),
                ("access key", &given.access_key_id),
                ("expires", &given.expiration),
            ])?,
            Some(Format::CredentialProcess) => print(&format!("{:#}\n", given.credential_process()))?,
            Some(Format::Env) => print(&given.env()?)?,
            Some(Format::Json) => {
                let value: serde_json::Value = serde_json::from_slice(&body).context("the answer is not JSON")?;
                print(&format!("{value:#}\n"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Given {
    fn credential_process(&self) -> serde_json::Value {
        json!({
            "Version": 1,
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "SessionToken": self.token,
            "Expiration": self.expiration,
        })
    }

    /// The names are AWS's own; the end is for people, no program of AWS reads it from there.
    fn env(&self) -> anyhow::Result<String> {
        let values = [
            ("AWS_ACCESS_KEY_ID", &self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret_access_key),
            ("AWS_SESSION_TOKEN", &self.token),
            ("AWS_CREDENTIAL_EXPIRATION", &self.expiration),
        ];
        let plain = |value: &str| value.bytes().all(|c| c.is_ascii_alphanumeric() || b"+/=-_.:".contains(&c));
        anyhow::ensure!(values.iter().all(|(_, value)| plain(value)), "the answer holds what no shell should be given");
        let lines: Vec<_> = values.iter().map(|(name, value)| format!("export {name}={value}")).collect();
        Ok(lines.join("\n") + "\n")
    }
}
