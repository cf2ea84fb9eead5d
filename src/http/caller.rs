//! Request → authn → [`Caller`].

use axum::extract::{FromRef as _, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::problem::Problem;
use super::state::HttpState;
use crate::authn::{Authn, AuthnError, Caller};

impl FromRequestParts<HttpState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
        let header = match (headers.next(), headers.next()) {
            (None, _) => None,
            (Some(header), None) => Some(header.to_str().map_err(|_| AuthnError::Malformed)?),
            // Which of two would count is a question that must not arise.
            (Some(_), Some(_)) => return Err(AuthnError::Malformed.into()),
        };
        let caller = Authn::from_ref(state).authenticate(header)?;
        tracing::Span::current().record("client", tracing::field::display(caller.id()));
        Ok(caller)
    }
}
