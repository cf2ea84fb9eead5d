//! Why something was not done for an operator.

use jiff::Timestamp;

use crate::audit::Unwritten;
use crate::domain::{ClientId, RenameOf, Slug};
use crate::store::vault::VaultError;
use crate::store::{ChangeError, Kind, StoreError, SubjectTaken, now_called};

/// Why something was not done for an operator; each variant is another next move.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is none, or it is beyond the operator's reach: the two look alike.
    #[error("there is no {kind} `{name}`, or it is not yours to see; a list shows those that are")]
    NotFound {
        /// What was asked for.
        kind: Kind,
        /// By which name.
        name: String,
    },
    /// The client has no such secret.
    #[error("client `{client}` has no secret `{secret}`; a GET of the client shows those it has")]
    NoSecret {
        /// The client.
        client: ClientId,
        /// The id that was asked for.
        secret: String,
    },
    /// The name is another's.
    #[error("{kind} `{name}` exists already; change that one, or choose another name")]
    Taken {
        /// Of what.
        kind: Kind,
        /// The name.
        name: String,
    },
    /// The name is kept for something that will be renamed.
    #[error("`{name}` is the name that `{of}` will have; choose another, or cancel that rename")]
    Reserved {
        /// Of what.
        kind: Kind,
        /// The name.
        name: String,
        /// What will have it, by its name now.
        of: String,
    },
    /// The name was another's once.
    #[error(
        "{kind} `{name}` existed until {freed_at}{}, and a slug is never given again: a role may trust it still; \
         choose another",
        now_called(moved_to.as_ref())
    )]
    Tombstoned {
        /// Of what.
        kind: Kind,
        /// The name.
        name: String,
        /// Until when it was given.
        freed_at: Timestamp,
        /// What it was renamed to.
        moved_to: Option<String>,
    },
    /// The name was declared once.
    #[error(
        "{kind} `{name}` was declared in the configuration, and a slug is never given again: a role may trust it still; \
         choose another, or declare it there again"
    )]
    WasDeclared {
        /// Of what.
        kind: Kind,
        /// The name.
        name: String,
    },
    /// A rename is planned that it would collide with.
    #[error("the rename of `{of}` is planned; wait for it, or cancel it first")]
    RenamePlanned {
        /// What is renamed.
        of: RenameOf,
    },
    /// What the configuration declares is changed there.
    #[error("{kind} `{name}` is declared in the configuration; change it there")]
    Declared {
        /// What.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// A space is removed when nothing is left in it.
    #[error("space `{space}` still has {}; remove those first", among(holds))]
    SpaceNotEmpty {
        /// The space.
        space: Slug,
        /// What it has, each with its kind.
        holds: Vec<String>,
    },
    /// It was not said which version is to be replaced.
    #[error(
        "say which version is to be replaced, by `If-Match` with the `ETag` of a GET; {kind} `{name}` is at version {version}"
    )]
    VersionMissing {
        /// What.
        kind: Kind,
        /// Its name.
        name: String,
        /// Its version.
        version: i64,
    },
    /// Somebody else was faster.
    #[error(
        "{kind} `{name}` was changed at {changed_at}{} and is at version {version}; read it again and decide anew",
        by.as_ref().map(|by| format!(" by client `{by}`")).unwrap_or_default()
    )]
    ChangedMeanwhile {
        /// What.
        kind: Kind,
        /// Its name.
        name: String,
        /// Its version now.
        version: i64,
        /// Since when.
        changed_at: Timestamp,
        /// By whom, if the audit trail still has that.
        by: Option<ClientId>,
    },
    /// A value is wrong.
    #[error("{kind} `{name}` cannot be that: {reason}")]
    Invalid {
        /// What it was to be a value of.
        kind: Kind,
        /// Its name.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A secret could not be sealed, or what was sealed not opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Two feeds would be the same to AWS.
    #[error(transparent)]
    SubjectTaken(Box<SubjectTaken>),
    /// The admin of a space may not.
    #[error("{kind} `{name}` cannot be made so by the admin of a space: {reason}")]
    BeyondReach {
        /// What.
        kind: Kind,
        /// Its name.
        name: String,
        /// What is beyond reach.
        reason: String,
    },
    /// Nobody could undo it.
    #[error("client `{client}` is the last with the role `admin` that {}; make another one first", if *lasting { "has no end" } else { "is live" })]
    LastAdmin {
        /// The client.
        client: ClientId,
        /// Whether it is the last without an end, or the last at all.
        lasting: bool,
    },
    /// Two live secrets are for replacing one by the other.
    #[error(
        "client `{client}` has {} live secrets already: {}; remove one of them first",
        secrets.len(), secrets.join(", ")
    )]
    TooManySecrets {
        /// The client.
        client: ClientId,
        /// The ids of its live ones, with their ends.
        secrets: Vec<String>,
    },
    /// There was no randomness for a secret.
    #[error("no secret could be drawn: the machine gives no randomness")]
    NoEntropy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit trail cannot be written, and nothing is done without it.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
}

/// The first few of `names`, and how many more there are.
fn among(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl AdminError {
    /// The stable code that callers, the log and the audit trail know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } | Self::NoSecret { .. } => "not_found",
            Self::Taken { .. } | Self::Reserved { .. } => "name_taken",
            Self::Tombstoned { .. } | Self::WasDeclared { .. } => "name_tombstoned",
            Self::Declared { .. } => "declared_in_configuration",
            Self::RenamePlanned { .. } => "rename_planned",
            Self::SpaceNotEmpty { .. } => "space_not_empty",
            Self::VersionMissing { .. } => "if_match_missing",
            Self::ChangedMeanwhile { .. } => "changed_meanwhile",
            Self::Invalid { .. } => "invalid_value",
            Self::SubjectTaken(_) => "subject_taken",
            Self::BeyondReach { .. } => "beyond_reach",
            Self::LastAdmin { .. } => "last_admin",
            Self::TooManySecrets { .. } => "too_many_secrets",
            Self::Store(StoreError::Contended) => "store_contended",
            Self::Store(_) => "store_unavailable",
            Self::Unwritten(_) => "audit_unavailable",
            Self::NoEntropy | Self::Vault(VaultError::Entropy(_)) => "no_entropy",
            Self::Vault(VaultError::NoKey) => "no_encryption_key",
            Self::Vault(_) => "access_key_unopened",
        }
    }

    /// Whether it was decided against, and nothing failed.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::NoEntropy | Self::Vault(_) | Self::Store(_) | Self::Unwritten(_))
    }
}

impl From<ChangeError<Self>> for AdminError {
    fn from(error: ChangeError<Self>) -> Self {
        match error {
            ChangeError::Refused(error) => error,
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<serde_json::Error> for AdminError {
    fn from(error: serde_json::Error) -> Self {
        Self::Store(error.into())
    }
}
