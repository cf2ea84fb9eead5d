//! What operators are told who rotate keys.

use axum::http::StatusCode;

use super::{Problem, WhoseMove};
use crate::admin::KeysError;
use crate::issuer::keyring::ChangeError;
use crate::issuer::keyring::lifecycle::Refusal;
use crate::issuer::keyring::rotation::KeyError;
use crate::issuer::keyring::schedule::NotYet;
use crate::telemetry::with_causes;

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        let step = match error {
            KeysError::Step(step) => step,
            KeysError::NotRevoked(_) => {
                return Self::new(StatusCode::CONFLICT, "key_not_revoked", WhoseMove::Caller, error.to_string());
            }
            KeysError::Unwritten(unwritten) => return unwritten.into(),
            KeysError::Store(error) => return Self::store_unavailable(&error),
        };
        let (status, whose_move) = match &step {
            KeyError::Change(ChangeError::Refused(refusal)) => (refusal_status(refusal), WhoseMove::Caller),
            KeyError::Change(ChangeError::OtherWasFaster) => (StatusCode::CONFLICT, WhoseMove::Caller),
            KeyError::Change(ChangeError::Trouble(_) | ChangeError::Store(_))
            | KeyError::Generate(_)
            | KeyError::NotYet(NotYet::Unknown(_))
            | KeyError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, WhoseMove::Operator),
            KeyError::NotYet(NotYet::TooSoon { .. } | NotYet::Held { .. } | NotYet::StillAccepted { .. }) => {
                (StatusCode::CONFLICT, WhoseMove::Caller)
            }
            KeyError::Import(_) => (StatusCode::BAD_REQUEST, WhoseMove::Caller),
        };
        // Who rotates keys is to learn at once what the disk says.
        let problem = Self::new(status, step.code(), whose_move, with_causes(&step));
        Self { said: with_causes(&step), ..problem }
    }
}

fn refusal_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NotFound(_) => StatusCode::NOT_FOUND,
        Refusal::WrongState { .. }
        | Refusal::VerifyOnly(_)
        | Refusal::Active(_)
        | Refusal::Full
        | Refusal::AlreadyThere(_)
        | Refusal::NothingToRollBackTo => StatusCode::CONFLICT,
    }
}
