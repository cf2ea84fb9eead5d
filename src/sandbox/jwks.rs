//! The issuer's keys, fetched as STS fetches them: by itself, over HTTP, with little patience.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::algorithm::SigningAlgorithm;
use super::{Options, UnknownKid};
use crate::clock::{Clock, later};
use crate::domain::{IssuerUrl, is_loopback};

/// For discovery and JWKS together (docs/aws.md §1.6).
const BUDGET: Duration = Duration::from_secs(5);
/// AWS publishes no bound; this one keeps a broken issuer from filling the memory.
const LONGEST_DOCUMENT: usize = 1024 * 1024;
/// Keys of one kind (IAM User Guide, "Create an OpenID Connect (OIDC) identity provider in IAM").
const MOST_KEYS: usize = 100;

/// A public key (RFC 7517 §4), as far as it is looked at.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Jwk {
    pub(super) kty: String,
    #[serde(default)]
    pub(super) kid: Option<String>,
    #[serde(default)]
    pub(super) alg: Option<String>,
    #[serde(default)]
    pub(super) crv: Option<String>,
    #[serde(default)]
    pub(super) n: Option<String>,
    #[serde(default)]
    pub(super) e: Option<String>,
    #[serde(default)]
    pub(super) x: Option<String>,
    #[serde(default)]
    pub(super) y: Option<String>,
}

/// The part of a discovery document that STS goes by (OpenID Connect Discovery 1.0 §3).
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Value>,
}

type Http = Client<HttpConnector, Empty<Bytes>>;
type Https = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Fetches the keys of issuers, and keeps them in one cache or several: STS is many hosts.
pub(super) struct Jwks {
    keep: Duration,
    unknown_kid: UnknownKid,
    clock: Arc<dyn Clock>,
    /// Never empty. What each keeps, by issuer.
    caches: Vec<Mutex<BTreeMap<String, Kept>>>,
    /// Counts the lookups, so that each uses the next cache.
    lookups: AtomicUsize,
    http: Http,
}

#[derive(Clone)]
struct Kept {
    keys: Arc<Vec<Jwk>>,
    until: Timestamp,
}

/// What one cache keeps of one issuer, for people to look at.
pub(super) struct KeptKids {
    /// Which cache: 1 for the first.
    pub(super) cache: usize,
    pub(super) issuer: String,
    pub(super) kids: Vec<String>,
    pub(super) until: Timestamp,
}

