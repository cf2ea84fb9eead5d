//! `/v1/admin/spaces`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::answers::{self, Created, Item};
use super::lists::{self, ListBody};
use super::parts::{Body, IfMatch, SpacePath};
use crate::admin::{Admin, SpaceDraft};
use crate::authz::Operator;
use crate::domain::Space;
use crate::http::parts::Parameters;
use crate::http::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ListParameters {
    query: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(in crate::http) async fn list(
    State(admin): State<Admin>,
    operator: Operator,
    Parameters(ListParameters { query, limit, cursor }): Parameters<ListParameters>,
) -> Result<Json<ListBody<Item<Space>>>, Problem> {
    let after = lists::after(cursor.as_deref())?;
    let page = admin.spaces(&operator, &lists::wanted(limit, query)?, after.as_ref());
    Ok(lists::answer(&page, answers::space))
}

pub(in crate::http) async fn add(
    State(admin): State<Admin>,
    operator: Operator,
    Body(draft): Body<SpaceDraft>,
) -> Result<Created<Item<Space>>, Problem> {
    let space = admin.add_space(&operator, draft).await?;
    Ok(Created(format!("/v1/admin/spaces/{}", space.value.slug), answers::space(&space)))
}

pub(in crate::http) async fn show(
    State(admin): State<Admin>,
    operator: Operator,
    SpacePath(slug): SpacePath,
) -> Result<Item<Space>, Problem> {
    Ok(answers::space(&admin.space(&operator, &slug)?))
}

pub(in crate::http) async fn change(
    State(admin): State<Admin>,
    operator: Operator,
    SpacePath(slug): SpacePath,
    IfMatch(expected): IfMatch,
    Body(draft): Body<SpaceDraft>,
) -> Result<Item<Space>, Problem> {
    Ok(answers::space(&admin.change_space(&operator, &slug, draft, &expected).await?))
}

pub(in crate::http) async fn remove(
    State(admin): State<Admin>,
    operator: Operator,
    SpacePath(slug): SpacePath,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Problem> {
    admin.remove_space(&operator, &slug, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
