//! A token: three parts, a header that names no key of its own, a signature.

use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};

use super::header::Header;
use super::{KidFault, StrictJsonError, TokenType, VerificationKey, strict_object};
use crate::domain::JwsAlgorithm;

/// The longest token that is looked at, in bytes. Those of Kubernetes have about 1 KiB, GitHub's 2 KiB.
pub const LONGEST_TOKEN: usize = 16 * 1024;

/// Why a token is refused before its claims count. Each is the caller's to mend.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JwsError {
    /// It is too long to be looked at.
    #[error("the token has {length} bytes; at most {LONGEST_TOKEN} are read")]
    TooLong {
        /// In bytes.
        length: usize,
    },
    /// It is not in compact form (RFC 7515 §3.1).
    #[error("the token has {parts} parts between dots; a signed one has three")]
    NotThreeParts {
        /// How many it has.
        parts: usize,
    },
    /// A part is not the one way to write its bytes (RFC 7515 §2: no padding, no stray bits).
    #[error("the token's {0} is not base64url without padding")]
    NotBase64Url(Part),
    /// A part is not the JSON it should be.
    #[error("the token's {part} {fault}")]
    Json {
        /// Which part.
        part: Part,
        /// What is wrong with it.
        fault: StrictJsonError,
    },
    /// The header has a member by which the sender would choose the key, or the meaning of the rest.
    #[error("the token's header has `{0}`, which is never followed; leave it out")]
    RefusedMember(&'static str),
    /// The header has no `alg`, or one that is no text.
    #[error("the token's header has no `alg`; it names the algorithm of the signature, as in `RS256`")]
    NoAlgorithm,
    /// `alg` is `none`.
    #[error("the token is not signed: its `alg` is `none`")]
    Unsigned,
    /// `alg` is one of `HS*`.
    #[error("the token's `alg` is `{0}`: who can verify that can also make it; sign with a private key")]
    Symmetric(String),
    /// `alg` is one that nobody here can verify.
    #[error("the token's `alg` is `{0}`; this version verifies {all}", all = JwsAlgorithm::list(&JwsAlgorithm::ALL))]
    UnknownAlgorithm(String),
    /// `alg` is not one that the issuer may use.
    #[error("the token's `alg` is `{found}`; its issuer is trusted for {}", JwsAlgorithm::list(.allowed))]
    AlgorithmNotAllowed {
        /// What it is.
        found: JwsAlgorithm,
        /// What it may be.
        allowed: Vec<JwsAlgorithm>,
    },
    /// The header's `kid` is none that is looked for.
    #[error("the token's `kid` {0}; it is the plain name of a key in the issuer's JWKS")]
    Kid(KidFault),
    /// It is another kind of token.
    #[error("the token's `typ` is {found}; expected is {expected}")]
    Type {
        /// What it is, in backquotes where it is a text.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// The key is for another algorithm.
    #[error("the token's `alg` is `{0}`, and the key that its `kid` names is not for that")]
    KeyIsForOther(JwsAlgorithm),
    /// It was changed, or signed by someone else's key.
    #[error("the token's {0} signature is not by the key of its issuer that its `kid` names")]
    Signature(JwsAlgorithm),
}

/// A part of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Payload,
    /// The third.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// A JWS in compact form whose signature nobody has checked yet.
pub struct UnverifiedJws<'a> {
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    header: Header,
}

impl<'a> UnverifiedJws<'a> {
    /// Takes a token apart and refuses headers that no honest issuer sends (RFC 7515 §5.2, steps 1 to 7).
    ///
    /// # Errors
    /// [`JwsError`], for the first thing that is wrong.
    pub fn parse(token: &'a str, expected: TokenType) -> Result<Self, JwsError> {
        if token.len() > LONGEST_TOKEN {
            return Err(JwsError::TooLong { length: token.len() });
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            return Err(JwsError::NotThreeParts { parts: parts.len() });
        };
        let bytes = |text: &str, part| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::NotBase64Url(part));
        let header = bytes(header, Part::Header)?;
        let header = strict_object(&header).map_err(|fault| JwsError::Json { part: Part::Header, fault })?;
        let header = Header::read(&header, expected)?;
        let payload = bytes(payload, Part::Payload)?;
        let signature = bytes(signature, Part::Signature)?;
        let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
        Ok(Self { signed, payload, signature, header })
    }

    /// The algorithm that the header names.
    #[must_use]
    pub fn algorithm(&self) -> JwsAlgorithm {
        self.header.algorithm
    }

    /// The key that the header names.
    #[must_use]
    pub fn unverified_kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Refuses an algorithm that is not among `allowed`: worth asking before a key is fetched.
    ///
    /// # Errors
    /// [`JwsError::AlgorithmNotAllowed`].
    pub fn require_algorithm(&self, allowed: &[JwsAlgorithm]) -> Result<(), JwsError> {
        let found = self.algorithm();
        if allowed.contains(&found) {
            return Ok(());
        }
        Err(JwsError::AlgorithmNotAllowed { found, allowed: allowed.to_vec() })
    }

    /// Checks the signature and gives the payload (RFC 7515 §5.2, steps 8 and 9).
    ///
    /// # Errors
    /// [`JwsError`], where the algorithm is not `allowed` or not the key's, or the signature not by the key.
    pub fn verify(self, key: &VerificationKey, allowed: &[JwsAlgorithm]) -> Result<Vec<u8>, JwsError> {
        self.require_algorithm(allowed)?;
        let algorithm = self.algorithm();
        if !key.fits(algorithm) {
            return Err(JwsError::KeyIsForOther(algorithm));
        }
        if !key.verify(algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(JwsError::Signature(algorithm));
        }
        Ok(self.payload)
    }
}

/// A JWT whose signature nobody has checked yet.
pub struct UnverifiedJwt<'a> {
    jws: UnverifiedJws<'a>,
    claims: Map<String, Value>,
}

impl<'a> UnverifiedJwt<'a> {
    /// Takes a token apart whose payload is a set of claims (RFC 7519 §7.2).
    ///
    /// # Errors
    /// [`JwsError`], for the first thing that is wrong.
    pub fn parse(token: &'a str, expected: TokenType) -> Result<Self, JwsError> {
        let jws = UnverifiedJws::parse(token, expected)?;
        let claims = strict_object(&jws.payload).map_err(|fault| JwsError::Json { part: Part::Payload, fault })?;
        Ok(Self { jws, claims })
    }

    /// The token as signed.
    #[must_use]
    pub fn jws(&self) -> &UnverifiedJws<'a> {
        &self.jws
    }

    /// The `iss` claim, to choose whose key is asked for and for nothing else.
    #[must_use]
    pub fn unverified_issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// What the token claims, true or not.
    #[must_use]
    pub fn unverified_claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// As [`UnverifiedJws::verify`].
    pub fn verify(self, key: &VerificationKey, allowed: &[JwsAlgorithm]) -> Result<Claims, JwsError> {
        self.jws.verify(key, allowed)?;
        Ok(Claims(self.claims))
    }
}

/// The claims of a token whose signature is right. Whether they hold now and here is for
/// [`Expectations`](super::Expectations) to say.
#[derive(Clone, Debug)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// The claims by name.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl fmt::Debug for UnverifiedJws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedJws(…)")
    }
}

impl fmt::Debug for UnverifiedJwt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedJwt(…)")
    }
}
