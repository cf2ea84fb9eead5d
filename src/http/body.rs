//! A request's body, whose rejections are problems.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError};
use serde::de::DeserializeOwned;

use super::problem::{Problem, WhoseMove};
use super::state::HttpState;

/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A body in JSON, all of whose members are known.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<HttpState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "the body has to be JSON, with `Content-Type: application/json`";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "unsupported_media_type", WhoseMove::Caller, detail));
        }
        let collected = tokio::select! {
            collected = request.into_body().collect() => collected,
            () = state.clock.sleep(BODY_TIME) => {
                let detail = format!("the body took more than {} s to come", BODY_TIME.as_secs());
                return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", WhoseMove::Caller, detail));
            }
        };
        let bytes = collected.map_err(|error| unreadable(&error))?.to_bytes();
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            Problem::bad_request("invalid_body", format!("the body is not what it should be: {error}"))
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn unreadable(error: &axum::Error) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            // The layer around the route says how much it takes.
            return Problem::body_too_large(super::LARGEST_BODY);
        }
        cause = error.source();
    }
    Problem::bad_request("invalid_body", "the body broke off")
}
