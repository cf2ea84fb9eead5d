//! `feedpass serve`

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ConfigFile;
use super::output::print;
use crate::app::{App, Surroundings};
use crate::config::{AwsEndpoint, Settings, Watcher, environment};
use crate::domain::{Action, Client, EXAMPLE_SECRET, Identity, SecretHash, SpaceFeed};
use crate::issuer::keyring::IssuerChange;
use crate::telemetry::{LogFormat, start_logging};

/// Run the issuer and the broker
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,

    /// What is logged, as in `info` or `info,feedpass::broker=debug`
    #[arg(long, value_name = "FILTER", env = "FEEDPASS_LOG", default_value = "info")]
    log: String,

    /// How log lines look: for people on a terminal, JSON otherwise
    #[arg(long, value_enum, env = "FEEDPASS_LOG_FORMAT")]
    log_format: Option<LogFormat>,

    /// Go on although the issuer is not the one that the keys were made for
    #[arg(long)]
    change_issuer: bool,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        start_logging(&self.log, self.log_format.unwrap_or_else(LogFormat::for_stderr))?;
        let path = &self.config.path;
        let environment = environment();
        let issuer_change = if self.change_issuer { IssuerChange::Accepted } else { IssuerChange::Refused };
        let surroundings = Surroundings { issuer_change, ..Surroundings::default() };
        // Before the file is read, so that no change goes unseen.
        let watcher = Watcher::new(path, Arc::clone(&surroundings.clock))?;
        let settings = Settings::load(path, environment.iter().cloned())?;
        let app = App::start(settings, surroundings).await?;
        tracing::info!("this version keeps its signing key; it rotates none");
        // Before anyone is told that feedpass runs: they may ask it to stop at once.
        let mut end = End::new().context("SIGTERM and SIGINT cannot be received")?;
        print(&summary(&app)?)?;
        tokio::select! {
            never = app.follow(watcher, path, &environment) => match never {},
            () = end.asked_for() => {}
        }
        tracing::info!("stopping: requests under way are finished; a second signal cuts them off");
        tokio::select! {
            () = app.stop() => Ok(ExitCode::SUCCESS),
            () = end.asked_for() => Ok(ExitCode::FAILURE),
        }
    }
}

/// How feedpass is asked to stop.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    /// From here on neither signal ends the process by itself.
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked_for(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn has_example_secret(client: &Client) -> bool {
    client.has_secret(&SecretHash::of(EXAMPLE_SECRET))
}

/// How many feeds and how many clients the summary names.
const SHOWN: usize = 10;

/// What runs, and what a newcomer can try next.
fn summary(app: &App) -> anyhow::Result<String> {
    let settings = app.settings();
    let keys = app.keyring().current();
    let mut text = String::new();
    writeln!(text, "feedpass {}\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(
        text,
        "  issuer    {}, signing {} with key {}",
        settings.issuer,
        keys.active_algorithm(),
        keys.active_kid()
    )?;
    writeln!(text, "  public    http://{}  discovery and keys: what AWS fetches", app.public_address())?;
    writeln!(text, "  internal  http://{}  credentials, tokens, metrics", app.internal_address())?;
    match (&settings.aws, app.sandbox()) {
        (AwsEndpoint::Aws, _) => writeln!(text, "  AWS       the real one, in each feed's region")?,
        (AwsEndpoint::Custom { sts, ecr }, _) => {
            let named =
                |url: &Option<url::Url>| url.as_ref().map_or_else(|| "AWS's own".to_owned(), ToString::to_string);
            writeln!(text, "  AWS       STS at {}, ECR at {}", named(sts), named(ecr))?;
        }
        (AwsEndpoint::Sandbox(_), sandbox) => {
            let url = sandbox.map(crate::sandbox::Sandbox::url).unwrap_or_default();
            writeln!(text, "  AWS       SANDBOX at {url}: no AWS is contacted, its passwords open no registry")?;
        }
    }
    for feed in settings.feeds.iter().take(SHOWN) {
        let host = feed.registry_host(&feed.region);
        let known_as = match (&feed.identity, feed.subject()) {
            (_, Some(subject)) => subject.to_string(),
            (Identity::AccessKey(key), None) => format!("the user of access key {}", key.access_key_id),
            (_, None) => "feedpass's own AWS identity".to_owned(),
        };
        writeln!(text, "  feed      {}  {host}  as {known_as}", feed.name)?;
    }
    for client in settings.clients.iter().take(SHOWN) {
        writeln!(text, "  client    {}", client.id)?;
    }
    let unshown = settings.feeds.len().saturating_sub(SHOWN) + settings.clients.len().saturating_sub(SHOWN);
    if unshown > 0 {
        writeln!(text, "  …         and {unshown} more feeds and clients")?;
    }
    write_next_steps(&mut text, app, &settings)?;
    Ok(text)
}

/// Commands that work when pasted, for a client whose secret is the example's, and else for the
/// first client with its secret left to fill in.
fn write_next_steps(text: &mut String, app: &App, settings: &Settings) -> std::fmt::Result {
    let Some((client, feed)) = settings.clients.iter().find_map(|client| Some((client, first_feed(settings, client)?)))
    else {
        return writeln!(
            text,
            "\nNo client may pull from a feed yet: give one a [[client.grant]] in the configuration."
        );
    };
    let secret = if has_example_secret(client) {
        format!("FEEDPASS_TOKEN={EXAMPLE_SECRET}")
    } else {
        "FEEDPASS_TOKEN_FILE=PATH   # a file with the client's secret".to_owned()
    };
    // In full, for a terminal that is elsewhere.
    let program =
        std::env::current_exe().map_or_else(|_| "feedpass".to_owned(), |path| quoted(&path.to_string_lossy()));
    writeln!(text, "\nTry in another terminal, as client {}:\n", client.id)?;
    writeln!(text, "  export FEEDPASS_URL=http://{} {secret}", app.internal_address())?;
    writeln!(text, "  {program} credentials {feed}")?;
    writeln!(text, "  {program} credentials {feed} --format docker-config")?;
    if may(client, &feed, Action::Token) {
        writeln!(text, "  {program} token {feed} --json")?;
    }
    writeln!(text, "  curl -s {}", settings.issuer.discovery())?;
    writeln!(text, "  curl -s http://{}/metrics\n", app.internal_address())
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn first_feed(settings: &Settings, client: &Client) -> Option<SpaceFeed> {
    let mut feeds = settings.feeds.iter().map(|feed| &feed.name);
    feeds.find(|feed| may(client, feed, Action::Pull) || may(client, feed, Action::Push)).cloned()
}

fn may(client: &Client, feed: &SpaceFeed, action: Action) -> bool {
    client.grants.iter().any(|grant| grant.covers(feed) && grant.actions.contains(&action))
}
