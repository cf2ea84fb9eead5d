//! `docker-credential-feedpass`: docker's credential helper protocol, on standard input and output.
//!
//! Errors go to standard output with exit code 1: that is where docker and podman read them.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use super::api::{ApiError, Server, variable};
use super::credentials::Given;
use super::output::print;
use super::runtime;
use crate::domain::{RegistryHost, SpaceFeed};

/// The name that makes the program a helper.
pub(super) const NAME: &str = "docker-credential-feedpass";

/// Exactly what docker looks for; it then goes on without credentials.
const NOT_FOUND: &str = "credentials not found in native keychain";

const USAGE: &str = "usage: docker-credential-feedpass get|store|erase|list|version\n\
    In docker's config.json: \"credHelpers\": {\"123456789012.dkr.ecr.us-east-1.amazonaws.com\": \"feedpass\"}\n\
    FEEDPASS_URL names the server, FEEDPASS_TOKEN or FEEDPASS_TOKEN_FILE the client's secret,\n\
    FEEDPASS_FEED the feed, where the client has several at one registry.";

/// What docker is told.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: String,
    secret: String,
}

pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    let [command] = arguments else {
        return said(&format!("{USAGE}\n"), ExitCode::FAILURE);
    };
    let result = match command.to_str() {
        Some("get") => get(),
        // feedpass keeps nothing for docker, so there is nothing to store or to forget.
        Some("store" | "erase") => read_input().map(|_| String::new()),
        Some("list") => Ok("{}\n".into()),
        Some("version" | "--version" | "-v") => Ok(format!("{NAME} {}\n", env!("CARGO_PKG_VERSION"))),
        Some("--help" | "-h") => Ok(format!("{USAGE}\n")),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    match result {
        Ok(text) => said(&text, ExitCode::SUCCESS),
        Err(error) => said(&format!("{error:#}\n"), ExitCode::FAILURE),
    }
}

/// Says it where docker reads, and ends with `code` unless docker is gone.
fn said(text: &str, code: ExitCode) -> ExitCode {
    print(text).map_or(ExitCode::FAILURE, |()| code)
}

fn get() -> anyhow::Result<String> {
    let input = read_input()?;
    let asked = input.trim();
    anyhow::ensure!(!asked.is_empty(), "no credentials server URL");
    // A registry that is not ECR's is none of feedpass's; docker then asks it without credentials.
    // For one that is, a refusal says why: without credentials ECR answers nobody.
    let host = asked.parse().ok().filter(|host: &RegistryHost| host.ecr().is_some()).context(NOT_FOUND)?;
    let server = Server::from_environment()?;
    let given = match ask(&server, &["v1", "registries", host.as_str(), "credentials"]) {
        Err(error) if is_ambiguous(&error) => match variable("FEEDPASS_FEED") {
            Some(feed) => of_feed(&server, &feed, &host)?,
            None => return Err(error),
        },
        given => given?,
    };
    let answer = Answer { server_url: asked, username: given.username, secret: given.password };
    Ok(format!("{}\n", serde_json::to_string(&answer)?))
}

/// Whether the client has several feeds at the registry, and the server cannot know which is meant.
fn is_ambiguous(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ApiError::Refused(problem)) if problem.code == "registry_ambiguous")
}

/// Asks by feed.
fn of_feed(server: &Server, feed: &str, host: &RegistryHost) -> anyhow::Result<Given> {
    let SpaceFeed { space, feed } = feed.parse().context("FEEDPASS_FEED is wrong")?;
    let given = ask(server, &["v1", "spaces", space.as_str(), "feeds", feed.as_str(), "credentials"])?;
    // Its password is no other registry's.
    let registry: RegistryHost = given.registry.parse()?;
    anyhow::ensure!(
        registry.ecr() == host.ecr(),
        "FEEDPASS_FEED names a feed at {registry}, and docker asks for {host}"
    );
    Ok(given)
}

fn ask(server: &Server, path: &[&str]) -> anyhow::Result<Given> {
    let body = runtime()?.block_on(server.post(path, ""))?;
    serde_json::from_slice(&body).context("the answer is not what feedpass gives")
}

fn read_input() -> anyhow::Result<String> {
    /// More than any URL, in bytes.
    const LARGEST_INPUT: u64 = 64 * 1024;
    let mut input = String::new();
    std::io::stdin().take(LARGEST_INPUT).read_to_string(&mut input).context("standard input is not text")?;
    Ok(input)
}
