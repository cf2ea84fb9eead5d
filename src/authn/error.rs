//! Why nobody could be made of what was presented.

use super::workload::{KeyError, WorkloadError};
use crate::domain::{ClientId, Slug};

/// Why nobody could be made of what was presented. The words are for the caller; [`AuthnError::explain`] has those
/// for the log and the audit trail.
///
/// Which part of a secret was wrong (an unknown client, a wrong secret) is told to nobody: it would help who guesses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthnError {
    /// No `Authorization` header came with the request.
    #[error("no credentials were presented")]
    NotPresented,
    /// The header is not of a scheme and form that feedpass knows.
    #[error("the Authorization header is malformed or of an unknown scheme")]
    Malformed,
    /// The secret is not one of a known client's.
    #[error("the presented secret is not valid")]
    Refused,
    /// The workload's token stands for nobody.
    #[error(transparent)]
    Workload(Box<WorkloadError>),
    /// The workload's token stands for a client that is not there, or whose time is over.
    #[error("the token is right, and the client that it stands for is there no more; ask an administrator")]
    WorkloadClientGone {
        /// The rule that names it.
        rule: Slug,
        /// The client.
        client: ClientId,
    },
}

/// Whose move an [`AuthnError`] is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The caller's, who presents something else next time.
    Proof,
    /// The caller's, who is known and asks an administrator to be let in.
    Stranger,
    /// Nobody's: it passes.
    Outage,
}

impl AuthnError {
    /// The stable code that callers, the log and the audit trail know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPresented => "credentials_missing",
            Self::Malformed => "credentials_malformed",
            Self::Refused => "credentials_refused",
            Self::Workload(error) => match &**error {
                WorkloadError::UnknownIssuer { .. } | WorkloadError::NoIssuer => "token_issuer_untrusted",
                WorkloadError::Key(KeyError::Unavailable { .. }) => "workload_issuer_unreachable",
                WorkloadError::NoRule(_) => "workload_not_matched",
                WorkloadError::Ambiguous { .. } => "workload_ambiguous",
                WorkloadError::Token(_) | WorkloadError::Key(KeyError::None(_)) | WorkloadError::Claims(_) => {
                    "workload_token_refused"
                }
            },
            Self::WorkloadClientGone { .. } => "workload_client_gone",
        }
    }

    /// Whose move it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Workload(error) => match &**error {
                WorkloadError::Key(KeyError::Unavailable { .. }) => Fault::Outage,
                WorkloadError::NoRule(_) | WorkloadError::Ambiguous { .. } => Fault::Stranger,
                _ => Fault::Proof,
            },
            Self::WorkloadClientGone { .. } => Fault::Stranger,
            Self::NotPresented | Self::Malformed | Self::Refused => Fault::Proof,
        }
    }

    /// The words for the log and the audit trail, with rules and clients by name.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::Workload(error) => error.explain(),
            Self::WorkloadClientGone { rule, client } => format!("{self}: rule `{rule}` gives `{client}`"),
            other => other.to_string(),
        }
    }
}