impl Jwks {
    pub(super) fn new(options: &Options, clock: Arc<dyn Clock>) -> Self {
        Self {
            keep: options.jwks_cache,
            unknown_kid: options.jwks_unknown_kid,
            clock,
            caches: (0..options.jwks_caches.get()).map(|_| Mutex::default()).collect(),
            lookups: AtomicUsize::new(0),
            http: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// The issuer's key with `kid` for `algorithm`, by the cache whose turn it is; [`UnknownKid`] says what is done
    /// about a `kid` that the cache does not know.
    ///
    /// # Errors
    /// Why there is none, in words for the log.
    pub(super) async fn key(&self, issuer: &IssuerUrl, kid: &str, algorithm: SigningAlgorithm) -> Result<Jwk, String> {
        let turn = self.lookups.fetch_add(1, Ordering::Relaxed) % self.caches.len();
        if let Some(Kept { keys, until }) = self.kept(turn, issuer) {
            if let Some(key) = find(&keys, kid, algorithm)? {
                return Ok(key);
            }
            if self.unknown_kid == UnknownKid::Wait {
                let (cache, of, known) = (turn + 1, self.caches.len(), kids(&keys));
                return Err(format!(
                    "cache {cache} of {of} goes by a JWKS of {issuer} until {until} that has no key with kid {kid:?}; it \
                     has {known:?}, and the sandbox is told to wait"
                ));
            }
        }
        let keys = self.fetch_in_time(turn, issuer).await?;
        let known = kids(&keys);
        find(&keys, kid, algorithm)?
            .ok_or_else(|| format!("the JWKS of {issuer} has no key with kid {kid:?}; it has {known:?}"))
    }

    /// What is kept, by cache and issuer.
    pub(super) fn all_kept(&self) -> Vec<KeptKids> {
        let now = self.clock.now();
        let of_cache = |(turn, cache): (usize, &Mutex<BTreeMap<String, Kept>>)| {
            let kept = cache.lock().unwrap_or_else(PoisonError::into_inner).clone();
            kept.into_iter().map(move |(issuer, Kept { keys, until })| KeptKids {
                cache: turn + 1,
                issuer,
                kids: kids(&keys),
                until,
            })
        };
        self.caches.iter().enumerate().flat_map(of_cache).filter(|kept| now < kept.until).collect()
    }

    fn kept(&self, turn: usize, issuer: &IssuerUrl) -> Option<Kept> {
        let kept = self.caches[turn].lock().unwrap_or_else(PoisonError::into_inner).get(issuer.as_str()).cloned()?;
        (self.clock.now() < kept.until).then_some(kept)
    }

    async fn fetch_in_time(&self, turn: usize, issuer: &IssuerUrl) -> Result<Arc<Vec<Jwk>>, String> {
        let keys = tokio::select! {
            fetched = self.fetch(issuer) => Arc::new(fetched?),
            () = self.clock.sleep(BUDGET) => return Err(format!("{issuer} took more than 5 s for discovery and JWKS")),
        };
        let kept = Kept { keys: Arc::clone(&keys), until: later(self.clock.now(), self.keep) };
        self.caches[turn].lock().unwrap_or_else(PoisonError::into_inner).insert(issuer.to_string(), kept);
        Ok(keys)
    }

    async fn fetch(&self, issuer: &IssuerUrl) -> Result<Vec<Jwk>, String> {
        let url = issuer.discovery();
        let discovery: Discovery = self.document(&url).await?;
        if discovery.issuer != issuer.as_str() {
            return Err(format!("{url} says that its issuer is {:?}, not {issuer}", discovery.issuer));
        }
        let set: JwkSet = self.document(&discovery.jwks_uri).await?;
        // RFC 7517 §5: keys that are not understood are ignored.
        Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
    }

    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is not a URL: {error}"))?;
        let https = match Url::parse(url) {
            Ok(parsed) if parsed.scheme() == "https" => true,
            Ok(parsed) if parsed.scheme() == "http" && is_loopback(&parsed) => false,
            _ => return Err(format!("{url:?} is neither https nor on this machine")),
        };
        let answer = if https { https_client()?.get(uri).await } else { self.http.get(uri).await };
        let answer = answer.map_err(|error| format!("GET {url} failed: {}", chain(&error)))?;
        // Whether STS follows redirects is unconfirmed (docs/aws.md §1.4); this does not.
        if answer.status() != StatusCode::OK {
            return Err(format!("GET {url} answered {}, not 200", answer.status()));
        }
        let body = Limited::new(answer.into_body(), LONGEST_DOCUMENT).collect().await;
        let body = body.map_err(|error| format!("GET {url} broke off or is longer than 1 MiB: {error}"))?.to_bytes();
        serde_json::from_slice(&body).map_err(|error| format!("GET {url} is not the JSON expected: {error}"))
    }
}

/// A client for the rare issuer beyond this machine. Made when needed: it reads the machine's root
/// certificates, which a machine may lack.
fn https_client() -> Result<Https, String> {
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| format!("this machine has no root certificates: {error}"))?
        .https_only()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn kids(keys: &[Jwk]) -> Vec<String> {
    keys.iter().filter_map(|key| key.kid.clone()).collect()
}

/// The key with `kid`, if there is one; it must be named for the algorithm, and not be one of too many.
fn find(keys: &[Jwk], kid: &str, algorithm: SigningAlgorithm) -> Result<Option<Jwk>, String> {
    let of_kind = keys.iter().filter(|key| key.kty == algorithm.key_type()).count();
    if of_kind > MOST_KEYS {
        return Err(format!("the JWKS has {of_kind} keys of kind {}; STS takes 100", algorithm.key_type()));
    }
    let Some(key) = keys.iter().find(|key| key.kid.as_deref() == Some(kid)) else { return Ok(None) };
    match key.alg.as_deref() {
        Some(alg) if alg == algorithm.as_str() => Ok(Some(key.clone())),
        Some(alg) => Err(format!("the key {kid:?} is for {alg}, and the token is signed with {}", algorithm.as_str())),
        None => Err(format!("the key {kid:?} has no alg, which STS wants")),
    }
}
