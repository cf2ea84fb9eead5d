//! `/v1/admin/keys`

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::answers::Created;
use crate::admin::{KeyPlan, KeyView, KeysView, Revocation, SigningKeys};
use crate::authz::Operator;
use crate::domain::{Algorithm, Kid, Reason};
use crate::http::body::Body;
use crate::http::parts::{Parameters, wrong_path, wrong_value};
use crate::http::problem::Problem;
use crate::http::state::HttpState;
use crate::issuer::keyring::plan::Start;
use crate::issuer::keyring::{certificate_pem, public_pem};

/// The key that `/v1/admin/keys/{kid}…` names.
pub(in crate::http) struct KidPath(Kid);

impl FromRequestParts<HttpState> for KidPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Problem> {
        let Path(kid) = Path::<String>::from_request_parts(parts, state).await.map_err(wrong_path)?;
        Ok(Self(kid.parse().map_err(wrong_value)?))
    }
}

pub(in crate::http) async fn list(
    State(keys): State<SigningKeys>,
    operator: Operator,
) -> Result<Json<KeysView>, Problem> {
    Ok(Json(keys.list(&operator).await?))
}

pub(in crate::http) async fn show(
    State(keys): State<SigningKeys>,
    operator: Operator,
    KidPath(kid): KidPath,
) -> Result<Json<KeyView>, Problem> {
    Ok(Json(keys.show(&operator, &kid).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PlanParameters {
    #[serde(default)]
    start: PlanStart,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PlanStart {
    #[default]
    Calendar,
    Now,
}

pub(in crate::http) async fn plan(
    State(keys): State<SigningKeys>,
    operator: Operator,
    Parameters(PlanParameters { start }): Parameters<PlanParameters>,
) -> Result<Json<KeyPlan>, Problem> {
    let start = match start {
        PlanStart::Calendar => Start::Calendar,
        PlanStart::Now => Start::Now,
    };
    Ok(Json(keys.plan(&operator, start).await?))
}

/// Why, where nobody has to say it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct WhyBody {
    reason: Option<Reason>,
}

impl WhyBody {
    fn reason(&self) -> Option<&str> {
        self.reason.as_ref().map(Reason::as_str)
    }
}

/// What a rotation came to.
#[derive(Serialize)]
pub(in crate::http) struct RotatedBody {
    kid: Kid,
    resumed: bool,
    plan: KeyPlan,
}

pub(in crate::http) async fn stage(
    State(keys): State<SigningKeys>,
    operator: Operator,
    Body(why): Body<WhyBody>,
) -> Result<Created<Json<KeyView>>, Problem> {
    let kid = keys.stage(&operator, why.reason()).await?;
    created(&keys, &operator, &kid).await
}

pub(in crate::http) async fn rotate(
    State(keys): State<SigningKeys>,
    operator: Operator,
    Body(why): Body<WhyBody>,
) -> Result<Json<RotatedBody>, Problem> {
    let rotated = keys.rotate(&operator, why.reason()).await?;
    let plan = keys.plan(&operator, Start::Calendar).await?;
    Ok(Json(RotatedBody { kid: rotated.kid, resumed: rotated.resumed, plan }))
}

/// Why, where it has to be said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReasonBody {
    reason: Reason,
}

pub(in crate::http) async fn roll_back(
    State(keys): State<SigningKeys>,
    operator: Operator,
    Body(ReasonBody { reason }): Body<ReasonBody>,
) -> Result<Json<KeyView>, Problem> {
    let kid = keys.roll_back(&operator, reason.as_str()).await?;
    Ok(Json(keys.show(&operator, &kid).await?))
}

/// Whether a step is taken that is too early, and why then.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ForceBody {
    #[serde(default)]
    force: bool,
    reason: Option<Reason>,
}

impl ForceBody {
    fn force(&self) -> Result<Option<&str>, Problem> {
        match (self.force, &self.reason) {
            (true, Some(reason)) => Ok(Some(reason.as_str())),
            (true, None) => {
                Err(Problem::bad_request("reason_missing", "`force` needs a `reason`, for the audit trail"))
            }
            (false, _) => Ok(None),
        }
    }
}

pub(in crate::http) async fn promote(
    State(keys): State<SigningKeys>,
    operator: Operator,
    KidPath(kid): KidPath,
    Body(body): Body<ForceBody>,
) -> Result<Json<KeyView>, Problem> {
    keys.promote(&operator, &kid, body.force()?).await?;
    Ok(Json(keys.show(&operator, &kid).await?))
}

/// What retiring a key came to.
#[derive(Serialize)]
pub(in crate::http) struct RetiredBody {
    kid: Kid,
    /// How many tokens it signed that would be accepted still.
    broken_tokens: u64,
}

pub(in crate::http) async fn retire(
    State(keys): State<SigningKeys>,
    operator: Operator,
    KidPath(kid): KidPath,
    Body(body): Body<ForceBody>,
) -> Result<Json<RetiredBody>, Problem> {
    let broken_tokens = keys.retire(&operator, &kid, body.force()?).await?;
    Ok(Json(RetiredBody { kid, broken_tokens }))
}

/// A key is burnt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RevokeBody {
    reason: Reason,
    /// A published key that signs from now on; left out, one is made.
    successor: Option<Kid>,
}

