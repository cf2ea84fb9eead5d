//! What workloads are given, against the contract: for random rules, grants, tokens and requests, while admins change
//! rules and clients.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use feedpass::store::database::LineFilter;
use futures_util::future::join_all;
use http::Method;
use proptest::collection::vec;
use proptest::sample::select;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::contract::{Outcome, Proof, World};
use super::drawn::{self, Change, Fault, ISSUERS, Token, Wish};
use super::{CLIENTS, Grant, with_feeds};
use crate::support::{Reply, Request, START, TestApp};
use crate::workloads::issuer::Issuer;

/// How many times all is made anew, how often it is changed then, and how many requests come at a time.
const CASES: usize = 10;
const CHANGES: usize = 6;
const REQUESTS: usize = 10;

/// All that a request can come to.
const CODES: [&str; 13] = [
    "200 ",
    "400 invalid_request",
    "400 invalid_target",
    "401 access_token_refused",
    "401 token_issuer_untrusted",
    "401 workload_token_refused",
    "403 action_not_granted",
    "403 workload_ambiguous",
    "403 workload_client_gone",
    "403 workload_not_matched",
    "404 feed_not_found",
    "404 registry_not_found",
    "409 registry_ambiguous",
];

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// A feedpass, who asks it, and what came of that so far.
struct Scene {
    app: TestApp,
    issuers: [Issuer; 3],
    /// The workloads' tokens as they were signed, by what is in them: each is presented again and again.
    signed: RefCell<BTreeMap<String, String>>,
    access_tokens: RefCell<BTreeMap<&'static str, String>>,
    next: Cell<u32>,
    asked: RefCell<Vec<Asked>>,
}

/// A request, what it may come to, and what was answered.
struct Asked {
    id: String,
    request: String,
    expected: Vec<Outcome>,
    status: u16,
    code: String,
    /// The feed or the client that the answer is about, where it says so.
    about: Option<String>,
}

impl Scene {
    async fn start() -> Self {
        let issuers = [Issuer::start("ES256").await, Issuer::start("ES256").await, Issuer::start("ES256").await];
        let limits = "[limits]\nclient_rate = \"off\"\naddress_rate = \"off\"\nfailed_attempts = \"off\"\n";
        let trusted = [0, 1].map(|n| issuers[n].section(ISSUERS[n])).concat();
        let builder = with_feeds(TestApp::builder()).operator("root", &["admin"]).tables(limits).tables(&trusted);
        let (app, asked) = (builder.start().await, RefCell::default());
        Self { app, issuers, signed: RefCell::default(), access_tokens: RefCell::default(), next: Cell::new(0), asked }
    }

    /// Makes a change as an admin; a client is made where there is none before, as is a rule.
    async fn change(&self, before: &World, change: &Change) {
        let (kind, name, there, body) = match change {
            Change::PutRule(name, rule) => ("workloads", &**name, before.rules.contains_key(name), {
                let mut rule = rule.clone();
                rule["name"] = json!(name);
                rule
            }),
            Change::PutClient(id, grants) => ("clients", *id, before.clients.contains_key(id), client(id, grants)),
            Change::RemoveRule(name) => ("workloads", &**name, true, Value::Null),
            Change::RemoveClient(id) => ("clients", *id, before.clients.contains_key(id), Value::Null),
        };
        let (list, one) = (format!("/v1/admin/{kind}"), format!("/v1/admin/{kind}/{name}"));
        let (method, path, done) = match (body.is_null(), there) {
            (true, _) => (Method::DELETE, one, if there { 204 } else { 404 }),
            (false, true) => (Method::PUT, one, 200),
            (false, false) => (Method::POST, list, 201),
        };
        let expected = if before.after(change).is_some() { done } else { 400 };
        let reply = self.app.ask_with(&TestApp::secret_of("root"), method, &path, &body, Some("*")).await;
        assert_eq!(reply.status, expected, "{change:?}: {}", reply.text());
    }

    /// Asks, and keeps what was answered beside what may be: the outcome in any of `worlds`.
    async fn ask(&self, worlds: &[&World], proof: &Proof, wish: &Wish) -> Reply {
        let id = format!("asked-{}", self.next.replace(self.next.get() + 1));
        let reply = self.request(proof, wish).header("x-request-id", &id).send().await;
        self.app.remember_secrets_of(&reply);
        let (mut code, mut about) = (String::new(), None);
        if reply.status.is_success() {
            about = about_whom(wish, &reply);
        } else {
            let body = reply.json();
            let word = if body["error"].is_null() { &body["code"] } else { &body["error"] };
            word.as_str().unwrap().clone_into(&mut code);
        }
        let request = format!("{wish:?} by {proof:?}");
        let expected = worlds.iter().map(|world| world.outcome(proof, wish)).collect();
        self.asked.borrow_mut().push(Asked { id, request, expected, status: reply.status.as_u16(), code, about });
        reply
    }

