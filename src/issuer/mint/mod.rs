//! Step 4: a [`TokenPermit`] becomes a signed web identity token. And access tokens, for feedpass itself.

mod access_token;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::Timestamp;
use jsonwebtoken::Header;
use secrecy::SecretString;
use serde::Serialize;

use super::keyring::{KeyRing, SignError};
use crate::authn::AccessTokenNames;
use crate::authz::TokenPermit;
use crate::clock::Clock;
use crate::domain::{AccessLifetime, Algorithm, IssuerUrl, Kid, SessionTags, SourceIdentity, TokenLifetime};
use crate::entropy::{Entropy, EntropyError};
pub use access_token::AccessToken;

/// Signs web identity tokens, and access tokens.
pub struct Mint {
    issuer: IssuerUrl,
    names: AccessTokenNames,
    keyring: Arc<KeyRing>,
    lifetimes: ArcSwap<Lifetimes>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// How long tokens live.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lifetimes {
    /// A web identity token.
    pub web_identity: TokenLifetime,
    /// An access token.
    pub access: AccessLifetime,
}

/// A token that AWS STS exchanges for a role session. Its text shows in no `Debug`.
#[derive(Clone)]
pub struct WebIdentityToken {
    /// The JWT, compact (RFC 7515 §7.1).
    pub token: SecretString,
    /// The key that signed it.
    pub kid: Kid,
    /// Its id: 22 characters of base64url, 128 random bits.
    pub jti: String,
    /// When it ends; STS accepts it for 5 minutes more.
    pub expires_at: Timestamp,
}

impl fmt::Debug for WebIdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebIdentityToken {{ kid: {}, jti: {}, expires_at: {}, .. }}", self.kid, self.jti, self.expires_at)
    }
}

/// Why no token was signed; never the caller's fault.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MintError {
    /// The key's keeper cannot sign.
    #[error("the signing key {kid} cannot sign")]
    Signer {
        /// Which key.
        kid: Kid,
        /// Why.
        #[source]
        source: SignError,
    },
    /// There was no randomness for the token's id.
    #[error("no token id could be drawn")]
    Entropy(#[from] EntropyError),
    /// The claims could not be written as JSON.
    #[error("the token could not be written: {0}")]
    Encoding(String),
}

/// The claims, in OpenID Connect Core 1.0 §2's words. Never `azp`: STS would take it for `aud`.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    #[serde(rename = "https://aws.amazon.com/tags", skip_serializing_if = "Option::is_none")]
    tags: Option<Tags<'a>>,
    #[serde(rename = "https://aws.amazon.com/source_identity", skip_serializing_if = "Option::is_none")]
    source_identity: Option<&'a str>,
}

/// Session tags as a token carries them: each value in a list of one (IAM User Guide, "Pass session tags in AWS STS").
/// A token without any carries no such claim: a role that does not allow `sts:TagSession` would refuse it.
#[derive(Serialize)]
struct Tags<'a> {
    principal_tags: BTreeMap<&'a str, [&'a str; 1]>,
}

impl<'a> Tags<'a> {
    fn of(tags: &'a SessionTags) -> Option<Self> {
        let tags = Some(tags).filter(|tags| !tags.is_empty())?;
        Some(Self { principal_tags: tags.iter().map(|(key, value)| (key, [value])).collect() })
    }
}

impl Mint {
    /// Signs for `issuer`, whose API is at `api`, with the active key of `keyring`.
    #[must_use]
    pub fn new(
        issuer: IssuerUrl,
        api: &str,
        keyring: Arc<KeyRing>,
        lifetimes: Lifetimes,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let names = AccessTokenNames::new(&issuer, api);
        Self { issuer, names, keyring, lifetimes: ArcSwap::from_pointee(lifetimes), clock, entropy }
    }

    /// Gives tokens other lifetimes from now on.
    pub fn set_lifetimes(&self, lifetimes: Lifetimes) {
        self.lifetimes.store(Arc::new(lifetimes));
    }

