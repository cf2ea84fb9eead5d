//! The web identity token itself, for callers that talk to STS.

use std::sync::Arc;

use super::{Broker, BrokerError, Exchange};
use crate::authn::Caller;
use crate::authz::{self, Permit, Wish};
use crate::domain::{Feed, SpaceFeed};
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
        let permit = authz::permit(caller, &self.store.current(), target, Wish::WebIdentityToken)?;
        let token = self.exchange.mint(&permit, Some(permit.client().as_str())).await?;
        Ok((Arc::clone(permit.feed()), token))
    }
}

impl Exchange {
    pub(super) async fn mint(&self, permit: &Permit, client: Option<&str>) -> Result<WebIdentityToken, BrokerError> {
        let minted = self.mint.web_identity_token(permit).await;
        self.metrics.mint(minted.is_ok());
        let token = minted?;
        tracing::info!(
            target: "feedpass::lineage",
            client,
            feed = %permit.feed().name,
            key.kid = %token.kid,
            jti = token.jti,
            expires_at = %token.expires_at,
            "signed token {} of feed {}", token.jti, permit.feed().name,
        );
        Ok(token)
    }
}
