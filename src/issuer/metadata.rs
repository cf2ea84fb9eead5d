//! The discovery document and the JWKS, as prepared bytes.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use http::HeaderValue;
use jsonwebtoken::jwk::Jwk;
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::keyring::KeySet;
use crate::domain::{IssuerUrl, JwsAlgorithm, Scope};

/// What AWS reads of the issuer. Reading takes no lock and makes nothing.
#[derive(Debug)]
pub struct Metadata {
    documents: ArcSwap<Documents>,
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
    /// How long it may be kept, in the header's words.
    pub cache_control: HeaderValue,
}

/// How long a verifier may keep either document while no change of keys is planned, in seconds.
const MAX_AGE: u32 = 300;

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
        let documents = Documents {
            discovery: document(&discovery(issuer, token_endpoint, keys))?,
            jwks: document(&Jwks { keys: keys.published().iter().map(|key| &key.jwk).collect() })?,
        };
        Ok(Self { documents: ArcSwap::from_pointee(documents) })
    }

    /// The documents as they stand now.
    #[must_use]
    pub fn current(&self) -> Arc<Documents> {
        self.documents.load_full()
    }
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
    Ok(Document {
        etag: header(format!("\"{hash}\""))?,
        cache_control: header(format!("public, max-age={MAX_AGE}"))?,
        body,
    })
}
