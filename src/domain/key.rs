//! What a signing key is called, of what kind it is and how it signs.

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, text_value};

/// A key's id: its RFC 7638 SHA-256 thumbprint, 43 characters of base64url.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kid(String);

text_value!(Kid);

impl Kid {
    /// The id of the key whose required members, in lexical order and without white space (RFC 7638 §3), are `members`.
    #[must_use]
    pub fn of_members(members: &str) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes())))
    }
}

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

/// A JWS algorithm (RFC 7518 §3.1) that feedpass signs with.
///
/// Never `PS*`, `EdDSA` or `HS*`: STS accepts none of them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
}

impl Algorithm {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Rs256, Self::Rs384, Self::Rs512, Self::Es256, Self::Es384];

    /// The `alg` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    /// The kind of key that signs so.
    #[must_use]
    pub fn key_type(self) -> KeyType {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 => KeyType::Rsa,
            Self::Es256 => KeyType::P256,
            Self::Es384 => KeyType::P384,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or_else(|| {
            let expected = format!("AWS STS accepts {}", listed(&Self::ALL));
            Invalid::new("a signing algorithm", text, expected)
        })
    }
}

/// A kind of signing key. Those of elliptic curves go by their curve's name (RFC 7518 §6.2.1.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyType {
    /// RSA.
    Rsa,
    /// A curve of 256 bits, secp256r1.
    P256,
    /// A curve of 384 bits, secp384r1.
    P384,
}

impl KeyType {
    /// What keys of the kind can sign with.
    #[must_use]
    pub fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Rsa => &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512],
            Self::P256 => &[Algorithm::Es256],
            Self::P384 => &[Algorithm::Es384],
        }
    }

    /// What a key of the kind signs with when nobody says it: the hash that all verifiers know.
    #[must_use]
    pub fn default_algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::Rs256,
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
        }
    }

    /// `algorithm`, if keys of the kind sign with it.
    ///
    /// # Errors
    /// [`Misfit`] for another kind's.
    pub fn signs(self, algorithm: Algorithm) -> Result<Algorithm, Misfit> {
        if algorithm.key_type() == self { Ok(algorithm) } else { Err(Misfit { key: self, algorithm }) }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        })
    }
}

/// An algorithm that a key cannot sign with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{algorithm} is for {} keys; this {key} key signs with {}", .algorithm.key_type(), listed(.key.algorithms()))]
pub struct Misfit {
    /// The key's kind.
    pub key: KeyType,
    /// The algorithm, which is for another.
    pub algorithm: Algorithm,
}

/// The bits of an RSA key's modulus. Others are too weak, or are not signed with by `ring`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RsaBits {
    /// 2048.
    #[default]
    B2048,
    /// 3072.
    B3072,
    /// 4096.
    B4096,
}

impl RsaBits {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::B2048, Self::B3072, Self::B4096];

    /// The size of a modulus of `bits`, if a key may have it.
    #[must_use]
    pub fn new(bits: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.bits() == bits)
    }

    /// How many.
    #[must_use]
    pub fn bits(self) -> usize {
        match self {
            Self::B2048 => 2048,
            Self::B3072 => 3072,
            Self::B4096 => 4096,
        }
    }
}

impl fmt::Display for RsaBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bits())
    }
}

impl FromStr for RsaBits {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|size| size.to_string() == text)
            .ok_or_else(|| Invalid::new("a size of RSA keys", text, "it is 2048, 3072 or 4096 bits"))
    }
}

/// What a new key is to be: how it signs, and how large it is where there is a choice.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct KeySpec {
    algorithm: Algorithm,
    /// Of RSA keys, and of no others.
    rsa_bits: Option<RsaBits>,
}

