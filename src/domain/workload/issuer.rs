//! Outside issuers whose tokens are believed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{JwksUrl, JwsAlgorithm, PinnedJwks, WorkloadIssuerUrl};
use crate::domain::{Invalid, Period, Slug};

/// Where an issuer's public keys come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// From where the issuer's discovery document says.
    Discovery,
    /// From this URL.
    JwksUrl(JwksUrl),
    /// From the configuration, once and for all.
    Pinned(PinnedJwks),
}

/// An outside issuer whose tokens are believed, and how far.
///
/// Serde's form is flat: `name`, `issuer`, `audiences`, `algorithms`, `jwks_url` or `jwks` or neither,
/// `max_lifetime`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct TrustedIssuer {
    name: Slug,
    issuer: WorkloadIssuerUrl,
    audiences: Vec<String>,
    algorithms: Vec<JwsAlgorithm>,
    keys: KeySource,
    max_lifetime: Period,
}

impl TrustedIssuer {
    /// How long a token may live unless told otherwise.
    pub const DEFAULT_MAX_LIFETIME: Period = Period::of_seconds(24 * 3600);

    /// An issuer that is believed for `audiences`, with the default algorithms and lifetime, and keys from discovery.
    ///
    /// # Errors
    /// [`Invalid`] where `audiences` is empty or has one that is not 1 to 255 printable ASCII characters.
    pub fn new(name: Slug, issuer: WorkloadIssuerUrl, audiences: Vec<String>) -> Result<Self, Invalid> {
        let invalid =
            |found: &str, expected: &str| Err(Invalid::new("the audience of workload tokens", found, expected));
        if audiences.is_empty() {
            return invalid("", "there is at least one; a token for anyone would be a token for everyone");
        }
        for audience in &audiences {
            if audience.is_empty() || audience.len() > 255 || !audience.bytes().all(|c| c.is_ascii_graphic()) {
                return invalid(audience, "it is 1 to 255 printable ASCII characters without spaces");
            }
        }
        let algorithms = JwsAlgorithm::DEFAULT.to_vec();
        let (keys, max_lifetime) = (KeySource::Discovery, Self::DEFAULT_MAX_LIFETIME);
        Ok(Self { name, issuer, audiences, algorithms, keys, max_lifetime })
    }

    /// With the algorithms that its tokens may be signed with.
    ///
    /// # Errors
    /// [`Invalid`] for none.
    pub fn with_algorithms(mut self, algorithms: Vec<JwsAlgorithm>) -> Result<Self, Invalid> {
        if algorithms.is_empty() {
            return Err(Invalid::new("a list of algorithms", "[]", "it has at least one, as in [\"RS256\"]"));
        }
        self.algorithms = algorithms;
        Ok(self)
    }

    /// With the source of its keys.
    #[must_use]
    pub fn with_keys(mut self, keys: KeySource) -> Self {
        self.keys = keys;
        self
    }

    /// With the longest time that a token may live.
    ///
    /// # Errors
    /// [`Invalid`] for less than a minute or more than a year.
    pub fn with_max_lifetime(mut self, max_lifetime: Period) -> Result<Self, Invalid> {
        if !(60..=366 * 86_400).contains(&max_lifetime.as_duration().as_secs()) {
            let found = max_lifetime.to_string();
            return Err(Invalid::new("the longest life of a workload token", &found, "it is 1 minute to 1 year"));
        }
        self.max_lifetime = max_lifetime;
        Ok(self)
    }

    /// What administrators call it.
    #[must_use]
    pub fn name(&self) -> &Slug {
        &self.name
    }

    /// What its tokens have in `iss`.
    #[must_use]
    pub fn issuer(&self) -> &WorkloadIssuerUrl {
        &self.issuer
    }

    /// Of which a token must have one, and nothing else, in `aud`.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// What its tokens may be signed with.
    #[must_use]
    pub fn algorithms(&self) -> &[JwsAlgorithm] {
        &self.algorithms
    }

    /// Where its keys come from.
    #[must_use]
    pub fn keys(&self) -> &KeySource {
        &self.keys
    }

    /// How far `exp` may lie beyond `iat`, and beyond now.
    #[must_use]
    pub fn max_lifetime(&self) -> Period {
        self.max_lifetime
    }
}

