//! The identity of a feed, and how the `sub` claim spells it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::invalid::serde_by_text;
use super::{Invalid, Slug};

/// Names one feed: `default/images`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SpaceFeed {
    /// The space that the feed lives in.
    pub space: Slug,
    /// The feed's own slug, unique within its space.
    pub feed: Slug,
}

impl fmt::Display for SpaceFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.space, self.feed)
    }
}

serde_by_text!(SpaceFeed);

impl FromStr for SpaceFeed {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (space, feed) = text
            .split_once('/')
            .ok_or_else(|| Invalid::new("a feed", text, "it is written SPACE/FEED, as in `default/images`"))?;
        Ok(Self { space: space.parse()?, feed: feed.parse()? })
    }
}

/// One of the two parts that a subject is made of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectPart {
    /// `space:<slug>`
    Space,
    /// `feed:<slug>`
    Feed,
}

/// Which parts a feed's subject has: both, or one of them. The order is always space, then feed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "Vec<SubjectPart>", into = "Vec<SubjectPart>")]
pub enum SubjectParts {
    /// `space:<slug>:feed:<slug>`
    #[default]
    SpaceAndFeed,
    /// `space:<slug>`
    SpaceOnly,
    /// `feed:<slug>`
    FeedOnly,
}

impl TryFrom<Vec<SubjectPart>> for SubjectParts {
    type Error = Invalid;

    fn try_from(parts: Vec<SubjectPart>) -> Result<Self, Invalid> {
        Self::try_from(parts.as_slice())
    }
}

impl From<SubjectParts> for Vec<SubjectPart> {
    fn from(parts: SubjectParts) -> Self {
        match parts {
            SubjectParts::SpaceAndFeed => vec![SubjectPart::Space, SubjectPart::Feed],
            SubjectParts::SpaceOnly => vec![SubjectPart::Space],
            SubjectParts::FeedOnly => vec![SubjectPart::Feed],
        }
    }
}

impl TryFrom<&[SubjectPart]> for SubjectParts {
    type Error = Invalid;

    fn try_from(parts: &[SubjectPart]) -> Result<Self, Invalid> {
        match parts {
            [SubjectPart::Space, SubjectPart::Feed] => Ok(Self::SpaceAndFeed),
            [SubjectPart::Space] => Ok(Self::SpaceOnly),
            [SubjectPart::Feed] => Ok(Self::FeedOnly),
            other => Err(Invalid::new(
                "a list of subject parts",
                &format!("{other:?}"),
                r#"it is ["space", "feed"], ["space"] or ["feed"]; the order is fixed"#,
            )),
        }
    }
}

/// The `sub` claim of a web identity token: the whole of what a role's trust policy goes by.
///
/// At most 212 characters, well inside the 255 that OpenID Connect Core 1.0 §2 allows.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Subject(String);

impl Subject {
    /// Spells the subject of `target` with the given parts.
    #[must_use]
    pub fn new(target: &SpaceFeed, parts: SubjectParts) -> Self {
        let SpaceFeed { space, feed } = target;
        Self(match parts {
            SubjectParts::SpaceAndFeed => format!("space:{space}:feed:{feed}"),
            SubjectParts::SpaceOnly => format!("space:{space}"),
            SubjectParts::FeedOnly => format!("feed:{feed}"),
        })
    }

    /// The claim's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_spells_space_then_feed() {
        let target: SpaceFeed = "default/images".parse().unwrap();
        assert_eq!(Subject::new(&target, SubjectParts::SpaceAndFeed).as_str(), "space:default:feed:images");
        assert_eq!(Subject::new(&target, SubjectParts::SpaceOnly).as_str(), "space:default");
        assert_eq!(Subject::new(&target, SubjectParts::FeedOnly).as_str(), "feed:images");
    }

    #[test]
    fn the_order_of_the_parts_is_fixed() {
        use SubjectPart::{Feed, Space};
        assert!(SubjectParts::try_from([Feed, Space].as_slice()).is_err());
        assert!(SubjectParts::try_from([].as_slice()).is_err());
        assert!(SubjectParts::try_from([Feed, Feed].as_slice()).is_err());
    }
}
