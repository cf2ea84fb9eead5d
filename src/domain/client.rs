//! Clients and what they were granted.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, text_value};
use super::{Slug, SpaceFeed};

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

/// A program that may ask.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id, unique in the installation.
    pub id: ClientId,
    /// The hashes of its live secrets; two while one is replaced.
    pub secrets: Vec<SecretHash>,
    /// What it may have.
    pub grants: Vec<Grant>,
}

/// The SHA-256 of a client secret.
///
/// Secrets are random and long, so a plain hash suffices; a slow one would only slow feedpass.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct SecretHash([u8; 32]);

/// The secret of the client in the configuration that comes with feedpass. Everyone knows it, so it
/// opens nothing but the sandbox.
pub const EXAMPLE_SECRET: &str = "feedpass-sandbox-secret";

impl SecretHash {
    /// The hash of `secret`.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(bytes)
    }

    /// The digest's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl FromStr for SecretHash {
    type Err = Invalid;

    /// Reads `sha256:` and 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        // The text is not shown: a secret pasted here by mistake must not reach a log.
        let invalid = || {
            Invalid::new(
                "a secret's hash",
                "…",
                "it is `sha256:` and 64 hexadecimal digits; make one with `printf %s \"$SECRET\" | sha256sum`",
            )
        };
        let hex = text.strip_prefix("sha256:").ok_or_else(invalid)?;
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| invalid())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid())?;
        }
        let hash = Self(bytes);
        if hash == Self::of("") {
            // What the command above gives when the variable is not set.
            return Err(Invalid::new("a secret's hash", "…", "it is the hash of nothing; the secret was empty"));
        }
        Ok(hash)
    }
}

/// What a grant lets a client do with a feed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Ask for registry credentials to pull with.
    Pull,
    /// Ask for registry credentials to push with.
    Push,
    /// Ask for the web identity token itself.
    Token,
    /// Ask for the role session.
    Session,
    /// Test the feed and list its packages.
    Catalog,
}

impl Action {
    /// All actions, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Pull, Self::Push, Self::Token, Self::Session, Self::Catalog];

    /// The word for it in configuration and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Token => "token",
            Self::Session => "session",
            Self::Catalog => "catalog",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or_else(|| {
            Invalid::new("an action", text, "it is one of `pull`, `push`, `token`, `session` and `catalog`")
        })
    }
}

/// Which feeds a client may use, and for what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// The feeds.
    pub feeds: Vec<FeedPattern>,
    /// What for.
    pub actions: Vec<Action>,
}

impl Grant {
    /// Whether the grant is about `target` at all.
    #[must_use]
    pub fn covers(&self, target: &SpaceFeed) -> bool {
        self.feeds.iter().any(|pattern| pattern.matches(target))
    }
}

/// One feed (`default/images`) or all feeds of a space (`team-a/*`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedPattern {
    /// The space; a pattern never reaches across spaces.
    pub space: Slug,
    /// The feed; none means every feed of the space.
    pub feed: Option<Slug>,
}

impl FeedPattern {
    /// Whether `target` is meant.
    #[must_use]
    pub fn matches(&self, target: &SpaceFeed) -> bool {
        self.space == target.space && self.feed.as_ref().is_none_or(|feed| *feed == target.feed)
    }
}

impl fmt::Display for FeedPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.feed {
            Some(feed) => write!(f, "{}/{feed}", self.space),
            None => write!(f, "{}/*", self.space),
        }
    }
}

impl FromStr for FeedPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid =
            || Invalid::new("a feed or all feeds of a space", text, "it is written `default/images` or `team-a/*`");
        let (space, feed) = text.split_once('/').ok_or_else(invalid)?;
        let space = space.parse().map_err(|_| invalid())?;
        let feed = if feed == "*" { None } else { Some(feed.parse().map_err(|_| invalid())?) };
        Ok(Self { space, feed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_never_reaches_another_space() {
        let pattern: FeedPattern = "team-a/*".parse().unwrap();
        assert!(pattern.matches(&"team-a/images".parse().unwrap()));
        assert!(!pattern.matches(&"team-ab/images".parse().unwrap()));
        let one: FeedPattern = "default/images".parse().unwrap();
        assert!(one.matches(&"default/images".parse().unwrap()));
        assert!(!one.matches(&"default/charts".parse().unwrap()));
        for bad in ["*", "*/*", "team-*/x", "team-a/x*", "team-a", "all/x", ""] {
            assert!(bad.parse::<FeedPattern>().is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn a_secret_pasted_in_place_of_its_hash_is_not_repeated() {
        let refusal = "hunter2-hunter2".parse::<SecretHash>().unwrap_err().to_string();
        assert!(!refusal.contains("hunter2"), "{refusal}");
        let hash: SecretHash = format!("sha256:{}", "aB".repeat(32)).parse().unwrap();
        assert_eq!(hash.as_bytes(), &[0xab; 32]);
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(empty.parse::<SecretHash>().unwrap_err().to_string().contains("hash of nothing"));
    }

    #[test]
    fn a_client_id_holds_no_colon() {
        assert!("ci".parse::<ClientId>().is_ok());
        for bad in ["", "a:b", "-a", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad} must be refused");
        }
    }
}
