//! `/v1/admin/feeds` and `/v1/admin/spaces/{space}/feeds`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::answers::{self, Created, FeedBody, Item};
use super::lists::{self, ListBody};
use super::parts::{Body, IfMatch, SpacePath};
use crate::admin::{Admin, FeedDraft};
use crate::authz::Operator;
use crate::broker::Broker;
use crate::domain::Slug;
use crate::http::parts::{FeedPath, Parameters};
use crate::http::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ListParameters {
    space: Option<Slug>,
    query: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(in crate::http) async fn list(
    State(admin): State<Admin>,
    State(broker): State<Broker>,
    operator: Operator,
    Parameters(ListParameters { space, query, limit, cursor }): Parameters<ListParameters>,
) -> Result<Json<ListBody<Item<FeedBody>>>, Problem> {
    let after = lists::after(cursor.as_deref())?;
    let page = admin.feeds(&operator, &lists::wanted(limit, query)?, space.as_ref(), after.as_ref());
    Ok(lists::answer(&page, |feed| answers::feed(broker.issuer(), feed)))
}

pub(in crate::http) async fn add(
    State(admin): State<Admin>,
    State(broker): State<Broker>,
    operator: Operator,
    SpacePath(space): SpacePath,
    Body(draft): Body<FeedDraft>,
) -> Result<Created<Item<FeedBody>>, Problem> {
    let feed = admin.add_feed(&operator, &space, draft).await?;
    let path = format!("/v1/admin/spaces/{space}/feeds/{}", feed.value.name.feed);
    Ok(Created(path, answers::feed(broker.issuer(), &feed)))
}

pub(in crate::http) async fn show(
    State(admin): State<Admin>,
    State(broker): State<Broker>,
    operator: Operator,
    FeedPath(name): FeedPath,
) -> Result<Item<FeedBody>, Problem> {
    Ok(answers::feed(broker.issuer(), &admin.feed(&operator, &name)?))
}

pub(in crate::http) async fn change(
    State(admin): State<Admin>,
    State(broker): State<Broker>,
    operator: Operator,
    FeedPath(name): FeedPath,
    IfMatch(expected): IfMatch,
    Body(draft): Body<FeedDraft>,
) -> Result<Item<FeedBody>, Problem> {
    let feed = admin.change_feed(&operator, &name, draft, &expected).await?;
    Ok(answers::feed(broker.issuer(), &feed))
}

pub(in crate::http) async fn remove(
    State(admin): State<Admin>,
    operator: Operator,
    FeedPath(name): FeedPath,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Problem> {
    admin.remove_feed(&operator, &name, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
