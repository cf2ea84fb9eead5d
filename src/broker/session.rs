//! Role sessions: a step of every exchange, and what AWS's own programs ask for.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::cache::{Held, Occasion};
use super::credentials::{CredentialsKey, in_region};
use super::{Broker, BrokerError, Steps, failed};
use crate::audit::{Event, Unwritten, What};
use crate::authn::Caller;
use crate::authz::{self, Permit, Wish};
use crate::aws::sts::RoleSession;
use crate::aws::{Authority, AwsCredentials};
use crate::domain::{AccessKey, AwsSecret, Feed, Identity, Kid, Region, SecondHop, SpaceFeed};
use crate::telemetry::{ExchangeOutcome, with_causes};

/// What a session has left at least when it is given: AWS's SDKs ask for another 5 to 15 minutes before its end, and
/// would ask at every turn if they were given the same again.
const LEFT_AT_LEAST: SignedDuration = SignedDuration::from_mins(15);

impl Held for RoleSession {
    fn obtained_at(&self) -> Timestamp {
        self.obtained_at
    }

    fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// 15 minutes before its end, or at half its life where that is short.
    fn good_until(&self) -> Timestamp {
        let half = self.expires_at.duration_since(self.obtained_at) / 2;
        let left = Duration::try_from(half.min(LEFT_AT_LEAST)).unwrap_or_default();
        self.expires_at.checked_sub(left).unwrap_or(self.expires_at)
    }
}

impl Broker {
    /// Gives `caller` a session of the feed's role, held or new: in `region`, or else the feed's own.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub async fn role_session(
        &self,
        caller: &Caller,
        target: &SpaceFeed,
        region: Option<&Region>,
    ) -> Result<(Arc<Feed>, Arc<RoleSession>), BrokerError> {
        let result = self.held_session(caller, target, region).await;
        self.written(caller, What::Session, Some(target), result, |(feed, session), event| Event {
            role: feed.role().cloned(),
            session_name: Some(session.session_name.clone()),
            expires_at: Some(session.expires_at),
            ..event
        })
        .await
    }

    async fn held_session(
        &self,
        caller: &Caller,
        target: &SpaceFeed,
        region: Option<&Region>,
    ) -> Result<(Arc<Feed>, Arc<RoleSession>), BrokerError> {
        // Before the cache, as for registry credentials.
        let permit = authz::permit(caller, &self.store.current(), target, Wish::RoleSession);
        let permit = in_region(permit, region)?;
        let (feed, key) = (Arc::clone(permit.feed()), CredentialsKey::from(&permit));
        let exchange = Arc::clone(&self.exchange);
        let fetch = move |occasion| {
            let (exchange, permit) = (Arc::clone(&exchange), permit.clone());
            async move { exchange.fetch_session(&permit, occasion).await }
        };
        loop {
            let (lookup, result) = self.sessions.get_or_fetch(key.clone(), fetch.clone()).await;
            self.metrics.cache_lookup(lookup);
            let session = result?;
            if !self.exchange.is_revoked(session.kid.as_ref()) {
                return Ok((feed, session));
            }
            // It was on its way when the key was revoked.
            self.sessions.forget_where(|held| held.kid == session.kid);
        }
    }
}

impl Steps {
    async fn fetch_session(&self, permit: &Permit, occasion: Occasion) -> Result<RoleSession, BrokerError> {
        let exchange = async {
            let (assumed, authority) = self.authority(permit, occasion).await?;
            self.written(assumed).await?;
            match authority {
                Authority::Session(session) => Ok(session),
                // No permit for a session is given of a feed without a role.
                Authority::Own(_) => Err(BrokerError::FeedChanged(permit.feed().name.clone())),
            }
        };
        self.watched(permit, occasion, Box::pin(exchange)).await
    }

    /// An exchange of a feed that is still as it was permitted, counted; a renewal that fails is told of.
    pub(super) async fn watched<T>(
        &self,
        permit: &Permit,
        occasion: Occasion,
        exchange: impl Future<Output = Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        let feed = permit.feed();
        // A renewal may come long after the permit: a feed that was removed or changed gets no more.
        if self.store.current().feed(&feed.name) != Some(feed) {
            return Err(BrokerError::FeedChanged(feed.name.clone()));
        }
        let _flight = self.metrics.flight();
        let result = exchange.await;
        let outcome = result.as_ref().err().map_or(ExchangeOutcome::Ok, |error| ExchangeOutcome::Failed(error.code()));
        self.metrics.exchange(&feed.name, outcome);
        if let (Err(error), Occasion::Renewal) = (&result, occasion) {
            // No caller hears of it while what is held lasts, so this is how the operator does.
            let (feed, code) = (&feed.name, error.code());
            tracing::warn!(%feed, code, "what feed {feed} has from AWS could not be renewed: {}", with_causes(error));
        }
        result
    }

