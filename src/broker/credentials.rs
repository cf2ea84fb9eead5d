//! Registry credentials, on one screen.

use std::sync::Arc;

use jiff::Timestamp;

use super::cache::{Held, Occasion};
use super::{Broker, BrokerError, Steps, failed};
use crate::audit::{Event, What};
use crate::authn::Caller;
use crate::authz::{self, Permit, Refusal, Wish};
use crate::aws::ecr::RegistryCredentials;
use crate::domain::{AccountId, Audience, Feed, Region, RegistryHost, RoleArn, SessionDuration, SpaceFeed, Subject};

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
        let permit = authz::permit(caller, &self.store.current(), target, Wish::RegistryCredentials);
        // By the name that it has now, where the caller has an old one.
        let feed = permit.as_ref().map_or_else(|_| target.clone(), |permit| permit.feed().name.clone());
        let result = self.held_or_fetched(permit).await;
        self.written(caller, What::Credentials, Some(&feed), result, given).await
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
        let permit = authz::permit_registry(caller, &self.store.current(), host);
        let feed = permit.as_ref().ok().map(|permit| permit.feed().name.clone());
        let result = self.held_or_fetched(permit).await;
        self.written(caller, What::Credentials, feed.as_ref(), result, given).await
    }

    async fn held_or_fetched(&self, permit: Result<Permit, Refusal>) -> Result<FeedCredentials, BrokerError> {
        let permit = permit?;
        let feed = permit.feed().name.clone();
        let key = CredentialsKey::from(&**permit.feed());
        let exchange = Arc::clone(&self.exchange);
        let fetch = move |occasion| {
            let (exchange, permit) = (Arc::clone(&exchange), permit.clone());
            async move { exchange.fetch(&permit, occasion).await }
        };
        loop {
            let (lookup, result) = self.cache.get_or_fetch(key.clone(), fetch.clone()).await;
            self.metrics.cache_lookup(lookup);
            let credentials = result?;
            if !self.exchange.mint.is_revoked(&credentials.kid) {
                return Ok(FeedCredentials { feed, credentials });
            }
            // It was on its way when the key was revoked.
            self.cache.forget_where(|held| held.kid == credentials.kid);
        }
    }
}

/// What was given, as the audit trail has it.
fn given(given: &FeedCredentials, event: Event) -> Event {
    let credentials = &given.credentials;
    Event {
        registry: Some(credentials.registry.clone()),
        session_name: Some(credentials.session_name.clone()),
        expires_at: Some(credentials.expires_at),
        ..event
    }
}

impl Steps {
    /// The way through AWS; runs once for all who wait, and again for each renewal.
    async fn fetch(&self, permit: &Permit, occasion: Occasion) -> Result<RegistryCredentials, BrokerError> {
        self.watched(permit, occasion, Box::pin(self.exchange(permit, occasion))).await
    }

    async fn exchange(&self, permit: &Permit, occasion: Occasion) -> Result<RegistryCredentials, BrokerError> {
        let feed = permit.feed();
        let (assumed, session) = self.assume_role(permit, occasion).await?;
        let (written, credentials) =
            tokio::join!(self.audit.record(assumed), self.ecr.registry_credentials(feed, &session));
        written?;
        let credentials = credentials.map_err(|source| BrokerError::Ecr { feed: Arc::clone(feed), source });
        let authorized = self.event(What::AuthorizationToken, permit, occasion);
        let authorized =
            Event { kid: Some(session.kid.clone()), session_name: Some(session.session_name.clone()), ..authorized };
        self.audit
            .record(match &credentials {
                Ok(credentials) => Event {
                    registry: Some(credentials.registry.clone()),
                    aws_request_id: credentials.request_id.clone(),
                    expires_at: Some(credentials.expires_at),
                    ..authorized
                },
                Err(error) => failed(error, authorized),
            })
            .await?;
        credentials
    }
}