impl KeySpec {
    /// A key that signs with `algorithm`; an RSA key of `rsa_bits`, or 2048.
    ///
    /// # Errors
    /// [`Invalid`] when `rsa_bits` are given and the algorithm is not RSA's.
    pub fn new(algorithm: Algorithm, rsa_bits: Option<RsaBits>) -> Result<Self, Invalid> {
        match (algorithm.key_type(), rsa_bits) {
            (KeyType::Rsa, bits) => Ok(Self { algorithm, rsa_bits: Some(bits.unwrap_or_default()) }),
            (_, None) => Ok(Self { algorithm, rsa_bits: None }),
            (curve, Some(bits)) => {
                let expected = format!("{algorithm} signs with {curve} keys, which have one size; leave it out");
                Err(Invalid::new("a key's size here", &bits.to_string(), expected))
            }
        }
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// The size of an RSA key; none for others.
    #[must_use]
    pub fn rsa_bits(self) -> Option<RsaBits> {
        self.rsa_bits
    }
}

impl Default for KeySpec {
    /// RS256 with 2048 bits, which every verifier knows.
    fn default() -> Self {
        Self::from(Algorithm::Rs256)
    }
}

impl From<Algorithm> for KeySpec {
    /// A key for `algorithm`, of the usual size.
    fn from(algorithm: Algorithm) -> Self {
        Self { algorithm, rsa_bits: (algorithm.key_type() == KeyType::Rsa).then(RsaBits::default) }
    }
}

impl fmt::Display for KeySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rsa_bits {
            Some(bits) => write!(f, "{} ({bits} bits)", self.algorithm),
            None => write!(f, "{}", self.algorithm),
        }
    }
}

/// The algorithms' names as a sentence part: "RS256, RS384 and RS512".
fn listed(algorithms: &[Algorithm]) -> String {
    match algorithms {
        [] => String::new(),
        [only] => only.to_string(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|algorithm| algorithm.as_str()).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

/// What promotes a published key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PromoteOn {
    /// Its time has come, and nothing speaks against it.
    Time,
    /// Full evidence that verifiers know the key may come before its time.
    Evidence,
}

impl FromStr for PromoteOn {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "time" => Ok(Self::Time),
            "evidence" => Ok(Self::Evidence),
            _ => Err(Invalid::new("what a key is promoted on", text, "it is `time` or `evidence`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_sts_accepts_is_an_algorithm() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_string(&algorithm).unwrap(), format!("\"{algorithm}\""));
            assert!(algorithm.key_type().algorithms().contains(&algorithm));
        }
        for other in ["PS256", "EdDSA", "HS256", "ES512", "rs256", "none", ""] {
            assert_eq!(
                other.parse::<Algorithm>().unwrap_err().to_string(),
                format!("`{other}` is not a signing algorithm: AWS STS accepts RS256, RS384, RS512, ES256 and ES384")
            );
        }
    }

    #[test]
    fn a_key_signs_with_the_algorithms_of_its_kind_alone() {
        let misfit = |key: KeyType, algorithm| key.signs(algorithm).unwrap_err().to_string();
        assert_eq!(KeyType::Rsa.signs(Algorithm::Rs512), Ok(Algorithm::Rs512));
        assert_eq!(
            misfit(KeyType::Rsa, Algorithm::Es256),
            "ES256 is for P-256 keys; this RSA key signs with RS256, RS384 and RS512"
        );
        assert_eq!(misfit(KeyType::P384, Algorithm::Es256), "ES256 is for P-256 keys; this P-384 key signs with ES384");
    }

    #[test]
    fn a_key_of_a_curve_has_no_size_to_choose() {
        let spec = |algorithm: &str, bits: Option<&str>| {
            KeySpec::new(algorithm.parse().unwrap(), bits.map(|bits| bits.parse().unwrap()))
                .map(|spec| spec.to_string())
        };
        assert_eq!(spec("RS384", None).unwrap(), "RS384 (2048 bits)");
        assert_eq!(spec("RS256", Some("4096")).unwrap(), "RS256 (4096 bits)");
        assert_eq!(spec("ES256", None).unwrap(), "ES256");
        assert_eq!(
            spec("ES384", Some("3072")).unwrap_err().to_string(),
            "`3072` is not a key's size here: ES384 signs with P-384 keys, which have one size; leave it out"
        );
        for bits in ["1024", "2047", "2560", "8192", "2048.0", "+2048", ""] {
            assert_eq!(
                bits.parse::<RsaBits>().unwrap_err().to_string(),
                format!("`{bits}` is not a size of RSA keys: it is 2048, 3072 or 4096 bits")
            );
        }
    }
}
