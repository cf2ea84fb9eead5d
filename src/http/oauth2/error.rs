//! Errors of the token endpoint (RFC 6749 §5.2, RFC 8693 §2.2.2).

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::authn::{AuthnError, Fault};
use crate::authz::Refusal as NotPermitted;
use crate::broker::{BrokerError, WrongToken};
use crate::http::caller::NotAdmitted;
use crate::http::no_store::NoStore;
use crate::http::problem::{Problem, Said};

/// What is the caller's to mend and RFC 6749 has a word for.
#[derive(Debug)]
pub(in crate::http) struct OAuthError {
    error: &'static str,
    description: String,
    /// What the log calls it.
    code: &'static str,
    /// Whether a client is to say who it is by HTTP Basic.
    challenge: bool,
}

/// What a token request ends with that gets no token.
#[derive(Debug)]
pub(in crate::http) enum Refusal {
    OAuth(OAuthError),
    /// What RFC 6749 has no word for: too many requests, and failures.
    Problem(Problem),
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
}

impl OAuthError {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into(), code: error, challenge: false }
    }

    pub(super) fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn target(description: impl Into<String>) -> Self {
        Self::new("invalid_target", description)
    }

    pub(super) fn grant_type(known: &[&str]) -> Self {
        Self::new("unsupported_grant_type", format!("`grant_type` is to be {}", known.join(" or ")))
    }

    /// The client did not prove who it is; with `challenge` it is told to try HTTP Basic. Without one, no 401 is
    /// allowed (RFC 9110 §15.5.2), and RFC 6749 asks for none.
    pub(super) fn client(error: &AuthnError, challenge: bool) -> Self {
        Self { code: error.code(), challenge, ..Self::new("invalid_client", error.to_string()) }
    }
}

impl Refusal {
    /// The subject token stands for nobody (RFC 8693 §2.2.2).
    pub(super) fn subject(refused: NotAdmitted) -> Self {
        match refused {
            NotAdmitted::Authn(error) if matches!(error.fault(), Fault::Outage | Fault::Store) => {
                Problem::from(error).into()
            }
            NotAdmitted::Authn(error) => {
                let description = format!("the subject token is not taken: {error}");
                OAuthError { code: error.code(), ..OAuthError::request(description) }.into()
            }
            limited @ NotAdmitted::Limited(_) => Self::limited(limited),
        }
    }

    /// It was asked too much.
    pub(super) fn limited(refused: NotAdmitted) -> Self {
        Self::Problem(refused.into())
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        let word = match &error {
            BrokerError::Refused(NotPermitted::ScopeTooNarrow { .. }) => "invalid_scope",
            BrokerError::Refused(_) => "invalid_target",
            // RFC 8693 §2.2.2 has one word for whatever is wrong with a subject token.
            BrokerError::WrongToken(WrongToken::NothingLeft) => "invalid_request",
            BrokerError::WrongToken(_) => error.code(),
            _ => return Self::Problem(error.into()),
        };
        OAuthError { code: error.code(), ..OAuthError::new(word, error.to_string()) }.into()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        // RFC 6749 §5.2 allows these characters alone.
        let allowed = |c: char| match c {
            '"' => '\'',
            ' '..='~' if c != '\\' => c,
            _ => '?',
        };
        let description: String = self.description.chars().map(allowed).collect();
        let status = if self.challenge { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let body = Json(Body { error: self.error, error_description: &description });
        let mut response = NoStore((status, body)).into_response();
        if self.challenge {
            let basic = HeaderValue::from_static(r#"Basic realm="feedpass", charset="UTF-8""#);
            response.headers_mut().insert(WWW_AUTHENTICATE, basic);
        }
        response.extensions_mut().insert(Said { code: self.code, words: self.description });
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::OAuth(error) => error.into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}
