//! `/v1/admin/workload-issuers` and `/v1/admin/workloads`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::answers::{self, Created, Item};
use super::lists::{self, ListBody};
use super::parts::{Body, IfMatch, SpacePath};
use crate::admin::{Admin, OfWorkloads};
use crate::authz::Operator;
use crate::http::parts::Parameters;
use crate::http::problem::Problem;
use crate::store::Kind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ListParameters {
    query: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(in crate::http) async fn list<T: OfWorkloads>(
    State(admin): State<Admin>,
    operator: Operator,
    Parameters(ListParameters { query, limit, cursor }): Parameters<ListParameters>,
) -> Result<Json<ListBody<Item<T>>>, Problem> {
    let after = lists::after(cursor.as_deref())?;
    let page = admin.all_of_workloads(&operator, &lists::wanted(limit, query)?, after.as_ref());
    Ok(lists::answer(&page, answers::as_it_is))
}

pub(in crate::http) async fn add<T: OfWorkloads>(
    State(admin): State<Admin>,
    operator: Operator,
    Body(value): Body<T>,
) -> Result<Created<Item<T>>, Problem> {
    let made = admin.add_of_workloads(&operator, value).await?;
    let path = match T::KIND {
        Kind::WorkloadIssuer => "workload-issuers",
        _ => "workloads",
    };
    Ok(Created(format!("/v1/admin/{path}/{}", made.value.name()), answers::as_it_is(&made)))
}

// Their names are slugs, like those of spaces.
pub(in crate::http) async fn show<T: OfWorkloads>(
    State(admin): State<Admin>,
    operator: Operator,
    SpacePath(name): SpacePath,
) -> Result<Item<T>, Problem> {
    Ok(answers::as_it_is(&admin.of_workloads(&operator, &name)?))
}

pub(in crate::http) async fn change<T: OfWorkloads>(
    State(admin): State<Admin>,
    operator: Operator,
    SpacePath(name): SpacePath,
    IfMatch(expected): IfMatch,
    Body(value): Body<T>,
) -> Result<Item<T>, Problem> {
    Ok(answers::as_it_is(&admin.change_of_workloads(&operator, &name, value, &expected).await?))
}

pub(in crate::http) async fn remove<T: OfWorkloads>(
    State(admin): State<Admin>,
    operator: Operator,
    SpacePath(name): SpacePath,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Problem> {
    admin.remove_of_workloads::<T>(&operator, &name, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
