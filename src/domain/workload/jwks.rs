//! Public keys that an administrator pins.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::Invalid;

/// The most keys that a set may have.
pub const MOST_KEYS: usize = 100;

/// The members of a JWK that no one but its owner may know (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
pub const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A JWK set (RFC 7517 §5) that is believed as it stands: `{ keys = [{ … }] }` with 1 to 100 keys, all public.
///
/// Whether each key can verify anything is for whoever verifies to say.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct PinnedJwks(Arc<Map<String, Value>>);

impl PinnedJwks {
    /// The set's `keys`.
    #[must_use]
    pub fn keys(&self) -> &[Value] {
        self.0.get("keys").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

impl TryFrom<Map<String, Value>> for PinnedJwks {
    type Error = Invalid;

    fn try_from(set: Map<String, Value>) -> Result<Self, Invalid> {
        // Nothing of it is shown: it may hold a private key.
        let invalid = |expected: &str| Err(Invalid::new("a set of public keys", "…", expected));
        let Some(Value::Array(keys)) = set.get("keys") else {
            return invalid("it is a JWK set, `{ keys = [{ kty = \"RSA\", … }] }`");
        };
        if keys.is_empty() || keys.len() > MOST_KEYS {
            return invalid("it has 1 to 100 keys");
        }
        for key in keys {
            let Value::Object(members) = key else {
                return invalid("each of its keys is an object");
            };
            if let Some(member) = PRIVATE_MEMBERS.into_iter().find(|member| members.contains_key(*member)) {
                return invalid(&format!("a key of it has the private member `{member}`; give its public half alone"));
            }
        }
        Ok(Self(Arc::new(set)))
    }
}

impl FromStr for PinnedJwks {
    type Err = Invalid;

    /// Reads a set from JSON.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let set: Map<String, Value> = serde_json::from_str(text)
            .map_err(|_| Invalid::new("a set of public keys", "…", "it is a JSON object with a list `keys`"))?;
        set.try_into()
    }
}

impl From<PinnedJwks> for Map<String, Value> {
    fn from(set: PinnedJwks) -> Self {
        Arc::unwrap_or_clone(set.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_keys_are_not_pinned_and_not_repeated() {
        for member in PRIVATE_MEMBERS {
            let set = format!(r#"{{"keys":[{{"kty":"RSA","{member}":"hunter2"}}]}}"#);
            let refusal = set.parse::<PinnedJwks>().unwrap_err().to_string();
            assert!(refusal.contains(&format!("`{member}`")) && !refusal.contains("hunter2"), "{refusal}");
        }
        for bad in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":["a"]}"#] {
            assert!(bad.parse::<PinnedJwks>().is_err(), "{bad} must be refused");
        }
        assert_eq!(r#"{"keys":[{"kty":"RSA"}]}"#.parse::<PinnedJwks>().unwrap().keys().len(), 1);
    }
}
