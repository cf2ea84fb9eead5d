//! What clients were granted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, serde_by_text};
use super::{RepositoryPattern, Slug, SpaceFeed};

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
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The feeds.
    pub feeds: Vec<FeedPattern>,
    /// What for.
    pub actions: Vec<Action>,
    /// To pull from and push to: which repositories; left out, all that the feed's role may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repositories: Option<Vec<RepositoryPattern>>,
}

impl Grant {
    /// What is wrong with it as a whole, if anything is.
    #[must_use]
    pub fn objection(&self) -> Option<&'static str> {
        if self.feeds.is_empty() || self.actions.is_empty() {
            return Some("a grant without feeds, or without actions, grants nothing; leave it out");
        }
        let repositories = self.repositories.as_ref()?;
        if repositories.is_empty() {
            return Some("a grant for no repository grants nothing; leave `repositories` out for all of them");
        }
        if self.actions.contains(&Action::Token) {
            return Some("a token cannot be narrowed to `repositories`; make that another grant, or leave `token` out");
        }
        let narrowed = |action: &Action| matches!(action, Action::Pull | Action::Push | Action::Session);
        (!self.actions.iter().any(narrowed))
            .then_some("`repositories` are for the actions `pull`, `push` and `session`")
    }

    /// Whether the grant is about `target` at all.
    #[must_use]
    pub fn covers(&self, target: &SpaceFeed) -> bool {
        self.feeds.iter().any(|pattern| pattern.matches(target))
    }
}

/// One feed (`default/images`) or all feeds of a space (`team-a/*`).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
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

serde_by_text!(FeedPattern);

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
}