    /// The issuer that the tokens name.
    #[must_use]
    pub fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    /// The internal listener's URL, without a slash at its end: whom access tokens are for.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.names.audience
    }

    /// Signs a web identity token that AWS STS accepts for the permit's role.
    ///
    /// `exp` is `iat` plus the configured lifetime, whole seconds, 60 to 900. Subject, audience and
    /// role come from the feed alone. Claims follow OpenID Connect Core 1.0 §2, `kid` RFC 7515 §4.1.4.
    ///
    /// # Errors
    /// [`MintError`] when the key's keeper cannot sign or the machine gives no randomness.
    pub async fn web_identity_token(&self, permit: TokenPermit<'_>) -> Result<WebIdentityToken, MintError> {
        self.signed_token(permit, None).await
    }

    /// The same, signed with the key `kid` whether or not it is the active one: to ask STS whether it takes it.
    ///
    /// # Errors
    /// [`MintError`]; [`MintError::Signer`] too when the key's private half is gone.
    pub async fn canary_token(&self, permit: TokenPermit<'_>, kid: &Kid) -> Result<WebIdentityToken, MintError> {
        self.signed_token(permit, Some(kid)).await
    }

    /// Whether what was obtained with `kid` must not be given out any more.
    #[must_use]
    pub fn is_revoked(&self, kid: &Kid) -> bool {
        self.keyring.current().is_revoked(kid)
    }

    async fn signed_token(&self, permit: TokenPermit<'_>, with: Option<&Kid>) -> Result<WebIdentityToken, MintError> {
        let feed = permit.feed();
        let issued_second = self.clock.now().as_second();
        let expires_second = issued_second + i64::from(self.lifetimes.load().web_identity.as_secs());
        let jti = self.token_id()?;
        let identity = permit.identity();
        let subject = identity.subject_of(&feed.name);
        let claims = Claims {
            iss: self.issuer.as_str(),
            sub: subject.as_str(),
            aud: identity.audience.as_str(),
            iat: issued_second,
            exp: expires_second,
            jti: &jti,
            tags: Tags::of(&identity.session_tags),
            source_identity: identity.source_identity.as_ref().map(SourceIdentity::as_str),
        };
        let (token, kid) = self.sign(None, &claims, with).await?;
        Ok(WebIdentityToken { token, kid, jti, expires_at: second(expires_second) })
    }

    /// Draws an id: 22 characters of base64url, 128 random bits.
    ///
    /// # Errors
    /// [`MintError::Entropy`].
    pub fn token_id(&self) -> Result<String, MintError> {
        let mut id = [0; 16];
        self.entropy.fill(&mut id)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(id))
    }

    /// Signs `claims` with the key `with`, or else the active one; `typ` is `JWT` unless named.
    async fn sign(
        &self,
        typ: Option<&str>,
        claims: &impl Serialize,
        with: Option<&Kid>,
    ) -> Result<(SecretString, Kid), MintError> {
        let keys = self.keyring.current();
        let kid = with.unwrap_or_else(|| keys.active_kid()).clone();
        let no_signer = || MintError::Signer { kid: kid.clone(), source: SignError };
        let (algorithm, signer) = match with {
            None => (keys.active_algorithm(), keys.signer()),
            Some(kid) => keys.algorithm_of(kid).zip(keys.signer_of(kid)).ok_or_else(no_signer)?,
        };
        let message = format!("{}.{}", part(&header(algorithm, &kid, typ))?, part(claims)?);
        let signature = signer.sign(message.as_bytes()).await;
        let signature = signature.map_err(|source| MintError::Signer { kid: kid.clone(), source })?;
        let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature));
        Ok((SecretString::from(token), kid))
    }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

fn header(algorithm: Algorithm, kid: &Kid, typ: Option<&str>) -> Header {
    let algorithm = match algorithm {
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Rs384 => jsonwebtoken::Algorithm::RS384,
        Algorithm::Rs512 => jsonwebtoken::Algorithm::RS512,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Es384 => jsonwebtoken::Algorithm::ES384,
    };
    let plain = Header::new(algorithm);
    Header { kid: Some(kid.to_string()), typ: typ.map(str::to_owned).or(plain.typ.clone()), ..plain }
}

fn part(value: &impl Serialize) -> Result<String, MintError> {
    let json = serde_json::to_vec(value).map_err(|error| MintError::Encoding(error.to_string()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
}
