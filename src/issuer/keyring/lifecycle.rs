//! The life of a key, as it is stored.

use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use serde::{Deserialize, Serialize};

use crate::domain::{Algorithm, Kid};

/// What is known of a key, all of it public.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KeyRecord {
    /// The RFC 7638 thumbprint.
    pub kid: Kid,
    /// How it signs.
    pub algorithm: Algorithm,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where in its life it stands, and since when.
    #[serde(flatten)]
    pub state: KeyState,
    /// The public half as the JWKS shows it (RFC 7517 §4), `x5c` included.
    pub jwk: Jwk,
}

/// `published → active → retiring → retired`, and `revoked` from any. Each state keeps the times
/// of those before it: retirement is reckoned from them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KeyState {
    /// In the JWKS, so that verifiers learn it before it signs.
    Published {
        /// Since when.
        published_at: Timestamp,
    },
    /// Signs. Exactly one key does.
    Active {
        /// Since when it has been in the JWKS.
        published_at: Timestamp,
        /// Since when it signs.
        activated_at: Timestamp,
    },
    /// Signs no more, but tokens that it signed may still be accepted.
    Retiring {
        /// Since when it has been in the JWKS.
        published_at: Timestamp,
        /// Since when it signed.
        activated_at: Timestamp,
        /// Since when it signs no more.
        retiring_at: Timestamp,
    },
    /// Out of the JWKS; no token that it signed is accepted any more.
    Retired {
        /// Since when it was in the JWKS.
        published_at: Timestamp,
        /// Since when it signed.
        activated_at: Timestamp,
        /// Since when it signed no more.
        retiring_at: Timestamp,
        /// Since when it is out of the JWKS.
        retired_at: Timestamp,
    },
    /// Taken out of the JWKS at once by an admin.
    Revoked {
        /// When.
        revoked_at: Timestamp,
        /// Why, in the admin's words.
        reason: String,
    },
}

impl KeyState {
    /// Whether the key signs.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }

    /// Whether verifiers should know the key.
    #[must_use]
    pub fn is_published(&self) -> bool {
        matches!(self, Self::Published { .. } | Self::Active { .. } | Self::Retiring { .. })
    }
}
