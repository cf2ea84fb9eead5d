//! Request → authn → [`Caller`], within the limits.

use axum::extract::{FromRef as _, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::problem::Problem;
use super::state::HttpState;
use crate::authn::{Authn, AuthnError, Caller, Fault};
use crate::domain::Origin;

impl FromRequestParts<HttpState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let origin = Origin::from_request_parts(parts, state).await?;
        let authn = Authn::from_ref(state);
        let authenticated = match presented(parts) {
            Ok(header) => authn.authenticate(header, &origin).await,
            Err(error) => Err(error),
        };
        let caller = match authenticated {
            Ok(caller) => caller,
            Err(AuthnError::NotPresented) => return Err(AuthnError::NotPresented.into()),
            Err(error) => {
                // Those above the limit are counted, and not written down one by one. That an issuer is away is no
                // attempt that failed.
                if error.fault() != Fault::Outage {
                    state.limiter.refused(origin.address)?;
                }
                authn.note_refusal(&error, &origin).await;
                return Err(error.into());
            }
        };
        tracing::Span::current().record("client", tracing::field::display(caller.id()));
        state.limiter.admit_client(caller.id(), parts.extensions.get())?;
        Ok(caller)
    }
}

/// The one `Authorization` header, if there is one.
fn presented(parts: &Parts) -> Result<Option<&str>, AuthnError> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(header), None) => header.to_str().map(Some).map_err(|_| AuthnError::Malformed),
        // Which of two would count is a question that must not arise.
        (Some(_), Some(_)) => Err(AuthnError::Malformed),
    }
}
