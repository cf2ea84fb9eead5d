//! `GET /v1/admin/who-can`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::admin::{Admin, Holder};
use crate::authz::Operator;
use crate::domain::{Action, ClientId, DisplayName, Grant, Role, SpaceFeed, WorkloadRule};
use crate::http::parts::Parameters;
use crate::http::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct WhoCanParameters {
    feed: SpaceFeed,
}

/// Who can have a feed.
#[derive(Serialize)]
pub(in crate::http) struct WhoCanBody {
    /// By the name that it has now.
    feed: SpaceFeed,
    clients: Vec<HolderBody>,
}

/// A client that can, by which grants; or that could let itself, by which roles.
#[derive(Serialize)]
struct HolderBody {
    id: ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<DisplayName>,
    live: bool,
    actions: Vec<Action>,
    grants: Vec<Grant>,
    roles: Vec<Role>,
    workloads: Vec<WorkloadRule>,
}

impl From<Holder> for HolderBody {
    fn from(holder: Holder) -> Self {
        let Holder { client, is_live, actions, grants, roles, workloads } = holder;
        let workloads = workloads.into_iter().map(Arc::unwrap_or_clone).collect();
        Self { id: client.id.clone(), name: client.name.clone(), live: is_live, actions, grants, roles, workloads }
    }
}

pub(in crate::http) async fn who_can(
    State(admin): State<Admin>,
    operator: Operator,
    Parameters(WhoCanParameters { feed }): Parameters<WhoCanParameters>,
) -> Result<Json<WhoCanBody>, Problem> {
    let (feed, holders) = admin.who_can(&operator, &feed)?;
    Ok(Json(WhoCanBody { feed, clients: holders.into_iter().map(HolderBody::from).collect() }))
}
