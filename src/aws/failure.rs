//! How a call to AWS failed, before a service gives the failure its meaning.
//!
//! An SDK error may carry the whole HTTP answer, a password in it. So it never leaves this file:
//! what is kept is its code, its request id and its message with long opaque runs taken out.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// What AWS said when it said no.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AwsAnswer {
    /// The error code, `AccessDenied`; the only thing that decisions go by.
    pub code: Option<String>,
    /// The request's id, which AWS's support and CloudTrail know.
    pub request_id: Option<String>,
    /// The words, for people alone; long opaque runs replaced by `…`.
    pub message: Option<String>,
}

impl std::fmt::Display for AwsAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.as_deref().unwrap_or("an error without a code"))?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

/// AWS gave no answer to go by. Nobody's to mend; asking again later may help.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unavailable {
    /// It did not answer in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// It could not be reached, or hung up.
    #[error("it could not be reached: {0}")]
    Unreachable(String),
    /// It failed on its side (5xx).
    #[error("it failed: {0}")]
    Failed(AwsAnswer),
    /// Its answer made no sense.
    #[error("its answer could not be understood: {0}")]
    Unintelligible(&'static str),
}

impl Unavailable {
    /// What AWS said, where it said something.
    #[must_use]
    pub fn answer(&self) -> Option<&AwsAnswer> {
        match self {
            Self::Failed(answer) => Some(answer),
            Self::TimedOut | Self::Unreachable(_) | Self::Unintelligible(_) => None,
        }
    }
}

/// Whether AWS said no, or nothing to go by.
pub(super) enum Failure {
    Answer(AwsAnswer),
    Unavailable(Unavailable),
}

impl Failure {
    /// Reads an SDK error; `request_id` is what the answer's headers name.
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, request_id: Option<&str>) -> Self {
        match error {
            SdkError::ServiceError(service) => {
                let metadata = service.err().meta();
                let answer = AwsAnswer {
                    code: metadata.code().map(|code| readable(code, 64)),
                    request_id: request_id.map(|id| readable(id, 128)),
                    message: metadata.message().map(without_opaque_runs),
                };
                let status = service.raw().status();
                if status.is_server_error() {
                    Self::Unavailable(Unavailable::Failed(answer))
                } else if status.is_success() {
                    Self::Unavailable(Unavailable::Unintelligible(BROKEN))
                } else if answer.code.is_none() {
                    // Every refusal of AWS has a code, so this is not one.
                    Self::Unavailable(Unavailable::Unintelligible(
                        "it is an error without AWS's code, as a proxy in between may give",
                    ))
                } else {
                    Self::Answer(answer)
                }
            }
            SdkError::TimeoutError(_) => Self::Unavailable(Unavailable::TimedOut),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::Unavailable(Unavailable::TimedOut),
            SdkError::DispatchFailure(failure) => {
                let said =
                    failure.as_connector_error().map_or_else(|| "no connection".to_owned(), |error| root_cause(error));
                Self::Unavailable(Unavailable::Unreachable(without_opaque_runs(&said)))
            }
            SdkError::ConstructionFailure(_) => {
                Self::Unavailable(Unavailable::Unintelligible("the request could not be built"))
            }
            _ => Self::Unavailable(Unavailable::Unintelligible(BROKEN)),
        }
    }
}

/// Whether AWS says by this code that whoever signed a request is not who it says.
pub(super) fn names_a_wrong_key(code: &str) -> bool {
    [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "RequestExpired",
    ]
    .contains(&code)
}

/// What is said of a good answer that cannot be read.
const BROKEN: &str = "the body is not what its operation promises";

/// The words of what is below all: those above it only name the HTTP stack's layers.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn readable(text: &str, longest: usize) -> String {
    text.chars().filter(char::is_ascii_graphic).take(longest).collect()
}

/// AWS echoes wrong values, a token among them. Whatever runs on for 64 characters without a
/// separator is no word that a person needs.
fn without_opaque_runs(message: &str) -> String {
    const LONGEST_RUN: usize = 63;
    let opaque = |c: char| c.is_ascii_alphanumeric() || "-_.+/=".contains(c);
    let mut shown = String::new();
    let mut run = String::new();
    for c in message.chars().take(2048).filter(|c| !c.is_control()).chain(std::iter::once(' ')) {
        if opaque(c) {
            run.push(c);
            continue;
        }
        shown.push_str(if run.len() > LONGEST_RUN { "…" } else { &run });
        run.clear();
        shown.push(c);
    }
    shown.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_token_is_not_repeated() {
        let token = format!("eyJhbGciOiJSUzI1NiJ9.{}.{}", "x".repeat(200), "y".repeat(300));
        let shown = without_opaque_runs(&format!("Value '{token}' at 'webIdentityToken' failed"));
        assert_eq!(shown, "Value '…' at 'webIdentityToken' failed");
        let kept = "No OpenIDConnect provider found in your account for https://id.example.com";
        assert_eq!(without_opaque_runs(kept), kept);
    }
}
