//! What one admin was told is there, or is gone.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use http::Method;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::support::{Reply, Request};

const SPACES: &str = "/v1/admin/spaces";
const CLIENTS: &str = "/v1/admin/clients";
const WORKLOADS: &str = "/v1/admin/workloads";
/// The issuer that the rules are for.
pub const ISSUER: &str = "builds";

/// An admin's way to feedpass.
#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    pub secret: String,
}

impl Api {
    pub fn request(&self, method: Method, path: &str, body: &Value) -> Request {
        let request = Request::new(method, self.address, path).bearer(&self.secret).header("if-match", "*");
        match body {
            Value::Null => request,
            body => request.header("content-type", "application/json").body(body.to_string()),
        }
    }

    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Reply {
        self.request(method, path, body).send().await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, &Value::Null).await
    }
}

/// A change, of the thing at a path.
#[derive(Clone, Debug)]
pub struct Write {
    thing: String,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Make(Value),
    Replace(Value),
    Remove,
    AddSecret,
    RemoveSecret(String),
}

impl Write {
    pub fn request(&self, api: &Api) -> Request {
        let Self { thing, change } = self;
        match change {
            Change::Make(body) => api.request(Method::POST, collection(thing), body),
            Change::Replace(body) => api.request(Method::PUT, thing, body),
            Change::Remove => api.request(Method::DELETE, thing, &Value::Null),
            Change::AddSecret => api.request(Method::POST, &format!("{thing}/secrets"), &json!({})),
            Change::RemoveSecret(id) => api.request(Method::DELETE, &format!("{thing}/secrets/{id}"), &Value::Null),
        }
    }

    fn done(&self) -> u16 {
        match self.change {
            Change::Make(_) | Change::AddSecret => 201,
            Change::Replace(_) => 200,
            Change::Remove | Change::RemoveSecret(_) => 204,
        }
    }
}

/// The list that a thing is in.
fn collection(thing: &str) -> &str {
    thing.rsplit_once('/').unwrap().0
}

struct Secret {
    id: String,
    text: String,
}

/// What one admin was told, who alone changes these things. They are known by their paths, with what they are.
pub struct Ledger {
    admin: usize,
    made: usize,
    there: BTreeMap<String, Value>,
    gone: BTreeMap<String, Value>,
    /// Of clients, by their paths.
    secrets: BTreeMap<String, Vec<Secret>>,
    dead_secrets: Vec<String>,
    /// What nobody answered: it was done, or it was not.
    doubtful: Option<Write>,
}

impl Ledger {
    pub fn new(admin: usize) -> Self {
        let (there, gone, secrets) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { admin, made: 0, there, gone, secrets, dead_secrets: Vec::new(), doubtful: None }
    }

    /// A change that can be made, by numbers that were drawn; it is in doubt until it is acknowledged.
    pub fn next(&mut self, [kind, action, which]: [Index; 3]) -> Write {
        let spaces: Vec<_> = self.things(SPACES).map(|space| format!("{space}/feeds")).collect();
        let feeds = [&["/v1/admin/spaces/default/feeds".to_owned()], &*spaces].concat();
        let clients: Vec<_> = self.things(CLIENTS).collect();
        let write = match kind.index(5) {
            0 => self.of_list(SPACES, action, which),
            1 => self.of_list(&feeds[which.index(feeds.len())], action, which),
            2 => self.of_list(CLIENTS, action, which),
            3 => self.of_list(WORKLOADS, action, which),
            _ if clients.is_empty() => self.of_list(CLIENTS, action, which),
            _ => self.of_secrets(&clients[which.index(clients.len())]),
        };
        self.doubtful = Some(write.clone());
        write
    }

    /// The paths of what is in a list.
    fn things(&self, list: &str) -> impl Iterator<Item = String> {
        let list = list.to_owned();
        self.there.keys().filter(move |thing| collection(thing) == list).cloned()
    }

