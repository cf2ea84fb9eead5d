//! What was given once, and is never another's.

use serde::{Deserialize, Serialize};

use super::{Kind, Record};
use crate::domain::{Audience, Feed, Slug, SpaceFeed, SubjectParts};

/// Something that was given once, and is never another's, since roles may go by it to this day.
///
/// A name of the store's leaves its tombstone. This is for what leaves none: what the configuration declares, whose
/// end nobody need see, and the subjects that a feed has had. So it is written while they are in use.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Given {
    /// The slug of a space that is declared, or was.
    Space(Slug),
    /// The name of a feed that is declared, or was.
    Feed(SpaceFeed),
    /// To a feed: the subject that names it without its space, for an audience.
    Subject {
        /// By which name it had that.
        feed: SpaceFeed,
        /// The audience.
        audience: Audience,
    },
}

impl Given {
    /// What `feed` has that others could have too, and so must not.
    pub(super) fn subject_of(feed: &Feed) -> Option<Self> {
        let identity = feed.web_identity()?;
        let subject = || Self::Subject { feed: feed.name.clone(), audience: identity.audience.clone() };
        (identity.subject == SubjectParts::FeedOnly).then(subject)
    }
}

impl Record for Given {
    const KIND: Kind = Kind::Given;

    fn name(&self) -> String {
        match self {
            Self::Space(space) => format!("space:{space}"),
            Self::Feed(feed) => format!("feed:{feed}"),
            Self::Subject { feed, audience } => format!("subject:{feed} {audience}"),
        }
    }
}
