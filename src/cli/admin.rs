//! `feedpass admin bootstrap`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::ConfigFile;
use super::output::{print, print_to_people};
use crate::app::{Surroundings, bootstrap};
use crate::config::{Settings, environment};
use crate::domain::ClientId;

/// What is done on the server's own machine, with its configuration
#[derive(Subcommand)]
pub(super) enum Admin {
    /// Make the first admin, once, and show its secret. The server may be running
    Bootstrap {
        /// The admin's id
        #[arg(long, default_value = "admin")]
        id: ClientId,
        #[command(flatten)]
        config: ConfigFile,
    },
}

impl Admin {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<ExitCode> {
        let Self::Bootstrap { id, config } = self;
        let settings = Settings::load(&config.path, environment())?;
        let Surroundings { clock, entropy, .. } = Surroundings::default();
        let secret = bootstrap(&settings, &id, clock, Arc::clone(&entropy)).await?;
        if json {
            print(&format!("{:#}\n", json!({ "id": id, "secret": secret.expose_secret() })))?;
        } else {
            print_to_people(&format!(
                "The secret of admin {id}, shown this once; feedpass keeps only its hash. Set FEEDPASS_TOKEN to it:"
            ));
            print(&format!("{}\n", secret.expose_secret()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
