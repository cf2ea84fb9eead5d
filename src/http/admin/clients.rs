//! `/v1/admin/clients`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::answers::{self, ClientBody, Created, Item};
use super::lists::{self, ListBody};
use super::one::Shown;
use super::parts::{ClientPath, SecretPath};
use crate::admin::{Admin, ClientDraft, SecretDraft};
use crate::authz::Operator;
use crate::domain::{Client, ClientId, IssuerUrl, Role, Slug};
use crate::http::body::Body;
use crate::http::no_store::NoStore;
use crate::http::parts::Parameters;
use crate::http::problem::Problem;
use crate::store::Entry;

impl Shown for Client {
    type Path = ClientPath;
    type Body = ClientBody;

    fn key(ClientPath(id): ClientPath) -> ClientId {
        id
    }

    fn shown(entry: &Entry<Self>, _: &IssuerUrl) -> Item<ClientBody> {
        answers::client(entry)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ListParameters {
    space: Option<Slug>,
    role: Option<Role>,
    query: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(in crate::http) async fn list(
    State(admin): State<Admin>,
    operator: Operator,
    Parameters(ListParameters { space, role, query, limit, cursor }): Parameters<ListParameters>,
) -> Result<Json<ListBody<Item<ClientBody>>>, Problem> {
    let (wanted, after) = (lists::wanted(limit, query)?, lists::after(cursor.as_deref())?);
    let page = admin.clients(&operator, &wanted, space.as_ref(), role.as_ref(), after.as_ref());
    Ok(lists::answer(&page, answers::client))
}

pub(in crate::http) async fn add(
    State(admin): State<Admin>,
    operator: Operator,
    Body(draft): Body<ClientDraft>,
) -> Result<Created<Item<ClientBody>>, Problem> {
    let client = admin.add_client(&operator, draft).await?;
    Ok(Created(path(&client.value.id), answers::client(&client)))
}

/// An id may hold a slash.
fn path(id: &ClientId) -> String {
    format!("/v1/admin/clients/{}", id.as_str().replace('/', "%2F"))
}

/// A secret, shown this once.
#[derive(Serialize)]
pub(in crate::http) struct NewSecretBody {
    id: String,
    secret: String,
    expires_at: Option<Timestamp>,
}

pub(in crate::http) async fn add_secret(
    State(admin): State<Admin>,
    operator: Operator,
    ClientPath(id): ClientPath,
    Body(draft): Body<SecretDraft>,
) -> Result<Created<NoStore<Json<NewSecretBody>>>, Problem> {
    let made = admin.add_secret(&operator, &id, &draft).await?;
    let path = format!("{}/secrets/{}", path(&id), made.id);
    let secret = made.secret.expose_secret().to_owned();
    Ok(Created(path, NoStore(Json(NewSecretBody { id: made.id, secret, expires_at: made.expires_at }))))
}

pub(in crate::http) async fn remove_secret(
    State(admin): State<Admin>,
    operator: Operator,
    SecretPath(id, secret): SecretPath,
) -> Result<StatusCode, Problem> {
    admin.remove_secret(&operator, &id, &secret).await?;
    Ok(StatusCode::NO_CONTENT)
}
