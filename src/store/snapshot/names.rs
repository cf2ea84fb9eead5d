//! What was given once: what is left of it, and where a freed name leads now.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;

use super::Snapshot;
use crate::domain::{Audience, Feed, Rename, RenameOf, Slug, SpaceFeed, Subject, SubjectParts};
use crate::store::{Given, Kind};

/// A name that was given once and is never given again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tombstone {
    /// When the name was freed.
    pub freed_at: Timestamp,
    /// What it was renamed to, if it was.
    pub moved_to: Option<String>,
}

/// AWS tells feeds apart by subject and audience alone: were they the same for two, each could have what the other's
/// role allows.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "feed `{feed}` would be `{subject}` for audience `{audience}` to AWS, as feed `{other}` is, was or will be; name the \
     space in its subject, `[\"space\", \"feed\"]`, or give it another audience"
)]
pub struct SubjectTaken {
    /// The feed.
    pub feed: SpaceFeed,
    /// Its subject.
    pub subject: Subject,
    /// Its audience.
    pub audience: Audience,
    /// The feed that has both, had or will have.
    pub other: SpaceFeed,
}

impl Snapshot {
    /// Has `given` never be another's.
    pub(super) fn give(&mut self, given: Given) {
        if !self.given.contains(&given) {
            self.leave_behind(&given);
            self.unwritten.insert(given.clone());
            self.given.insert(given);
        }
    }

    /// Keeps in mind what a feed leaves behind that another could have.
    pub(super) fn leave_behind(&mut self, given: &Given) {
        if let Given::Subject { feed, audience } = given {
            let identity = (Subject::new(feed, SubjectParts::FeedOnly), audience.clone());
            self.left_behind.entry(identity).or_default().insert(feed.clone());
        }
    }

    /// What was given and is not known to be in the store.
    pub(in crate::store) fn unwritten(&self) -> impl Iterator<Item = &Given> {
        self.unwritten.iter()
    }

    /// What is left of a name that was freed.
    #[must_use]
    pub fn tombstone(&self, kind: Kind, name: &str) -> Option<&Tombstone> {
        self.tombstones.get(&(kind, name.to_owned()))
    }

    /// Whether the configuration declares the name, or did: it may do so again, and nobody else may have it.
    #[must_use]
    pub fn was_declared(&self, kind: Kind, name: &str) -> bool {
        let given = match kind {
            Kind::Space => name.parse().ok().map(Given::Space),
            Kind::Feed => name.parse().ok().map(Given::Feed),
            _ => None,
        };
        given.is_some_and(|given| self.given.contains(&given))
    }

    /// Says which other feed has the subject and audience of `feed`, has had them, or will by a planned rename.
    ///
    /// Only a subject without a space in it can be two feeds': the others' names are given once. Feeds of one space
    /// whose subject is the space's alone are one to AWS, as whoever made them so says.
    #[must_use]
    pub fn subject_taken(&self, feed: &Feed) -> Option<SubjectTaken> {
        let identity = feed.web_identity().filter(|identity| identity.subject == SubjectParts::FeedOnly)?;
        let (subject, audience) = (identity.subject_of(&feed.name), &identity.audience);
        let alike = |other: &Feed| {
            let other = other.web_identity().map(|identity| (identity.subject_of(&other.name), &identity.audience));
            other == Some((subject.clone(), audience))
        };
        let live = self.feeds_with_partial_subjects().filter(|other| alike(other)).map(|other| other.name.clone());
        let left = self.left_behind.get(&(subject.clone(), audience.clone())).into_iter().flatten();
        let left = left.map(|name| self.name_now(name).unwrap_or_else(|| name.clone()));
        let planned = self.renames().filter_map(|plan| {
            let RenameOf::Feed(name) = &plan.value.of else { return None };
            let renamed = plan.value.renamed(self.feed(name)?)?;
            (alike(&renamed) && renamed.name != feed.name).then(|| name.clone())
        });
        let other = live.chain(left).chain(planned).find(|other| *other != feed.name)?;
        Some(SubjectTaken { feed: feed.name.clone(), subject, audience: audience.clone(), other })
    }

    /// What will have the name, by a planned rename.
    #[must_use]
    pub fn reserved_for(&self, kind: Kind, name: &str) -> Option<&RenameOf> {
        let will_be = |rename: &Rename| match &rename.of {
            RenameOf::Space(_) => kind == Kind::Space && rename.to.as_str() == name,
            RenameOf::Feed(feed) => kind == Kind::Feed && format!("{}/{}", feed.space, rename.to) == name,
        };
        self.renames().find(|rename| will_be(&rename.value)).map(|rename| &rename.value.of)
    }

    /// The name that a renamed feed has now; none when `name` was never one's that was renamed. A slug is given once,
    /// so an old name leads to one feed alone.
    #[must_use]
    pub fn name_now(&self, name: &SpaceFeed) -> Option<SpaceFeed> {
        let mut now: Option<SpaceFeed> = None;
        // A name leads on to one that is newer, so the way ends.
        loop {
            let known = now.as_ref().unwrap_or(name);
            match self.moved_to(Kind::Feed, known, self.feed(known).is_some()) {
                Some(next) => now = Some(next),
                None => return now,
            }
        }
    }

    /// The slug that a renamed space has now; none as for [`Snapshot::name_now`].
    #[must_use]
    pub fn space_now(&self, slug: &Slug) -> Option<Slug> {
        let mut now: Option<Slug> = None;
        loop {
            let known = now.as_ref().unwrap_or(slug);
            match self.moved_to(Kind::Space, known, self.space(known).is_some()) {
                Some(next) => now = Some(next),
                None => return now,
            }
        }
    }

    /// Where the name led next, unless something has it.
    fn moved_to<T: Display + FromStr>(&self, kind: Kind, name: &T, is_there: bool) -> Option<T> {
        if is_there || self.tombstones.is_empty() {
            return None;
        }
        self.tombstone(kind, &name.to_string())?.moved_to.as_ref()?.parse().ok()
    }
}
