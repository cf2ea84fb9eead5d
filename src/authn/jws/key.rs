//! A public key that can verify, made of a JWK.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Map, Value};

use super::roca::is_roca;
use crate::domain::{JwsAlgorithm, PRIVATE_MEMBERS, shown};

/// Why a JWK can verify nothing here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyFault {
    /// It is a secret that both sides know.
    #[error("it is symmetric (`kty` `oct`): who can verify with it can also sign")]
    Symmetric,
    /// It has a member that only its owner may know.
    #[error("it publishes its private member `{0}`: anyone may sign with it")]
    Private(&'static str),
    /// It is of a kind or curve that ring does not verify.
    #[error("its `{member}` is `{found}`; this version verifies with {expected}")]
    Unsupported {
        /// `kty`, `crv` or `alg`.
        member: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// It is not for verifying signatures (RFC 7517 §4.2, §4.3).
    #[error("its `{0}` does not allow the verifying of signatures")]
    OtherUse(&'static str),
    /// Its `alg` is for another kind of key.
    #[error("its `alg` is `{0}`, which is for another kind of key")]
    AlgorithmMismatch(JwsAlgorithm),
    /// A member is missing or not what it should be.
    #[error("its `{member}` is not {expected}")]
    Malformed {
        /// Which.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// An RSA key that is too small to be safe or too large to be worth the time.
    #[error("it has {bits} bits; an RSA key has 2048 to 8192")]
    Size {
        /// Of its modulus.
        bits: usize,
    },
    /// An RSA key whose private half can be computed.
    #[error("it was made by a library whose RSA keys can be broken (CVE-2017-15361)")]
    Roca,
}

/// A public key and what it may verify.
#[derive(Clone, Debug)]
pub struct VerificationKey {
    kid: Option<String>,
    /// The one algorithm that the JWK is for, where it says so.
    algorithm: Option<JwsAlgorithm>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    /// Modulus and exponent, big-endian.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, uncompressed (SEC 1 §2.3.3).
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl VerificationKey {
    /// Makes a key of a JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). Certificates in it are not looked at.
    ///
    /// # Errors
    /// [`KeyFault`], for the first thing that is wrong.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyFault> {
        let key_type = text(jwk, "kty", "the key's kind, as in `RSA`")?;
        if key_type == "oct" {
            return Err(KeyFault::Symmetric);
        }
        if let Some(member) = PRIVATE_MEMBERS.into_iter().find(|member| jwk.contains_key(*member)) {
            return Err(KeyFault::Private(member));
        }
        check_use(jwk)?;
        let kid = jwk.contains_key("kid").then(|| text(jwk, "kid", "a text").map(str::to_owned)).transpose()?;
        let algorithm = algorithm(jwk)?;
        let material = match key_type {
            "RSA" => rsa(jwk)?,
            "EC" => match text(jwk, "crv", "the curve's name")? {
                "P-256" => Material::P256(point(jwk, 32)?),
                "P-384" => Material::P384(point(jwk, 48)?),
                other => return Err(unsupported("crv", other, "P-256 and P-384")),
            },
            "OKP" => match text(jwk, "crv", "the curve's name")? {
                "Ed25519" => Material::Ed25519(coordinate(jwk, "x", 32)?),
                other => return Err(unsupported("crv", other, "Ed25519")),
            },
            other => return Err(unsupported("kty", other, "RSA, EC and OKP")),
        };
        let key = Self { kid, algorithm, material };
        match algorithm.filter(|algorithm| !key.is_of_kind(*algorithm)) {
            Some(other) => Err(KeyFault::AlgorithmMismatch(other)),
            None => Ok(key),
        }
    }

    /// What the issuer calls it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether it is for signatures of `algorithm`: by its kind, and by its `alg` where it has one.
    #[must_use]
    pub fn fits(&self, algorithm: JwsAlgorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.is_of_kind(algorithm)
    }

    fn is_of_kind(&self, algorithm: JwsAlgorithm) -> bool {
        use JwsAlgorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self.material {
            Material::Rsa { .. } => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
            Material::P256(_) => algorithm == Es256,
            Material::P384(_) => algorithm == Es384,
            Material::Ed25519(_) => algorithm == EdDsa,
        }
    }

    pub(super) fn verify(&self, algorithm: JwsAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa = |parameters: &'static RsaParameters| match &self.material {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok(),
            _ => false,
        };
        let curve = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
        };
        match (algorithm, &self.material) {
            (JwsAlgorithm::Rs256, _) => rsa(&RSA_PKCS1_2048_8192_SHA256),
            (JwsAlgorithm::Rs384, _) => rsa(&RSA_PKCS1_2048_8192_SHA384),
            (JwsAlgorithm::Rs512, _) => rsa(&RSA_PKCS1_2048_8192_SHA512),
            (JwsAlgorithm::Ps256, _) => rsa(&RSA_PSS_2048_8192_SHA256),
            (JwsAlgorithm::Ps384, _) => rsa(&RSA_PSS_2048_8192_SHA384),
            (JwsAlgorithm::Ps512, _) => rsa(&RSA_PSS_2048_8192_SHA512),
            (JwsAlgorithm::Es256, Material::P256(point)) => curve(&ECDSA_P256_SHA256_FIXED, point),
            (JwsAlgorithm::Es384, Material::P384(point)) => curve(&ECDSA_P384_SHA384_FIXED, point),
            (JwsAlgorithm::EdDsa, Material::Ed25519(key)) => curve(&ED25519, key),
            (JwsAlgorithm::Es256 | JwsAlgorithm::Es384 | JwsAlgorithm::EdDsa, _) => false,
        }
    }
}

fn unsupported(member: &'static str, found: &str, expected: &'static str) -> KeyFault {
    KeyFault::Unsupported { member, found: shown(found), expected }
}

fn check_use(jwk: &Map<String, Value>) -> Result<(), KeyFault> {
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return Err(KeyFault::OtherUse("use"));
    }
    let verifies = |operations: &Value| {
        operations.as_array().is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
    };
    if jwk.get("key_ops").is_some_and(|operations| !verifies(operations)) {
        return Err(KeyFault::OtherUse("key_ops"));
    }
    Ok(())
}

