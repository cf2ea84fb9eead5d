//! A client's public key.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Invalid;

/// A public key as a JWK (RFC 7517): of type `RSA`, `EC` or `OKP`, without private or symmetric members.
///
/// Whether its numbers are a key, whoever verifies with it finds out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct PublicJwk(Map<String, Value>);

impl PublicJwk {
    /// The JWK's members.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Its `kid`, where it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.0.get("kid").and_then(Value::as_str)
    }
}

impl TryFrom<Map<String, Value>> for PublicJwk {
    type Error = Invalid;

    fn try_from(members: Map<String, Value>) -> Result<Self, Invalid> {
        // Nothing of it is repeated: a private key may have been pasted.
        let invalid = |expected| Err(Invalid::new("a public key", "…", expected));
        let public = matches!(members.get("kty").and_then(Value::as_str), Some("RSA" | "EC" | "OKP"));
        if !public {
            return invalid("it is a JWK whose `kty` is `RSA`, `EC` or `OKP`");
        }
        // RFC 7518 §6.2.2, §6.3.2 and RFC 8037 §2: what a private key has beyond its public half.
        if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|member| members.contains_key(*member)) {
            return invalid(
                "it holds the private half; give the public half alone, and replace the key: it has been shown",
            );
        }
        Ok(Self(members))
    }
}

impl From<PublicJwk> for Map<String, Value> {
    fn from(key: PublicJwk) -> Self {
        key.0
    }
}

/// A client's public keys as a JWK set (RFC 7517 §5): 1 to 10.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicJwks(Vec<PublicJwk>);

impl PublicJwks {
    /// The most that a client may have: one, its successor, and room to spare.
    pub const MAX: usize = 10;
}

impl From<PublicJwks> for Vec<PublicJwk> {
    fn from(keys: PublicJwks) -> Self {
        keys.0
    }
}

impl FromStr for PublicJwks {
    type Err = Invalid;

    /// Reads a set from JSON.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Map<String, Value>>,
        }
        let invalid = |expected: &str| Invalid::new("a set of public keys", "…", expected);
        let set: Set = serde_json::from_str(text).map_err(|_| {
            invalid(r#"it is a JWK set, as in `{"keys":[{"kty":"EC","crv":"P-256","x":"…","y":"…"}]}`"#)
        })?;
        if !(1..=Self::MAX).contains(&set.keys.len()) {
            return Err(invalid("it has 1 to 10 keys"));
        }
        Ok(Self(set.keys.into_iter().map(PublicJwk::try_from).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_refused_and_not_repeated() {
        let read = |text: &str| serde_json::from_str::<PublicJwk>(text).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"kty":"EC","kid":"a"}"#).unwrap().kid(), Some("a"));
        let refusal = read(r#"{"kty":"RSA","n":"AQ","d":"hunter2"}"#).unwrap_err();
        assert!(refusal.contains("private half") && !refusal.contains("hunter2"), "{refusal}");
        assert!(read(r#"{"kty":"oct","k":"AQ"}"#).is_err());
    }
}
