//! Web identity tokens: what they look like, who signed them, what they claim.
//!
//! The order of the checks is STS's. Each failure has STS's words for the caller and its own for
//! the log. No text here ever holds the token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::OidcProvider;
use super::algorithm::SigningAlgorithm;
use super::jwks::Jwk;
use super::reply::Refusal;
use super::session_tags::SessionTags;

/// How long after `exp` a token is still taken (IAM User Guide, `id_roles_providers_oidc`), and how
/// far `iat` and `nbf` may lie ahead, which AWS does not document.
const GRACE_SECONDS: i64 = 300;

/// A token whose signature nobody has checked yet.
pub(super) struct UnverifiedToken<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    /// The algorithm that the header names.
    pub(super) algorithm: SigningAlgorithm,
    /// The header's `kid`; empty where there is none, as a JWK's may be (docs/aws.md §1.3).
    pub(super) unverified_kid: String,
    /// The `iss` claim.
    pub(super) unverified_issuer: String,
    claims: Map<String, Value>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a token apart (RFC 7519 §7.2).
    pub(super) fn parse(token: &'a str) -> Result<Self, Refusal> {
        let not_jwt = |why: &str| {
            let message =
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
            invalid(message).because(why)
        };
        let (signed, signature) = token.rsplit_once('.').ok_or_else(|| not_jwt("it has no dots"))?;
        let (header, claims) = signed.split_once('.').ok_or_else(|| not_jwt("it has one dot, not two"))?;
        let part = |text: &str, name| {
            URL_SAFE_NO_PAD.decode(text).map_err(|_| not_jwt(&format!("its {name} is not strict base64url")))
        };
        let json = |error: &serde_json::Error| not_jwt(&format!("a part of it is not the JSON expected: {error}"));
        let header: Header = serde_json::from_slice(&part(header, "header")?).map_err(|error| json(&error))?;
        let claims: Map<String, Value> =
            serde_json::from_slice(&part(claims, "payload")?).map_err(|error| json(&error))?;
        let signature = part(signature, "signature")?;
        let algorithm = SigningAlgorithm::ALL.into_iter().find(|known| known.as_str() == header.alg);
        let algorithm = algorithm.ok_or_else(|| {
            not_jwt(&format!(
                "it is signed with {:?}; STS takes RS256, RS384, RS512, ES256, ES384 and ES512",
                header.alg
            ))
        })?;
        if header.crit.is_some() {
            return Err(not_jwt("its header has `crit`, of which STS understands nothing"));
        }
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or_else(|| missing("iss"))?.to_owned();
        let unverified_kid = header.kid.unwrap_or_default();
        Ok(Self { signed, signature, algorithm, unverified_kid, unverified_issuer: issuer, claims })
    }

    /// Checks the signature (RFC 7515 §5.2).
    pub(super) fn verify(self, key: &Jwk) -> Result<Claims, Refusal> {
        let refused = |why: String| not_validated().because(why);
        let algorithm = self.algorithm.as_str();
        let verified = match self.algorithm {
            SigningAlgorithm::Rs256 => self.verify_rsa(key, &signature::RSA_PKCS1_2048_8192_SHA256),
            SigningAlgorithm::Rs384 => self.verify_rsa(key, &signature::RSA_PKCS1_2048_8192_SHA384),
            SigningAlgorithm::Rs512 => self.verify_rsa(key, &signature::RSA_PKCS1_2048_8192_SHA512),
            SigningAlgorithm::Es256 => self.verify_ec(key, "P-256", &signature::ECDSA_P256_SHA256_FIXED),
            SigningAlgorithm::Es384 => self.verify_ec(key, "P-384", &signature::ECDSA_P384_SHA384_FIXED),
            SigningAlgorithm::Es512 => {
                return Err(refused("the sandbox cannot verify ES512, which AWS can; use ES256 or ES384".to_owned()));
            }
        };
        match verified {
            Some(true) => Ok(Claims(self.claims)),
            Some(false) => {
                Err(refused(format!("its {algorithm} signature is not by the key {:?}", self.unverified_kid)))
            }
            None => Err(refused(format!("the key {:?} is not one for {algorithm}", self.unverified_kid))),
        }
    }

    /// `None` where the key cannot be one for the algorithm.
    fn verify_rsa(&self, key: &Jwk, algorithm: &'static signature::RsaParameters) -> Option<bool> {
        let key = RsaPublicKeyComponents { n: member(key.n.as_ref())?, e: member(key.e.as_ref())? };
        Some(key.verify(algorithm, self.signed.as_bytes(), &self.signature).is_ok())
    }

    fn verify_ec(&self, key: &Jwk, curve: &str, algorithm: &'static dyn VerificationAlgorithm) -> Option<bool> {
        if key.crv.as_deref() != Some(curve) {
            return None;
        }
        // An uncompressed point, SEC 1 §2.3.3.
        let point = [vec![4], member(key.x.as_ref())?, member(key.y.as_ref())?].concat();
        Some(UnparsedPublicKey::new(algorithm, point).verify(self.signed.as_bytes(), &self.signature).is_ok())
    }
}

