//! A changed configuration takes effect while feedpass runs.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::from_settings::{audiences, declared, lifetimes, rotation_policy};
use super::{AccountsError, App, check_sandbox};
use crate::admin::Audiences;
use crate::config::{AwsEndpoint, ConfigError, SandboxRole, Settings, Watcher};
use crate::domain::IssuerUrl;
use crate::store::StoreError;
use crate::telemetry::with_causes;

/// Why a changed configuration took no effect; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A policy of the sandbox is wrong.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The file declares what cannot be beside what the store has, had or will have.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Tokens name the issuer, and feeds take their audience from it: half of a change would have
    /// every exchange refused.
    #[error("the issuer is {running}, and the file says {found}: put it back, or restart with --change-issuer")]
    Issuer {
        /// The issuer that feedpass was started with.
        running: IssuerUrl,
        /// The one in the file.
        found: IssuerUrl,
    },
}

impl App {
    /// Makes `new` what the next request sees. Keys that only a restart changes stay as they were;
    /// they are returned.
    ///
    /// # Errors
    /// [`ReloadError::Issuer`], [`ReloadError::Accounts`] and [`ReloadError::Store`]; nothing has changed then.
    pub fn apply(&self, new: Settings) -> Result<Vec<&'static str>, ReloadError> {
        if new.issuer != self.started.issuer {
            return Err(ReloadError::Issuer { running: self.started.issuer.clone(), found: new.issuer });
        }
        let declared = declared(&new);
        let waiting = self.started.restart_needed(&new);
        check_sandbox(&new)?;
        let new = Arc::new(new);
        self.vault.set_keys(new.encryption_keys.clone());
        // Before the store tells of the change: the sandbox's roles are made of both.
        let old = self.settings.swap(Arc::clone(&new));
        if let Err(error) = self.store.redeclare(&declared) {
            self.settings.store(old);
            return Err(error.into());
        }
        self.mint.set_lifetimes(lifetimes(&new));
        self.rotation.set_policy(rotation_policy(&new));
        let reserved = audiences(&self.started).reserved;
        self.admin.set_audiences(Audiences { reserved, ..audiences(&new) });
        self.limiter.set(new.limits);
        self.proxies.set(new.listen.trusted_proxies.clone());
        if declared_roles(&old) == declared_roles(&new) {
            self.broker.forget_failures();
        } else {
            // Whoever tries a trust policy wants to see it judged.
            self.broker.forget_all();
        }
        Ok(waiting)
    }

    /// Follows the file at `path`, and the files that it names, for as long as feedpass runs;
    /// `watcher` was made before the file was first read.
    ///
    /// A wrong edit is logged and changes nothing.
    pub async fn follow(&self, mut watcher: Watcher, path: &Path, environment: &[(String, String)]) -> Infallible {
        watch(&mut watcher, self.settings().files());
        loop {
            watcher.changed().await;
            let reloaded = self.reload(path, environment);
            self.metrics.config_reload(reloaded.is_ok());
            match reloaded {
                Ok(waiting) => {
                    watch(&mut watcher, self.settings().files());
                    for key in waiting {
                        tracing::warn!(key, "{key} differs in the file; it takes effect when feedpass is restarted");
                    }
                    tracing::info!("configuration reloaded");
                    // Its names are given from now on, which is written down at once if it can be. Whoever follows
                    // the store tries again, and says that it does not answer.
                    let _ = self.store.refresh().await;
                }
                Err(error) => {
                    // What is wrong may be a file that it names, and be mended there.
                    if let ReloadError::Config(error) = &error {
                        watch(&mut watcher, error.files());
                    }
                    tracing::error!("the changed configuration was not taken: {error}");
                }
            }
        }
    }

    fn reload(&self, path: &Path, environment: &[(String, String)]) -> Result<Vec<&'static str>, ReloadError> {
        self.apply(Settings::load(path, environment.iter().cloned())?)
    }
}

fn declared_roles(settings: &Settings) -> Option<&[SandboxRole]> {
    match &settings.aws {
        AwsEndpoint::Sandbox(sandbox) => Some(&sandbox.roles),
        AwsEndpoint::Aws | AwsEndpoint::Custom { .. } => None,
    }
}

fn watch(watcher: &mut Watcher, files: &[PathBuf]) {
    if let Err(error) = watcher.follow(files) {
        tracing::warn!("some changes will go unseen; SIGHUP has them read: {}", with_causes(&error));
    }
}
