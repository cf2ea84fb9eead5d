//! `/v1/admin/renames` and the paths that plan one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;

use super::answers::{self, Item};
use super::parts::{RenamePath, SpacePath};
use crate::admin::{Admin, FeedProgress, Progress, RenameDraft};
use crate::authz::Operator;
use crate::domain::{Rename, RenameOf, SpaceFeed, Subject};
use crate::http::body::Body;
use crate::http::parts::FeedPath;
use crate::http::problem::Problem;

/// A planned rename, and how far it has come.
#[derive(Serialize)]
pub(in crate::http) struct ProgressBody {
    #[serde(flatten)]
    plan: Item<Rename>,
    feeds: Vec<FeedProgressBody>,
}

/// What STS said last of a feed under its new name.
#[derive(Serialize)]
struct FeedProgressBody {
    feed: SpaceFeed,
    /// What the role has to accept.
    subject: Option<Subject>,
    accepted: bool,
    asked_at: Option<Timestamp>,
    code: Option<String>,
    detail: Option<String>,
}

/// All of them.
#[derive(Serialize)]
pub(in crate::http) struct RenamesBody {
    items: Vec<ProgressBody>,
    /// There is one page.
    next: Option<String>,
}

impl From<FeedProgress> for FeedProgressBody {
    fn from(FeedProgress { feed, subject, last }: FeedProgress) -> Self {
        let refusal = last.as_ref().and_then(|last| last.refusal.clone());
        Self {
            feed,
            subject,
            accepted: last.as_ref().is_some_and(|last| last.refusal.is_none()),
            asked_at: last.map(|last| last.at),
            code: refusal.as_ref().map(|(code, _)| code.clone()),
            detail: refusal.map(|(_, words)| words),
        }
    }
}

impl From<Progress> for ProgressBody {
    fn from(Progress { plan, feeds }: Progress) -> Self {
        Self { plan: answers::as_it_is(&plan), feeds: feeds.into_iter().map(FeedProgressBody::from).collect() }
    }
}

pub(in crate::http) async fn list(
    State(admin): State<Admin>,
    operator: Operator,
) -> Result<Json<RenamesBody>, Problem> {
    let items = admin.renames(&operator).into_iter().map(ProgressBody::from).collect();
    Ok(Json(RenamesBody { items, next: None }))
}

pub(in crate::http) async fn plan_space(
    State(admin): State<Admin>,
    operator: Operator,
    SpacePath(space): SpacePath,
    Body(draft): Body<RenameDraft>,
) -> Result<(StatusCode, Json<ProgressBody>), Problem> {
    plan(&admin, &operator, RenameOf::Space(space), draft).await
}

pub(in crate::http) async fn plan_feed(
    State(admin): State<Admin>,
    operator: Operator,
    FeedPath(feed): FeedPath,
    Body(draft): Body<RenameDraft>,
) -> Result<(StatusCode, Json<ProgressBody>), Problem> {
    plan(&admin, &operator, RenameOf::Feed(feed), draft).await
}

async fn plan(
    admin: &Admin,
    operator: &Operator,
    of: RenameOf,
    draft: RenameDraft,
) -> Result<(StatusCode, Json<ProgressBody>), Problem> {
    let progress = admin.plan_rename(operator, &of, draft).await?;
    Ok((StatusCode::ACCEPTED, Json(progress.into())))
}

pub(in crate::http) async fn cancel(
    State(admin): State<Admin>,
    operator: Operator,
    RenamePath(of): RenamePath,
) -> Result<StatusCode, Problem> {
    admin.cancel_rename(&operator, &of).await?;
    Ok(StatusCode::NO_CONTENT)
}
