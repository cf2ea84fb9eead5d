//! Whether claims hold: from whom, for whom, about whom, and when.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Claims;
use crate::clock::later;
use crate::domain::shown;

/// How far two machines' clocks may be apart.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// The longest `sub` (OpenID Connect Core 1.0 §2), in characters.
const LONGEST_SUBJECT: usize = 255;
/// The end of the year 9999: later times are mistakes, such as milliseconds taken for seconds.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// What is expected of a token's claims.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// What `iss` is, to the letter.
    pub issuer: &'a str,
    /// Of which `aud` is one.
    pub audiences: &'a [String],
    /// The time.
    pub now: Timestamp,
    /// How far clocks may be apart; [`LEEWAY`] unless there is a reason.
    pub leeway: Duration,
    /// How far `exp` may lie beyond `iat`, and beyond now.
    pub max_lifetime: Duration,
}

/// Claims that are from whom, for whom and of when they should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckedClaims {
    /// `sub`.
    pub subject: String,
    /// The one `aud`.
    pub audience: String,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`, where there is one.
    pub issued_at: Option<Timestamp>,
    /// `jti`, where there is one.
    pub token_id: Option<String>,
}

/// Why claims do not hold. Each is the caller's to mend, or its issuer's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClaimsError {
    /// A claim is not there.
    #[error("the token has no `{0}`")]
    Missing(&'static str),
    /// A claim is of another kind.
    #[error("the token's `{claim}` is not {expected}")]
    Kind {
        /// Which.
        claim: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It is from someone else.
    #[error("the token's `iss` is `{found}`; expected is `{expected}`, to the letter")]
    Issuer {
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// It is for someone else.
    #[error("the token's `aud` is `{found}`; expected is {}", .expected.join(" or "))]
    Audience {
        /// What it is.
        found: String,
        /// What it may be, each in backquotes.
        expected: Vec<String>,
    },
    /// It is for several: each of them could use it here.
    #[error("the token's `aud` has {0} elements; a token for exactly one audience is taken")]
    SeveralAudiences(usize),
    /// `sub` is empty or too long.
    #[error("the token's `sub` has {0} characters; it has 1 to {LONGEST_SUBJECT}")]
    Subject(usize),
    /// Its time is over.
    #[error("the token expired at {expired_at}; it is {now}")]
    Expired {
        /// `exp`.
        expired_at: Timestamp,
        /// The time.
        now: Timestamp,
    },
    /// It would be good for too long.
    #[error("the token is good until {expires_at}; the latest end that is taken is {} from now", words(*.max_lifetime))]
    ExpiresTooFarAway {
        /// `exp`.
        expires_at: Timestamp,
        /// The longest that it may be good for.
        max_lifetime: Duration,
    },
    /// It was made to be good for too long.
    #[error("the token lives for {}; the longest life that is taken is {}", words(*.lifetime), words(*.max_lifetime))]
    LivesTooLong {
        /// `exp - iat`.
        lifetime: Duration,
        /// The longest that it may be good for.
        max_lifetime: Duration,
    },
    /// Its time is yet to come.
    #[error("the token's `{claim}` is {at}, in the future; it is {now}")]
    NotYet {
        /// `nbf` or `iat`.
        claim: &'static str,
        /// What it is.
        at: Timestamp,
        /// The time.
        now: Timestamp,
    },
}

fn words(length: Duration) -> String {
    crate::domain::Period::of_seconds(length.as_secs()).to_string()
}

impl Claims {
    /// Checks that the claims hold (RFC 7519 §4.1, RFC 8725 §3.8 to §3.9).
    ///
    /// # Errors
    /// [`ClaimsError`], for the first that does not.
    pub fn check(&self, expected: &Expectations<'_>) -> Result<CheckedClaims, ClaimsError> {
        expected.check(self.members())
    }
}

impl Expectations<'_> {
    /// Checks claims that nobody may have signed, for what they would be worth.
    ///
    /// # Errors
    /// [`ClaimsError`], for the first that does not hold.
    pub(in crate::authn) fn check(&self, claims: &Map<String, Value>) -> Result<CheckedClaims, ClaimsError> {
        let issuer = text(claims, "iss")?;
        if issuer != self.issuer {
            return Err(ClaimsError::Issuer { found: shown(issuer), expected: self.issuer.to_owned() });
        }
        let audience = self.audience(claims)?;
        let subject = text(claims, "sub")?;
        let length = subject.chars().count();
        if length == 0 || length > LONGEST_SUBJECT {
            return Err(ClaimsError::Subject(length));
        }
        let (expires_at, issued_at) = self.times(claims)?;
        let token_id = claims.get("jti").and_then(Value::as_str).map(str::to_owned);
        Ok(CheckedClaims { subject: subject.to_owned(), audience, expires_at, issued_at, token_id })
    }

    fn audience(&self, claims: &Map<String, Value>) -> Result<String, ClaimsError> {
        let kind = ClaimsError::Kind { claim: "aud", expected: "a text, or a list of one" };
        let found = match claims.get("aud").ok_or(ClaimsError::Missing("aud"))? {
            Value::String(found) => found,
            Value::Array(found) => match found.as_slice() {
                [Value::String(found)] => found,
                [_] => return Err(kind),
                several => return Err(ClaimsError::SeveralAudiences(several.len())),
            },
            _ => return Err(kind),
        };
        if !self.audiences.contains(found) {
            let expected = self.audiences.iter().map(|audience| format!("`{audience}`")).collect();
            return Err(ClaimsError::Audience { found: shown(found), expected });
        }
        Ok(found.clone())
    }

    fn times(&self, claims: &Map<String, Value>) -> Result<(Timestamp, Option<Timestamp>), ClaimsError> {
        let (now, max_lifetime) = (self.now, self.max_lifetime);
        let latest = later(now, self.leeway);
        let expires_at = date(claims, "exp")?.ok_or(ClaimsError::Missing("exp"))?;
        if later(expires_at, self.leeway) <= now {
            return Err(ClaimsError::Expired { expired_at: expires_at, now });
        }
        let issued_at = date(claims, "iat")?;
        for (claim, at) in [("nbf", date(claims, "nbf")?), ("iat", issued_at)] {
            if let Some(at) = at.filter(|at| *at > latest) {
                return Err(ClaimsError::NotYet { claim, at, now });
            }
        }
        if expires_at > later(latest, max_lifetime) {
            return Err(ClaimsError::ExpiresTooFarAway { expires_at, max_lifetime });
        }
        // Where `iat` lies after `exp`, the life is none, and not too long.
        let lifetime = issued_at.and_then(|issued_at| Duration::try_from(expires_at.duration_since(issued_at)).ok());
        match lifetime.filter(|lifetime| *lifetime > max_lifetime) {
            Some(lifetime) => Err(ClaimsError::LivesTooLong { lifetime, max_lifetime }),
            None => Ok((expires_at, issued_at)),
        }
    }
}

fn text<'a>(claims: &'a Map<String, Value>, claim: &'static str) -> Result<&'a str, ClaimsError> {
    let value = claims.get(claim).ok_or(ClaimsError::Missing(claim))?;
    value.as_str().ok_or(ClaimsError::Kind { claim, expected: "a text" })
}

/// A `NumericDate` (RFC 7519 §2): seconds since 1970, perhaps with a fraction, which is dropped.
fn date(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<Timestamp>, ClaimsError> {
    let wrong = || ClaimsError::Kind { claim, expected: "a number of seconds since 1970" };
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..=LAST_SECOND).contains(seconds)).ok_or_else(wrong)?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked, and fractions are dropped")]
    let seconds = seconds as i64;
    Timestamp::from_second(seconds).map(Some).map_err(|_| wrong())
}
