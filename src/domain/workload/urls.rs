//! What outside issuers are called, and where their keys are.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::invalid::text_value;
use crate::domain::{Invalid, is_loopback};

/// An outside issuer, to the letter as its tokens have it in `iss`: `https://`, at most 1024 characters, no
/// query, fragment or user; a port, a path and a trailing slash are fine. `http` is for loopback addresses alone.
///
/// It is never rewritten, since two ways to spell a URL are two issuers (OpenID Connect Core 1.0 §3.1.3.7).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkloadIssuerUrl(String);

text_value!(WorkloadIssuerUrl);

impl WorkloadIssuerUrl {
    /// Where its discovery document is (OpenID Connect Discovery 1.0 §4: without a slash at the end).
    #[must_use]
    pub fn discovery(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.0.strip_suffix('/').unwrap_or(&self.0))
    }

    /// Whether the issuer is on this machine and is asked in clear.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl FromStr for WorkloadIssuerUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |expected: &str| Err(Invalid::new("the URL of a workload issuer", text, expected));
        // The parser would drop or escape what is not graphic.
        if text.len() > 1024 || !text.bytes().all(|c| c.is_ascii_graphic()) {
            return invalid("it is at most 1024 printable ASCII characters");
        }
        let Ok(url) = Url::parse(text) else {
            return invalid("it is written as in `https://token.actions.githubusercontent.com`");
        };
        // By the text too: the parser takes `HTTPS:/host` for the same.
        match url.scheme() {
            "https" if text.starts_with("https://") => {}
            "http" if text.starts_with("http://") && is_loopback(&url) => {}
            "http" => return invalid("it starts with `https://`; http is for loopback addresses alone"),
            _ => return invalid("it starts with `https://`"),
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return invalid("it has no query, fragment or user");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Where a JWK set is fetched: `https`, or `http` on this machine alone; at most 2048 characters, no user.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct JwksUrl(String);

text_value!(JwksUrl);

impl JwksUrl {
    /// Whether the set is fetched in clear, from this machine.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.0.starts_with("http://")
    }
}

impl FromStr for JwksUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let graphic = text.len() <= 2048 && text.bytes().all(|c| c.is_ascii_graphic());
        let url = Url::parse(text).ok().filter(|url| {
            let https = text.starts_with("https://") && url.scheme() == "https";
            let loopback = text.starts_with("http://") && url.scheme() == "http" && is_loopback(url);
            graphic && (https || loopback) && url.username().is_empty() && url.password().is_none()
        });
        url.map(|_| Self(text.to_owned())).ok_or_else(|| {
            let expected = "it starts with `https://`, or `http://` for loopback addresses alone, and has no user";
            Invalid::new("the URL of a JWK set", text, expected)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_to_the_letter() {
        for (good, discovery) in [
            ("https://a.example", "https://a.example/.well-known/openid-configuration"),
            ("https://A.example:8443/x/", "https://A.example:8443/x/.well-known/openid-configuration"),
            ("http://127.0.0.1:1/", "http://127.0.0.1:1/.well-known/openid-configuration"),
        ] {
            let issuer: WorkloadIssuerUrl = good.parse().unwrap();
            assert_eq!(issuer.as_str(), good);
            assert_eq!(issuer.discovery(), discovery);
        }
        for bad in [
            "",
            "a.example",
            "http://a.example",
            "HTTPS://a.example",
            "https:/a.example",
            "https://a.example?x",
            "https://a.example#x",
            "https://u@a.example",
            " https://a.example",
            "https://a.example/\n",
            "spiffe://a.example",
        ] {
            assert!(bad.parse::<WorkloadIssuerUrl>().is_err(), "{bad:?} must be refused");
        }
    }
}
