//! `/v1/admin/spaces`

use axum::Json;
use axum::extract::State;

use super::answers::{self, Created, Item};
use super::lists::{self, ListBody, ListParameters};
use super::one::Shown;
use super::parts::SpacePath;
use crate::admin::{Admin, SpaceDraft};
use crate::authz::Operator;
use crate::domain::{IssuerUrl, Slug, Space};
use crate::http::body::Body;
use crate::http::parts::Parameters;
use crate::http::problem::Problem;
use crate::store::Entry;

impl Shown for Space {
    type Path = SpacePath;
    type Body = Self;

    fn key(SpacePath(slug): SpacePath) -> Slug {
        slug
    }

    fn shown(entry: &Entry<Self>, _: &IssuerUrl) -> Item<Self> {
        answers::as_it_is(entry)
    }
}

pub(in crate::http) async fn list(
    State(admin): State<Admin>,
    operator: Operator,
    Parameters(ListParameters { query, limit, cursor }): Parameters<ListParameters>,
) -> Result<Json<ListBody<Item<Space>>>, Problem> {
    let after = lists::after(cursor.as_deref())?;
    let page = admin.spaces(&operator, &lists::wanted(limit, query)?, after.as_ref());
    Ok(lists::answer(&page, answers::as_it_is))
}

pub(in crate::http) async fn add(
    State(admin): State<Admin>,
    operator: Operator,
    Body(draft): Body<SpaceDraft>,
) -> Result<Created<Item<Space>>, Problem> {
    let space = admin.add_space(&operator, draft).await?;
    Ok(Created(format!("/v1/admin/spaces/{}", space.value.slug), answers::as_it_is(&space)))
}
