//! What goes back to a caller, and what the log says of it.

use bytes::Bytes;
use http::StatusCode;

use crate::entropy::EntropyError;

/// An answer, and a line about it for the log that holds no secret.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// `OK` or AWS's error code.
    pub(super) outcome: &'static str,
    /// Why; what AWS never says.
    pub(super) why: String,
}

/// A refusal, in no service's format yet.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The code as it stands on the wire.
    pub(super) code: &'static str,
    /// What the caller is told: AWS's words.
    pub(super) message: String,
    /// What the log says: the reason itself.
    pub(super) why: String,
}

impl Refusal {
    /// A refusal whose reason is its message.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, why: message.clone(), message }
    }

    /// A refusal with status 400.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The same with a reason for the log.
    pub(super) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }
}

impl From<EntropyError> for Refusal {
    fn from(error: EntropyError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "An internal error has occurred")
            .because(error.to_string())
    }
}
