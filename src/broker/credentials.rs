//! Registry credentials, on one screen.

use std::sync::Arc;

use jiff::Timestamp;

use super::cache::{Held, Occasion};
use super::{Broker, BrokerError, Steps, failed};
use crate::audit::{Event, What};
use crate::authn::Caller;
use crate::authz::{self, Permit, Refusal, Wish};
use crate::aws::ecr::RegistryCredentials;
use crate::domain::{AccountId, Feed, Identity, Narrowing, Region, RegistryHost, SecondHop, SpaceFeed};

/// What a caller gets: the feed that it was permitted, and what AWS gave for it.
#[derive(Clone, Debug)]
pub struct FeedCredentials {
    /// The feed.
    pub feed: Arc<Feed>,
    /// In which of its regions.
    pub region: Region,
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
    region: Region,
    registry: AccountId,
    identity: Identity,
    assume_role: Option<SecondHop>,
    narrowing: Option<Narrowing>,
}

impl From<&Permit> for CredentialsKey {
    fn from(permit: &Permit) -> Self {
        let feed = permit.feed();
        Self {
            feed: feed.name.clone(),
            region: permit.region().clone(),
            registry: feed.registry.clone(),
            identity: feed.identity.clone(),
            assume_role: feed.assume_role.clone(),
            narrowing: permit.narrowing().cloned(),
        }
    }
}

impl Broker {
    /// Gives `caller` registry credentials for `target`: in `region`, or else the feed's own.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub async fn credentials(
        &self,
        caller: &Caller,
        target: &SpaceFeed,
        region: Option<&Region>,
    ) -> Result<FeedCredentials, BrokerError> {
        // Before the cache, on hits too: a grant removed a moment ago must already count.
        let permit = authz::permit(caller, &self.store.current(), target, Wish::RegistryCredentials);
        let permit = in_region(permit, region);
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
        let (feed, region) = (Arc::clone(permit.feed()), permit.region().clone());
        let key = CredentialsKey::from(&permit);
        let exchange = Arc::clone(&self.exchange);
        let fetch = move |occasion| {
            let (exchange, permit) = (Arc::clone(&exchange), permit.clone());
            async move { exchange.fetch(&permit, occasion).await }
        };
        loop {
            let (lookup, result) = self.cache.get_or_fetch(key.clone(), fetch.clone()).await;
            self.metrics.cache_lookup(lookup);
            let credentials = result?;
            if !self.exchange.is_revoked(credentials.kid.as_ref()) {
                return Ok(FeedCredentials { feed, region, credentials });
            }
            // It was on its way when the key was revoked.
            self.cache.forget_where(|held| held.kid == credentials.kid);
        }
    }
}

/// The permit, if it has one, in `region`, if one is asked for.
pub(super) fn in_region(permit: Result<Permit, Refusal>, region: Option<&Region>) -> Result<Permit, Refusal> {
    match region {
        Some(region) => permit?.in_region(region),
        None => permit,
    }
}

/// What was given, as the audit trail has it.
fn given(given: &FeedCredentials, event: Event) -> Event {
    let credentials = &given.credentials;
    Event {
        registry: Some(credentials.registry.clone()),
        session_name: credentials.session_name.clone(),
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
        let (assumed, authority) = self.authority(permit, occasion).await?;
        let (written, credentials) =
            tokio::join!(self.written(assumed), self.ecr.registry_credentials(permit, &authority));
        written?;
        let region = permit.region().clone();
        let credentials = credentials.map_err(|source| BrokerError::Ecr { feed: Arc::clone(feed), region, source });
        let authorized = Event {
            kid: authority.kid().cloned(),
            session_name: authority.session_name().map(str::to_owned),
            ..self.event(What::AuthorizationToken, permit, occasion)
        };
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
