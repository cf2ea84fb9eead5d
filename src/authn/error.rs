//! Why nobody could be made of what was presented.

use super::jws::{ClaimsError, JwsError, NoKey};
use super::workload::{KeyError, WorkloadError};
use crate::domain::{ClientId, Slug};

/// Why nobody could be made of what was presented. The words are for the caller; [`AuthnError::explain`] has those
/// for the log and the audit trail, and [`AuthnError::fault`] says whose move it is.
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
    /// The access token is not one that counts.
    #[error("the access token is not valid: {0}")]
    AccessToken(TokenError),
    /// It is a web identity token, which is for AWS alone: whoever has one, AWS for one, would be its feed's client.
    #[error("the token is a web identity token, which is for AWS STS alone")]
    WebIdentityToken,
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
    /// The token is of another kind than it is said to be.
    #[error("the token is not {expected}")]
    OtherKind {
        /// What it was said to be.
        expected: &'static str,
    },
    /// The client's assertion is not one that counts.
    #[error("the client assertion is not valid: {0}")]
    Assertion(TokenError),
    /// The client's assertion was used before.
    #[error("the client assertion was used before; make a new one, with a `jti` of its own, for each request")]
    AssertionReplayed,
    /// Two proofs, or a proof and the `client_id` beside it, are of different clients.
    #[error("what was presented is of different clients")]
    OtherClient,
    /// The operator's: the store does not say whether an assertion is new.
    #[error("the store does not answer, so that nobody can tell whether the assertion is new")]
    StoreSilent,
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
    /// The operator's.
    Store,
}

impl AuthnError {
    /// The stable code that callers, the log and the audit trail know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPresented => "credentials_missing",
            Self::Malformed => "credentials_malformed",
            Self::Refused => "credentials_refused",
            Self::AccessToken(TokenError::Claims(ClaimsError::Expired { .. })) => "access_token_expired",
            Self::AccessToken(_) => "access_token_refused",
            Self::WebIdentityToken => "web_identity_token_presented",
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
            Self::OtherKind { .. } => "token_of_another_kind",
            Self::Assertion(_) => "assertion_refused",
            Self::AssertionReplayed => "assertion_replayed",
            Self::OtherClient => "client_mismatch",
            Self::StoreSilent => "store_unavailable",
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
            Self::StoreSilent => Fault::Store,
            Self::NotPresented
            | Self::Malformed
            | Self::Refused
            | Self::AccessToken(_)
            | Self::WebIdentityToken
            | Self::OtherKind { .. }
            | Self::Assertion(_)
            | Self::AssertionReplayed
            | Self::OtherClient => Fault::Proof,
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

/// Why a token stands for nobody.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// It is malformed, or signed by someone else.
    #[error(transparent)]
    Token(#[from] JwsError),
    /// Its key is none of ours.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// It is from someone else, for someone else, or its time is over.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// A member that is needed is not there, or not what it should be.
    #[error("its `{0}` is missing, or not what it should be")]
    Missing(&'static str),
    /// Its client was removed, or its time is over.
    #[error("its client is there no more")]
    ClientGone,
    /// No client signed it.
    #[error("its `sub` names no client with a key that made its signature; a client with several keys needs a `kid`")]
    NoClientKey,
}
