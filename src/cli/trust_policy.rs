//! `feedpass trust-policy print|check`

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::Server;
use super::api::parameters;
use super::input::read_text;
use super::output::{each, harmless, print};
use crate::domain::SpaceFeed;

/// What AWS has to allow a feed, and whether a policy does
#[derive(Subcommand)]
pub(super) enum TrustPolicy {
    /// Print what has to be set up in AWS for a feed: provider, roles, trust and permission policies
    Print(Print),
    /// Say whether a trust policy lets the feed in: by which statement, or which condition fails, and what would mend it
    ///
    /// Exit code 1 when it does not.
    Check(Check),
}

#[derive(Args)]
pub(super) struct Print {
    /// The feed, as in default/images
    #[arg(value_name = "SPACE/FEED")]
    feed: SpaceFeed,
    /// The language to print it in; the trust policy alone when left out
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What the feed is to be good for
    #[arg(long = "for", value_enum, default_value = "pull")]
    wanted: Use,
    #[command(flatten)]
    server: Server,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// All of it, as feedpass's API gives it
    Json,
    /// Terraform
    Terraform,
    /// A template of AWS's own
    Cloudformation,
    /// Commands of the AWS CLI
    AwsCli,
}

#[derive(Clone, Copy, ValueEnum)]
enum Use {
    /// Pulling, testing and searching
    Pull,
    /// Pushing too
    Push,
}

#[derive(Args)]
pub(super) struct Check {
    /// The feed, as in default/images
    #[arg(value_name = "SPACE/FEED")]
    feed: SpaceFeed,
    /// A file with the policy, or with what `aws iam get-role` prints; `-`, standard input, when left out
    #[arg(value_name = "FILE", default_value = "-")]
    policy: PathBuf,
    #[command(flatten)]
    server: Server,
}

impl TrustPolicy {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        match self {
            Self::Print(command) => command.run(json).await,
            Self::Check(command) => command.run(json).await,
        }
    }
}

fn path(feed: &SpaceFeed) -> [&str; 6] {
    ["v1", "spaces", feed.space.as_str(), "feeds", feed.feed.as_str(), "trust-policy"]
}

