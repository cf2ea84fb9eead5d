//! An access token of feedpass (RFC 9068), presented as a bearer token.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::bearer::{Unverified, unverified_kind};
use super::jws::{Expectations, LEEWAY, NoKey, TokenType, UnverifiedJwt, VerificationKey};
use super::{Authn, AuthnError, Presented, Proven, TokenError, Verdict, Via};
use crate::domain::{AccessLifetime, ClientId, IssuerUrl, JwsAlgorithm, Scope};
use crate::store::Source;

/// The `typ` of access tokens (RFC 9068 §2.1); what anyone else signs has another.
pub const TYPE: &str = "at+jwt";

/// What access tokens say of whom they are from and for.
///
/// The issuer is a URN: the URL of an IAM OIDC provider begins with `https://`, so that no account can have a
/// provider for this one, and STS refuses an access token whatever audience is registered there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessTokenNames {
    /// `iss`: `urn:feedpass:access:` and the issuer without its scheme.
    pub issuer: String,
    /// `aud`: the internal listener's URL, without a slash at its end.
    pub audience: String,
}

impl AccessTokenNames {
    /// The names for the feedpass that is `issuer` and has its API at `api`.
    #[must_use]
    pub fn new(issuer: &IssuerUrl, api: &str) -> Self {
        Self { issuer: format!("urn:feedpass:access:{}", issuer.without_scheme()), audience: api.to_owned() }
    }
}

/// The `sub` of a client's access tokens.
#[must_use]
pub fn access_token_subject(client: &ClientId) -> String {
    format!("client:{client}")
}

/// The public halves of our own published signing keys.
pub trait AccessTokenKeys: Send + Sync {
    /// The key of that id.
    fn key(&self, kid: &str) -> Option<VerificationKey>;
}

pub(super) fn verify(authn: &Authn, presented: &Presented<'_>) -> Verdict {
    let is_one =
        presented.is_bearer() && unverified_kind(presented.proof, authn.issuer.as_str()) == Unverified::AccessToken;
    if !is_one {
        return Verdict::NotPresented;
    }
    match proven(authn, presented) {
        Ok(proven) => Verdict::Verified(proven),
        Err(error) => Verdict::Refused(AuthnError::AccessToken(error)),
    }
}

fn proven(authn: &Authn, presented: &Presented<'_>) -> Result<Proven, TokenError> {
    let token = UnverifiedJwt::parse(presented.proof, TokenType::Named(TYPE))?;
    let kid = token.jws().unverified_kid().ok_or(TokenError::Missing("kid"))?;
    let key = authn.keys.key(kid).ok_or_else(|| NoKey::UnknownKid { kid: kid.to_owned() })?;
    // The key itself says for which of them it is.
    let claims = token.verify(&key, &JwsAlgorithm::ALL)?;
    let checked = claims.check(&Expectations {
        issuer: &authn.names.issuer,
        audiences: std::slice::from_ref(&authn.names.audience),
        now: presented.now,
        leeway: LEEWAY,
        max_lifetime: Duration::from_secs(AccessLifetime::MAX.as_secs().into()),
    })?;
    let text = |claim| claims.members().get(claim).and_then(Value::as_str).ok_or(TokenError::Missing(claim));
    let id: ClientId = text("client_id")?.parse().map_err(|_| TokenError::Missing("client_id"))?;
    let scope: Scope = text("scope")?.parse().map_err(|_| TokenError::Missing("scope"))?;
    let jti = checked.token_id.ok_or(TokenError::Missing("jti"))?;
    let issued_at = checked.issued_at.ok_or(TokenError::Missing("iat"))?;
    if checked.subject != access_token_subject(&id) {
        return Err(TokenError::Missing("sub"));
    }
    // Its client as of now: whoever is removed, or ends, is nobody at once.
    let client = presented.snapshot.client_entry(&id).filter(|client| client.value.is_live(presented.now));
    let client = client.filter(|client| !is_older(issued_at, client.source)).ok_or(TokenError::ClientGone)?;
    Ok(Proven { client: client.value.clone(), via: Via::AccessToken { jti }, scope, ends_at: Some(checked.expires_at) })
}

/// Whether a token was made before the client was: for one that had the id earlier. Tokens have whole seconds.
fn is_older(issued_at: Timestamp, client: Source) -> bool {
    match client {
        Source::Stored { created_at, .. } => issued_at.as_second() < created_at.as_second(),
        Source::Declared => false,
    }
}
