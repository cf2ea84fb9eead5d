//! A [`Caller`] becomes an access token (RFC 9068), by which it is known to feedpass and to nobody else.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Serialize;

use super::{Mint, MintError, second};
use crate::authn::{ACCESS_TOKEN_TYPE, Caller, access_token_subject};
use crate::domain::{Kid, Scope};

/// A token by which feedpass knows a client. Its text shows in no `Debug`.
#[derive(Clone)]
pub struct AccessToken {
    /// The JWT, compact (RFC 7515 §7.1).
    pub token: SecretString,
    /// The key that signed it.
    pub kid: Kid,
    /// Its id: 22 characters of base64url, 128 random bits.
    pub jti: String,
    /// What it is good for.
    pub scope: Scope,
    /// How long it lives.
    pub lifetime: SignedDuration,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken {{ kid: {}, jti: {}, expires_at: {}, .. }}", self.kid, self.jti, self.expires_at)
    }
}

/// The claims of RFC 9068 §2.2. `iss` is no URL, or STS might take the token: see
/// [`AccessTokenNames`](crate::authn::AccessTokenNames).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    client_id: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    scope: String,
}

impl Mint {
    /// Signs an access token for `caller`, good for what it is good for.
    ///
    /// `exp` is `iat` plus the configured lifetime, whole seconds, 60 to 3600, and never later than the end of what
    /// the caller proved who it is with: or a token could be made to last by exchanging it for another. None when not
    /// a second is left of that, as of a proof that counts still by the leeway for clocks that are apart.
    ///
    /// # Errors
    /// [`MintError`] when the key's keeper cannot sign or the machine gives no randomness.
    pub async fn access_token(&self, caller: &Caller) -> Result<Option<AccessToken>, MintError> {
        let issued_second = self.clock.now().as_second();
        let full = issued_second + i64::from(self.lifetimes.load().access.as_secs());
        let expires_second = caller.ends_at().map_or(full, |end| full.min(end.as_second()));
        if expires_second <= issued_second {
            return Ok(None);
        }
        let jti = self.token_id()?;
        let claims = Claims {
            iss: &self.names.issuer,
            sub: access_token_subject(caller.id()),
            client_id: caller.id().as_str(),
            aud: &self.names.audience,
            iat: issued_second,
            exp: expires_second,
            jti: &jti,
            scope: caller.scope().to_string(),
        };
        let (token, kid) = self.sign(Some(ACCESS_TOKEN_TYPE), &claims, None).await?;
        Ok(Some(AccessToken {
            token,
            kid,
            jti,
            scope: caller.scope().clone(),
            lifetime: SignedDuration::from_secs(expires_second - issued_second),
            expires_at: second(expires_second),
        }))
    }
}
