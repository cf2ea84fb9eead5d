//! A feedpass to be: its configuration, and what it stands in.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use feedpass::app::{App, Listeners, Surroundings};
use feedpass::aws::TimeLimits;
use feedpass::clock::ManualClock;
use feedpass::config::Settings;
use feedpass::entropy::SeededEntropy;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{START, TestApp};
use crate::support::keys::{self, sha256};
use crate::support::logs;

/// A feedpass to be.
#[derive(Default)]
pub struct TestAppBuilder {
    pub(super) toml: Toml,
    issuer: String,
    pub(super) issuer_path: String,
    pub(super) secrets: Vec<String>,
    time_limits: TimeLimits,
    shared_listener: bool,
    without_keys: bool,
}

impl TestAppBuilder {
    /// A feed of account 123456789012 in us-east-1, with a role of its own.
    pub fn feed(self, name: &str) -> Self {
        let role = format!("feedpass-{}", name.replace('/', "-"));
        self.feed_with(name, &format!("role_arn = \"arn:aws:iam::123456789012:role/{role}\""))
    }

    /// A feed in us-east-1 whose `[feed.web_identity]` holds `identity`.
    pub fn feed_with(self, name: &str, identity: &str) -> Self {
        self.feed_in("us-east-1", name, identity)
    }

    /// A feed in `region`; `identity` may open with keys of the feed itself before `[feed.web_identity]`.
    pub fn feed_in(mut self, region: &str, name: &str, identity: &str) -> Self {
        let (space, feed) = name.split_once('/').unwrap();
        let (own, identity) = identity.split_once("[feed.web_identity]").unwrap_or(("", identity));
        if !self.toml.feeds.contains(&format!("[[space]]\nslug = \"{space}\"\n")) {
            write!(self.toml.feeds, "[[space]]\nslug = \"{space}\"\n").unwrap();
        }
        write!(
            self.toml.feeds,
            "[[feed]]\nspace = \"{space}\"\nslug = \"{feed}\"\nregion = \"{region}\"\n{own}\n[feed.web_identity]\n{identity}\n"
        )
        .unwrap();
        self
    }

    /// A client whose secret is `<id>-secret-0123456789`, with one grant.
    pub fn client(self, id: &str, feeds: &[&str], actions: &[&str]) -> Self {
        self.client_with_secrets(id, &[&TestApp::secret_of(id)], feeds, actions)
    }

    /// A client without grants and with roles, the usual secret.
    pub fn operator(mut self, id: &str, roles: &[&str]) -> Self {
        let secret = TestApp::secret_of(id);
        let hash = sha256(&secret);
        write!(self.toml.clients, "[[client]]\nid = \"{id}\"\nsecret_hash = \"sha256:{hash}\"\nroles = {roles:?}\n")
            .unwrap();
        self.secrets.push(secret);
        self
    }

    /// A client with secrets of its own.
    pub fn client_with_secrets(mut self, id: &str, secrets: &[&str], feeds: &[&str], actions: &[&str]) -> Self {
        let hashes: Vec<_> = secrets.iter().map(|secret| format!("sha256:{}", sha256(secret))).collect();
        write!(self.toml.clients, "[[client]]\nid = \"{id}\"\nsecret_hash = {hashes:?}\n").unwrap();
        if !feeds.is_empty() {
            self = self.grant(feeds, actions);
        }
        // Neither as it is, nor as HTTP Basic has it, may a secret be in a log.
        self.secrets.extend(secrets.iter().map(|secret| (*secret).to_owned()));
        self.secrets.extend(secrets.iter().map(|secret| BASE64_STANDARD.encode(format!("{id}:{secret}"))));
        self
    }

    /// A client without a secret, which signs assertions with one of `keys`, a JWK set.
    pub fn client_with_keys(mut self, id: &str, keys: &serde_json::Value, feeds: &[&str], actions: &[&str]) -> Self {
        write!(self.toml.clients, "[[client]]\nid = \"{id}\"\npublic_keys = '''{keys}'''\n").unwrap();
        self.grant(feeds, actions)
    }

    /// One more grant of the client that was named last.
    pub fn grant(mut self, feeds: &[&str], actions: &[&str]) -> Self {
        write!(self.toml.clients, "[[client.grant]]\nfeeds = {feeds:?}\nactions = {actions:?}\n").unwrap();
        self
    }

    /// Another store than one in memory.
    pub fn store(mut self, url: &str) -> Self {
        self.toml.store = url.into();
        self
    }

