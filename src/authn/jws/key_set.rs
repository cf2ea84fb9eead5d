//! An issuer's keys, and which of them a token means.

use serde_json::Value;

use super::{KeyFault, StrictJsonError, VerificationKey, strict_object};
use crate::domain::{JwsAlgorithm, MOST_KEYS, PRIVATE_MEMBERS, PinnedJwks, PublicJwk};

/// Why a whole set is not believed. It is its issuer's to mend.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeySetError {
    /// It is not the JSON it should be.
    #[error("the JWKS {0}")]
    Json(StrictJsonError),
    /// It has no list of keys.
    #[error("the JWKS has no list `keys`")]
    NoKeys,
    /// It has too many.
    #[error("the JWKS has {0} keys; at most {MOST_KEYS} are read")]
    TooMany(usize),
    /// A private key is in it: whoever can read it can sign, so none of it is worth anything.
    #[error("the JWKS publishes a private key: key {index} has `{member}`")]
    Private {
        /// Which key, counted from 0.
        index: usize,
        /// By which member it shows.
        member: &'static str,
    },
}

/// A published key that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    /// Where it stands, counted from 0.
    pub index: usize,
    /// What it is called, where it is called anything.
    pub kid: Option<String>,
    /// Why.
    pub fault: KeyFault,
}

/// Why no key is the one that a token means.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoKey {
    /// No key has that name.
    #[error("the issuer publishes no key with the `kid` `{kid}`")]
    UnknownKid {
        /// The token's.
        kid: String,
    },
    /// The key has that name, and cannot be used.
    #[error("the issuer's key `{kid}` cannot be used: {fault}")]
    Unusable {
        /// The token's.
        kid: String,
        /// Why.
        fault: KeyFault,
    },
    /// The key has that name and is for something else.
    #[error("the issuer's key `{kid}` is not for {algorithm}")]
    OtherAlgorithm {
        /// The token's.
        kid: String,
        /// The token's.
        algorithm: JwsAlgorithm,
    },
    /// Several keys have that name.
    #[error("the issuer publishes several keys with the `kid` `{kid}` for {algorithm}")]
    Ambiguous {
        /// The token's.
        kid: String,
        /// The token's.
        algorithm: JwsAlgorithm,
    },
    /// The token names none, and none is for its algorithm.
    #[error("the issuer publishes no key for {algorithm}")]
    NoneFor {
        /// The token's.
        algorithm: JwsAlgorithm,
    },
    /// The token names none, and several are for its algorithm.
    #[error("the token names no `kid`, and its issuer publishes {count} keys for {algorithm}")]
    KidNeeded {
        /// The token's.
        algorithm: JwsAlgorithm,
        /// How many there are.
        count: usize,
    },
}

impl NoKey {
    /// Whether the issuer may have published the key since its keys were fetched.
    #[must_use]
    pub fn may_be_new(&self) -> bool {
        matches!(self, Self::UnknownKid { .. } | Self::NoneFor { .. } | Self::Unusable { .. })
    }
}

/// An issuer's public keys.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    left_out: Vec<LeftOut>,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517 §5). A key that cannot be used is left out, with the reason.
    ///
    /// # Errors
    /// [`KeySetError`] where none of the set can be believed.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let set = strict_object(bytes).map_err(KeySetError::Json)?;
        match set.get("keys") {
            Some(Value::Array(keys)) => Self::of(keys),
            _ => Err(KeySetError::NoKeys),
        }
    }

    /// Takes a pinned set.
    ///
    /// # Errors
    /// As [`KeySet::parse`].
    pub fn pinned(set: &PinnedJwks) -> Result<Self, KeySetError> {
        Self::of(set.keys())
    }

    /// Takes a client's keys.
    ///
    /// # Errors
    /// As [`KeySet::parse`].
    pub fn of_client(keys: &[PublicJwk]) -> Result<Self, KeySetError> {
        let keys: Vec<_> = keys.iter().map(|key| Value::Object(key.members().clone())).collect();
        Self::of(&keys)
    }

    fn of(jwks: &[Value]) -> Result<Self, KeySetError> {
        if jwks.len() > MOST_KEYS {
            return Err(KeySetError::TooMany(jwks.len()));
        }
        let mut set = Self::default();
        for (index, jwk) in jwks.iter().enumerate() {
            let Value::Object(jwk) = jwk else {
                let fault = KeyFault::Malformed { member: "kty", expected: "a member of an object" };
                set.left_out.push(LeftOut { index, kid: None, fault });
                continue;
            };
            if let Some(member) = PRIVATE_MEMBERS.into_iter().find(|member| jwk.contains_key(*member)) {
                return Err(KeySetError::Private { index, member });
            }
            match VerificationKey::from_jwk(jwk) {
                Ok(key) => set.keys.push(key),
                Err(fault) => {
                    let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
                    set.left_out.push(LeftOut { index, kid, fault });
                }
            }
        }
        Ok(set)
    }

    /// The keys that can be used.
    #[must_use]
    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }

    /// The keys that cannot.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The one key that a token means which names `kid` and is signed with `algorithm`. Without a `kid`, the only
    /// one for the algorithm.
    ///
    /// # Errors
    /// [`NoKey`], where there is none or where several could be meant.
    pub fn choose(&self, kid: Option<&str>, algorithm: JwsAlgorithm) -> Result<&VerificationKey, NoKey> {
        let mut named = self.keys.iter().filter(|key| kid.is_none() || key.kid() == kid).peekable();
        let is_known = named.peek().is_some();
        let candidates: Vec<_> = named.filter(|key| key.fits(algorithm)).collect();
        let kid = kid.map(str::to_owned);
        match (candidates.as_slice(), kid) {
            ([key], _) => Ok(key),
            ([], None) => Err(NoKey::NoneFor { algorithm }),
            (many, None) => Err(NoKey::KidNeeded { algorithm, count: many.len() }),
            ([], Some(kid)) if is_known => Err(NoKey::OtherAlgorithm { kid, algorithm }),
            ([], Some(kid)) => Err(self.why_unknown(kid)),
            (_, Some(kid)) => Err(NoKey::Ambiguous { kid, algorithm }),
        }
    }

    fn why_unknown(&self, kid: String) -> NoKey {
        match self.left_out.iter().find(|key| key.kid.as_deref() == Some(&kid)) {
            Some(key) => NoKey::Unusable { kid, fault: key.fault.clone() },
            None => NoKey::UnknownKid { kid },
        }
    }
}
