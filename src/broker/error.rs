//! Why a caller did not get what it asked for.

use std::sync::Arc;
use std::time::Duration;

use super::WrongToken;
use super::cache::{FlightLost, Remembered};
use crate::audit::{Outcome, Unwritten};
use crate::authz::Refusal;
use crate::aws::ambient::NothingAmbient;
use crate::aws::ecr::EcrError;
use crate::aws::sts::StsError;
use crate::domain::{Feed, IssuerUrl, Region, SpaceFeed};
use crate::issuer::mint::MintError;
use crate::store::vault::VaultError;

/// Why a caller did not get what it asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// The caller's: it has no grant for it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller's: there is no such token as it asked for.
    #[error(transparent)]
    WrongToken(#[from] WrongToken),
    /// The caller's, who may ask again: the feed was changed or removed while it was asked for.
    #[error("feed `{0}` was changed or removed just now")]
    FeedChanged(SpaceFeed),
    /// The operator's: no token could be signed.
    #[error("no token could be signed")]
    Mint(#[from] MintError),
    /// STS gave no role session; the source says whose move it is.
    #[error("feed `{}` got no session of its role", feed.name)]
    Sts {
        /// For which feed.
        feed: Arc<Feed>,
        /// Where STS was asked.
        region: Region,
        /// The issuer that the token named.
        issuer: IssuerUrl,
        /// What came of it.
        #[source]
        source: StsError,
    },
    /// STS gave no session of the second role; the source says whose move it is.
    #[error("feed `{}` got no session of its second role", feed.name)]
    SecondHop {
        /// For which feed.
        feed: Arc<Feed>,
        /// Where STS was asked.
        region: Region,
        /// What came of it.
        #[source]
        source: StsError,
    },
    /// The operator's: the secret half of the feed's access key cannot be opened.
    #[error("feed `{}` has no access key to go by", feed.name)]
    SecretUnopened {
        /// For which feed.
        feed: Arc<Feed>,
        /// Why.
        #[source]
        source: VaultError,
    },
    /// The operator's: the feed goes by the process's own identity, and it has none.
    #[error("feed `{}` has no identity to go by", feed.name)]
    NothingAmbient {
        /// For which feed.
        feed: Arc<Feed>,
        /// What was looked for.
        #[source]
        source: NothingAmbient,
    },
    /// ECR gave no credentials; the source says whose move it is.
    #[error("feed `{}` got no credentials from ECR in {region}", feed.name)]
    Ecr {
        /// For which feed.
        feed: Arc<Feed>,
        /// Where ECR was asked.
        region: Region,
        /// What came of it.
        #[source]
        source: EcrError,
    },
    /// The operator's: nothing is given out whose line cannot be written.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// Nobody's: the task that did the work was lost.
    #[error("the exchange was cut short")]
    FlightLost,
}

impl BrokerError {
    /// The stable code that callers, logs and metrics know the failure by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(Refusal::FeedNotFound { .. }) => "feed_not_found",
            Self::Refused(Refusal::ActionNotGranted { .. }) => "action_not_granted",
            Self::Refused(Refusal::RegistryNotFound { .. }) => "registry_not_found",
            Self::Refused(Refusal::RegistryAmbiguous { .. }) => "registry_ambiguous",
            Self::Refused(Refusal::ScopeTooNarrow { .. }) => "insufficient_scope",
            Self::Refused(Refusal::RegionNotOfFeed { .. }) => "region_not_of_feed",
            Self::Refused(Refusal::NotOfIdentity { .. }) => "not_of_identity",
            Self::Refused(Refusal::NotNarrowable { .. }) => "feed_not_narrowable",
            Self::WrongToken(WrongToken::ScopeUnknown | WrongToken::ScopeBeyond(_)) => "invalid_scope",
            Self::WrongToken(WrongToken::Target { .. }) => "invalid_target",
            Self::WrongToken(WrongToken::NothingLeft) => "subject_token_expired",
            Self::FeedChanged(_) => "feed_changed",
            Self::Mint(_) => "signing_failed",
            Self::SecondHop { source: StsError::RoleRefused(_), .. } => "second_role_refused",
            Self::Sts { source, .. } | Self::SecondHop { source, .. } => source.code(),
            Self::SecretUnopened { .. } => "access_key_unopened",
            Self::NothingAmbient { .. } => "ambient_identity_missing",
            Self::Ecr { source, .. } => source.code(),
            Self::Unwritten(_) => "audit_unavailable",
            Self::FlightLost => "internal",
        }
    }

    /// When asking again may help: after a moment where nobody has to mend anything first.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Sts { source, .. } | Self::SecondHop { source, .. } if !source.is_refusal() => {
                Some(Self::OUTAGE_MEMORY)
            }
            Self::Ecr { source: EcrError::Throttled(_) | EcrError::Unavailable(_), .. } | Self::Unwritten(_) => {
                Some(Self::OUTAGE_MEMORY)
            }
            Self::FeedChanged(_) | Self::FlightLost => Some(Duration::from_secs(1)),
            Self::Refused(_)
            | Self::WrongToken(_)
            | Self::Mint(_)
            | Self::Sts { .. }
            | Self::SecondHop { .. }
            | Self::SecretUnopened { .. }
            | Self::NothingAmbient { .. }
            | Self::Ecr { .. } => None,
        }
    }

    /// How the audit trail has it: refused by feedpass or by AWS, or failed.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_) | Self::WrongToken(_) => Outcome::Refused,
            Self::Sts { source, .. } | Self::SecondHop { source, .. } if source.is_refusal() => Outcome::Refused,
            Self::Ecr { source, .. } if source.is_refusal() => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }

    /// How long an outage or throttling is remembered: callers meanwhile hear of it at once, and
    /// AWS is left alone.
    const OUTAGE_MEMORY: Duration = Duration::from_secs(2);

    /// How long a refusal that someone must mend is remembered: short, since whoever mends it
    /// tries again soon.
    const REFUSAL_MEMORY: Duration = Duration::from_secs(10);
}

impl From<FlightLost> for BrokerError {
    fn from(_: FlightLost) -> Self {
        Self::FlightLost
    }
}

impl Remembered for BrokerError {
    fn remember_for(&self) -> Duration {
        match self {
            // Decided before the cache, or gone with the next request.
            Self::Refused(_) | Self::WrongToken(_) | Self::FeedChanged(_) | Self::Unwritten(_) | Self::FlightLost => {
                Duration::ZERO
            }
            Self::Mint(_) => Self::OUTAGE_MEMORY,
            Self::Sts { .. }
            | Self::SecondHop { .. }
            | Self::SecretUnopened { .. }
            | Self::NothingAmbient { .. }
            | Self::Ecr { .. } => self.retry_after().unwrap_or(Self::REFUSAL_MEMORY),
        }
    }

    fn ends_renewal(&self) -> bool {
        matches!(self, Self::FeedChanged(_))
    }
}
