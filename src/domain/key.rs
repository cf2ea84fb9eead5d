//! What a signing key is called and how it signs.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, text_value};

/// A key's id: its RFC 7638 SHA-256 thumbprint, 43 characters of base64url.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kid(String);

text_value!(Kid);

impl FromStr for Kid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        if text.len() == 43 && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("a key id", text, "it is the 43 characters of an RFC 7638 thumbprint"))
        }
    }
}

/// A JWS algorithm (RFC 7518 §3.1) that this version signs with.
///
/// Never `PS*`, `EdDSA` or `HS*`: STS accepts none of them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, on a 2048-bit key.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// The `alg` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "RS256" => Ok(Self::Rs256),
            "RS384" | "RS512" | "ES256" | "ES384" => {
                Err(Invalid::new("an algorithm of this version", text, "this version signs with `RS256` alone"))
            }
            _ => Err(Invalid::new("a signing algorithm", text, "AWS STS accepts no such algorithm; use `RS256`")),
        }
    }
}
