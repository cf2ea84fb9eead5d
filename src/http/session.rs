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
use crate::broker::Broker;
use crate::domain::{Region, RoleArn};

/// What AWS's SDKs read, in their spelling.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SessionBody {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Timestamp,
    role_arn: Option<RoleArn>,
}

/// What may stand after `?`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionParameters {
    /// One of the feed's regions; left out, its own.
    region: Option<Region>,
}

/// A session of the feed's role.
pub(super) async fn session(
    State(broker): State<Broker>,
    ContainerCaller(caller): ContainerCaller,
    FeedPath(target): FeedPath,
    Parameters(SessionParameters { region }): Parameters<SessionParameters>,
) -> Result<NoStore<Json<SessionBody>>, Problem> {
    let given = broker.role_session(&caller, &target, region.as_ref()).await;
    let (feed, session) = given.map_err(|error| Problem::from(error).for_aws())?;
    tracing::Span::current().record("session_name", session.session_name.as_str());
    let credentials = &session.credentials;
    Ok(NoStore(Json(SessionBody {
        access_key_id: credentials.access_key_id.clone(),
        secret_access_key: credentials.secret_access_key.expose_secret().to_owned(),
        token: credentials.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
        expiration: session.expires_at,
        role_arn: feed.role().cloned(),
    })))
}
