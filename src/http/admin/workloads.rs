//! `/v1/admin/workload-issuers` and `/v1/admin/workloads`

use axum::Json;
use axum::extract::State;

use super::answers::{self, Created, Item};
use super::lists::{self, ListBody, ListParameters};
use super::one::Shown;
use super::parts::SpacePath;
use crate::admin::{Admin, OfWorkloads};
use crate::authz::Operator;
use crate::domain::{IssuerUrl, Slug};
use crate::http::body::Body;
use crate::http::parts::Parameters;
use crate::http::problem::Problem;
use crate::store::{Entry, Kind};

impl<T: OfWorkloads> Shown for T {
    // Their names are slugs, like those of spaces.
    type Path = SpacePath;
    type Body = T;

    fn key(SpacePath(name): SpacePath) -> Slug {
        name
    }

    fn shown(entry: &Entry<T>, _: &IssuerUrl) -> Item<T> {
        answers::as_it_is(entry)
    }
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
