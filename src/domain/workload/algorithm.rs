//! The algorithms that a workload's token may be signed with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::Invalid;

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1) whose signatures feedpass can verify.
///
/// Never `none` and never `HS*`: who can verify those can also make them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum JwsAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256 and a salt as long as the digest.
    Ps256,
    /// RSASSA-PSS with SHA-384 and a salt as long as the digest.
    Ps384,
    /// RSASSA-PSS with SHA-512 and a salt as long as the digest.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl JwsAlgorithm {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The other name of [`JwsAlgorithm::EdDsa`] (RFC 9864 §2.2), by which some libraries say which curve they mean.
    pub const ED25519: &str = "Ed25519";

    /// What a trusted issuer may sign with unless told otherwise: the two that nearly all use.
    pub const DEFAULT: [Self; 2] = [Self::Rs256, Self::Es256];

    /// The `alg` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The names of `algorithms`, as a sentence part.
    #[must_use]
    pub fn list(algorithms: &[Self]) -> String {
        algorithms.iter().map(|algorithm| algorithm.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JwsAlgorithm {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == Self::ED25519 {
            return Ok(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or_else(|| {
            let expected = if text.starts_with("HS") {
                "who can verify `HS*` can also make it; choose a public-key algorithm, as in `RS256`".to_owned()
            } else {
                format!("it is one of {}", Self::list(&Self::ALL))
            };
            Invalid::new("an algorithm for workload tokens", text, expected)
        })
    }
}

impl TryFrom<String> for JwsAlgorithm {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<JwsAlgorithm> for String {
    fn from(algorithm: JwsAlgorithm) -> Self {
        algorithm.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_symmetric_and_nothing_unsigned_is_an_algorithm() {
        for algorithm in JwsAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        assert_eq!(JwsAlgorithm::ED25519.parse(), Ok(JwsAlgorithm::EdDsa));
        for bad in ["none", "None", "HS256", "HS512", "rs256", "ES512", "ES256K", ""] {
            assert!(bad.parse::<JwsAlgorithm>().is_err(), "{bad} must be refused");
        }
    }
}
