//! `[[feed]]`

use std::collections::BTreeMap;

use crate::config::context::{Located, Place};
use crate::config::reader::Reader;
use crate::domain::{
    AccessKey, AccessKeyId, AccountId, Ambient, Audience, AwsSecret, ExternalId, Feed, Identity, Invalid, Region,
    RoleArn, SecondHop, SessionDuration, SessionTags, Slug, SourceIdentity, SpaceFeed, SubjectPart, SubjectParts,
    WebIdentity,
};

/// What could be read of one feed.
pub(in crate::config) struct FeedDraft {
    pub(in crate::config) space: Option<Located<Slug>>,
    pub(in crate::config) slug: Option<Located<Slug>>,
    pub(in crate::config) region: Option<Region>,
    /// None when one is wrong.
    more_regions: Option<Vec<Region>>,
    registry: Option<AccountId>,
    identity: Option<IdentityDraft>,
    /// None when the table was left out.
    assume_role: Option<HopDraft>,
    narrow_to_grants: bool,
    /// Where the feed is written.
    pub(in crate::config) place: Place,
}

/// What could be read of a feed's identity.
enum IdentityDraft {
    WebIdentity(WebIdentityDraft),
    /// None when it is wrong.
    AccessKey(Option<AccessKey>),
    Ambient,
}

/// What could be read of a web identity.
pub(in crate::config) struct WebIdentityDraft {
    role: Option<Located<RoleArn>>,
    pub(in crate::config) audience: Option<Audience>,
    /// None when it or the audience is wrong: half of the identity is no use to compare.
    pub(in crate::config) subject: Option<SubjectParts>,
    /// Where the subject is written, or the table without it.
    pub(in crate::config) subject_place: Place,
    session_duration: SessionDuration,
    /// None when one is wrong.
    session_tags: Option<SessionTags>,
    source_identity: Option<SourceIdentity>,
}

struct HopDraft {
    role: Option<Located<RoleArn>>,
    external_id: Option<ExternalId>,
    session_duration: SessionDuration,
}

const ROLE_HINT: &str = "the role's ARN, as in `arn:aws:iam::123456789012:role/feedpass-images`";

pub(super) fn read(feed: &mut Reader<'_>) -> FeedDraft {
    let draft = FeedDraft {
        space: feed.required("space", "the slug of a declared space, as in `default`"),
        slug: feed.required("slug", "the feed's slug, as in `images`"),
        region: feed.required("region", "the registry's AWS region, as in `us-east-1`").map(|region| region.value),
        more_regions: more_regions(feed),
        registry: feed.get("registry").map(|registry| registry.value),
        identity: identity(feed),
        assume_role: feed.has("assume_role").then(|| feed.table("assume_role", hop)),
        narrow_to_grants: feed.flag("narrow_to_grants"),
        place: feed.place().clone(),
    };
    // A registry that could not be read was told of.
    if draft.registry.is_none() && !feed.has("registry") && draft.identity.is_some() && draft.takes_no_role() {
        feed.missing("registry", "the account whose registry it is, 12 digits in quotes: no role says which");
    }
    draft
}

fn more_regions(feed: &mut Reader<'_>) -> Option<Vec<Region>> {
    let hint = r#"a list of regions beside that of `region`, as in `["eu-west-1"]`"#;
    if !feed.has("more_regions") {
        return Some(Vec::new());
    }
    let texts = feed.one_or_more("more_regions", hint)?;
    let count = texts.len();
    let regions: Vec<Region> = feed.values(texts, str::parse).into_iter().map(|region| region.value).collect();
    (regions.len() == count).then_some(regions)
}

fn identity(feed: &mut Reader<'_>) -> Option<IdentityDraft> {
    let given = ["web_identity", "access_key", "ambient"].map(|key| feed.has(key));
    match given {
        [true, false, false] => Some(IdentityDraft::WebIdentity(feed.table("web_identity", web_identity))),
        [false, true, false] => Some(IdentityDraft::AccessKey(feed.table("access_key", access_key))),
        [false, false, true] => {
            feed.table("ambient", |_| ());
            Some(IdentityDraft::Ambient)
        }
        [false, false, false] => {
            feed.missing("web_identity", "the role that the feed assumes: `[feed.web_identity]` with a `role_arn`");
            None
        }
        _ => {
            let place = feed.place().clone();
            feed.context().mistake(&place, Some("several identities".to_owned()), Identity::EXACTLY_ONE);
            None
        }
    }
}

