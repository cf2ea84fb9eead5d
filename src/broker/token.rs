//! The web identity token itself, for callers that talk to STS.

use std::sync::Arc;

use super::{Broker, BrokerError, Steps, WrongToken, failed};
use crate::audit::{Event, What};
use crate::authn::Caller;
use crate::authz::{self, TokenPermit, Wish};
use crate::domain::{ClientId, Feed, SpaceFeed};
use crate::issuer::mint::WebIdentityToken;

impl Broker {
    /// Signs a fresh web identity token of `target` for `caller`; none is ever held.
    ///
    /// # Errors
    /// [`BrokerError::Refused`] and [`BrokerError::Mint`].
    pub async fn web_identity_token(
        &self,
        caller: &Caller,
        target: &SpaceFeed,
    ) -> Result<(Arc<Feed>, WebIdentityToken), BrokerError> {
        self.web_identity_token_for(caller, target, None).await
    }

    /// The same, if `audience` is none or the token's own.
    pub(super) async fn web_identity_token_for(
        &self,
        caller: &Caller,
        target: &SpaceFeed,
        audience: Option<&str>,
    ) -> Result<(Arc<Feed>, WebIdentityToken), BrokerError> {
        let result = self.signed(caller, target, audience).await;
        let name = result.as_ref().map_or_else(|_| target.clone(), |(feed, _)| feed.name.clone());
        self.written(caller, What::WebIdentityToken, Some(&name), result, |(feed, token), event| Event {
            kid: Some(token.kid.clone()),
            jti: Some(token.jti.clone()),
            role: feed.web_identity().map(|identity| identity.role.clone()),
            expires_at: Some(token.expires_at),
            ..event
        })
        .await
    }

    async fn signed(
        &self,
        caller: &Caller,
        target: &SpaceFeed,
        audience: Option<&str>,
    ) -> Result<(Arc<Feed>, WebIdentityToken), BrokerError> {
        let permit = authz::permit(caller, &self.store.current(), target, Wish::WebIdentityToken)?;
        // No permit for a token is given of a feed that has none.
        let changed = || BrokerError::FeedChanged(target.clone());
        let token_permit = permit.for_token().ok_or_else(changed)?;
        let own = token_permit.identity().audience.as_str();
        if audience.is_some_and(|audience| audience != own) {
            return Err(WrongToken::Target { parameter: "audience", expected: format!("the feed's, `{own}`") }.into());
        }
        let (minted, token) = self.exchange.mint(token_permit, permit.client()).await?;
        self.audit.record(minted).await?;
        Ok((Arc::clone(permit.feed()), token))
    }
}

impl Steps {
    /// Signs a token, and gives with it the event that must be safe before the token is used.
    pub(super) async fn mint(
        &self,
        permit: TokenPermit<'_>,
        client: Option<&ClientId>,
    ) -> Result<(Event, WebIdentityToken), BrokerError> {
        let minted = self.mint.web_identity_token(permit).await;
        self.metrics.mint(minted.is_ok());
        let event = Event { client: client.cloned(), ..self.audit.event(What::Mint).of(&permit.feed().name) };
        match minted {
            Ok(token) => {
                let event = Event {
                    kid: Some(token.kid.clone()),
                    jti: Some(token.jti.clone()),
                    expires_at: Some(token.expires_at),
                    ..event
                };
                Ok((event, token))
            }
            Err(error) => {
                let error = BrokerError::from(error);
                self.audit.record(failed(&error, event)).await?;
                Err(error)
            }
        }
    }
}
