//! What operators are told.

use axum::http::StatusCode;

use super::{Problem, WhoseMove};
use crate::admin::AdminError;
use crate::store::StoreError;
use crate::store::vault::VaultError;
use crate::telemetry::with_causes;

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let (status, whose_move) = match &error {
            AdminError::NotFound { .. } | AdminError::NoSecret { .. } => (StatusCode::NOT_FOUND, WhoseMove::Caller),
            AdminError::Taken { .. }
            | AdminError::Reserved { .. }
            | AdminError::Tombstoned { .. }
            | AdminError::WasDeclared { .. }
            | AdminError::RenamePlanned { .. }
            | AdminError::Declared { .. }
            | AdminError::SpaceNotEmpty { .. }
            | AdminError::SubjectTaken(_)
            | AdminError::LastAdmin { .. }
            | AdminError::TooManySecrets { .. } => (StatusCode::CONFLICT, WhoseMove::Caller),
            AdminError::VersionMissing { .. } => (StatusCode::PRECONDITION_REQUIRED, WhoseMove::Caller),
            AdminError::ChangedMeanwhile { .. } => (StatusCode::PRECONDITION_FAILED, WhoseMove::Caller),
            AdminError::Invalid { .. } => (StatusCode::BAD_REQUEST, WhoseMove::Caller),
            AdminError::BeyondReach { .. } => (StatusCode::FORBIDDEN, WhoseMove::Caller),
            AdminError::Store(StoreError::Contended) => (StatusCode::SERVICE_UNAVAILABLE, WhoseMove::Nobody),
            AdminError::Vault(VaultError::NoKey) => (StatusCode::CONFLICT, WhoseMove::Operator),
            AdminError::Store(_) | AdminError::NoEntropy | AdminError::Vault(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, WhoseMove::Operator)
            }
            AdminError::Unwritten(unwritten) => return unwritten.clone().into(),
        };
        let detail = match &error {
            // What a database says may name its host and more.
            AdminError::Store(error) if !matches!(error, StoreError::Contended) => {
                "the store does not do its part, and nothing was changed; the log says what it answered".to_owned()
            }
            error => error.to_string(),
        };
        let problem = Self::new(status, error.code(), whose_move, detail);
        Self { said: with_causes(&error), ..problem }
    }
}
