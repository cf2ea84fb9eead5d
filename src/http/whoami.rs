//! `GET /v1/whoami`

use axum::Json;
use jiff::Timestamp;
use serde::Serialize;

use super::problem::Problem;
use crate::authn::Caller;
use crate::domain::{ClientId, DisplayName, Grant, Role, Scope};

/// Who is calling, and what it may by the proof that it came with.
#[derive(Serialize)]
pub(super) struct WhoAmIBody {
    id: ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<DisplayName>,
    roles: Vec<Role>,
    grants: Vec<Grant>,
    via: String,
    scope: Scope,
    expires_at: Option<Timestamp>,
}

pub(super) async fn whoami(caller: Caller) -> Result<Json<WhoAmIBody>, Problem> {
    Ok(Json(WhoAmIBody {
        id: caller.id().clone(),
        name: caller.name().cloned(),
        roles: caller.roles().iter().cloned().collect(),
        grants: caller.grants_in_scope(),
        via: caller.via().to_string(),
        scope: caller.scope().clone(),
        expires_at: caller.expires_at(),
    }))
}