/// What revoking a key came to.
#[derive(Serialize)]
pub(in crate::http) struct RevokedBody {
    /// The key that signs in its place, if it signed.
    successor: Option<Kid>,
    #[serde(flatten)]
    revocation: Revocation,
}

pub(in crate::http) async fn revoke(
    State(keys): State<SigningKeys>,
    operator: Operator,
    KidPath(kid): KidPath,
    Body(RevokeBody { reason, successor }): Body<RevokeBody>,
) -> Result<Json<RevokedBody>, Problem> {
    let (successor, revocation) = keys.revoke(&operator, &kid, reason.as_str(), successor.as_ref()).await?;
    Ok(Json(RevokedBody { successor, revocation }))
}

pub(in crate::http) async fn revocation(
    State(keys): State<SigningKeys>,
    operator: Operator,
    KidPath(kid): KidPath,
) -> Result<Json<Revocation>, Problem> {
    Ok(Json(keys.revocation(&operator, &kid).await?))
}

/// A key from elsewhere.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ImportBody {
    /// The private key, or with `verify_only` the public one.
    pem: SecretString,
    passphrase: Option<SecretString>,
    algorithm: Option<Algorithm>,
    #[serde(default)]
    verify_only: bool,
}

pub(in crate::http) async fn import(
    State(keys): State<SigningKeys>,
    operator: Operator,
    Body(body): Body<ImportBody>,
) -> Result<Created<Json<KeyView>>, Problem> {
    let ImportBody { pem, passphrase, algorithm, verify_only } = body;
    let imported = keys.import(&operator, &pem, passphrase.as_ref(), algorithm, verify_only).await?;
    created(&keys, &operator, &imported.kid).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PublicParameters {
    #[serde(default)]
    format: PublicFormat,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PublicFormat {
    #[default]
    Pem,
    Certificate,
    Jwk,
}

pub(in crate::http) async fn public(
    State(keys): State<SigningKeys>,
    operator: Operator,
    KidPath(kid): KidPath,
    Parameters(PublicParameters { format }): Parameters<PublicParameters>,
) -> Result<Response, Problem> {
    let key = keys.public(&operator, &kid).await?;
    let pem = match format {
        PublicFormat::Jwk => return Ok(Json(key.jwk).into_response()),
        PublicFormat::Pem => public_pem(&key.jwk).map_err(|error| Problem::internal(&error))?,
        PublicFormat::Certificate => certificate_pem(&key.jwk).ok_or_else(|| {
            let detail = format!("key {kid} was imported as a public key, and has no certificate");
            Problem::new(StatusCode::NOT_FOUND, "no_certificate", crate::http::problem::WhoseMove::Caller, detail)
        })?,
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"))], pem).into_response())
}

async fn created(keys: &SigningKeys, operator: &Operator, kid: &Kid) -> Result<Created<Json<KeyView>>, Problem> {
    Ok(Created(format!("/v1/admin/keys/{kid}"), Json(keys.show(operator, kid).await?)))
}
