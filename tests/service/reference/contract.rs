//! What the contract says of workloads, in the fewest words. It shares nothing with `src`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::drawn::{Change, Fault, ISSUERS, Token, Wish};
use super::{FEEDS, Grant, reference};

/// What no `*` stands for, as docs/workloads.md has it.
const SEPARATORS: &str = "/:@#?&=,;|\\ \t\n";

/// What a request is made with.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    Workload(Token),
    /// The access token that the client got at the beginning.
    AccessToken(&'static str),
}

/// What a request comes to: status, code, and which client was given which feed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) given: Option<(String, String)>,
}

impl Outcome {
    fn refused((status, code): (u16, &str)) -> Self {
        Self { status, code: code.into(), given: None }
    }
}

/// Rules and clients, as they are at one moment.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) rules: BTreeMap<String, Value>,
    pub(super) clients: BTreeMap<&'static str, Vec<Grant>>,
    /// Whose access token was made since the client was.
    pub(super) access_tokens: BTreeSet<&'static str>,
}

impl World {
    /// The client that a token stands for, or the status and code that it is refused with.
    pub(super) fn client(&self, token: &Token) -> Result<&str, (u16, &'static str)> {
        if ISSUERS[token.issuer] == "stranger" {
            return Err((401, "token_issuer_untrusted"));
        }
        if token.fault != Fault::None {
            return Err((401, "workload_token_refused"));
        }
        let clients: BTreeSet<&str> = self.fitting(token).map(|rule| rule["client"].as_str().unwrap()).collect();
        match clients.into_iter().collect::<Vec<_>>()[..] {
            [] => Err((403, "workload_not_matched")),
            [client] if self.clients.contains_key(client) => Ok(client),
            [_] => Err((403, "workload_client_gone")),
            _ => Err((403, "workload_ambiguous")),
        }
    }

    /// The rules that count and fit.
    fn fitting(&self, token: &Token) -> impl Iterator<Item = &Value> {
        let counts = |rule: &&Value| rule["issuer"] == ISSUERS[token.issuer] && rule["mode"] == "enforce";
        self.rules.values().filter(counts).filter(|rule| fits(rule, &token.claims))
    }

    /// What comes of `wish`.
    pub(super) fn outcome(&self, proof: &Proof, wish: &Wish) -> Outcome {
        let client = match proof {
            Proof::Workload(token) => self.client(token),
            Proof::AccessToken(client) if self.access_tokens.contains(client) => Ok(*client),
            Proof::AccessToken(_) => Err((401, "access_token_refused")),
        };
        match (client, wish) {
            (Ok(client), wish) => self.outcome_for(client, wish),
            (Err(_), Wish::AccessToken | Wish::ExchangeFor(_)) => Outcome::refused((400, "invalid_request")),
            (Err(refused), _) => Outcome::refused(refused),
        }
    }

    fn outcome_for(&self, client: &str, wish: &Wish) -> Outcome {
        let may = |feed: &str, actions: &[&str]| reference(&self.clients[client], feed, actions);
        let given =
            |feed: &str| Outcome { status: 200, code: String::new(), given: Some((client.into(), feed.into())) };
        let of_feed = |feed: &str, actions: &[&str]| match may(feed, actions) {
            404 => Outcome::refused((404, "feed_not_found")),
            403 => Outcome::refused((403, "action_not_granted")),
            _ => given(feed),
        };
        match wish {
            Wish::Credentials(feed, _) => of_feed(feed, &["pull", "push"]),
            Wish::WebIdentityToken(feed) => of_feed(feed, &["token"]),
            Wish::Session(feed) => of_feed(feed, &["session"]),
            Wish::AccessToken => given(""),
            Wish::ExchangeFor(feed) if may(feed, &["token"]) == 200 => given(feed),
            Wish::ExchangeFor(_) => Outcome::refused((400, "invalid_target")),
            Wish::AtRegistry(region) => {
                let there = FEEDS.iter().filter(|(_, at)| at == region).map(|(feed, _)| *feed);
                match there.filter(|feed| may(feed, &["pull", "push"]) == 200).collect::<Vec<_>>()[..] {
                    [] => Outcome::refused((404, "registry_not_found")),
                    [feed] => given(feed),
                    _ => Outcome::refused((409, "registry_ambiguous")),
                }
            }
        }
    }

    /// The world after a change that was made. None where it cannot be made: its client is not there.
    pub(super) fn after(&self, change: &Change) -> Option<Self> {
        let mut after = self.clone();
        match change {
            Change::PutRule(name, rule) => {
                self.clients.get(rule["client"].as_str().unwrap())?;
                after.rules.insert(name.clone(), rule.clone());
            }
            Change::RemoveRule(name) => drop(after.rules.remove(name)),
            Change::PutClient(client, grants) => drop(after.clients.insert(client, grants.clone())),
            Change::RemoveClient(client) => {
                after.clients.remove(client);
                after.access_tokens.remove(client);
            }
        }
        Some(after)
    }
}

fn fits(rule: &Value, claims: &Value) -> bool {
    rule["claims"].as_object().unwrap().iter().all(|(path, wanted)| {
        let found = if path.starts_with('/') { claims.pointer(path) } else { claims.get(path) };
        found.is_some_and(|found| each(found).any(|found| each(wanted).any(|wanted| is(found, wanted))))
    })
}

/// The elements of a list; of anything else that itself.
fn each(value: &Value) -> std::slice::Iter<'_, Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

fn is(found: &Value, wanted: &Value) -> bool {
    match (wanted["pattern"].as_str(), found.as_str()) {
        (Some(pattern), Some(text)) => is_like(text, pattern),
        (Some(_), None) => false,
        (None, _) => found == wanted,
    }
}

/// Whether a pattern is all of a text: a `*` is tried as one character of it, as two, as three.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    if first != '*' {
        return text.strip_prefix(first).is_some_and(|rest| is_like(rest, &pattern[first.len_utf8()..]));
    }
    let mut taken = text.char_indices().take_while(|(_, c)| !SEPARATORS.contains(*c));
    taken.any(|(at, c)| is_like(&text[at + c.len_utf8()..], &pattern[1..]))
}
