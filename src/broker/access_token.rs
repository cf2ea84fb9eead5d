//! Access tokens for feedpass itself, and a feed's token for an exchange that names the feed by its URL.

use std::sync::Arc;

use super::{Broker, BrokerError};
use crate::audit::{Event, What};
use crate::authn::Caller;
use crate::domain::{Feed, Scope, SpaceFeed};
use crate::issuer::mint::{AccessToken, WebIdentityToken};

/// Why a token that was asked for at the token endpoint cannot be; the caller's to mend.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WrongToken {
    /// The scope has words that mean nothing here.
    #[error("the scope has a word that means nothing here; it is some of {}, with a space between", Scope::WORDS.join(", "))]
    ScopeUnknown,
    /// The scope is more than the subject token's.
    #[error("the scope is more than the subject token's, which is `{0}`")]
    ScopeBeyond(Scope),
    /// The resource, or the audience, is none that tokens are for.
    #[error("the {parameter} is not one that there are tokens for; it is {expected}")]
    Target {
        /// `resource` or `audience`.
        parameter: &'static str,
        /// What it could be.
        expected: String,
    },
    /// The subject token's time is over, to the second; that it is taken for a moment more is for clocks that are apart.
    #[error("the subject token has expired, and no token that is got for it lasts longer")]
    NothingLeft,
}

impl Broker {
    /// Signs an access token for `caller`, good for `scope`, or for all that the caller's own proof is.
    ///
    /// # Errors
    /// [`BrokerError::WrongToken`], [`BrokerError::Mint`] and [`BrokerError::Unwritten`].
    pub async fn access_token(
        &self,
        caller: &Caller,
        scope: Option<&str>,
        audience: Option<&str>,
    ) -> Result<AccessToken, BrokerError> {
        let result = self.signed_access_token(caller, scope, audience).await;
        self.written(caller, What::AccessToken, None, result, |token, event| Event {
            kid: Some(token.kid.clone()),
            jti: Some(token.jti.clone()),
            expires_at: Some(token.expires_at),
            scope: Some(token.scope.to_string()),
            ..event
        })
        .await
    }

    async fn signed_access_token(
        &self,
        caller: &Caller,
        scope: Option<&str>,
        audience: Option<&str>,
    ) -> Result<AccessToken, BrokerError> {
        let api = self.exchange.mint.api();
        if audience.is_some_and(|audience| audience.trim_end_matches('/') != api) {
            return Err(WrongToken::Target { parameter: "audience", expected: format!("`{api}`") }.into());
        }
        let caller = narrowed(caller, scope)?;
        Ok(self.exchange.mint.access_token(&caller).await?.ok_or(WrongToken::NothingLeft)?)
    }

    /// Signs a web identity token of the feed whose URL is `resource`, as [`Broker::web_identity_token`] does.
    ///
    /// # Errors
    /// [`BrokerError::WrongToken`] and those of [`Broker::web_identity_token`].
    pub async fn token_of_resource(
        &self,
        caller: &Caller,
        resource: &str,
        scope: Option<&str>,
        audience: Option<&str>,
    ) -> Result<(Arc<Feed>, WebIdentityToken), BrokerError> {
        match self.feed_at(resource).and_then(|target| Ok((target, narrowed(caller, scope)?))) {
            Ok((target, caller)) => self.web_identity_token_for(&caller, &target, audience).await,
            Err(error) => self.written(caller, What::WebIdentityToken, None, Err(error), |_, event| event).await,
        }
    }

    /// The feed whose URL is `resource`: below the API, as its credentials are.
    fn feed_at(&self, resource: &str) -> Result<SpaceFeed, BrokerError> {
        let api = self.exchange.mint.api();
        let path = resource.strip_prefix(api).and_then(|rest| rest.strip_prefix("/v1/spaces/"));
        let names = path.and_then(|path| path.split_once("/feeds/"));
        let feed =
            names.and_then(|(space, feed)| Some(SpaceFeed { space: space.parse().ok()?, feed: feed.parse().ok()? }));
        let expected = || format!("a feed's URL, `{api}/v1/spaces/SPACE/feeds/FEED`");
        feed.ok_or_else(|| WrongToken::Target { parameter: "resource", expected: expected() }.into())
    }
}

/// The caller, for no more than `scope`.
fn narrowed(caller: &Caller, scope: Option<&str>) -> Result<Caller, BrokerError> {
    let Some(scope) = scope else { return Ok(caller.clone()) };
    let scope: Scope = scope.parse().map_err(|_| WrongToken::ScopeUnknown)?;
    Ok(caller.narrowed_to(&scope).ok_or_else(|| WrongToken::ScopeBeyond(caller.scope().clone()))?)
}
