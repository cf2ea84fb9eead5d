//! How an issuer's keys are found and read.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::fetch::{Fetch, FetchError, Fetched};
use crate::authn::jws::{KeySet, KeySetError, StrictJsonError, strict_object};
use crate::clock::{Clock, later};
use crate::domain::{JwksUrl, KeySource, WorkloadIssuerUrl, shown};

/// For discovery and JWKS together.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(5);
/// How long keys are kept without asking again, whatever their server says.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(24);
const UNLESS_SAID: Duration = Duration::from_mins(10);

/// Why an issuer's keys are not to be had. It is nobody's move here: the issuer is down, or set up wrong.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeysError {
    /// A document could not be fetched.
    #[error(transparent)]
    Fetch(FetchError),
    /// The documents took too long.
    #[error("its documents took more than 5 s")]
    TooSlow,
    /// The discovery document is not the JSON it should be.
    #[error("its discovery document {0}")]
    Discovery(StrictJsonError),
    /// The discovery document is another issuer's (OpenID Connect Discovery 1.0 §4.3).
    #[error("its discovery document says that its issuer is {0}")]
    OtherIssuer(String),
    /// The discovery document leads nowhere that is safe to go.
    #[error("its discovery document has {0} as its `jwks_uri`, which should start with `https://`")]
    JwksUri(String),
    /// The keys are not to be believed.
    #[error(transparent)]
    Set(KeySetError),
    /// The task that fetched them ended without a result.
    #[error("fetching them broke off")]
    Lost,
}

/// Keys, and when they were fetched.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) keys: Arc<KeySet>,
    pub(super) fetched_at: Timestamp,
    pub(super) fresh_until: Timestamp,
}

/// Fetches an issuer's keys, within [`TIME_LIMIT`].
pub(super) async fn fetch_keys(
    issuer: &WorkloadIssuerUrl,
    source: &KeySource,
    fetch: &dyn Fetch,
    clock: &dyn Clock,
) -> Result<Held, KeysError> {
    let fetched = tokio::select! {
        fetched = fetch_set(issuer, source, fetch) => fetched?,
        () = clock.sleep(TIME_LIMIT) => return Err(KeysError::TooSlow),
    };
    let keys = Arc::new(KeySet::parse(&fetched.body).map_err(KeysError::Set)?);
    for key in keys.left_out() {
        let kid = key.kid.as_deref().map_or_else(|| "without a kid".to_owned(), shown);
        tracing::debug!(issuer = %issuer, key.kid = kid, "a key of {issuer} cannot be used ({kid}): {}", key.fault);
    }
    let fetched_at = clock.now();
    let keep = fetched.max_age.unwrap_or(UNLESS_SAID).clamp(SHORTEST, LONGEST);
    Ok(Held { keys, fetched_at, fresh_until: later(fetched_at, keep) })
}

async fn fetch_set(issuer: &WorkloadIssuerUrl, source: &KeySource, fetch: &dyn Fetch) -> Result<Fetched, KeysError> {
    let url = match source {
        KeySource::JwksUrl(url) => url.clone(),
        KeySource::Discovery | KeySource::Pinned(_) => {
            let document = fetch.get(&issuer.discovery()).await.map_err(KeysError::Fetch)?;
            let document = strict_object(&document.body).map_err(KeysError::Discovery)?;
            jwks_uri(issuer, &document)?
        }
    };
    fetch.get(url.as_str()).await.map_err(KeysError::Fetch)
}

fn jwks_uri(issuer: &WorkloadIssuerUrl, document: &Map<String, Value>) -> Result<JwksUrl, KeysError> {
    let member = |name| document.get(name).and_then(Value::as_str);
    let shown_member = |name| member(name).map_or_else(|| "nothing".to_owned(), |text| format!("`{}`", shown(text)));
    if member("issuer") != Some(issuer.as_str()) {
        return Err(KeysError::OtherIssuer(shown_member("issuer")));
    }
    // An issuer elsewhere has nothing to say about this machine's own addresses.
    let url = member("jwks_uri").and_then(|url| url.parse::<JwksUrl>().ok());
    url.filter(|url| issuer.is_plain_http() || !url.is_plain_http())
        .ok_or_else(|| KeysError::JwksUri(shown_member("jwks_uri")))
}
