//! `POST /v1/admin/apply`

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::admin::{Admin, Application, Change, Options};
use crate::authz::Operator;
use crate::http::body::Body;
use crate::http::parts::Parameters;
use crate::http::problem::Problem;

/// What differs, and whether it was changed.
#[derive(Serialize)]
pub(in crate::http) struct AppliedBody {
    changes: Vec<Change>,
    applied: bool,
}

pub(in crate::http) async fn apply(
    State(admin): State<Admin>,
    operator: Operator,
    Parameters(options): Parameters<Options>,
    Body(wanted): Body<Application>,
) -> Result<Json<AppliedBody>, Problem> {
    let applied = admin.apply(&operator, &wanted, options).await?;
    Ok(Json(AppliedBody { changes: applied.changes, applied: applied.applied }))
}
