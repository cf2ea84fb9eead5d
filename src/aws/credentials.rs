//! What requests to AWS are signed with.

use std::fmt;

use aws_sdk_sts::config::Credentials;
use secrecy::{ExposeSecret as _, SecretString};

use super::sts::RoleSession;
use crate::domain::{AccessKeyId, Kid};

/// An access key with its secret half, and the session token where it is a session's. No `Debug` shows more than the id.
#[derive(Clone)]
pub struct AwsCredentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: SecretString,
    /// The session token; none for a user's own key.
    pub session_token: Option<SecretString>,
}

impl AwsCredentials {
    /// A user's own key.
    #[must_use]
    pub fn of_user(id: &AccessKeyId, secret: SecretString) -> Self {
        Self { access_key_id: id.to_string(), secret_access_key: secret, session_token: None }
    }

    /// As the SDK takes them.
    pub(super) fn for_sdk(&self) -> Credentials {
        Credentials::new(
            &self.access_key_id,
            self.secret_access_key.expose_secret(),
            self.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
            None,
            "feedpass",
        )
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsCredentials {{ access_key_id: {}, .. }}", self.access_key_id)
    }
}

/// In whose name AWS is asked for a feed.
#[derive(Clone, Debug)]
pub enum Authority {
    /// A session of the feed's role.
    Session(RoleSession),
    /// The feed's own access key, or what the process found in its surroundings.
    Own(AwsCredentials),
}

impl Authority {
    /// What requests are signed with.
    #[must_use]
    pub fn credentials(&self) -> &AwsCredentials {
        match self {
            Self::Session(session) => &session.credentials,
            Self::Own(credentials) => credentials,
        }
    }

    /// The key that signed the token that it was obtained with.
    #[must_use]
    pub fn kid(&self) -> Option<&Kid> {
        match self {
            Self::Session(session) => session.kid.as_ref(),
            Self::Own(_) => None,
        }
    }

    /// What CloudTrail calls the role session.
    #[must_use]
    pub fn session_name(&self) -> Option<&str> {
        match self {
            Self::Session(session) => Some(&session.session_name),
            Self::Own(_) => None,
        }
    }
}
