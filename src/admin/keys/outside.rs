//! What the world sees of the issuer: its documents, fetched by the URL that IAM was told.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::canary::Answered;
use crate::audit::Outcome;
use crate::authn::workload::Fetch;
use crate::clock::Clock;
use crate::domain::{IssuerUrl, Kid};

/// What STS gives both documents together (docs/aws.md).
const BUDGET: Duration = Duration::from_secs(5);

/// Fetches the issuer's own documents from outside.
#[derive(Clone)]
pub struct Outside {
    /// The issuer.
    pub issuer: IssuerUrl,
    /// The way there.
    pub fetch: Arc<dyn Fetch>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: Option<String>,
}

impl Outside {
    /// Whether the JWKS that the world sees has `kid`.
    pub(super) async fn shows(&self, kid: &Kid) -> Answered {
        let kids = tokio::select! {
            kids = self.kids() => kids,
            () = self.clock.sleep(BUDGET) => Err(format!("both documents took more than {} s", BUDGET.as_secs())),
        };
        let (outcome, reason) = match kids {
            Ok(kids) if kids.iter().any(|shown| shown == kid.as_str()) => (Outcome::Ok, None),
            Ok(kids) => (Outcome::Refused, Some(format!("it shows the keys {}", kids.join(", ")))),
            Err(reason) => (Outcome::Failed, Some(reason)),
        };
        Answered { outcome, reason, feed: None }
    }

    async fn kids(&self) -> Result<Vec<String>, String> {
        let issuer = &self.issuer;
        let discovery: Discovery = self.get(&issuer.discovery()).await?;
        if discovery.issuer != issuer.as_str() {
            return Err(format!("the discovery document of {issuer} is that of {:?}", discovery.issuer));
        }
        let jwks: Jwks = self.get(&discovery.jwks_uri).await?;
        Ok(jwks.keys.into_iter().filter_map(|key| key.kid).collect())
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, url: &str) -> Result<T, String> {
        let fetched = self.fetch.get(url).await.map_err(|error| error.to_string())?;
        serde_json::from_slice(&fetched.body).map_err(|error| format!("GET {url} answered other JSON: {error}"))
    }
}
