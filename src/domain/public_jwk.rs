//! A client's public key.

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