    async fn ask_at_once(&self, worlds: &[&World], requests: &[(Proof, Wish)]) {
        join_all(requests.iter().map(|(proof, wish)| self.ask(worlds, proof, wish))).await;
    }

    /// The tokens, and an access token of each client that one of them is.
    async fn proofs(&self, world: &mut World, tokens: Vec<Token>) -> Vec<Proof> {
        let mut proofs: Vec<_> = tokens.into_iter().map(Proof::Workload).collect();
        for client in CLIENTS {
            let is_it =
                |proof: &&Proof| world.outcome(proof, &Wish::AccessToken).given.is_some_and(|(one, _)| one == client);
            let Some(proof) = proofs.iter().find(is_it) else { continue };
            let reply = self.ask(&[world], proof, &Wish::AccessToken).await;
            let token = reply.json()["access_token"].as_str().unwrap().to_owned();
            self.access_tokens.borrow_mut().insert(client, token);
            world.access_tokens.insert(client);
            proofs.push(Proof::AccessToken(client));
        }
        proofs
    }

    fn request(&self, proof: &Proof, wish: &Wish) -> Request {
        let (text, kind) = match proof {
            Proof::Workload(token) => (self.signed(token), "jwt"),
            Proof::AccessToken(client) => (self.access_tokens.borrow()[client].clone(), "access_token"),
        };
        self.app.keep_out_of_logs(&text);
        let of_feed = |feed: &str| format!("/v1/spaces/{}", feed.replace('/', "/feeds/"));
        let post = |path: &str| self.app.internal(Method::POST, path).bearer(&text);
        let exchange = |resource: Option<String>| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", EXCHANGE).append_pair("subject_token", &text);
            form.append_pair("subject_token_type", &format!("urn:ietf:params:oauth:token-type:{kind}"));
            form.extend_pairs(resource.map(|resource| ("resource", resource)));
            let request = self.app.internal(Method::POST, "/oauth2/token");
            request.header("content-type", "application/x-www-form-urlencoded").body(form.finish())
        };
        match wish {
            Wish::Credentials(feed, format) => post(&format!("{}/credentials?format={format}", of_feed(feed))),
            Wish::AtRegistry(region) => {
                post(&format!("/v1/registries/123456789012.dkr.ecr.{region}.amazonaws.com/credentials"))
            }
            Wish::WebIdentityToken(feed) => post(&format!("{}/token", of_feed(feed))),
            Wish::Session(feed) => post(&format!("{}/session", of_feed(feed))),
            Wish::AccessToken => exchange(None),
            Wish::ExchangeFor(feed) => exchange(Some(format!("{}{}", self.app.internal_url(), of_feed(feed)))),
        }
    }

    fn signed(&self, token: &Token) -> String {
        self.signed.borrow_mut().entry(format!("{token:?}")).or_insert_with(|| self.sign(token)).clone()
    }

    fn sign(&self, token: &Token) -> String {
        let issuer = &self.issuers[token.issuer];
        let mut claims = issuer.claims(&token.claims);
        let mut key = &issuer.key;
        match token.fault {
            Fault::None => {}
            Fault::Expired => claims["exp"] = json!(START.parse::<jiff::Timestamp>().unwrap().as_second() - 61),
            Fault::ForAnother => claims["aud"] = json!("https://elsewhere.example"),
            Fault::SignedByAnother => key = &self.issuers[(token.issuer + 1) % 3].key,
        }
        key.token(&claims)
    }

    /// Holds all that was asked against what was expected, and says how often each code came that had to.
    async fn judge(self) -> BTreeMap<String, u32> {
        // Which client was given which feed, the audit trail alone says of every format.
        let filter = LineFilter { outcome: Some("ok".into()), ..LineFilter::default() };
        let lines = self.app.app.audit().trail().lines(&filter, 10_000).await.unwrap();
        let mut given = BTreeMap::new();
        for line in lines.iter().map(|line| serde_json::from_str::<Value>(&line.body).unwrap()) {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let kinds = ["credentials", "web_identity_token", "session", "access_token"];
            if kinds.contains(&&*text("event")) && text("client") != "root" {
                let before = given.insert(text("request_id"), (text("client"), text("feed")));
                assert_eq!(before, None, "one request, one thing");
            }
        }
        let mut codes = BTreeMap::new();
        for asked in self.asked.take() {
            let given = given.remove(&asked.id);
            if let (Some((client, feed)), Some(about)) = (&given, &asked.about) {
                assert!(about == feed || (feed.is_empty() && about == client), "{}: {about}", asked.request);
            }
            if asked.expected.iter().all(|one| *one == asked.expected[0]) {
                *codes.entry(format!("{} {}", asked.status, asked.code)).or_default() += 1;
            }
            let outcome = Outcome { status: asked.status, code: asked.code, given };
            assert!(asked.expected.contains(&outcome), "{}: {outcome:?}, not {:?}", asked.request, asked.expected);
        }
        assert!(given.is_empty(), "given to whom nobody knows: {given:?}");
        codes
    }
}

