//! Typed parts of a request, whose rejections are problems.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::state::HttpState;
use crate::domain::{Invalid, RegistryHost, SpaceFeed};

/// The feed that `/v1/spaces/{space}/feeds/{feed}/…` names.
pub(super) struct FeedPath(pub(super) SpaceFeed);

impl FromRequestParts<HttpState> for FeedPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((space, feed)) = path.map_err(wrong_path)?;
        let feed = SpaceFeed { space: space.parse().map_err(wrong_value)?, feed: feed.parse().map_err(wrong_value)? };
        tracing::Span::current().record("feed", tracing::field::display(&feed));
        Ok(Self(feed))
    }
}

/// The registry that `/v1/registries/{host}/…` names.
pub(super) struct HostPath(pub(super) RegistryHost);

impl FromRequestParts<HttpState> for HostPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let Path(host) = Path::<String>::from_request_parts(parts, state).await.map_err(wrong_path)?;
        Ok(Self(host.parse().map_err(wrong_value)?))
    }
}

/// The parameters after `?`; one given twice, or one that is not known, is refused.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<HttpState> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let parameters = Query::<T>::from_request_parts(parts, state).await;
        let Query(parameters) = parameters.map_err(|rejection: QueryRejection| {
            // The rejection's own text opens with words that say nothing; its source has the reason.
            let reason =
                std::error::Error::source(&rejection).map_or_else(|| rejection.body_text(), ToString::to_string);
            Problem::bad_request("invalid_parameters", format!("the parameters after `?` are wrong: {reason}"))
        })?;
        Ok(Self(parameters))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
pub(super) fn wrong_path(rejection: PathRejection) -> Problem {
    Problem::bad_request("invalid_path", format!("the path is wrong: {}", rejection.body_text()))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
pub(super) fn wrong_value(invalid: Invalid) -> Problem {
    Problem::bad_request("invalid_path", invalid.to_string())
}
