//! `[[feed]]`

use crate::config::context::{Located, Place};
use crate::config::reader::Reader;
use crate::domain::{
    AccountId, Audience, Feed, Invalid, Region, RoleArn, SessionDuration, Slug, SpaceFeed, SubjectPart, SubjectParts,
    WebIdentity,
};

/// What could be read of one feed.
pub(in crate::config) struct FeedDraft {
    pub(in crate::config) space: Option<Located<Slug>>,
    pub(in crate::config) slug: Option<Located<Slug>>,
    pub(in crate::config) region: Option<Region>,
    registry: Option<AccountId>,
    pub(in crate::config) identity: Option<IdentityDraft>,
}

/// What could be read of a feed's identity.
pub(in crate::config) struct IdentityDraft {
    pub(in crate::config) role: Option<Located<RoleArn>>,
    pub(in crate::config) audience: Option<Audience>,
    /// None when it or the audience is wrong: half of the identity is no use to compare.
    pub(in crate::config) subject: Option<SubjectParts>,
    /// Where the subject is written, or the table without it.
    pub(in crate::config) subject_place: Place,
    session_duration: SessionDuration,
}

pub(super) fn read(feed: &mut Reader<'_>) -> FeedDraft {
    FeedDraft {
        space: feed.required("space", "the slug of a declared space, as in `default`"),
        slug: feed.required("slug", "the feed's slug, as in `images`"),
        region: feed.required("region", "the registry's AWS region, as in `us-east-1`").map(|region| region.value),
        registry: feed.get("registry").map(|registry| registry.value),
        identity: identity(feed),
    }
}

fn identity(feed: &mut Reader<'_>) -> Option<IdentityDraft> {
    if feed.has("web_identity") {
        // The known keys of a feed include the two below, whichever it has.
        let _ = unsupported(feed);
        return Some(feed.table("web_identity", web_identity));
    }
    if !unsupported(feed) {
        feed.missing("web_identity", "the role that the feed assumes: `[feed.web_identity]` with a `role_arn`");
    }
    None
}

/// Tells of identities that this version has not; says whether there was one.
fn unsupported(feed: &mut Reader<'_>) -> bool {
    let mut found = false;
    for key in ["access_key", "ambient"] {
        if feed.has(key) {
            let place = feed.place_of(key);
            let expected = "`[feed.web_identity]`: this version supports no other identity";
            feed.context().mistake(&place, Some(format!("`{key}`")), expected);
            found = true;
        }
    }
    found
}

fn web_identity(identity: &mut Reader<'_>) -> IdentityDraft {
    let audience = identity.get("audience").map(|audience| audience.value);
    let audience_wrong = identity.has("audience") && audience.is_none();
    IdentityDraft {
        role: identity.required("role_arn", "the role's ARN, as in `arn:aws:iam::123456789012:role/feedpass-images`"),
        audience,
        subject_place: identity.place_of("subject"),
        subject: subject(identity).filter(|_| !audience_wrong),
        session_duration: identity.or("session_duration", SessionDuration::default()),
    }
}

fn subject(identity: &mut Reader<'_>) -> Option<SubjectParts> {
    let hint = r#"`["space", "feed"]`, `["space"]` or `["feed"]`; the order is fixed"#;
    if !identity.has("subject") {
        return Some(SubjectParts::default());
    }
    let place = identity.place_of("subject");
    let texts = identity.one_or_more("subject", hint)?;
    let part = |text: &str| match text {
        "space" => Ok(SubjectPart::Space),
        "feed" => Ok(SubjectPart::Feed),
        _ => Err(Invalid::new("a part of a subject", text, "it is `space` or `feed`")),
    };
    let count = texts.len();
    let parts: Vec<SubjectPart> = identity.values(texts, part).into_iter().map(|part| part.value).collect();
    if parts.len() < count {
        return None;
    }
    let subject = SubjectParts::try_from(parts.as_slice());
    if subject.is_err() {
        identity.context().mistake(&place, Some("another list of parts".to_owned()), hint);
    }
    subject.ok()
}

impl FeedDraft {
    /// Its name, when both parts could be read.
    pub(in crate::config) fn name(&self) -> Option<SpaceFeed> {
        let (space, feed) = self.space.as_ref().zip(self.slug.as_ref())?;
        Some(SpaceFeed { space: space.value.clone(), feed: feed.value.clone() })
    }

    pub(super) fn settle(self, default_audience: &Audience) -> Option<Feed> {
        let name = self.name()?;
        let identity = self.identity?;
        let role = identity.role?.value;
        Some(Feed {
            name,
            display_name: None,
            region: self.region?,
            registry: self.registry.unwrap_or_else(|| role.account().clone()),
            web_identity: WebIdentity {
                role,
                audience: identity.audience.unwrap_or_else(|| default_audience.clone()),
                subject: identity.subject?,
                session_duration: identity.session_duration,
            },
        })
    }
}
