//! feedpass, built by its own `app` on a manual clock, with its own sandbox for AWS.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use feedpass::app::{App, Listeners, ReloadError, Surroundings};
use feedpass::aws::TimeLimits;
use feedpass::clock::ManualClock;
use feedpass::config::Settings;
use feedpass::entropy::SeededEntropy;
use feedpass::sandbox::{Accounts, Sandbox, Service};
use feedpass::store::database::{LineFilter, WrittenLine};
use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::aws::accounts_for;
use super::http::{Reply, Request};
use super::keys::{self, sha256};
use super::logs::{self, Lines};
use super::metrics::Figures;

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

/// What the configuration file says.
#[derive(Clone, Default)]
struct Toml {
    issuer: String,
    listen: String,
    trusted_proxies: String,
    store: String,
    aws: String,
    feeds: String,
    clients: String,
    extra: String,
}

/// A feedpass to be.
#[derive(Default)]
pub struct TestAppBuilder {
    toml: Toml,
    issuer: String,
    issuer_path: String,
    secrets: Vec<String>,
    time_limits: TimeLimits,
    shared_listener: bool,
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
        keys::put(&directory.path().join("keys")).await;
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

impl Toml {
    fn settings(&self, path: &Path) -> Settings {
        let Self { issuer, listen, trusted_proxies, store, aws, feeds, clients, extra } = self;
        let store = if store.is_empty() { "sqlite::memory:" } else { store };
        let aws = if aws.is_empty() { "endpoint = \"sandbox\"" } else { aws };
        let text = format!(
            "issuer = \"{issuer}\"\naudience = \"id.example.com\"\n[listen]\n{listen}\n{trusted_proxies}\n[keys]\nstore = \"directory:keys\"\n\
             [store]\nurl = \"{store}\"\n\
             [aws]\n{aws}\n{extra}\n{feeds}\n{clients}"
        );
        std::fs::write(path, text).unwrap();
        Settings::load(path, []).unwrap_or_else(|error| panic!("{error}"))
    }
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

    /// A request to the public listener.
    pub fn public(&self, method: Method, path: &str) -> Request {
        Request::new(method, self.app.public_address(), path)
    }

    /// A request to the internal listener.
    pub fn internal(&self, method: Method, path: &str) -> Request {
        Request::new(method, self.app.internal_address(), path)
    }

    /// Posts to the internal listener as a client.
    pub async fn post_as(&self, client: &str, path: &str) -> Reply {
        let reply = self.internal(Method::POST, path).bearer(&Self::secret_of(client)).send().await;
        self.remember_secrets_of(&reply);
        reply
    }

    /// Asks the internal listener for something as a client, with a body of JSON unless it is null.
    pub async fn ask(&self, client: &str, method: Method, path: &str, body: &serde_json::Value) -> Reply {
        self.ask_with(&Self::secret_of(client), method, path, body, None).await
    }

    /// The same with a secret, and the `If-Match` of a change.
    pub async fn ask_with(
        &self,
        secret: &str,
        method: Method,
        path: &str,
        body: &serde_json::Value,
        if_match: Option<&str>,
    ) -> Reply {
        let request = self.internal(method, path).bearer(secret);
        let request = if_match.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        let reply = match body {
            serde_json::Value::Null => request.send().await,
            body => request.header("content-type", "application/json").body(body.to_string()).send().await,
        };
        self.remember_secrets_of(&reply);
        reply
    }

    /// The last lines of the audit trail, the oldest first: the event, its outcome or code, and what was changed.
    pub async fn changes(&self, count: i64) -> Vec<String> {
        let filter = LineFilter { event: Some("change".into()), newest_first: true, ..LineFilter::default() };
        let mut lines = self.app.store().database().lines(&filter, count).await.unwrap();
        lines.reverse();
        let line = |line: &WrittenLine| {
            let line: serde_json::Value = serde_json::from_str(&line.body).unwrap();
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let outcome = if line["code"].is_null() { text(&line["outcome"]) } else { text(&line["code"]) };
            let change = &line["change"];
            let words = [&line["client"], &change["action"], &change["kind"], &change["name"]].map(text);
            format!("{outcome}: {}", words.join(" "))
        };
        lines.iter().map(line).collect()
    }

    /// Asks the internal listener as a client.
    pub async fn get_as(&self, client: &str, path: &str) -> Reply {
        self.internal(Method::GET, path).bearer(&Self::secret_of(client)).send().await
    }

    /// Asks for a feed's registry credentials as a client.
    pub async fn credentials(&self, client: &str, feed: &str) -> Reply {
        let (space, feed) = feed.split_once('/').unwrap();
        self.post_as(client, &format!("/v1/spaces/{space}/feeds/{feed}/credentials")).await
    }

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

    /// Moves the clock on in steps, and lets everything that this sets off come to its end in between.
    pub async fn pass(&self, length: Duration) {
        const STEP: Duration = Duration::from_mins(10);
        let mut left = length;
        while !left.is_zero() {
            let step = left.min(STEP);
            self.clock.advance(step);
            left -= step;
            self.settle().await;
        }
    }

    /// Waits until no exchange with AWS is under way.
    pub async fn settle(&self) {
        self.until_flights(|flights| flights == 0).await;
    }

    /// Waits until as many exchanges with AWS are under way as `wanted` says.
    pub async fn until_flights(&self, wanted: impl Fn(u64) -> bool) {
        let reached = async {
            loop {
                // Whoever the clock woke runs as far as it can: the runtime has one thread.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                if wanted(self.figures().await.of("feedpass_flights")) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reached).await.expect("exchanges start and end within 10 s");
    }

    /// What `/metrics` says.
    pub async fn figures(&self) -> Figures {
        Figures::read(&self.internal(Method::GET, "/metrics").send().await)
    }

    /// How often the sandbox's STS and ECR were called.
    pub fn calls(&self) -> (u64, u64) {
        (self.sandbox().calls(Service::Sts), self.sandbox().calls(Service::Ecr))
    }

    /// Replaces what the sandbox's accounts hold by a change of what the feeds need.
    pub fn change_accounts(&self, change: impl FnOnce(&mut Accounts)) {
        let mut accounts = accounts_for(&self.app.settings());
        change(&mut accounts);
        self.sandbox().set_accounts(accounts);
    }

    /// The log lines so far.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The lines of the audit trail about `event`, from the first on; of all events for `""`.
    pub async fn trail(&self, event: &str) -> Vec<Value> {
        let event = Some(event.to_owned()).filter(|event| !event.is_empty());
        let filter = LineFilter { event, ..LineFilter::default() };
        let lines = self.app.audit().trail().lines(&filter, 10_000).await.unwrap();
        lines.into_iter().map(|line| serde_json::from_str(&line.body).unwrap()).collect()
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
