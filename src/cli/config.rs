//! `feedpass config check`

use std::process::ExitCode;

use clap::Subcommand;

use super::ConfigFile;
use crate::app::check_sandbox;
use crate::config::{ConfigError, Settings};

/// Look at a configuration file
#[derive(Subcommand)]
pub(super) enum Config {
    /// Say what is wrong in a configuration file, all of it at once; starts nothing
    Check(ConfigFile),
}

impl Config {
    pub(super) fn run(&self, json: bool) -> ExitCode {
        let Self::Check(ConfigFile { path }) = self;
        let settings = Settings::load(path, std::env::vars());
        match (settings, json) {
            (Ok(settings), _) => good(&settings, path, json),
            (Err(error), true) => bad_json(&error),
            (Err(error), false) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    }
}

fn good(settings: &Settings, path: &std::path::Path, json: bool) -> ExitCode {
    if let Err(error) = check_sandbox(settings) {
        eprintln!("{}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    let (spaces, feeds, clients) = (settings.spaces.len(), settings.feeds.len(), settings.clients.len());
    if json {
        println!("{}", serde_json::json!({ "mistakes": [], "spaces": spaces, "feeds": feeds, "clients": clients }));
    } else {
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        println!(
            "{} is right: issuer {}, {}, {}, {}",
            path.display(),
            settings.issuer,
            count(spaces, "space"),
            count(feeds, "feed"),
            count(clients, "client"),
        );
    }
    ExitCode::SUCCESS
}

fn bad_json(error: &ConfigError) -> ExitCode {
    println!("{}", serde_json::json!({ "mistakes": error.mistakes() }));
    ExitCode::FAILURE
}
