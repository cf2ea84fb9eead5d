//! The flow: permission, then the cache, then mint, STS and ECR.

mod access_token;
pub mod cache;
mod credentials;
mod error;
mod session;
mod token;

use std::sync::Arc;

use crate::audit::{Audit, Event, What};
use crate::authn::Caller;
use crate::aws::ambient::Ambient;
use crate::aws::ecr::{Ecr, RegistryCredentials};
use crate::aws::sts::{RoleSession, Sts};
use crate::clock::Clock;
use crate::domain::{IssuerUrl, SpaceFeed};
use crate::entropy::Entropy;
use crate::issuer::keyring::KeySet;
use crate::issuer::mint::Mint;
use crate::store::Store;
use crate::store::vault::Vault;
use crate::telemetry::{Metrics, with_causes};

pub use access_token::WrongToken;
pub use credentials::FeedCredentials;
pub use error::BrokerError;

use self::cache::Cache;
use self::credentials::CredentialsKey;

/// Gives callers what they may have. Cloning shares it.
#[derive(Clone)]
pub struct Broker {
    store: Arc<Store>,
    exchange: Arc<Steps>,
    cache: Cache<CredentialsKey, RegistryCredentials, BrokerError>,
    sessions: Cache<CredentialsKey, RoleSession, BrokerError>,
    metrics: Arc<Metrics>,
    audit: Audit,
}

/// The steps beyond the cache, shared with the flights that outlive a request.
pub struct Steps {
    /// What is known of feeds and grants.
    pub store: Arc<Store>,
    /// Step 4.
    pub mint: Arc<Mint>,
    /// Step 5.
    pub sts: Sts,
    /// Step 6.
    pub ecr: Ecr,
    /// The process's own identity, for feeds that go by it.
    pub ambient: Ambient,
    /// What opens the secrets that the store keeps.
    pub vault: Vault,
    /// The figures.
    pub metrics: Arc<Metrics>,
    /// What is written down of each step.
    pub audit: Audit,
}

impl Broker {
    /// Joins `steps`.
    #[must_use]
    pub fn new(steps: Steps, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let (store, metrics, audit) = (Arc::clone(&steps.store), Arc::clone(&steps.metrics), steps.audit.clone());
        let sessions = Cache::new(Arc::clone(&clock), Arc::clone(&entropy));
        let cache = Cache::new(clock, entropy);
        Self { store, exchange: Arc::new(steps), cache, sessions, metrics, audit }
    }

    /// Writes down that `caller` asked for `what` of `target` and what came of it, and only then hands it on.
    async fn written<T>(
        &self,
        caller: &Caller,
        what: What,
        target: Option<&SpaceFeed>,
        result: Result<T, BrokerError>,
        given: impl FnOnce(&T, Event) -> Event,
    ) -> Result<T, BrokerError> {
        let event = caller.event(&self.audit, what);
        let event = target.into_iter().fold(event, Event::of);
        let event = match &result {
            Ok(value) => given(value, event),
            Err(error) => failed(error, event),
        };
        self.audit.record(event).await?;
        result
    }

    /// The issuer that the web identity tokens name.
    #[must_use]
    pub fn issuer(&self) -> &IssuerUrl {
        self.exchange.mint.issuer()
    }

    /// Asks AWS again where it refused: something was changed that may have been the cause.
    pub fn forget_failures(&self) {
        self.cache.forget_failures();
        self.sessions.forget_failures();
    }

    /// Forgets what was obtained with a key that is revoked: whoever burnt it may know it too.
    pub fn forget_revoked(&self, keys: &KeySet) {
        if !keys.revoked().is_empty() {
            self.cache.forget_where(|held| held.kid.as_ref().is_some_and(|kid| keys.is_revoked(kid)));
            self.sessions.forget_where(|held| held.kid.as_ref().is_some_and(|kid| keys.is_revoked(kid)));
        }
    }

    /// Asks AWS again for everything: it is another AWS than before.
    pub fn forget_all(&self) {
        self.cache.forget_all();
        self.sessions.forget_all();
    }
}

/// The event of what `error` ended.
fn failed(error: &BrokerError, event: Event) -> Event {
    event.ended(error.outcome(), error.code(), with_causes(error))
}
