//! Typed parts of the admin API's requests, whose rejections are problems.

use axum::extract::{FromRequestParts, Path};
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;

use crate::admin::Expected;
use crate::domain::{ClientId, RenameOf, Slug};
use crate::http::parts::{wrong_path, wrong_value};
use crate::http::problem::Problem;
use crate::http::state::HttpState;

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
