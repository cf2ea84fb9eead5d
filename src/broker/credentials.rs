//! Registry credentials, on one screen.

use std::sync::Arc;

use jiff::Timestamp;

use super::cache::Held;
use super::{Broker, BrokerError, Exchange};
use crate::authn::Caller;
use crate::authz::{self, Permit, Wish};
use crate::aws::ecr::RegistryCredentials;
use crate::domain::{AccountId, Audience, Feed, Region, RegistryHost, RoleArn, SessionDuration, SpaceFeed, Subject};
use crate::telemetry::ExchangeOutcome;

/// What a caller gets: the feed that it was permitted, and what AWS gave for it.
#[derive(Clone, Debug)]
pub struct FeedCredentials {
    /// The feed.
    pub feed: SpaceFeed,
    /// Its registry credentials.
    pub credentials: Arc<RegistryCredentials>,
}

impl Held for RegistryCredentials {
    fn obtained_at(&self) -> Timestamp {
        self.obtained_at
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// All that AWS sees of a feed. By less, one feed would be served another's credentials.
///
/// Of feeds whose subject drops a part, all but the name may be the same. It counts too: it is in the
/// session's name, and in the words of a failure, where another feed's must not be.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct CredentialsKey {
    feed: SpaceFeed,
    subject: Subject,
    audience: Audience,
    role: RoleArn,
    session_duration: SessionDuration,
    region: Region,
    registry: AccountId,
}

impl From<&Feed> for CredentialsKey {
    fn from(feed: &Feed) -> Self {
        let identity = &feed.web_identity;
        Self {
            feed: feed.name.clone(),
            subject: feed.subject(),
            audience: identity.audience.clone(),
            role: identity.role.clone(),
            session_duration: identity.session_duration,
            region: feed.region.clone(),
            registry: feed.registry.clone(),
        }
    }
}

impl Broker {
    /// Gives `caller` registry credentials for `target`.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub async fn credentials(&self, caller: &Caller, target: &SpaceFeed) -> Result<FeedCredentials, BrokerError> {
        // Before the cache, on hits too: a grant removed a moment ago must already count.
        let permit = authz::permit(caller, &self.store.current(), target, Wish::RegistryCredentials)?;
        self.held_or_fetched(permit).await
    }

    /// Gives `caller` credentials for the registry at `host`, if one feed of its grants is there.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub async fn registry_credentials(
        &self,
        caller: &Caller,
        host: &RegistryHost,
    ) -> Result<FeedCredentials, BrokerError> {
        let permit = authz::permit_registry(caller, &self.store.current(), host)?;
        self.held_or_fetched(permit).await
    }

    async fn held_or_fetched(&self, permit: Permit) -> Result<FeedCredentials, BrokerError> {
        let feed = permit.feed().name.clone();
        let key = CredentialsKey::from(&**permit.feed());
        let exchange = Arc::clone(&self.exchange);
        let fetch = move || {
            let (exchange, permit) = (Arc::clone(&exchange), permit.clone());
            async move { exchange.fetch(&permit).await }
        };
        let (lookup, result) = self.cache.get_or_fetch(key, fetch).await;
        self.metrics.cache_lookup(lookup);
        Ok(FeedCredentials { feed, credentials: result? })
    }
}

impl Exchange {
    /// The way through AWS; runs once for all who wait, and again for each renewal.
    async fn fetch(&self, permit: &Permit) -> Result<RegistryCredentials, BrokerError> {
        let feed = permit.feed();
        // A renewal may come long after the permit: a feed that was removed or changed gets no more.
        if self.store.current().feed(&feed.name) != Some(feed) {
            return Err(BrokerError::FeedChanged(feed.name.clone()));
        }
        let _flight = self.metrics.flight();
        let result = self.exchange(permit).await;
        let outcome = result.as_ref().err().map_or(ExchangeOutcome::Ok, |error| ExchangeOutcome::Failed(error.code()));
        self.metrics.exchange(&feed.name, outcome);
        result
    }

    async fn exchange(&self, permit: &Permit) -> Result<RegistryCredentials, BrokerError> {
        let feed = permit.feed();
        let token = self.mint(permit).await?;
        let sts = |source| BrokerError::Sts { feed: Arc::clone(feed), issuer: self.mint.issuer().clone(), source };
        let session = self.sts.assume_role(feed, &token).await.map_err(sts)?;
        tracing::info!(
            target: "feedpass::lineage",
            client = %permit.client(),
            feed = %feed.name,
            key.kid = %token.kid,
            jti = token.jti,
            role = %feed.web_identity.role,
            session_name = session.session_name,
            aws_request_id = session.request_id,
            expires_at = %session.expires_at,
            "feed {} holds role session {}", feed.name, session.session_name,
        );
        let credentials = self.ecr.registry_credentials(feed, &session).await;
        let credentials = credentials.map_err(|source| BrokerError::Ecr { feed: Arc::clone(feed), source })?;
        tracing::info!(
            target: "feedpass::lineage",
            client = %permit.client(),
            feed = %feed.name,
            session_name = session.session_name,
            registry = %credentials.registry,
            aws_request_id = credentials.request_id,
            expires_at = %credentials.expires_at,
            "feed {} holds credentials for {}", feed.name, credentials.registry,
        );
        Ok(credentials)
    }
}