fn member(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

/// The claims of a token whose signature is right.
pub(super) struct Claims(Map<String, Value>);

/// Whom a token speaks of, once all of it has been checked.
pub(super) struct WebIdentity {
    pub(super) subject: String,
    /// `azp` where the token has one, else `aud` (docs/aws.md §2.2).
    pub(super) audience: String,
    /// `aud`, whatever `azp` says.
    pub(super) original_audience: Vec<String>,
    pub(super) amr: Vec<String>,
    pub(super) email: Option<String>,
    pub(super) tags: SessionTags,
}

impl Claims {
    /// Checks times, audience and subject (docs/aws.md §2.2).
    pub(super) fn check(&self, provider: &OidcProvider, now: Timestamp) -> Result<WebIdentity, Refusal> {
        self.check_times(now.as_second())?;
        let original_audience = self.texts("aud");
        if original_audience.is_empty() {
            return Err(missing("aud"));
        }
        let audience = match (self.text("azp"), original_audience.as_slice()) {
            (Some(azp), _) => azp.to_owned(),
            (None, [audience]) => audience.clone(),
            (None, many) => {
                let why = format!("its aud has {} members; whether AWS takes more than one is unconfirmed", many.len());
                return Err(invalid("Incorrect token audience").because(why));
            }
        };
        if !provider.audiences.iter().any(|known| known.as_str() == audience) {
            let known: Vec<_> = provider.audiences.iter().map(ToString::to_string).collect();
            let why = format!("its audience is {audience:?}; the provider of {} lists {known:?}", provider.url);
            return Err(invalid("Incorrect token audience").because(why));
        }
        let subject = self.text("sub").ok_or_else(|| missing("sub"))?;
        if !(6..=255).contains(&subject.chars().count()) {
            return Err(not_validated().because("its sub is not 6 to 255 characters long"));
        }
        Ok(WebIdentity {
            subject: subject.to_owned(),
            audience,
            original_audience,
            amr: self.texts("amr"),
            email: self.text("email").map(str::to_owned),
            tags: SessionTags::read(&self.0).map_err(|why| not_validated().because(why))?,
        })
    }

    fn check_times(&self, now: i64) -> Result<(), Refusal> {
        let expires = self.time("exp")?.ok_or_else(|| missing("exp"))?;
        if now > expires.saturating_add(GRACE_SECONDS) {
            let message =
                format!("Token expired: current date/time {now} must be before the expiration date/time {expires}");
            return Err(Refusal::bad("ExpiredTokenException", message));
        }
        let issued = self.time("iat")?.ok_or_else(|| missing("iat"))?;
        let not_before = self.time("nbf")?.unwrap_or(issued);
        let ahead = issued.max(not_before).saturating_sub(now);
        if ahead > GRACE_SECONDS {
            return Err(not_validated().because(format!("its iat or nbf lies {ahead} s in the future")));
        }
        Ok(())
    }

    /// A timestamp: "either an integer or a long integer", never a fraction or text.
    fn time(&self, claim: &str) -> Result<Option<i64>, Refusal> {
        let not_integer = || not_validated().because(format!("its {claim} is not an integer"));
        self.0.get(claim).map(|value| value.as_i64().ok_or_else(not_integer)).transpose()
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim)?.as_str()
    }

    /// A claim that is a string or a list of them.
    fn texts(&self, claim: &str) -> Vec<String> {
        match self.0.get(claim) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        }
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::bad("InvalidIdentityToken", message)
}

fn missing(claim: &str) -> Refusal {
    invalid(&format!("Missing a required claim: {claim}"))
}

/// The sentence that AWS has put in the place of many since 2026 (docs/aws.md §2.5).
fn not_validated() -> Refusal {
    invalid(
        "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for \
         requirements.",
    )
}
