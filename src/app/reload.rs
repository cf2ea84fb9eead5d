//! A changed configuration takes effect while feedpass runs.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use super::{App, StartError, accounts, snapshot};
use crate::config::{AwsEndpoint, ConfigError, Settings, WatchError, Watcher};

/// Why a changed file took no effect.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the sandbox's roles are wrong: {0}")]
    Start(#[from] StartError),
}

impl App {
    /// Makes `new` what the next request sees. Keys that only a restart changes stay as they were;
    /// they are returned.
    ///
    /// # Errors
    /// [`StartError::Accounts`] when a policy of the sandbox is wrong; then nothing has changed.
    pub fn apply(&self, new: Settings) -> Result<Vec<&'static str>, StartError> {
        let waiting = self.settings.load().restart_needed(&new);
        if let (Some(sandbox), AwsEndpoint::Sandbox(settings)) = (&self.sandbox, &new.aws) {
            // Tokens go on naming the issuer that feedpass was started with.
            sandbox.set_accounts(accounts::of(self.mint.issuer(), &new.feeds, settings)?);
        }
        self.mint.set_lifetime(new.tokens.lifetime);
        self.store.replace(snapshot(&new));
        self.settings.store(Arc::new(new));
        Ok(waiting)
    }

    /// Follows the file at `path`, and the files that it names, for as long as feedpass runs;
    /// `watcher` was made before the file was first read.
    ///
    /// A wrong edit is logged and changes nothing.
    ///
    /// # Errors
    /// [`WatchError`] when the machine cannot watch a file that the configuration names.
    pub async fn follow(
        &self,
        mut watcher: Watcher,
        path: &Path,
        environment: &[(String, String)],
    ) -> Result<Infallible, WatchError> {
        watcher.follow(self.settings().files())?;
        loop {
            watcher.changed().await;
            let reloaded = self.reload(path, environment);
            self.metrics.config_reload(reloaded.is_ok());
            match reloaded {
                Ok(waiting) => {
                    watcher.follow(self.settings().files())?;
                    for key in waiting {
                        tracing::warn!(
                            key,
                            "{key} has changed in the file; it takes effect when feedpass is restarted"
                        );
                    }
                    tracing::info!("configuration reloaded");
                }
                Err(error) => tracing::error!("the changed configuration is wrong and was not taken: {error}"),
            }
        }
    }

    fn reload(&self, path: &Path, environment: &[(String, String)]) -> Result<Vec<&'static str>, ReloadError> {
        let settings = Settings::load(path, environment.iter().cloned())?;
        Ok(self.apply(settings)?)
    }
}
