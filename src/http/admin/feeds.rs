//! `/v1/admin/feeds` and `/v1/admin/spaces/{space}/feeds`

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::answers::{self, Created, FeedBody, Item};
use super::lists::{self, ListBody};
use super::one::Shown;
use super::parts::SpacePath;
use crate::admin::{Admin, FeedDraft};
use crate::authz::Operator;
use crate::broker::Broker;
use crate::domain::{Feed, IssuerUrl, Slug, SpaceFeed};
use crate::http::body::Body;
use crate::http::parts::{FeedPath, Parameters};
use crate::http::problem::Problem;
use crate::store::Entry;

impl Shown for Feed {
    type Path = FeedPath;
    type Body = FeedBody;

    fn key(FeedPath(name): FeedPath) -> SpaceFeed {
        name
    }

    fn shown(entry: &Entry<Self>, issuer: &IssuerUrl) -> Item<FeedBody> {
        answers::feed(issuer, entry)
    }
}

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
