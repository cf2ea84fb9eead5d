//! Clients: the programs and people that may ask.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, text_value};
use super::{ClientSecret, DisplayName, FeedPattern, Grant, PublicJwk, Role, SecretHash, Slug};

/// Names a client: 1 to 64 of letters, digits and `-_.@/`, starting with a letter or digit.
///
/// It never holds `:`, so that it can be the user of HTTP Basic (RFC 7617 §2).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

text_value!(ClientId);

impl FromStr for ClientId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.@/".contains(&c);
        let starts_well = text.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
        if starts_well && text.len() <= 64 && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "a client id",
                text,
                "it is 1 to 64 of letters, digits and `-_.@/`, starting with a letter or digit",
            ))
        }
    }
}

/// A program that may ask, or an admin's.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its id, unique in the installation.
    pub id: ClientId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// The space that it belongs to: that space's admins may change it, and its grants reach no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<Slug>,
    /// What it may have.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// What it may do beyond that.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
    /// From when on it is nobody any more; none when it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Its secrets, two while one is replaced; none for a client that proves itself in other ways.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<ClientSecret>,
    /// The keys that it signs its assertions with (RFC 7523 §2.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<PublicJwk>,
}

impl Client {
    /// How many secrets may be live at a time: one, and its successor while it is replaced.
    pub const MAX_SECRETS: usize = 2;

    /// A client of that id with nothing more.
    #[must_use]
    pub fn new(id: ClientId) -> Self {
        Self {
            id,
            name: None,
            space: None,
            grants: Vec::new(),
            roles: BTreeSet::new(),
            expires_at: None,
            secrets: Vec::new(),
            public_keys: Vec::new(),
        }
    }

    /// Whether it is still somebody at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether `hash` is that of one of its secrets, live or not.
    #[must_use]
    pub fn has_secret(&self, hash: &SecretHash) -> bool {
        self.secrets.iter().any(|secret| secret.hash == *hash)
    }

    /// Which feeds its grants are about.
    pub fn covers(&self) -> impl Iterator<Item = &FeedPattern> {
        self.grants.iter().flat_map(|grant| &grant.feeds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_holds_no_colon() {
        assert!("ci".parse::<ClientId>().is_ok());
        for bad in ["", "a:b", "-a", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad} must be refused");
        }
    }
}
