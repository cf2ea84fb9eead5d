//! `POST /v1/spaces/{space}/feeds/{feed}/token`

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::no_store::NoStore;
use super::parts::{FeedPath, Parameters};
use super::problem::Problem;
use crate::authn::Caller;
use crate::broker::Broker;
use crate::domain::{Audience, RoleArn, Slug, Subject};

/// No parameter is known.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// A web identity token and what to do with it.
#[derive(Serialize)]
pub(super) struct TokenBody {
    space: Slug,
    feed: Slug,
    token: String,
    subject: Option<Subject>,
    audience: Option<Audience>,
    role_arn: Option<RoleArn>,
    expires_at: Timestamp,
}

/// The web identity token itself.
pub(super) async fn web_identity(
    State(broker): State<Broker>,
    caller: Caller,
    FeedPath(target): FeedPath,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<NoStore<Json<TokenBody>>, Problem> {
    let (feed, token) = broker.web_identity_token(&caller, &target).await?;
    Ok(NoStore(Json(TokenBody {
        space: feed.name.space.clone(),
        feed: feed.name.feed.clone(),
        token: token.token.expose_secret().to_owned(),
        subject: feed.subject(),
        audience: feed.web_identity().map(|identity| identity.audience.clone()),
        role_arn: feed.web_identity().map(|identity| identity.role.clone()),
        expires_at: token.expires_at,
    })))
}
