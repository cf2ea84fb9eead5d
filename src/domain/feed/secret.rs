//! The secret half of an access key.

use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The secret half of an access key. No `Debug` shows it, and in clear it is never written anywhere.
#[derive(Clone)]
pub enum AwsSecret {
    /// As the configuration gives it, from a file or the environment: only in memory.
    Clear(SecretString),
    /// As the store keeps it: sealed with the installation's own key.
    Sealed(String),
}

impl AwsSecret {
    fn text(&self) -> (bool, &str) {
        match self {
            Self::Clear(secret) => (false, secret.expose_secret()),
            Self::Sealed(sealed) => (true, sealed),
        }
    }
}

impl fmt::Debug for AwsSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear(_) => "AwsSecret::Clear(…)",
            Self::Sealed(_) => "AwsSecret::Sealed(…)",
        })
    }
}

impl PartialEq for AwsSecret {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for AwsSecret {}

impl Hash for AwsSecret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

impl Serialize for AwsSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sealed(sealed) => serializer.serialize_str(sealed),
            Self::Clear(_) => Err(serde::ser::Error::custom("a secret is never written in clear")),
        }
    }
}

impl<'de> Deserialize<'de> for AwsSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Sealed)
    }
}
