//! Key → token → role session → registry credentials → whoever was given them, from any of these on.

mod cloudtrail;
mod token;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

pub use cloudtrail::{CloudTrailError, CloudTrailEvent, Told};

use self::token::Token;
use crate::store::StoreError;
use crate::store::database::{AuditLine, LineFilter, Trail};

/// What is known of something, to start from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LineageKey {
    /// A signing key.
    Kid(String),
    /// A web identity token.
    Jti(String),
    /// A role session, by its name.
    Session(String),
    /// A feed, `space/feed`.
    Feed(String),
    /// A request, as STS or ECR numbered it.
    AwsRequestId(String),
}

impl LineageKey {
    /// What it is called, and its value.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Kid(kid) => ("kid", kid),
            Self::Jti(jti) => ("jti", jti),
            Self::Session(name) => ("session", name),
            Self::Feed(feed) => ("feed", feed),
            Self::AwsRequestId(id) => ("aws_request_id", id),
        }
    }
}

/// How far a look goes.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The spaces whose feeds are seen; all if none are given.
    pub spaces: Option<Vec<String>>,
    /// Of a key's or a feed's tokens those minted in lines before this one.
    pub before: Option<i64>,
    /// Of a key's or a feed's tokens those minted at this time or later.
    pub since: Option<Timestamp>,
    /// And before this time.
    pub until: Option<Timestamp>,
    /// At most so many tokens, 1 to 1,000.
    pub limit: i64,
    /// The time of the look, for what is still live.
    pub now: Timestamp,
}

/// What came of what, newest first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lineage {
    /// The keys that signed.
    pub keys: Vec<Key>,
    /// Whether there is more than is shown.
    pub truncated: bool,
    /// Where the next look goes on.
    pub next: Option<String>,
}

/// A key and what it signed.
#[derive(Clone, Debug, Serialize)]
pub struct Key {
    /// Its id; none when the lines that had it are gone.
    kid: Option<String>,
    tokens: Vec<Token>,
}

impl Lineage {
    /// All that came of, and led to, what `key` names.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn of(trail: &dyn Trail, key: &LineageKey, scope: &Scope) -> Result<Self, StoreError> {
        let mut lineage = Self::default();
        for jti in lineage.tokens_of(trail, key, scope).await? {
            lineage.add(trail, &jti, scope).await?;
        }
        Ok(lineage)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Takes in what `other` found and this has not.
    pub fn merge(&mut self, other: Self) {
        self.truncated |= other.truncated;
        for key in other.keys {
            for token in key.tokens {
                self.put(key.kid.clone(), token);
            }
        }
    }

    /// The ids of the tokens that `key` leads to; notes where it broke off.
    async fn tokens_of(
        &mut self,
        trail: &dyn Trail,
        key: &LineageKey,
        scope: &Scope,
    ) -> Result<Vec<String>, StoreError> {
        let found = |filter: LineFilter| LineFilter { spaces: scope.spaces.clone(), newest_first: true, ..filter };
        let minted = LineFilter {
            event: Some("mint".into()),
            outcome: Some("ok".into()),
            before: scope.before,
            since: scope.since,
            until: scope.until,
            ..LineFilter::default()
        };
        match key {
            LineageKey::Jti(jti) => Ok(vec![jti.clone()]),
            // The name ends with the token's id; so it is found when the lines of its making are gone.
            LineageKey::Session(name) => Ok(jti_of(name).into_iter().collect()),
            LineageKey::AwsRequestId(id) => {
                let filter = found(LineFilter { aws_request_id: Some(id.clone()), ..LineFilter::default() });
                let lines = trail.lines(&filter, scope.limit).await?;
                Ok(distinct(lines.iter().filter_map(|line| {
                    let members = line.members()?;
                    text(&members, "jti").or_else(|| jti_of(&text(&members, "session_name")?))
                })))
            }
            LineageKey::Kid(_) | LineageKey::Feed(_) => {
                let filter = match key {
                    LineageKey::Kid(kid) => LineFilter { kid: Some(kid.clone()), ..minted },
                    LineageKey::Feed(feed) => LineFilter { feed: Some(feed.clone()), ..minted },
                    _ => minted,
                };
                let mut lines = trail.lines(&found(filter), scope.limit + 1).await?;
                if lines.len() > usize::try_from(scope.limit).unwrap_or(usize::MAX) {
                    lines.pop();
                    self.truncated = true;
                    self.next = lines.last().map(|line| line.seq.to_string());
                }
                Ok(distinct(lines.iter().filter_map(|line| text(&line.members()?, "jti"))))
            }
        }
    }

    async fn add(&mut self, trail: &dyn Trail, jti: &str, scope: &Scope) -> Result<(), StoreError> {
        if let Some((kid, token)) = Token::find(trail, jti, scope).await? {
            self.truncated |= token.truncated;
            self.put(kid, token);
        }
        Ok(())
    }

    fn put(&mut self, kid: Option<String>, token: Token) {
        match self.keys.iter_mut().find(|key| key.kid == kid) {
            Some(key) if key.tokens.iter().any(|there| there.jti == token.jti) => {}
            Some(key) => key.tokens.push(token),
            None => self.keys.push(Key { kid, tokens: vec![token] }),
        }
    }
}

/// The token's id in a role session's name, `<space>.<feed>@<jti>`.
fn jti_of(session_name: &str) -> Option<String> {
    session_name.rsplit_once('@').map(|(_, jti)| jti.to_owned())
}

fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut distinct = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for value in values {
        if seen.insert(value.clone()) {
            distinct.push(value);
        }
    }
    distinct
}

fn text(members: &AuditLine, name: &str) -> Option<String> {
    members.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn time(members: &AuditLine, name: &str) -> Option<Timestamp> {
    members.get(name).and_then(Value::as_str)?.parse().ok()
}
