//! What is known of a key, as it is stored.

use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use serde::{Deserialize, Serialize};

use super::public_key::PublicKey;
use crate::domain::{Algorithm, KeySpec, Kid};

/// What is known of a key, all of it public.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KeyRecord {
    /// The RFC 7638 thumbprint.
    pub kid: Kid,
    /// How it signs.
    pub algorithm: Algorithm,
    /// When it was made, or brought in.
    pub created_at: Timestamp,
    /// Whether it was brought in without its private half, and so never signs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verify_only: bool,
    /// Where in its life it stands, and since when.
    #[serde(flatten)]
    pub state: KeyState,
    /// The public half as the JWKS shows it (RFC 7517 §4), `x5c` included where there is one.
    pub jwk: Jwk,
}

/// `published → active → retiring → retired`, and `revoked` from any. Each state keeps the times
/// of those before it: retirement is reckoned from them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KeyState {
    /// In the JWKS, so that verifiers learn it before it signs.
    Published {
        /// Since when all processes that share the keys show it.
        published_at: Timestamp,
        /// Whether it is promoted as soon as it may sign. One that was staged by hand waits for an admin, or for the
        /// next rotation by the calendar.
        #[serde(default)]
        promote_when_due: bool,
    },
    /// Signs. Exactly one key does.
    Active {
        /// Since when it has been in the JWKS.
        published_at: Timestamp,
        /// Since when it signs.
        activated_at: Timestamp,
        /// Whether an admin went back to it. What made the rotation before is then no reason for another.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rolled_back: bool,
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
        /// Since when it signed; none when it never did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activated_at: Option<Timestamp>,
        /// Since when it is out of the JWKS.
        retired_at: Timestamp,
    },
    /// Taken out of the JWKS at once by an admin.
    Revoked {
        /// Since when it was in the JWKS.
        published_at: Timestamp,
        /// Since when it signed; none when it never did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activated_at: Option<Timestamp>,
        /// When.
        revoked_at: Timestamp,
        /// Why, in the admin's words.
        reason: String,
        /// When its private half was destroyed; until then STS is asked whether it still takes the key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        destroyed_at: Option<Timestamp>,
    },
}

impl KeyRecord {
    /// Of what kind it is; none of a size that none is made in.
    #[must_use]
    pub fn spec(&self) -> Option<KeySpec> {
        PublicKey::from_jwk(&self.jwk).ok()?.spec(self.algorithm).ok()
    }

    /// Whether it may become the key that signs.
    #[must_use]
    pub fn is_candidate(&self) -> bool {
        !self.verify_only && matches!(self.state, KeyState::Published { .. })
    }

    /// Whether its private half is still needed: to sign, to sign again after a rollback, or to ask STS whether it
    /// takes a revoked key.
    #[must_use]
    pub fn keeps_private_half(&self) -> bool {
        !self.verify_only && (self.state.is_published() || self.state.is_probed())
    }
}

impl KeyState {
    /// That of a key which signs from `now` on, and is not known to anybody before.
    #[must_use]
    pub fn fresh(now: Timestamp) -> Self {
        Self::Active { published_at: now, activated_at: now, rolled_back: false }
    }

    /// The state's name, as it is stored.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Published { .. } => "published",
            Self::Active { .. } => "active",
            Self::Retiring { .. } => "retiring",
            Self::Retired { .. } => "retired",
            Self::Revoked { .. } => "revoked",
        }
    }

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

    /// Whether the key is revoked and STS not yet known to refuse it.
    #[must_use]
    pub fn is_probed(&self) -> bool {
        matches!(self, Self::Revoked { destroyed_at: None, .. })
    }

    /// Since when it is, or was, in the JWKS.
    #[must_use]
    pub fn published_at(&self) -> Timestamp {
        match self {
            Self::Published { published_at, .. }
            | Self::Active { published_at, .. }
            | Self::Retiring { published_at, .. }
            | Self::Retired { published_at, .. }
            | Self::Revoked { published_at, .. } => *published_at,
        }
    }

    /// Since when it signs or signed; none when it never did.
    #[must_use]
    pub fn activated_at(&self) -> Option<Timestamp> {
        match self {
            Self::Published { .. } => None,
            Self::Active { activated_at, .. } | Self::Retiring { activated_at, .. } => Some(*activated_at),
            Self::Retired { activated_at, .. } | Self::Revoked { activated_at, .. } => *activated_at,
        }
    }
}

/// A key of a curve, which is another for each `seed`.
#[cfg(test)]
pub(super) fn sample(seed: u64, state: KeyState) -> KeyRecord {
    let algorithm = Algorithm::Es256;
    let entropy = crate::entropy::SeededEntropy::new(seed);
    let private = super::PrivateKey::generate(KeySpec::from(algorithm), &entropy).unwrap();
    let jwk = private.jwk(algorithm).unwrap();
    KeyRecord { kid: private.kid(), algorithm, created_at: Timestamp::UNIX_EPOCH, verify_only: false, state, jwk }
}