    /// More of the file: whole tables, `[tokens]` and what is in it.
    pub fn tables(mut self, toml: &str) -> Self {
        writeln!(self.toml.extra, "{toml}").unwrap();
        self
    }

    /// A role that the sandbox has in place of the one it would make for the feed.
    pub fn sandbox_role(mut self, name: &str, trust_policy: &str, more: &str) -> Self {
        write!(
            self.toml.extra,
            "[[sandbox.role]]\narn = \"arn:aws:iam::123456789012:role/{name}\"\ntrust_policy = '''{trust_policy}'''\n{more}\n"
        )
        .unwrap();
        self
    }

    /// No key from before: a first start makes one.
    pub fn without_keys(mut self) -> Self {
        self.without_keys = true;
        self
    }

    /// More of `[keys]`.
    pub fn keys(mut self, keys: &str) -> Self {
        self.toml.keys = keys.into();
        self
    }

    /// Another AWS than the sandbox: what stands in `[aws]`.
    pub fn aws(mut self, aws: &str) -> Self {
        self.toml.aws = aws.into();
        self
    }

    /// Another issuer than the public listener.
    pub fn issuer(mut self, url: &str) -> Self {
        self.issuer = url.into();
        self
    }

    /// Proxies whose `X-Forwarded-For` is believed; every test's own requests come from 127.0.0.1.
    pub fn trusted_proxies(mut self, networks: &[&str]) -> Self {
        self.toml.trusted_proxies = format!("trusted_proxies = {networks:?}");
        self
    }

    /// An issuer with a path.
    pub fn issuer_path(mut self, path: &str) -> Self {
        self.issuer_path = path.into();
        self
    }

    /// One listener for both.
    pub fn shared_listener(mut self) -> Self {
        self.shared_listener = true;
        self
    }

    /// How long AWS may take.
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.time_limits = limits;
        self
    }

    pub async fn start(mut self) -> TestApp {
        let lines = logs::collect();
        let directory = TempDir::new().unwrap();
        if !self.without_keys {
            keys::put(&directory.path().join("keys")).await;
        }
        let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let internal = if self.shared_listener { None } else { Some(TcpListener::bind("127.0.0.1:0").await.unwrap()) };
        let public_address = public.local_addr().unwrap();
        let internal_address = internal.as_ref().unwrap_or(&public).local_addr().unwrap();
        self.toml.issuer =
            if self.issuer.is_empty() { format!("http://{public_address}{}", self.issuer_path) } else { self.issuer };
        self.toml.listen = format!(
            "public = \"{public_address}\"\ninternal = \"{internal_address}\"\ninternal_url = \"http://{internal_address}\""
        );
        let clock = ManualClock::at(START.parse().unwrap());
        let settings = self.toml.settings(&directory.path().join("config.toml"));
        let surroundings = Surroundings {
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(u64::from(public_address.port()))),
            time_limits: self.time_limits,
            listeners: Some(Listeners { public, internal }),
            ..Surroundings::default()
        };
        let app = App::start(settings, surroundings).await.unwrap();
        TestApp { app, clock, directory, toml: self.toml, lines, secrets: Mutex::new(self.secrets) }
    }
}

/// What the configuration file says.
#[derive(Clone, Default)]
pub(super) struct Toml {
    pub(super) issuer: String,
    pub(super) listen: String,
    pub(super) trusted_proxies: String,
    pub(super) keys: String,
    pub(super) store: String,
    pub(super) aws: String,
    pub(super) feeds: String,
    pub(super) clients: String,
    pub(super) extra: String,
}

impl Toml {
    pub(super) fn settings(&self, path: &Path) -> Settings {
        let Self { issuer, listen, trusted_proxies, store, keys, aws, feeds, clients, extra } = self;
        let store = if store.is_empty() { "sqlite::memory:" } else { store };
        let aws = if aws.is_empty() { "endpoint = \"sandbox\"" } else { aws };
        let text = format!(
            "issuer = \"{issuer}\"\naudience = \"id.example.com\"\n[listen]\n{listen}\n{trusted_proxies}\n[keys]\nstore = \"directory:keys\"\n{keys}\n\
             [store]\nurl = \"{store}\"\n\
             [aws]\n{aws}\n{extra}\n{feeds}\n{clients}"
        );
        std::fs::write(path, text).unwrap();
        Settings::load(path, []).unwrap_or_else(|error| panic!("{error}"))
    }
}
