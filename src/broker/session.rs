//! Role sessions: a step of every exchange, and what AWS's own programs ask for.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::cache::{Held, Occasion};
use super::credentials::CredentialsKey;
use super::{Broker, BrokerError, Steps, failed};
use crate::audit::{Event, What};
use crate::authn::Caller;
use crate::authz::{self, Permit, Wish};
use crate::aws::sts::RoleSession;
use crate::domain::{Feed, SpaceFeed};
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
    /// Gives `caller` a session of the feed's role, held or new.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub async fn role_session(
        &self,
        caller: &Caller,
        target: &SpaceFeed,
    ) -> Result<(Arc<Feed>, Arc<RoleSession>), BrokerError> {
        let result = self.held_session(caller, target).await;
        self.written(caller, What::Session, Some(target), result, |(feed, session), event| Event {
            role: Some(feed.web_identity.role.clone()),
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
    ) -> Result<(Arc<Feed>, Arc<RoleSession>), BrokerError> {
        // Before the cache, as for registry credentials.
        let permit = authz::permit(caller, &self.store.current(), target, Wish::RoleSession)?;
        let feed = Arc::clone(permit.feed());
        let exchange = Arc::clone(&self.exchange);
        let fetch = move |occasion| {
            let (exchange, permit) = (Arc::clone(&exchange), permit.clone());
            async move { exchange.fetch_session(&permit, occasion).await }
        };
        let key = CredentialsKey::from(&*feed);
        loop {
            let (lookup, result) = self.sessions.get_or_fetch(key.clone(), fetch.clone()).await;
            self.metrics.cache_lookup(lookup);
            let session = result?;
            if !self.exchange.mint.is_revoked(&session.kid) {
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
            let (assumed, session) = self.assume_role(permit, occasion).await?;
            self.audit.record(assumed).await?;
            Ok(session)
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

    /// Mints a token and has STS exchange it. Gives with the session the event that must be safe before it is used.
    pub(super) async fn assume_role(
        &self,
        permit: &Permit,
        occasion: Occasion,
    ) -> Result<(Event, RoleSession), BrokerError> {
        let feed = permit.feed();
        let client = permit.client().filter(|_| occasion == Occasion::Asked);
        let (minted, token) = self.mint(permit, client).await?;
        let sts = |source| BrokerError::Sts { feed: Arc::clone(feed), issuer: self.mint.issuer().clone(), source };
        // Writing takes no time of the exchange's: it goes on while AWS is asked.
        let (written, session) = tokio::join!(self.audit.record(minted), self.sts.assume_role(feed, &token));
        written?;
        let session = session.map_err(sts);
        let assumed = Event {
            kid: Some(token.kid.clone()),
            jti: Some(token.jti.clone()),
            role: Some(feed.web_identity.role.clone()),
            ..self.event(What::AssumeRole, permit, occasion)
        };
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

    /// That something was done for a feed. A renewal is nobody's request; who is given what it brought, the
    /// requests' own lines say.
    pub(super) fn event(&self, what: What, permit: &Permit, occasion: Occasion) -> Event {
        let client = permit.client().filter(|_| occasion == Occasion::Asked).cloned();
        Event { client, ..self.audit.event(what).of(&permit.feed().name) }
    }
}