impl Print {
    async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let format = self.format.or(json.then_some(Format::Json));
        let word = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map(|value| value.get_name().to_owned()).unwrap_or_default()
        };
        let asked = format.unwrap_or(Format::Json);
        let (format_name, wanted) = (word(&|| asked.to_possible_value()), word(&|| self.wanted.to_possible_value()));
        let query = [("format", Some(format_name.as_str())), ("for", Some(wanted.as_str()))];
        let given: Bytes = self.server.get(&path(&self.feed), &parameters(query)).await?;
        match format {
            Some(Format::Json) => {
                let value: Value = serde_json::from_slice(&given)?;
                print(&format!("{value:#}\n"))?;
            }
            Some(_) => print(std::str::from_utf8(&given)?)?,
            None => print_policies(&self.feed, &serde_json::from_slice(&given)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// For people: who the feed is to AWS, and each role with its policies.
fn print_policies(feed: &SpaceFeed, setup: &Value) -> anyhow::Result<()> {
    let mut lines = vec![format!("Feed {feed}")];
    for (name, member) in [("subject", "subject"), ("audience", "audience"), ("provider", "provider_arn")] {
        if let Some(value) = setup[member].as_str() {
            lines.push(format!("  {name:9} {value}"));
        }
    }
    for role in each(&setup["roles"]) {
        let arn = role["arn"].as_str().unwrap_or_default();
        if role["trust_policy"].is_object() {
            lines.push(format!("\nTrust policy of {arn}:\n{:#}", role["trust_policy"]));
        }
        lines.push(format!("\nPermissions of {arn}:\n{:#}", role["permissions"]));
    }
    if setup["own_permissions"].is_object() {
        lines.push(format!("\nPermissions of the feed's own user or role:\n{:#}", setup["own_permissions"]));
    }
    let shared: Vec<&str> = each(&setup["shared_with"]).filter_map(Value::as_str).collect();
    if !shared.is_empty() {
        lines.push(format!("\nThe role is that of {} too, which are in the policies.", shared.join(", ")));
    }
    if let Some(unseen @ 1..) = setup["shared_unseen"].as_u64() {
        lines.push(format!(
            "\nIt is that of {unseen} more feeds too, which you may not see and which are NOT in the policies: add the \
             statement to what is there, do not replace it."
        ));
    }
    print(&(lines.join("\n") + "\n"))
}

impl Check {
    async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let policy = policy_in(&read_text(&self.policy)?);
        let path = [&path(&self.feed)[..], &["check"]].concat();
        let checked = self.server.json(Method::POST, &path, &[], Some(&json!({ "policy": policy }))).await?;
        if json {
            print(&format!("{checked:#}\n"))?;
        } else {
            print(&harmless_lines(&report(&self.feed, &checked)))?;
        }
        Ok(if checked["allowed"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The policy in what was given: as it is, or as IAM's API and the AWS CLI have it.
fn policy_in(text: &str) -> String {
    let decoded = percent_decode_str(text.trim()).decode_utf8();
    let text = match decoded {
        // IAM's API gives policies as a URL's text.
        Ok(decoded) if !text.trim_start().starts_with('{') && decoded.starts_with('{') => decoded.into_owned(),
        _ => text.to_owned(),
    };
    let Ok(value) = serde_json::from_str::<Value>(&text) else { return text };
    let role = if value["Role"].is_object() { &value["Role"] } else { &value };
    match &role["AssumeRolePolicyDocument"] {
        Value::Null => text,
        Value::String(encoded) => policy_in(encoded),
        document => document.to_string(),
    }
}

fn report(feed: &SpaceFeed, checked: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let answer = if checked["allowed"] == true { "lets" } else { "does NOT let" };
    let mut lines = vec![format!("The policy {answer} feed {feed} assume {}", text(&checked["role_arn"]))];
    lines.push(format!("  as       {} for audience {}", text(&checked["subject"]), text(&checked["audience"])));
    lines.push(format!("  through  {}", text(&checked["provider_arn"])));
    for (action, decision) in checked["decisions"].as_object().into_iter().flatten() {
        if decision["allowed"] == true {
            lines.push(format!("  {action}: allowed by {}", text(&decision["statement"])));
        }
    }
    for (number, finding) in each(&checked["findings"]).enumerate() {
        let statement = finding["statement"].as_str().map(|name| format!(" in {name}")).unwrap_or_default();
        lines.push(format!("\n{}. {} {}{statement}", number + 1, text(&finding["severity"]), text(&finding["code"])));
        lines.push(format!("   {}", text(&finding["detail"])));
        lines.push(format!("   fix: {}", text(&finding["fix"])));
    }
    if checked["patched"].is_object() {
        lines.push(format!("\nAs it should be:\n{:#}", checked["patched"]));
    }
    lines.join("\n") + "\n"
}

/// A pasted policy is in there.
fn harmless_lines(text: &str) -> String {
    text.lines().map(|line| harmless(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_found_in_what_iam_and_the_aws_cli_print() {
        let policy = json!({ "Version": "2012-10-17", "Statement": [] });
        let encoded = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
        for text in [
            policy.to_string(),
            format!("{policy:#}\n"),
            encoded.to_owned(),
            json!({ "Role": { "RoleName": "x", "AssumeRolePolicyDocument": policy } }).to_string(),
            json!({ "Role": { "AssumeRolePolicyDocument": encoded } }).to_string(),
            json!({ "AssumeRolePolicyDocument": policy }).to_string(),
        ] {
            assert_eq!(serde_json::from_str::<Value>(&policy_in(&text)).unwrap(), policy, "{text}");
        }
        assert_eq!(policy_in("{ 100% broken"), "{ 100% broken", "what is none stays as it is, to be told of");
    }
}