fn algorithm(jwk: &Map<String, Value>) -> Result<Option<JwsAlgorithm>, KeyFault> {
    if !jwk.contains_key("alg") {
        return Ok(None);
    }
    let found = text(jwk, "alg", "a text")?;
    let known = found.parse().map_err(|_| unsupported("alg", found, "RS*, PS*, ES256, ES384 and EdDSA"))?;
    Ok(Some(known))
}

fn rsa(jwk: &Map<String, Value>) -> Result<Material, KeyFault> {
    let number = "a positive number in base64url without leading zeros";
    let (n, e) = (bytes(jwk, "n", number)?, bytes(jwk, "e", number)?);
    let leading_zeros = match n.first() {
        None | Some(0) => return Err(KeyFault::Malformed { member: "n", expected: number }),
        Some(first) => first.leading_zeros() as usize,
    };
    let bits = n.len() * 8 - leading_zeros;
    if !(2048..=8192).contains(&bits) {
        return Err(KeyFault::Size { bits });
    }
    if n.last().is_some_and(|last| last % 2 == 0) {
        return Err(KeyFault::Malformed { member: "n", expected: "an odd number" });
    }
    // ring takes exponents of up to 33 bits; with 1 a signature is the message itself.
    let exponent = e.iter().take(6).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if e.len() > 5 || e.first() == Some(&0) || exponent < 3 || exponent % 2 == 0 || exponent >= 1 << 33 {
        return Err(KeyFault::Malformed { member: "e", expected: "an odd number from 3 to 2³³" });
    }
    if is_roca(&n) {
        return Err(KeyFault::Roca);
    }
    Ok(Material::Rsa { n, e })
}

/// Whether the point is on its curve ring says with each signature.
fn point(jwk: &Map<String, Value>, length: usize) -> Result<Vec<u8>, KeyFault> {
    Ok([vec![4], coordinate(jwk, "x", length)?, coordinate(jwk, "y", length)?].concat())
}

fn coordinate(jwk: &Map<String, Value>, member: &'static str, length: usize) -> Result<Vec<u8>, KeyFault> {
    let expected = "base64url of as many bytes as the curve has";
    let bytes = bytes(jwk, member, expected)?;
    if bytes.len() == length { Ok(bytes) } else { Err(KeyFault::Malformed { member, expected }) }
}

fn bytes(jwk: &Map<String, Value>, member: &'static str, expected: &'static str) -> Result<Vec<u8>, KeyFault> {
    let text = text(jwk, member, expected)?;
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyFault::Malformed { member, expected })
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &'static str, expected: &'static str) -> Result<&'a str, KeyFault> {
    jwk.get(member).and_then(Value::as_str).ok_or(KeyFault::Malformed { member, expected })
}
