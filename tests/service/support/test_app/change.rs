//! Changes from outside: of the configuration, and of what an operator set up in AWS.

use feedpass::app::ReloadError;
use feedpass::sandbox::Accounts;

use super::builder::Toml;
use super::{TestApp, TestAppBuilder};
use crate::support::aws::accounts_for;

impl TestApp {
    /// Replaces all clients by those of `change`, as an edit of the file does.
    pub fn change_clients(&self, change: impl FnOnce(TestAppBuilder) -> TestAppBuilder) {
        let changed = change(TestAppBuilder::default());
        let toml = Toml { clients: changed.toml.clients.clone(), ..self.toml.clone() };
        assert!(self.apply(&toml, changed).unwrap().is_empty());
    }

    /// Replaces all feeds by those of `change`, as an edit of the file does.
    pub fn change_feeds(&self, change: impl FnOnce(TestAppBuilder) -> TestAppBuilder) {
        let changed = change(TestAppBuilder::default());
        let toml = Toml { feeds: changed.toml.feeds.clone(), ..self.toml.clone() };
        assert!(self.apply(&toml, changed).unwrap().is_empty());
    }

    /// Replaces all that `change` says, which is everything but issuer and addresses. Gives the keys
    /// that wait for a restart.
    pub fn reload(
        &self,
        change: impl FnOnce(TestAppBuilder) -> TestAppBuilder,
    ) -> Result<Vec<&'static str>, ReloadError> {
        let changed = change(TestAppBuilder::default());
        let Toml { issuer, listen, store, .. } = self.toml.clone();
        let toml = Toml { issuer: format!("{issuer}{}", changed.issuer_path), listen, store, ..changed.toml.clone() };
        self.apply(&toml, changed)
    }

    fn apply(&self, toml: &Toml, changed: TestAppBuilder) -> Result<Vec<&'static str>, ReloadError> {
        self.secrets.lock().unwrap().extend(changed.secrets);
        self.app.apply(toml.settings(&self.directory.path().join("config.toml")))
    }

    /// Replaces what the sandbox's accounts hold by a change of what the feeds need.
    pub fn change_accounts(&self, change: impl FnOnce(&mut Accounts)) {
        let mut accounts = accounts_for(&self.app.settings());
        change(&mut accounts);
        self.sandbox().set_accounts(accounts);
    }
}
