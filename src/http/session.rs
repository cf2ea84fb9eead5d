//! `GET` and `POST /v1/spaces/{space}/feeds/{feed}/session`, as AWS's SDKs ask for container credentials.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::caller::ContainerCaller;
use super::no_store::NoStore;
use super::parts::{FeedPath, Parameters};
use super::problem::Problem;
use super::token::NoParameters;
use crate::broker::Broker;
use crate::domain::RoleArn;

/// What AWS's SDKs read, in their spelling.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SessionBody {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: Timestamp,
    role_arn: RoleArn,
}

/// A session of the feed's role.
pub(super) async fn session(
    State(broker): State<Broker>,
    ContainerCaller(caller): ContainerCaller,
    FeedPath(target): FeedPath,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<NoStore<Json<SessionBody>>, Problem> {
    let given = broker.role_session(&caller, &target).await;
    let (feed, session) = given.map_err(|error| Problem::from(error).for_aws())?;
    tracing::Span::current().record("session_name", session.session_name.as_str());
    Ok(NoStore(Json(SessionBody {
        access_key_id: session.access_key_id.clone(),
        secret_access_key: session.secret_access_key.expose_secret().to_owned(),
        token: session.session_token.expose_secret().to_owned(),
        expiration: session.expires_at,
        role_arn: feed.web_identity.role.clone(),
    })))
}
