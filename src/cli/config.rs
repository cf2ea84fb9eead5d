//! `feedpass config check`

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::ConfigFile;
use super::output::{print, print_to_people};
use crate::app::{AccountsError, check_sandbox};
use crate::config::{ConfigError, Settings, environment};

/// Look at a configuration file
#[derive(Subcommand)]
pub(super) enum Config {
    /// Say what is wrong in a configuration file, all of it at once; starts nothing
    Check(ConfigFile),
}

impl Config {
    pub(super) fn run(&self, json: bool) -> anyhow::Result<ExitCode> {
        let Self::Check(ConfigFile { path }) = self;
        let checked = Settings::load(path, environment()).map_err(Wrong::from).and_then(|settings| {
            check_sandbox(&settings)?;
            Ok(settings)
        });
        match (checked, json) {
            (Ok(settings), true) => print(&format!("{}\n", counts(&settings)))?,
            (Ok(settings), false) => print(&sentence(path, &settings))?,
            (Err(wrong), true) => {
                print(&format!("{}\n", wrong.to_json()))?;
                return Ok(ExitCode::FAILURE);
            }
            (Err(wrong), false) => {
                print_to_people(&wrong.to_string());
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What can be wrong with a configuration.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Sandbox(#[from] AccountsError),
}

impl Wrong {
    fn to_json(&self) -> Value {
        match self {
            Self::Config(error) => json!({ "mistakes": error.mistakes() }),
            Self::Sandbox(error) => json!({ "mistakes": [{ "key": "sandbox.role", "found": error.to_string() }] }),
        }
    }
}

fn counts(settings: &Settings) -> Value {
    let (spaces, feeds, clients) = (settings.spaces.len(), settings.feeds.len(), settings.clients.len());
    json!({ "mistakes": [], "spaces": spaces, "feeds": feeds, "clients": clients })
}

fn sentence(path: &Path, settings: &Settings) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    format!(
        "{} is right: issuer {}, {}, {}, {}\n",
        path.display(),
        settings.issuer,
        count(settings.spaces.len(), "space"),
        count(settings.feeds.len(), "feed"),
        count(settings.clients.len(), "client"),
    )
}
