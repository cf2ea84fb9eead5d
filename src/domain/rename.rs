//! Planned changes of names.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::invalid::serde_by_text;
use super::{ClientId, DisplayName, Feed, Invalid, Slug, SpaceFeed};

/// What gets another slug, by the name that it has now: `space:default` or `feed:default/images`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RenameOf {
    /// A space, and with it the names of all its feeds.
    Space(Slug),
    /// One feed.
    Feed(SpaceFeed),
}

serde_by_text!(RenameOf);

impl fmt::Display for RenameOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(space) => write!(f, "space:{space}"),
            Self::Feed(feed) => write!(f, "feed:{feed}"),
        }
    }
}

impl FromStr for RenameOf {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once(':') {
            Some(("space", space)) => Ok(Self::Space(space.parse()?)),
            Some(("feed", feed)) => Ok(Self::Feed(feed.parse()?)),
            _ => {
                Err(Invalid::new("a rename", text, "it is written `space:SLUG` or `feed:SPACE/FEED`, by the old name"))
            }
        }
    }
}

impl RenameOf {
    /// The space that it is about, or whose feed it is about.
    #[must_use]
    pub fn space(&self) -> &Slug {
        match self {
            Self::Space(space) => space,
            Self::Feed(feed) => &feed.space,
        }
    }
}

/// A planned change of a slug. All goes on under the old one until AWS accepts the new.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// What is renamed.
    pub of: RenameOf,
    /// Its new slug, which nothing else gets meanwhile.
    pub to: Slug,
    /// What people will call it; none leaves that as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// Who planned it.
    pub planned_by: ClientId,
    /// When.
    pub planned_at: Timestamp,
}

impl Rename {
    /// The new name of `feed`, if that changes.
    #[must_use]
    pub fn new_name(&self, feed: &SpaceFeed) -> Option<SpaceFeed> {
        match &self.of {
            RenameOf::Space(space) => {
                (feed.space == *space).then(|| SpaceFeed { space: self.to.clone(), feed: feed.feed.clone() })
            }
            RenameOf::Feed(name) => {
                (feed == name).then(|| SpaceFeed { space: name.space.clone(), feed: self.to.clone() })
            }
        }
    }

    /// `feed` as it will be, if it changes: in all but its names as it is.
    #[must_use]
    pub fn renamed(&self, feed: &Feed) -> Option<Feed> {
        let name = self.new_name(&feed.name)?;
        let display_name = match &self.of {
            RenameOf::Space(_) => feed.display_name.clone(),
            RenameOf::Feed(_) => self.name.clone().or_else(|| feed.display_name.clone()),
        };
        Some(Feed { name, display_name, ..feed.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_reads_as_it_is_written() {
        for text in ["space:default", "feed:default/images"] {
            assert_eq!(text.parse::<RenameOf>().unwrap().to_string(), text);
        }
        for bad in ["", "default", "feed:default", "space:a/b", "client:ci"] {
            assert!(bad.parse::<RenameOf>().is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn a_rename_changes_what_it_is_about_and_nothing_else() {
        let rename = |of: &str| Rename {
            of: of.parse().unwrap(),
            to: "new".parse().unwrap(),
            name: None,
            planned_by: "ops".parse().unwrap(),
            planned_at: Timestamp::UNIX_EPOCH,
        };
        let new_name = |of: &str, feed: &str| rename(of).new_name(&feed.parse().unwrap()).map(|name| name.to_string());
        assert_eq!(new_name("feed:a/x", "a/x").as_deref(), Some("a/new"));
        assert_eq!(new_name("feed:a/x", "b/x"), None);
        assert_eq!(new_name("space:a", "a/x").as_deref(), Some("new/x"));
        assert_eq!(new_name("space:a", "ab/x"), None);
    }
}
