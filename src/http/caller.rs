//! Request → authn → [`Caller`], within the limits.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::problem::Problem;
use super::state::HttpState;
use crate::authn::{AuthnError, Caller, Fault};
use crate::domain::Origin;

/// Why nobody is let in.
pub(super) enum NotAdmitted {
    /// Nobody could be made of what was presented.
    Authn(AuthnError),
    /// It was asked too much, or too often wrongly.
    Limited(Box<Problem>),
}

impl From<NotAdmitted> for Problem {
    fn from(not_admitted: NotAdmitted) -> Self {
        match not_admitted {
            NotAdmitted::Authn(error) => error.into(),
            NotAdmitted::Limited(problem) => *problem,
        }
    }
}

/// A caller whose `Authorization` header may be a bearer token without a scheme before it, as AWS's SDKs send what
/// `AWS_CONTAINER_AUTHORIZATION_TOKEN` holds.
pub(super) struct ContainerCaller(pub(super) Caller);

impl FromRequestParts<HttpState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let header = presented(parts).map(|header| header.map(str::to_owned));
        authenticated(parts, state, header).await
    }
}

impl FromRequestParts<HttpState> for ContainerCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let with_scheme = |header: &str| {
            let header = header.trim();
            if header.contains(' ') { header.to_owned() } else { format!("Bearer {header}") }
        };
        let header = presented(parts).map(|header| header.map(with_scheme));
        authenticated(parts, state, header).await.map(Self).map_err(Problem::for_aws)
    }
}

async fn authenticated(
    parts: &mut Parts,
    state: &HttpState,
    header: Result<Option<String>, AuthnError>,
) -> Result<Caller, Problem> {
    let origin = Origin::from_request_parts(parts, state).await?;
    let caller = match header {
        Ok(header) => state.authn.authenticate(header.as_deref(), &origin).await,
        Err(error) => Err(error),
    };
    let caller = proved(state, &origin, caller).await?;
    Ok(admitted(parts, state, caller)?)
}

/// Whoever proved who they are; a refusal is counted and written down.
pub(super) async fn proved(
    state: &HttpState,
    origin: &Origin,
    caller: Result<Caller, AuthnError>,
) -> Result<Caller, NotAdmitted> {
    match caller {
        Ok(caller) => Ok(caller),
        Err(error @ (AuthnError::NotPresented | AuthnError::StoreSilent)) => Err(NotAdmitted::Authn(error)),
        Err(error) => {
            // Those above the limit are counted, and not written down one by one. That an issuer is away is no
            // attempt that failed.
            if error.fault() != Fault::Outage {
                let counted = state.limiter.refused(origin.address);
                counted.map_err(|limited| NotAdmitted::Limited(Box::new(limited.into())))?;
            }
            state.authn.note_refusal(&error, origin).await;
            Err(NotAdmitted::Authn(error))
        }
    }
}

/// Counts the caller's request.
pub(super) fn admitted(parts: &Parts, state: &HttpState, caller: Caller) -> Result<Caller, NotAdmitted> {
    tracing::Span::current().record("client", tracing::field::display(caller.id()));
    let admitted = state.limiter.admit_client(caller.id(), parts.extensions.get());
    admitted.map(|()| caller).map_err(|limited| NotAdmitted::Limited(Box::new(limited.into())))
}

/// The one `Authorization` header, if there is one.
pub(super) fn presented(parts: &Parts) -> Result<Option<&str>, AuthnError> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(header), None) => header.to_str().map(Some).map_err(|_| AuthnError::Malformed),
        // Which of two would count is a question that must not arise.
        (Some(_), Some(_)) => Err(AuthnError::Malformed),
    }
}
