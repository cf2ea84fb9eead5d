//! How feedpass is known to AWS when it acts for a feed.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{AwsSecret, SessionTags, SourceIdentity};
use crate::domain::invalid::{Invalid, serde_by_text, text_value};
use crate::domain::{Audience, RoleArn, SessionDuration, SpaceFeed, Subject, SubjectParts};

/// How feedpass is known to AWS when it acts for a feed. None is ever taken in another's place.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Identity {
    /// By a token that it signs.
    WebIdentity(WebIdentity),
    /// By the access key of an IAM user.
    AccessKey(AccessKey),
    /// By what the process itself finds in its surroundings.
    Ambient(Ambient),
}

impl Identity {
    /// The one that is given.
    ///
    /// # Errors
    /// [`Invalid`] where it is not exactly one.
    pub fn one_of(
        web_identity: Option<WebIdentity>,
        access_key: Option<AccessKey>,
        ambient: Option<Ambient>,
    ) -> Result<Self, Invalid> {
        match (web_identity, access_key, ambient) {
            (Some(identity), None, None) => Ok(Self::WebIdentity(identity)),
            (None, Some(key), None) => Ok(Self::AccessKey(key)),
            (None, None, Some(ambient)) => Ok(Self::Ambient(ambient)),
            (None, None, None) => Err(Invalid::new("an identity", "none", Self::EXACTLY_ONE)),
            _ => Err(Invalid::new("an identity", "several", Self::EXACTLY_ONE)),
        }
    }

    /// What is said where it is none or several.
    pub const EXACTLY_ONE: &str = "a feed has exactly one of `web_identity`, `access_key` and `ambient`";

    /// The word for its kind, as it is written.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WebIdentity(_) => "web_identity",
            Self::AccessKey(_) => "access_key",
            Self::Ambient(_) => "ambient",
        }
    }
}

/// The identity of a feed that assumes a role with a web identity token.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WebIdentity {
    /// The role, in the partition of the feed's region.
    #[serde(rename = "role_arn")]
    pub role: RoleArn,
    /// The `aud` claim.
    pub audience: Audience,
    /// Which parts the `sub` claim has.
    #[serde(default)]
    pub subject: SubjectParts,
    /// How long a role session lives.
    #[serde(default)]
    pub session_duration: SessionDuration,
    /// The tags that its sessions carry. The role's trust policy must allow `sts:TagSession` then.
    #[serde(default, skip_serializing_if = "SessionTags::is_empty")]
    pub session_tags: SessionTags,
    /// The source identity of its sessions. The role's trust policy must allow `sts:SetSourceIdentity` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<SourceIdentity>,
}

impl WebIdentity {
    /// The `sub` claim that AWS sees, for a feed of that name.
    #[must_use]
    pub fn subject_of(&self, feed: &SpaceFeed) -> Subject {
        Subject::new(feed, self.subject)
    }
}

/// The identity of a feed that is an IAM user of its account.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// The key's id, which is no secret.
    pub access_key_id: AccessKeyId,
    /// Its secret half; none where the feed is only shown, or was removed.
    #[serde(default, rename = "secret_access_key", skip_serializing_if = "Option::is_none")]
    pub secret: Option<AwsSecret>,
}

/// The identity of a feed that goes by the process's own: what its environment, its container or its machine gives it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ambient {}

/// The id of an access key: `AKIA` and 16 more for a user's; 16 to 128 letters and digits in all.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct AccessKeyId(String);

text_value!(AccessKeyId);
serde_by_text!(AccessKeyId);

impl FromStr for AccessKeyId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // A secret key may have been pasted here, so what was found is not shown.
        let invalid = |expected: &str| Invalid::new("an access key's id", "…", expected);
        if !(16..=128).contains(&text.len()) || !text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) {
            return Err(invalid("it is 16 to 128 capital letters and digits, as in `AKIAIOSFODNN7EXAMPLE`"));
        }
        if text.starts_with("ASIA") {
            return Err(invalid("one that begins with ASIA ends within hours; a feed takes a user's own, AKIA…"));
        }
        Ok(Self(text.to_owned()))
    }
}