    fn of_list(&mut self, list: &str, action: Index, which: Index) -> Write {
        let things: Vec<_> = self.things(list).collect();
        self.made += 1;
        if things.is_empty() || action.index(5) < 2 {
            let name = format!("of-{}-{}", self.admin, self.made);
            return Write { thing: format!("{list}/{name}"), change: Change::Make(self.body(list, &name)) };
        }
        let thing = which.get(&things).clone();
        let is_empty = !self.there.keys().any(|other| other.starts_with(&format!("{thing}/")));
        let change = if is_empty && action.index(5) < 4 {
            Change::Remove
        } else {
            Change::Replace(self.body(list, thing.rsplit_once('/').unwrap().1))
        };
        Write { thing, change }
    }

    /// Something that was never there so before.
    fn body(&self, list: &str, name: &str) -> Value {
        let words = format!("Version {} of {name}", self.made);
        match list {
            SPACES => json!({ "slug": name, "name": words }),
            CLIENTS => {
                let grants = json!([{ "feeds": ["default/images"], "actions": ["pull"] }]);
                json!({ "id": name, "name": words, "grants": grants })
            }
            WORKLOADS => json!({ "name": name, "issuer": ISSUER, "client": "ci", "claims": { "sub": words } }),
            _ => {
                let role = json!({ "role_arn": format!("arn:aws:iam::123456789012:role/{name}") });
                json!({ "slug": name, "name": words, "region": "us-east-1", "web_identity": role })
            }
        }
    }

    /// One more secret, or one less: two may live at a time.
    fn of_secrets(&self, client: &str) -> Write {
        let change = match self.secrets.get(client).map(Vec::as_slice) {
            Some([oldest, _, ..]) => Change::RemoveSecret(oldest.id.clone()),
            _ => Change::AddSecret,
        };
        Write { thing: client.to_owned(), change }
    }

    /// Takes down that the last change was done, which must be what `reply` says; gives a secret that was made.
    pub fn acknowledged(&mut self, reply: &Reply) -> Option<String> {
        let write = self.doubtful.take().unwrap();
        assert_eq!(reply.status, write.done(), "{write:?}: {}", reply.text());
        if !matches!(write.change, Change::AddSecret) {
            self.done(write);
            return None;
        }
        let text = |name: &str| reply.json()[name].as_str().unwrap().to_owned();
        let secret = Secret { id: text("id"), text: text("secret") };
        self.secrets.entry(write.thing).or_default().push(secret);
        Some(text("secret"))
    }

    fn done(&mut self, Write { thing, change }: Write) {
        match change {
            Change::Make(body) | Change::Replace(body) => drop(self.there.insert(thing, body)),
            Change::Remove => {
                let secrets = self.secrets.remove(&thing).unwrap_or_default();
                self.dead_secrets.extend(secrets.into_iter().map(|secret| secret.text));
                let body = self.there.remove(&thing).unwrap();
                self.gone.insert(thing, body);
            }
            Change::RemoveSecret(id) => {
                let secrets = self.secrets.get_mut(&thing).unwrap();
                let at = secrets.iter().position(|secret| secret.id == id).unwrap();
                self.dead_secrets.push(secrets.remove(at).text);
            }
            Change::AddSecret => {}
        }
    }

