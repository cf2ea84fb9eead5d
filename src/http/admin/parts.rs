//! Typed parts of the admin API's requests, whose rejections are problems.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError};
use serde::de::DeserializeOwned;

use crate::admin::Expected;
use crate::domain::{ClientId, RenameOf, Slug};
use crate::http::parts::{wrong_path, wrong_value};
use crate::http::problem::{Problem, WhoseMove};
use crate::http::state::HttpState;

/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A body in JSON, all of whose members are known.
pub(in crate::http) struct Body<T>(pub(in crate::http) T);

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
            return Problem::body_too_large(super::super::LARGEST_BODY);
        }
        cause = error.source();
    }
    Problem::bad_request("invalid_body", "the body broke off")
}

/// Which version is meant, by `If-Match` (RFC 9110 §13.1.1).
pub(in crate::http) struct IfMatch(pub(in crate::http) Expected);

impl FromRequestParts<HttpState> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &HttpState) -> Result<Self, Problem> {
        let mut versions = Vec::new();
        let mut lines = parts.headers.get_all(IF_MATCH).iter().peekable();
        if lines.peek().is_none() {
            return Ok(Self(Expected::Unsaid));
        }
        for line in lines {
            let line = line.to_str().map_err(|_| wrong_tag())?.trim();
            if line == "*" {
                return Ok(Self(Expected::Any));
            }
            for tag in line.split(',') {
                let tag = tag.trim();
                let opaque = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                match (opaque, tag.starts_with("W/\"")) {
                    // A tag of another's making, or a weak one, is that of no version.
                    (Some(opaque), _) => versions.extend(opaque.parse::<i64>().ok()),
                    (None, true) => {}
                    (None, false) => return Err(wrong_tag()),
                }
            }
        }
        Ok(Self(Expected::Versions(versions)))
    }
}

fn wrong_tag() -> Problem {
    let detail = "`If-Match` cannot be read; send the `ETag` of a GET as it came, quotes included, as in `\"7\"`";
    Problem::bad_request("invalid_if_match", detail)
}

/// The space that `/v1/admin/spaces/{space}…` names.
pub(in crate::http) struct SpacePath(pub(in crate::http) Slug);

impl FromRequestParts<HttpState> for SpacePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let Path(space) = Path::<String>::from_request_parts(parts, state).await.map_err(wrong_path)?;
        Ok(Self(space.parse().map_err(wrong_value)?))
    }
}

/// The client that `/v1/admin/clients/{client}` names.
pub(in crate::http) struct ClientPath(pub(in crate::http) ClientId);

impl FromRequestParts<HttpState> for ClientPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let Path(client) = Path::<String>::from_request_parts(parts, state).await.map_err(wrong_path)?;
        Ok(Self(client.parse().map_err(wrong_value)?))
    }
}

/// The secret that `/v1/admin/clients/{client}/secrets/{secret}` names by its id.
pub(in crate::http) struct SecretPath(pub(in crate::http) ClientId, pub(in crate::http) String);

impl FromRequestParts<HttpState> for SecretPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((client, secret)) = path.map_err(wrong_path)?;
        Ok(Self(client.parse().map_err(wrong_value)?, secret))
    }
}

/// The rename that `/v1/admin/renames/{name}` names.
pub(in crate::http) struct RenamePath(pub(in crate::http) RenameOf);

impl FromRequestParts<HttpState> for RenamePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let Path(name) = Path::<String>::from_request_parts(parts, state).await.map_err(wrong_path)?;
        Ok(Self(name.parse().map_err(wrong_value)?))
    }
}
