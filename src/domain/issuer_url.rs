//! The issuer's URL and audiences.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::invalid::{Invalid, text_value};

/// The issuer, byte for byte as IAM, the discovery document and `iss` have it.
///
/// `https`, no port, query, fragment, user or trailing slash, at most 255 characters; a path is
/// fine. `http` and a port are for loopback addresses alone. (IAM `CreateOpenIDConnectProvider`;
/// OpenID Connect Discovery 1.0 §3.)
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssuerUrl(String);

text_value!(IssuerUrl);

impl IssuerUrl {
    /// The URL without its scheme: how IAM names the provider in ARNs and condition keys.
    #[must_use]
    pub fn without_scheme(&self) -> &str {
        self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest)
    }

    /// The host, with its port where it has one: the default audience.
    #[must_use]
    pub fn host(&self) -> &str {
        self.without_scheme().split('/').next().unwrap_or_default()
    }

    /// The path that the well-known documents stand below: empty, or `/` and more.
    #[must_use]
    pub fn path(&self) -> &str {
        self.without_scheme().find('/').map_or("", |at| &self.without_scheme()[at..])
    }

    /// Where its discovery document is (OpenID Connect Discovery 1.0 §4).
    #[must_use]
    pub fn discovery(&self) -> String {
        format!("{self}/.well-known/openid-configuration")
    }

    /// Whether only this machine can reach the issuer, so that no real AWS can.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }
}

/// Whether a URL leads to this machine and nowhere else: `localhost`, its subdomains, `127.0.0.0/8` and `::1`.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl FromStr for IssuerUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |expected: &str| Invalid::new("an issuer URL", text, expected);
        let form = "it is written as in `https://id.example.com`";
        let url = Url::parse(text).map_err(|_| invalid(form))?;
        let loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(invalid("IAM demands https; http is for loopback addresses alone")),
            _ => return Err(invalid("its scheme is https")),
        }
        if url.port().is_some() && !loopback {
            return Err(invalid("IAM takes no port; leave it out and listen behind port 443"));
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it has no query, fragment or user"));
        }
        if text.ends_with('/') {
            return Err(invalid("it ends without a slash: the slash would become part of every ARN and condition key"));
        }
        if text.len() > 255 {
            return Err(invalid("it has at most 255 characters"));
        }
        // Whatever the parser would rewrite (case of the host, `..`, escapes) would differ from `iss`.
        let normal = url.as_str();
        if text != normal && Some(text) != normal.strip_suffix('/') {
            return Err(invalid(&format!("it is written in its normal form, `{}`", normal.trim_end_matches('/'))));
        }
        // The documents are routed below the path, whose segments must not look like route patterns.
        if url.path() != "/" && !url.path().split('/').skip(1).all(plain_segment) {
            return Err(invalid("each segment of its path is made of letters, digits and `-._~`"));
        }
        Ok(Self(text.to_owned()))
    }
}

fn plain_segment(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._~".contains(&c))
}

/// The `aud` claim: one of the client ids that the IAM provider lists, 1 to 255 characters.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Audience(String);

text_value!(Audience);

impl From<&IssuerUrl> for Audience {
    /// The default: the issuer's host.
    fn from(issuer: &IssuerUrl) -> Self {
        Self(issuer.host().to_owned())
    }
}

impl FromStr for Audience {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(Invalid::new(
                "an audience",
                text,
                "it is 1 to 255 printable ASCII characters without spaces, as in `id.example.com`",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_byte_for_byte() {
        for good in [
            "https://id.example.com",
            "https://id.example.com/team-a",
            "http://127.0.0.1:8080",
            "http://localhost:8080/x",
            "http://[::1]:8080",
        ] {
            assert_eq!(good.parse::<IssuerUrl>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn what_iam_would_not_take_is_refused() {
        for bad in [
            "",
            "id.example.com",
            "ftp://id.example.com",
            "http://id.example.com",
            "https://id.example.com:8443",
            "https://id.example.com/",
            "https://id.example.com/a/",
            "https://id.example.com?x=1",
            "https://id.example.com#x",
            "https://u@id.example.com",
            "https://ID.example.com",
            "https://id.example.com/a/../b",
            "https://id.example.com/{a}",
            "https://id.example.com//a",
            &format!("https://id.example.com/{}", "x".repeat(255)),
        ] {
            assert!(bad.parse::<IssuerUrl>().is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn an_issuer_knows_its_parts() {
        let issuer: IssuerUrl = "https://id.example.com/team-a".parse().unwrap();
        assert_eq!(issuer.without_scheme(), "id.example.com/team-a");
        assert_eq!(issuer.host(), "id.example.com");
        assert_eq!(issuer.path(), "/team-a");
        assert_eq!("https://id.example.com".parse::<IssuerUrl>().unwrap().path(), "");
    }
}