/// What a JWT says.
fn claims(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn client(id: &str, grants: &[Grant]) -> Value {
    let grants = grants.iter().map(|(feeds, actions)| json!({ "feeds": feeds, "actions": actions }));
    json!({ "id": id, "grants": grants.collect::<Vec<_>>() })
}

/// The feed, or for an access token the client, that an answer names.
fn about_whom(wish: &Wish, reply: &Reply) -> Option<String> {
    let of_subject = |subject: &str| subject.replacen("space:", "", 1).replacen(":feed:", "/", 1);
    match wish {
        Wish::Credentials(_, "json") | Wish::AtRegistry(_) => {
            let body = reply.json();
            Some(format!("{}/{}", body["space"].as_str().unwrap(), body["feed"].as_str().unwrap()))
        }
        Wish::Credentials(..) => None,
        Wish::WebIdentityToken(_) => Some(of_subject(reply.json()["subject"].as_str().unwrap())),
        Wish::Session(_) => {
            let role = reply.json()["RoleArn"].as_str().unwrap().to_owned();
            Some(role.rsplit_once('/').unwrap().1.replace('-', "/"))
        }
        Wish::AccessToken => Some(claims(&reply.json()["access_token"])["client_id"].as_str().unwrap().to_owned()),
        Wish::ExchangeFor(_) => Some(of_subject(claims(&reply.json()["access_token"])["sub"].as_str().unwrap())),
    }
}

#[tokio::test]
async fn workloads_get_what_rules_and_grants_say_whatever_admins_change_meanwhile() {
    let mut runner = TestRunner::deterministic();
    let mut codes = BTreeMap::<String, u32>::new();
    for _ in 0..CASES {
        for (code, count) in play(&mut runner).await {
            *codes.entry(code).or_default() += count;
        }
    }
    // The draws are worth something: much was given, and much was refused for each reason.
    assert_eq!(codes.keys().collect::<Vec<_>>(), CODES, "{codes:?}");
    assert!(codes.values().all(|count| *count >= 5) && codes["200 "] >= 200, "{codes:?}");
}

/// Makes a world, asks for much, changes it again and again amid requests, and gives how often each code came that had
/// to.
async fn play(runner: &mut TestRunner) -> BTreeMap<String, u32> {
    let scene = Scene::start().await;
    let mut world = World::default();
    for change in first_changes(runner) {
        scene.change(&world, &change).await;
        world = world.after(&change).unwrap();
    }
    let tokens = some_of_each(&world, draw(runner, vec(drawn::token(), 200)));
    let proofs = scene.proofs(&mut world, tokens).await;
    let requests = || vec((select(proofs.clone()), drawn::wish()), REQUESTS);
    for (proof, wish) in draw(runner, requests()) {
        scene.ask(&[&world], &proof, &wish).await;
    }
    for _ in 0..CHANGES {
        let (early, late, after) = draw(runner, (requests(), requests(), requests()));
        let change = draw(runner, drawn::change(&world));
        let next = world.after(&change).unwrap_or_else(|| world.clone());
        let either = [&world, &next];
        let changing = async {
            scene.change(&world, &change).await;
            // From the moment at which an admin is told, nobody is given what was there before.
            for (proof, wish) in &after {
                scene.ask(&[&next], proof, wish).await;
            }
        };
        tokio::join!(scene.ask_at_once(&either, &early), changing, scene.ask_at_once(&either, &late));
        world = next;
        scene.app.clock.advance(Duration::from_secs(1));
    }
    scene.judge().await
}

/// The clients, and rules for them.
fn first_changes(runner: &mut TestRunner) -> Vec<Change> {
    // Twice, since more is taken away later than is given.
    let grants = (super::grants(), super::grants()).prop_map(|(one, other)| [one, other].concat());
    let grants = draw(runner, vec(grants, CLIENTS.len()));
    let rules = draw(runner, vec(drawn::rule(), 6..12));
    let clients = CLIENTS.into_iter().zip(grants).map(|(client, grants)| Change::PutClient(client, grants));
    let rules = rules.into_iter().enumerate().map(|(n, rule)| Change::PutRule(format!("rule-{n}"), rule));
    clients.chain(rules).collect()
}

/// Of many tokens few get in, and of the others most are refused for the same reason.
fn some_of_each(world: &World, tokens: Vec<Token>) -> Vec<Token> {
    let mut seen = BTreeMap::new();
    let mut is_wanted = |token: &Token| {
        let refusal = world.client(token).err();
        let count = seen.entry(refusal).or_insert(0);
        *count += 1;
        *count <= if refusal.is_none() { 8 } else { 1 }
    };
    tokens.into_iter().filter(|token| is_wanted(token)).collect()
}

fn draw<S: Strategy>(runner: &mut TestRunner, strategy: S) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}
