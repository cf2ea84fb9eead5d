//! Request → authn → authz → [`Operator`].

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::Problem;
use super::state::HttpState;
use crate::audit::{Outcome, What};
use crate::authn::Caller;
use crate::authz::{Duty, Operator};

impl FromRequestParts<HttpState> for Operator {
    type Rejection = Problem;

    /// Takes the duty from the route's line in the table.
    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let Some(duty) = parts.extensions.get::<Duty>().copied() else {
            return Err(Problem::internal(&std::io::Error::other("a route for operators has no duty in the table")));
        };
        match state.admin.operator(&caller, duty) {
            Ok(operator) => Ok(operator),
            Err(refusal) => {
                let what = if duty.changes() { What::Change } else { What::AdminRead };
                let event = caller.event(&state.audit, what);
                state.audit.record(event.ended(Outcome::Refused, "role_missing", refusal.to_string())).await?;
                Err(refusal.into())
            }
        }
    }
}
