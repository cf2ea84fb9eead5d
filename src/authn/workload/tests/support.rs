//! An outside issuer that answers as told, and tokens of it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::authn::jws::tests::keys::TestKey;
use crate::authn::workload::{Fetch, FetchError, Fetched, Policy, Verified, WorkloadError, Workloads};
use crate::clock::{Clock as _, ManualClock};
use crate::domain::{JwsAlgorithm, TrustedIssuer, WorkloadRule};

pub(super) const ISSUER: &str = "https://ci.example";
pub(super) const AUDIENCE: &str = "https://feedpass.internal";
pub(super) const SUBJECT: &str = "repo:my-org/my-repo:ref:refs/heads/main";

/// Answers by URL; what it does not know is unreachable.
pub(super) struct FakeFetch {
    documents: Mutex<HashMap<String, (String, Option<Duration>)>>,
    /// Issuers that answer only once `gate` has a permit.
    pub(super) slow: Mutex<Vec<String>>,
    pub(super) gate: Semaphore,
    calls: AtomicUsize,
}

#[async_trait]
impl Fetch for FakeFetch {
    async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let slow = self.slow.lock().unwrap().iter().any(|slow| url.starts_with(slow));
        if slow {
            self.gate.acquire().await.unwrap().forget();
        }
        let found = self.documents.lock().unwrap().get(url).cloned();
        let unreachable = || FetchError::Unreachable { url: url.to_owned(), reason: "no one is there".to_owned() };
        let (body, max_age) = found.ok_or_else(unreachable)?;
        Ok(Fetched { body: body.into(), max_age })
    }
}

/// feedpass, its clock, and the issuer `ci` with one key and one rule.
pub(super) struct World {
    pub(super) clock: ManualClock,
    pub(super) fetch: Arc<FakeFetch>,
    pub(super) key: TestKey,
    pub(super) workloads: Workloads,
    pub(super) policy: Policy,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(&[issuer("ci", ISSUER, "")], &[rule("main", "ci", &format!("sub = \"{SUBJECT}\""))])
    }

    pub(super) fn with(issuers: &[Arc<TrustedIssuer>], rules: &[Arc<WorkloadRule>]) -> Self {
        let clock = ManualClock::at("2026-11-23T12:00:00Z".parse().unwrap());
        let fetch = Arc::new(FakeFetch {
            documents: Mutex::default(),
            slow: Mutex::default(),
            gate: Semaphore::new(0),
            calls: AtomicUsize::new(0),
        });
        let workloads = Workloads::new(Arc::clone(&fetch) as Arc<dyn Fetch>, Arc::new(clock.clone()));
        let key = TestKey::new("k1", JwsAlgorithm::Es256);
        let policy = Policy::new(issuers, rules).unwrap();
        let world = Self { clock, fetch, key, workloads, policy };
        world.publish(ISSUER, &json!([world.key.jwk()]), None);
        world
    }

    /// Has an issuer publish these keys from now on.
    pub(super) fn publish(&self, issuer: &str, keys: &Value, max_age: Option<Duration>) {
        let jwks_uri = format!("{issuer}/jwks");
        let discovery = json!({ "issuer": issuer, "jwks_uri": jwks_uri });
        self.serve(&format!("{issuer}/.well-known/openid-configuration"), &discovery.to_string(), None);
        self.serve(&jwks_uri, &json!({ "keys": keys }).to_string(), max_age);
    }

    pub(super) fn serve(&self, url: &str, body: &str, max_age: Option<Duration>) {
        self.fetch.documents.lock().unwrap().insert(url.to_owned(), (body.to_owned(), max_age));
    }

    /// Has every issuer be gone.
    pub(super) fn take_down(&self) {
        self.fetch.documents.lock().unwrap().clear();
    }

    /// How many documents were asked for since the last time.
    pub(super) fn calls(&self) -> usize {
        self.fetch.calls.swap(0, Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What an honest token of the issuer claims.
    pub(super) fn claims(&self) -> Value {
        let now = self.now().as_second();
        json!({ "iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300 })
    }

    /// These claims, with one changed, or taken away by null.
    pub(super) fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    pub(super) fn token(&self) -> String {
        self.key.token(&self.claims())
    }

    pub(super) async fn verify(&self, token: &str) -> Result<Verified, WorkloadError> {
        self.workloads.verify(&self.policy, token).await
    }

    /// Has all tasks go on until none can.
    pub(super) async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

pub(super) fn issuer(name: &str, url: &str, more: &str) -> Arc<TrustedIssuer> {
    let text = format!("name = \"{name}\"\nissuer = \"{url}\"\naudiences = [\"{AUDIENCE}\"]\n{more}");
    Arc::new(toml::from_str(&text).unwrap())
}

/// A rule whose client has its name.
pub(super) fn rule(name: &str, issuer: &str, claims: &str) -> Arc<WorkloadRule> {
    rule_for(name, issuer, name, "enforce", claims)
}

pub(super) fn rule_for(name: &str, issuer: &str, client: &str, mode: &str, claims: &str) -> Arc<WorkloadRule> {
    let text = format!(
        "name = \"{name}\"\nissuer = \"{issuer}\"\nclient = \"{client}\"\nmode = \"{mode}\"\n[claims]\n{claims}"
    );
    Arc::new(toml::from_str(&text).unwrap())
}

/// Whether a future has come to its end, after one look.
pub(super) async fn is_ready(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_ready())).await
}