    /// Finds out whether the change in doubt was done; half of it must not be.
    async fn settle(&mut self, api: &Api) {
        let Some(write) = self.doubtful.take() else { return };
        let shown = api.get(&write.thing).await;
        let was_done = match &write.change {
            Change::Make(body) | Change::Replace(body) => shown.status == 200 && says(&shown.json(), body),
            Change::Remove => shown.status == 404,
            Change::RemoveSecret(id) => !ids(&shown).contains(id),
            Change::AddSecret => {
                // Nobody knows it, so it is of no use to anyone.
                let known = self.secrets.get(&write.thing).map(Vec::as_slice).unwrap_or_default();
                let unknown: Vec<_> =
                    ids(&shown).into_iter().filter(|id| known.iter().all(|one| one.id != *id)).collect();
                assert!(unknown.len() <= 1, "{unknown:?}");
                for id in unknown {
                    let path = format!("{}/secrets/{id}", write.thing);
                    assert_eq!(api.ask(Method::DELETE, &path, &Value::Null).await.status, 204);
                }
                false
            }
        };
        if was_done {
            self.done(write);
        } else if let Change::Make(_) = write.change {
            assert_eq!(shown.status, 404, "{write:?}: {}", shown.text());
        }
    }

    /// Holds what is there against what the admin was told.
    pub async fn check(&mut self, api: &Api) {
        self.settle(api).await;
        for (thing, body) in &self.there {
            let shown = api.get(thing).await;
            assert_eq!(shown.status, 200, "{thing} is lost: {}", shown.text());
            assert!(says(&shown.json(), body), "{thing} is {}, not {body}", shown.text());
            if collection(thing) == CLIENTS {
                let known: Vec<_> =
                    self.secrets.get(thing).into_iter().flatten().map(|secret| secret.id.clone()).collect();
                assert_eq!(ids(&shown), known, "{thing}");
            }
        }
        for (thing, body) in &self.gone {
            assert_eq!(api.get(thing).await.status_and_code(), (404, "not_found".into()), "{thing} is back");
            let list = collection(thing);
            let is_slug = list == SPACES || list.ends_with("/feeds");
            // Of a space that is gone too, its own slug is what is never given again.
            let space_is_there = !self.gone.contains_key(list.trim_end_matches("/feeds"));
            if is_slug && space_is_there {
                let again = api.ask(Method::POST, list, body).await;
                assert_eq!(again.status_and_code(), (409, "name_tombstoned".into()), "{thing}");
            }
        }
        for (secret, status) in self.every_secret() {
            let api = Api { secret, ..api.clone() };
            assert_eq!(api.get("/v1/whoami").await.status, status);
        }
    }

    /// The secrets that were given, each with what its owner is answered.
    fn every_secret(&self) -> impl Iterator<Item = (String, u16)> {
        let live = self.secrets.values().flatten().map(|secret| (secret.text.clone(), 200));
        live.chain(self.dead_secrets.iter().map(|secret| (secret.clone(), 401)))
    }
}

/// How many things are there, how many are gone, and how many secrets were given.
pub fn counts(ledgers: &[Ledger]) -> [usize; 3] {
    let sum = |count: fn(&Ledger) -> usize| ledgers.iter().map(count).sum();
    [sum(|one| one.there.len()), sum(|one| one.gone.len()), sum(|one| one.every_secret().count())]
}

/// Holds the lists against what the admins were told, beside whom nobody made anything.
pub async fn assert_nothing_more(api: &Api, ledgers: &[Ledger]) {
    let mut listed = 0;
    for list in [SPACES, "/v1/admin/feeds", CLIENTS, WORKLOADS] {
        let reply = api.get(&format!("{list}?limit=1000")).await.json();
        assert_eq!(reply["next"], Value::Null, "{list}");
        listed += reply["items"].as_array().unwrap().iter().filter(|item| item["source"] == "store").count();
    }
    // The first admin was there before.
    assert_eq!(listed, counts(ledgers)[0] + 1);
}

/// The ids of a client's secrets, the oldest first.
fn ids(client: &Reply) -> Vec<String> {
    let secrets = client.json()["secrets"].as_array().unwrap().clone();
    secrets.iter().map(|secret| secret["id"].as_str().unwrap().to_owned()).collect()
}

/// Whether all that `body` says is so.
fn says(shown: &Value, body: &Value) -> bool {
    match body {
        Value::Object(members) => members.iter().all(|(name, value)| says(&shown[name], value)),
        value => shown == value,
    }
}
