//! feedpass, built by its own `app` on a manual clock, with its own sandbox for AWS.

mod ask;
mod builder;
mod change;
mod look;
mod wait;

use std::path::PathBuf;
use std::sync::Mutex;

use feedpass::app::App;
use feedpass::clock::ManualClock;
use feedpass::sandbox::Sandbox;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use self::builder::Toml;
use super::http::Reply;
use super::keys;
use super::logs::Lines;

pub use self::builder::TestAppBuilder;

/// The time at which every test begins.
pub const START: &str = "2026-11-23T11:00:00Z";

/// A running feedpass. When it goes, no secret that it gave may be in any log line.
pub struct TestApp {
    pub app: App,
    pub clock: ManualClock,
    directory: TempDir,
    toml: Toml,
    lines: Lines,
    secrets: Mutex<Vec<String>>,
}

impl TestApp {
    /// A feedpass with nothing in it.
    pub fn builder() -> TestAppBuilder {
        TestAppBuilder::default()
    }

    /// The usual one: feed `default/images`, client `ci` that may pull and have its token.
    pub fn usual() -> TestAppBuilder {
        Self::builder().feed("default/images").client("ci", &["default/images"], &["pull", "token"])
    }

    /// The usual one with nothing more.
    pub async fn start() -> Self {
        Self::usual().start().await
    }

    /// With the feeds `default/images` and `default/charts`, and a client `ci` that may pull from both.
    pub async fn start_with_charts() -> Self {
        Self::builder()
            .feed("default/images")
            .feed("default/charts")
            .client("ci", &["default/*"], &["pull"])
            .start()
            .await
    }

    /// The secret of a client of [`TestAppBuilder::client`].
    pub fn secret_of(client: &str) -> String {
        format!("{client}-secret-0123456789")
    }

    pub fn sandbox(&self) -> &Sandbox {
        self.app.sandbox().unwrap()
    }

    pub fn issuer(&self) -> &str {
        &self.toml.issuer
    }

    /// How clients reach the internal listener.
    pub fn internal_url(&self) -> String {
        format!("http://{}", self.app.internal_address())
    }

    /// The log lines so far.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The directory of the signing keys.
    pub fn keys(&self) -> PathBuf {
        self.directory.path().join("keys")
    }

    /// From now on, `secret` may be in no log line.
    pub fn keep_out_of_logs(&self, secret: &str) {
        self.secrets.lock().unwrap().push(secret.to_owned());
    }

    /// From now on, no secret of `reply` may be in a log.
    pub fn remember_secrets_of(&self, reply: &Reply) {
        if !reply.status.is_success() {
            return;
        }
        let mut secrets = self.secrets.lock().unwrap();
        match serde_json::from_slice::<serde_json::Value>(&reply.body) {
            Ok(value) => {
                let names = ["password", "token", "access_token", "SecretAccessKey", "Token", "secret"];
                let given = names.map(|name| &value[name]);
                secrets.extend(given.iter().filter_map(|secret| secret.as_str()).map(str::to_owned));
            }
            Err(_) if reply.body.is_empty() => {}
            Err(_) => secrets.push(reply.text()),
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let mut secrets = self.secrets.lock().unwrap().clone();
        if let Some(sandbox) = self.app.sandbox() {
            secrets.extend(sandbox.issued_secrets().iter().map(|secret| secret.expose_secret().to_owned()));
        }
        secrets.extend(keys::private_lines(&self.keys()));
        self.lines.assert_without(&secrets);
    }
}