    /// What the feed's identity comes to: by way of STS, where it has a role. Gives with it the event that must be
    /// safe before it is used, if there is one.
    pub(super) async fn authority(
        &self,
        permit: &Permit,
        occasion: Occasion,
    ) -> Result<(Option<Event>, Authority), BrokerError> {
        let feed = permit.feed();
        let (assumed, first, id) = match &feed.identity {
            Identity::WebIdentity(_) => self.by_token(permit, occasion).await?,
            Identity::AccessKey(key) => (None, Authority::Own(self.key_of(feed, key)?), None),
            Identity::Ambient(_) => {
                let nothing = |source| BrokerError::NothingAmbient { feed: Arc::clone(feed), source };
                let found = self.ambient.credentials(permit.region()).await.map_err(nothing)?;
                (None, Authority::Own(found), None)
            }
        };
        match &feed.assume_role {
            None => Ok((assumed, first)),
            Some(hop) => {
                self.written(assumed).await?;
                let (assumed, session) = self.second_hop(permit, occasion, hop, &first, id).await?;
                Ok((Some(assumed), Authority::Session(session)))
            }
        }
    }

    /// The feed's own key, its secret half in clear.
    fn key_of(&self, feed: &Arc<Feed>, key: &AccessKey) -> Result<AwsCredentials, BrokerError> {
        let unopened = |source| BrokerError::SecretUnopened { feed: Arc::clone(feed), source };
        let secret = match &key.secret {
            Some(AwsSecret::Clear(secret)) => secret.clone(),
            Some(AwsSecret::Sealed(sealed)) => self.vault.open(sealed, key.access_key_id.as_str()).map_err(unopened)?,
            // A feed that was removed meanwhile.
            None => return Err(BrokerError::FeedChanged(feed.name.clone())),
        };
        Ok(AwsCredentials::of_user(&key.access_key_id, secret))
    }

    /// Mints a token and has STS exchange it; gives the token's id too, by which sessions are told apart.
    async fn by_token(
        &self,
        permit: &Permit,
        occasion: Occasion,
    ) -> Result<(Option<Event>, Authority, Option<String>), BrokerError> {
        let feed = permit.feed();
        let token_permit = permit.for_token().ok_or_else(|| BrokerError::FeedChanged(feed.name.clone()))?;
        let client = permit.client().filter(|_| occasion == Occasion::Asked);
        let (minted, token) = self.mint(token_permit, client).await?;
        let exchange = self.sts.assume_role_with_web_identity(token_permit, &token);
        // Writing takes no time of the exchange's: it goes on while AWS is asked.
        let (written, session) = tokio::join!(self.audit.record(minted), exchange);
        written?;
        let (issuer, region) = (self.mint.issuer().clone(), permit.region().clone());
        let sts = |source| BrokerError::Sts { feed: Arc::clone(feed), region, issuer, source };
        let assumed = Event {
            kid: Some(token.kid.clone()),
            jti: Some(token.jti.clone()),
            role: Some(token_permit.identity().role.clone()),
            ..self.event(What::AssumeRole, permit, occasion)
        };
        let (assumed, session) = self.assumed(assumed, session.map_err(sts)).await?;
        Ok((Some(assumed), Authority::Session(session), Some(token.jti)))
    }

    /// Has the second role assumed in the name of `first`.
    async fn second_hop(
        &self,
        permit: &Permit,
        occasion: Occasion,
        hop: &SecondHop,
        first: &Authority,
        id: Option<String>,
    ) -> Result<(Event, RoleSession), BrokerError> {
        let feed = permit.feed();
        let id = match id {
            Some(id) => id,
            None => self.mint.token_id()?,
        };
        let region = permit.region().clone();
        let refused = |source| BrokerError::SecondHop { feed: Arc::clone(feed), region, source };
        let session = self.sts.assume_role(permit, hop, first, &id).await.map_err(refused);
        let assumed = Event {
            kid: first.kid().cloned(),
            role: Some(hop.role.clone()),
            ..self.event(What::AssumeRole, permit, occasion)
        };
        self.assumed(assumed, session).await
    }

    /// The event of a session that was given, for when it is used; that of one that was not is written at once.
    async fn assumed(
        &self,
        assumed: Event,
        session: Result<RoleSession, BrokerError>,
    ) -> Result<(Event, RoleSession), BrokerError> {
        match session {
            Ok(session) => {
                let assumed = Event {
                    session_name: Some(session.session_name.clone()),
                    aws_request_id: session.request_id.clone(),
                    expires_at: Some(session.expires_at),
                    ..assumed
                };
                Ok((assumed, session))
            }
            Err(error) => {
                self.audit.record(failed(&error, assumed)).await?;
                Err(error)
            }
        }
    }

    /// Writes the event, if there is one.
    pub(super) async fn written(&self, event: Option<Event>) -> Result<(), Unwritten> {
        match event {
            Some(event) => self.audit.record(event).await,
            None => Ok(()),
        }
    }

    /// Whether what was obtained with that key must not be given out any more.
    pub(super) fn is_revoked(&self, kid: Option<&Kid>) -> bool {
        kid.is_some_and(|kid| self.mint.is_revoked(kid))
    }

    /// That something was done for a feed. A renewal is nobody's request; who is given what it brought, the
    /// requests' own lines say.
    pub(super) fn event(&self, what: What, permit: &Permit, occasion: Occasion) -> Event {
        let client = permit.client().filter(|_| occasion == Occasion::Asked).cloned();
        Event { client, ..self.audit.event(what).of(&permit.feed().name) }
    }
}
