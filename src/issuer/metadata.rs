//! The discovery document and the JWKS, as prepared bytes.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::keyring::KeySet;
use crate::domain::{IssuerUrl, JwsAlgorithm, Scope};

/// What AWS reads of the issuer. Reading takes no lock and makes nothing.
#[derive(Debug)]
pub struct Metadata {
    issuer: IssuerUrl,
    token_endpoint: String,
    documents: ArcSwap<Documents>,
    /// When the keys change next, in seconds since 1970; [`NONE_PLANNED`] or [`NOT_KNOWN`].
    next_change: AtomicI64,
}

/// The two documents that belong together.
#[derive(Clone, Debug)]
pub struct Documents {
    /// `/.well-known/openid-configuration`
    pub discovery: Document,
    /// `/.well-known/jwks`
    pub jwks: Document,
}

/// A document's bytes and what its headers say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// The JSON text.
    pub body: Bytes,
    /// A strong validator, quotes included (RFC 9110 §8.8.3).
    pub etag: HeaderValue,
}

/// How long a verifier may keep either document while no change of keys is near, in seconds.
const MAX_AGE: i64 = 300;

/// No change of keys is planned.
const NONE_PLANNED: i64 = i64::MAX;
/// The keys have just changed, and the next change is not reckoned yet.
const NOT_KNOWN: i64 = i64::MIN;

/// `Cache-Control` for each number of seconds to `MAX_AGE`.
static CACHE_CONTROL: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
    let header = |seconds| HeaderValue::try_from(format!("public, max-age={seconds}"));
    (0..=MAX_AGE).map(|seconds| header(seconds).unwrap_or(HeaderValue::from_static("no-cache"))).collect()
});

/// Why the documents could not be prepared.
#[derive(Debug, thiserror::Error)]
#[error("the discovery document or the JWKS could not be written: {0}")]
pub struct MetadataError(String);

/// OpenID Connect Discovery 1.0 §3, as far as a machine's issuer has it, in its order.
#[derive(Serialize)]
struct Discovery<'a> {
    issuer: &'a IssuerUrl,
    jwks_uri: String,
    token_endpoint: &'a str,
    response_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    claims_supported: [&'static str; 6],
    scopes_supported: [&'static str; 6],
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
}

/// RFC 7517 §5.
#[derive(Serialize)]
struct Jwks<'a> {
    keys: Vec<&'a Jwk>,
}

impl Metadata {
    /// Prepares the documents of `issuer` for `keys`; the token endpoint's URL is clients' way to it.
    ///
    /// # Errors
    /// [`MetadataError`] when a key cannot be written as JSON.
    pub fn new(issuer: &IssuerUrl, token_endpoint: &str, keys: &KeySet) -> Result<Self, MetadataError> {
        Ok(Self {
            documents: ArcSwap::from_pointee(documents(issuer, token_endpoint, keys)?),
            issuer: issuer.clone(),
            token_endpoint: token_endpoint.to_owned(),
            next_change: AtomicI64::new(NOT_KNOWN),
        })
    }

    /// Shows `keys` from now on. Nobody may keep them until it is [planned](Self::plan) when they change next.
    ///
    /// # Errors
    /// [`MetadataError`]; the documents stay as they were then.
    pub fn publish(&self, keys: &KeySet) -> Result<(), MetadataError> {
        let documents = documents(&self.issuer, &self.token_endpoint, keys)?;
        self.next_change.store(NOT_KNOWN, Ordering::Release);
        self.documents.store(Arc::new(documents));
        Ok(())
    }

    /// Notes when the keys change next, so that nobody keeps the documents longer.
    pub fn plan(&self, next_change: Option<Timestamp>) {
        self.next_change.store(next_change.map_or(NONE_PLANNED, Timestamp::as_second), Ordering::Release);
    }

    /// The documents as they stand now.
    #[must_use]
    pub fn current(&self) -> Arc<Documents> {
        self.documents.load_full()
    }

    /// How long they may be kept from `now` on: never beyond the next change that is planned.
    #[must_use]
    pub fn cache_control(&self, now: Timestamp) -> HeaderValue {
        // A second that has begun is gone.
        let now = now.as_second() + i64::from(now.subsec_nanosecond() > 0);
        let seconds = match self.next_change.load(Ordering::Acquire) {
            NOT_KNOWN => 0,
            // One whose time is over waits for something: nobody knows when it comes.
            next if next < now => MAX_AGE,
            next => (next - now).min(MAX_AGE),
        };
        let header = usize::try_from(seconds).ok().and_then(|seconds| CACHE_CONTROL.get(seconds));
        header.cloned().unwrap_or(HeaderValue::from_static("no-cache"))
    }
}

fn documents(issuer: &IssuerUrl, token_endpoint: &str, keys: &KeySet) -> Result<Documents, MetadataError> {
    Ok(Documents {
        discovery: document(&discovery(issuer, token_endpoint, keys))?,
        jwks: document(&Jwks { keys: keys.published().iter().map(|key| &key.jwk).collect() })?,
    })
}

fn discovery<'a>(issuer: &'a IssuerUrl, token_endpoint: &'a str, keys: &KeySet) -> Discovery<'a> {
    let mut algorithms: Vec<_> = keys.published().iter().map(|key| key.algorithm.as_str()).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let client_algorithms = JwsAlgorithm::ALL.into_iter().map(JwsAlgorithm::as_str);
    Discovery {
        issuer,
        jwks_uri: format!("{issuer}/.well-known/jwks"),
        token_endpoint,
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms,
        claims_supported: ["aud", "exp", "iat", "iss", "jti", "sub"],
        // Those of access tokens, never `openid`: nobody signs in here.
        scopes_supported: Scope::WORDS,
        // Leaving them out would mean browser flows.
        grant_types_supported: ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
        // `none` is for token exchange, where the subject token is proof enough.
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        token_endpoint_auth_signing_alg_values_supported: client_algorithms.chain([JwsAlgorithm::ED25519]).collect(),
    }
}

fn document(value: &impl Serialize) -> Result<Document, MetadataError> {
    let failed = |error: &dyn std::fmt::Display| MetadataError(error.to_string());
    let body = Bytes::from(serde_json::to_vec(value).map_err(|error| failed(&error))?);
    let hash = BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, &body).as_ref()[..16]);
    let header = |text: String| HeaderValue::try_from(text).map_err(|error| failed(&error));
    Ok(Document { etag: header(format!("\"{hash}\""))?, body })
}
