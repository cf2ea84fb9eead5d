//! A role that is assumed from another identity.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Identity;
use crate::domain::invalid::{Invalid, serde_by_text, text_value};
use crate::domain::{RoleArn, SessionDuration};

/// A role that is assumed from the feed's identity, by `AssumeRole`: most often another account's, which alone may
/// reach the registry.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecondHop {
    /// The role, in the partition of the feed's region.
    #[serde(rename = "role_arn")]
    pub role: RoleArn,
    /// What its trust policy may ask for in `sts:ExternalId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// How long its sessions live: an hour at most, unless it is assumed with an access key.
    #[serde(default)]
    pub session_duration: SessionDuration,
}

impl SecondHop {
    /// Checks that AWS gives a session as long as that, coming from `identity` (IAM User Guide, "Role chaining").
    ///
    /// # Errors
    /// [`Invalid`] for more than an hour after a session.
    pub fn fits_after(&self, identity: &Identity) -> Result<(), Invalid> {
        let chained = !matches!(identity, Identity::AccessKey(_));
        if chained && self.session_duration > SessionDuration::default() {
            let found = self.session_duration.to_string();
            let expected = "a role that is assumed from a role session lasts an hour at most";
            return Err(Invalid::new("a second role's session duration", &found, expected));
        }
        Ok(())
    }
}

/// What a role's owner agreed with whoever assumes it: 2 to 1224 letters, digits and `_+=,.@:/-` (STS `AssumeRole`).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ExternalId(String);

text_value!(ExternalId);
serde_by_text!(ExternalId);

impl FromStr for ExternalId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&c);
        if (2..=1224).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new("an external id", text, "it is 2 to 1224 letters, digits and `_+=,.@:/-`"))
    }
}