fn web_identity(identity: &mut Reader<'_>) -> WebIdentityDraft {
    let audience = identity.get("audience").map(|audience| audience.value);
    let audience_wrong = identity.has("audience") && audience.is_none();
    WebIdentityDraft {
        role: identity.required("role_arn", ROLE_HINT),
        audience,
        subject_place: identity.place_of("subject"),
        subject: subject(identity).filter(|_| !audience_wrong),
        session_duration: identity.or("session_duration", SessionDuration::default()),
        session_tags: session_tags(identity),
        source_identity: identity.get("source_identity").map(|source| source.value),
    }
}

fn session_tags(identity: &mut Reader<'_>) -> Option<SessionTags> {
    let (mut tags, mut right) = (BTreeMap::new(), true);
    for (key, place, node) in identity.members("session_tags") {
        match identity.value_at(node, &place, |text| Ok(text.to_owned())) {
            Some(value) => drop(tags.insert(key.to_owned(), value)),
            None => right = false,
        }
    }
    let tags = identity.told("session_tags", SessionTags::try_from(tags))?;
    right.then_some(tags)
}

fn access_key(key: &mut Reader<'_>) -> Option<AccessKey> {
    let id = key.required::<AccessKeyId>("access_key_id", "the key's id, as in `AKIAIOSFODNN7EXAMPLE`");
    let named = key.has("secret_access_key") || key.has("secret_access_key_file");
    if !named {
        key.missing("secret_access_key_file", "the path of a file that holds the key's secret half");
    }
    let secret = key.secret(
        "secret_access_key",
        "secret_access_key_file",
        "`secret_access_key_file`, the path of a file that holds it, or a variable of the environment: a configuration \
         is read by more people than should have it",
        |text| {
            let plain = text.len() >= 16 && text.bytes().all(|c| c.is_ascii_graphic());
            let invalid = || Invalid::new("a secret access key", "…", "it is 16 characters at least, without spaces");
            plain.then(|| text.into()).ok_or_else(invalid)
        },
    );
    Some(AccessKey { access_key_id: id?.value, secret: Some(AwsSecret::Clear(secret?)) })
}

fn hop(hop: &mut Reader<'_>) -> HopDraft {
    HopDraft {
        role: hop.required("role_arn", ROLE_HINT),
        external_id: hop.get("external_id").map(|id| id.value),
        session_duration: hop.or("session_duration", SessionDuration::default()),
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

    /// Its web identity, where it has one.
    pub(in crate::config) fn web_identity(&self) -> Option<&WebIdentityDraft> {
        match &self.identity {
            Some(IdentityDraft::WebIdentity(identity)) => Some(identity),
            _ => None,
        }
    }

    /// The roles that could be read.
    pub(in crate::config) fn roles(&self) -> impl Iterator<Item = &Located<RoleArn>> {
        let first = self.web_identity().and_then(|identity| identity.role.as_ref());
        first.into_iter().chain(self.assume_role.as_ref().and_then(|hop| hop.role.as_ref()))
    }

    fn takes_no_role(&self) -> bool {
        self.assume_role.is_none() && self.web_identity().is_none()
    }

    /// The feed, if all of it could be read; its parts may not go together.
    pub(in crate::config) fn feed(&self, default_audience: &Audience) -> Option<Feed> {
        let identity = match self.identity.as_ref()? {
            IdentityDraft::WebIdentity(draft) => Identity::WebIdentity(WebIdentity {
                role: draft.role.as_ref()?.value.clone(),
                audience: draft.audience.clone().unwrap_or_else(|| default_audience.clone()),
                subject: draft.subject?,
                session_duration: draft.session_duration,
                session_tags: draft.session_tags.clone()?,
                source_identity: draft.source_identity.clone(),
            }),
            IdentityDraft::AccessKey(key) => Identity::AccessKey(key.clone()?),
            IdentityDraft::Ambient => Identity::Ambient(Ambient {}),
        };
        let assume_role = match &self.assume_role {
            None => None,
            Some(HopDraft { role, external_id, session_duration }) => Some(SecondHop {
                role: role.as_ref()?.value.clone(),
                external_id: external_id.clone(),
                session_duration: *session_duration,
            }),
        };
        let of_role = || self.roles().last().map(|role| role.value.account().clone());
        Some(Feed {
            name: self.name()?,
            display_name: None,
            region: self.region.clone()?,
            more_regions: self.more_regions.clone()?,
            registry: self.registry.clone().or_else(of_role)?,
            identity,
            assume_role,
            narrow_to_grants: self.narrow_to_grants,
        })
    }
}
