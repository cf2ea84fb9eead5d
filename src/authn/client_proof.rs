//! How a client proves who it is at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2).

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::basic::{pair, split};
use super::jws::{Claims, Expectations, JwsError, KeySet, LEEWAY, TokenType, UnverifiedJwt};
use super::{Authn, AuthnError, Proven, TokenError, Via, verified};
use crate::clock::later;
use crate::domain::{Client, ClientId, JwsAlgorithm, Origin, Scope};
use crate::store::Snapshot;

/// How far ahead an assertion may end. Five minutes would do, but Authlib makes them for an hour and asks nobody.
const LONGEST_ASSERTION: Duration = Duration::from_hours(1);
/// The longest `jti`, in bytes: each is kept until its assertion ends.
const LONGEST_JTI: usize = 256;

/// What a client proves who it is with. No `Debug` shows a secret.
#[derive(Debug)]
pub enum ClientProof {
    /// Its id and secret.
    Secret {
        /// The id as it came.
        client: String,
        /// The secret, read in each way that it may have been written.
        readings: Vec<SecretString>,
    },
    /// A JWT that it signed.
    Assertion {
        /// The id beside it, where there was one.
        client: Option<String>,
        /// The JWT.
        assertion: SecretString,
    },
}

impl ClientProof {
    /// Reads an `Authorization` header of the scheme `Basic`.
    ///
    /// Both parts should be form-encoded in it (RFC 6749 §2.3.1), and half of all libraries leave that out; so the
    /// secret is read both ways. One that fits is right either way.
    ///
    /// # Errors
    /// [`AuthnError::Malformed`].
    pub fn basic(authorization: &str) -> Result<Self, AuthnError> {
        let (scheme, proof) = authorization.split_once(' ').ok_or(AuthnError::Malformed)?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(AuthnError::Malformed);
        }
        let pair = pair(proof.trim_matches(' ')).ok_or(AuthnError::Malformed)?;
        let (client, secret) = split(&pair).ok_or(AuthnError::Malformed)?;
        let decoded = form_decoded(secret).filter(|decoded| decoded != secret);
        let readings = std::iter::once(secret.to_owned()).chain(decoded).map(SecretString::from).collect();
        Ok(Self::Secret { client: form_decoded(client).ok_or(AuthnError::Malformed)?, readings })
    }
}

impl Authn {
    /// Finds out which client this proof is of.
    ///
    /// # Errors
    /// [`AuthnError`]; an assertion that was taken once is taken by no process again.
    pub async fn client(&self, proof: &ClientProof, origin: &Origin) -> Result<super::Caller, AuthnError> {
        let snapshot = self.store.current();
        let proven = match proof {
            ClientProof::Secret { client, readings } => self.by_secret(&snapshot, client, readings)?,
            ClientProof::Assertion { client, assertion } => {
                self.by_assertion(&snapshot, client.as_deref(), assertion.expose_secret()).await?
            }
        };
        Ok(proven.caller(origin))
    }

    fn by_secret(&self, snapshot: &Snapshot, client: &str, readings: &[SecretString]) -> Result<Proven, AuthnError> {
        let id: Option<ClientId> = client.parse().ok();
        let client = id.and_then(|id| snapshot.client(&id));
        let now = self.clock.now();
        let mut proven = readings.iter().map(|secret| verified(client, secret.expose_secret(), now).into());
        proven.find(Result::is_ok).unwrap_or(Err(AuthnError::Refused))
    }

    async fn by_assertion(
        &self,
        snapshot: &Snapshot,
        client: Option<&str>,
        assertion: &str,
    ) -> Result<Proven, AuthnError> {
        let now = self.clock.now();
        let token = parse(assertion).map_err(TokenError::from).map_err(AuthnError::Assertion)?;
        let unverified_id = token.unverified_claims().get("sub").and_then(|sub| sub.as_str()).unwrap_or_default();
        let unverified_id = unverified_id.to_owned();
        if client.is_some_and(|client| client != unverified_id) {
            return Err(AuthnError::OtherClient);
        }
        let id: Option<ClientId> = unverified_id.parse().ok();
        let client = id.and_then(|id| snapshot.client(&id)).filter(|client| client.is_live(now));
        // Whether there is such a client, and which keys it has, is told to nobody.
        let no_key = || AuthnError::Assertion(TokenError::NoClientKey);
        let client = client.ok_or_else(no_key)?;
        let claims = signed_by(client, token).ok_or_else(no_key)?;
        let expected = Expectations {
            issuer: &unverified_id,
            audiences: &self.assertion_audiences,
            now,
            leeway: LEEWAY,
            max_lifetime: LONGEST_ASSERTION,
        };
        let checked = claims.check(&expected).map_err(TokenError::from).map_err(AuthnError::Assertion)?;
        let jti = checked.token_id.filter(|jti| (1..=LONGEST_JTI).contains(&jti.len()));
        let jti = jti.ok_or(AuthnError::Assertion(TokenError::Missing("jti")))?;
        // It is taken for a while after its end, and must be remembered for as long.
        let ends_at = later(checked.expires_at, LEEWAY);
        match self.store.database().first_use(client.id.as_str(), &jti, ends_at, now).await {
            Ok(true) => {}
            Ok(false) => return Err(AuthnError::AssertionReplayed),
            Err(error) => {
                tracing::error!("it cannot be told whether an assertion is new: {error}");
                return Err(AuthnError::StoreSilent);
            }
        }
        Ok(Proven { client: client.clone(), via: Via::Assertion, scope: Scope::all(), ends_at: None })
    }
}

/// Assertions are plain JWTs, until the successor of RFC 7523 gives them a type of their own.
fn parse(assertion: &str) -> Result<UnverifiedJwt<'_>, JwsError> {
    match UnverifiedJwt::parse(assertion, TokenType::Jwt) {
        Err(plain @ JwsError::Type { .. }) => {
            UnverifiedJwt::parse(assertion, TokenType::Named("client-authentication+jwt")).map_err(|_| plain)
        }
        parsed => parsed,
    }
}

fn signed_by(client: &Client, token: UnverifiedJwt<'_>) -> Option<Claims> {
    let keys = KeySet::of_client(&client.public_keys).ok()?;
    let key = keys.choose(token.jws().unverified_kid(), token.jws().algorithm()).ok()?;
    token.verify(key, &JwsAlgorithm::ALL).ok()
}

/// Undoes `application/x-www-form-urlencoded`, where `text` is that.
fn form_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high << 4 | low).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    fn readings(pair: &str) -> (String, Vec<String>) {
        let header = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let ClientProof::Secret { client, readings } = ClientProof::basic(&header).unwrap() else { panic!() };
        (client, readings.iter().map(|secret| secret.expose_secret().to_owned()).collect())
    }

    #[test]
    fn basic_is_read_as_it_stands_and_as_the_rfc_has_it() {
        assert_eq!(readings("team%2Fci:fps%5Fa%3Ab"), ("team/ci".into(), vec!["fps%5Fa%3Ab".into(), "fps_a:b".into()]));
        assert_eq!(readings("ci:100%+"), ("ci".into(), vec!["100%+".into()]), "no form encoding");
        assert_eq!(readings("ci:plain"), ("ci".into(), vec!["plain".into()]));
        for bad in ["Basic", "Bearer abc", "Basic %%%", "Basic Y2k=", "Basic Y2k6"] {
            assert_eq!(ClientProof::basic(bad).unwrap_err(), AuthnError::Malformed, "{bad}");
        }
    }
}