impl fmt::Display for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.issuer)
    }
}

/// [`TrustedIssuer`] as files and answers have it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: Slug,
    issuer: WorkloadIssuerUrl,
    audiences: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    algorithms: Option<Vec<JwsAlgorithm>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks_url: Option<JwksUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks: Option<PinnedJwks>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_lifetime: Option<Period>,
}

impl TryFrom<Form> for TrustedIssuer {
    type Error = Invalid;

    fn try_from(form: Form) -> Result<Self, Invalid> {
        let keys = match (form.jwks_url, form.jwks) {
            (None, None) => KeySource::Discovery,
            (Some(url), None) => KeySource::JwksUrl(url),
            (None, Some(jwks)) => KeySource::Pinned(jwks),
            (Some(_), Some(_)) => {
                let expected = "it is `jwks_url` or `jwks`, or neither for discovery";
                return Err(Invalid::new("the source of an issuer's keys", "both", expected));
            }
        };
        let algorithms = form.algorithms.unwrap_or_else(|| JwsAlgorithm::DEFAULT.to_vec());
        Self::new(form.name, form.issuer, form.audiences)?
            .with_algorithms(algorithms)?
            .with_keys(keys)
            .with_max_lifetime(form.max_lifetime.unwrap_or(Self::DEFAULT_MAX_LIFETIME))
    }
}

impl From<TrustedIssuer> for Form {
    fn from(issuer: TrustedIssuer) -> Self {
        let (jwks_url, jwks) = match issuer.keys {
            KeySource::Discovery => (None, None),
            KeySource::JwksUrl(url) => (Some(url), None),
            KeySource::Pinned(jwks) => (None, Some(jwks)),
        };
        Self {
            name: issuer.name,
            issuer: issuer.issuer,
            audiences: issuer.audiences,
            algorithms: Some(issuer.algorithms),
            jwks_url,
            jwks,
            max_lifetime: Some(issuer.max_lifetime),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = r#"
        name = "github"
        issuer = "https://token.actions.githubusercontent.com"
        audiences = ["https://feedpass.internal"]
    "#;

    #[test]
    fn what_is_left_out_is_the_careful_choice() {
        let issuer: TrustedIssuer = toml::from_str(GITHUB).unwrap();
        assert_eq!(issuer.algorithms(), [JwsAlgorithm::Rs256, JwsAlgorithm::Es256]);
        assert_eq!(issuer.keys(), &KeySource::Discovery);
        assert_eq!(issuer.max_lifetime().to_string(), "1d");
    }

    #[test]
    fn an_issuer_reads_back_as_it_was_written() {
        for more in ["", "jwks_url = \"https://b.example/k?x=1\"", "jwks = { keys = [{ kty = \"RSA\", n = \"AQ\" }] }"]
        {
            let issuer: TrustedIssuer = toml::from_str(&format!("{GITHUB}\n{more}")).unwrap();
            let json = serde_json::to_value(&issuer).unwrap();
            assert_eq!(serde_json::from_value::<TrustedIssuer>(json).unwrap(), issuer, "{more}");
        }
    }

    #[test]
    fn a_refusal_names_what_is_wrong() {
        let replaced = GITHUB.replace(r#"["https://feedpass.internal"]"#, "[]");
        for (text, said) in [
            (replaced, "at least one"),
            (format!("{GITHUB}\nalgorithms = [\"HS256\"]"), "can also make it"),
            (format!("{GITHUB}\nalgorithms = []"), "at least one"),
            (format!("{GITHUB}\nalgorithm = \"RS256\""), "unknown field `algorithm`"),
            (format!("{GITHUB}\njwks_url = \"http://b.example/\""), "https://"),
            (format!("{GITHUB}\njwks_url = \"https://b.example/\"\njwks = {{ keys = [{{}}] }}"), "or neither"),
            (format!("{GITHUB}\nmax_lifetime = \"1s\""), "1 minute to 1 year"),
        ] {
            let refusal = toml::from_str::<TrustedIssuer>(&text).unwrap_err().to_string();
            assert!(refusal.contains(said), "{text}: {refusal}");
        }
    }
}
