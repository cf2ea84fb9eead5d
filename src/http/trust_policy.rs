//! `/v1/spaces/{space}/feeds/{feed}/trust-policy` and `…/check`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body::Body;
use super::parts::{FeedPath, Parameters};
use super::preview::TokenPreview;
use super::problem::Problem;
use crate::authn::Caller;
use crate::authz::Refusal;
use crate::aws::trust_policy::{Finding, Rendering, Setup, Use};
use crate::broker::BrokerError;
use crate::catalog::{Catalog, Checked, Needed};
use crate::domain::{RoleArn, SpaceFeed};
use crate::iam::Decision;

/// What may stand after `?`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NeededParameters {
    #[serde(default)]
    format: Form,
    #[serde(default)]
    r#for: Use,
}

/// A form of the answer.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    #[default]
    Json,
    Terraform,
    Cloudformation,
    AwsCli,
}

/// What AWS has to allow a feed.
#[derive(Serialize)]
struct NeededBody {
    feed: SpaceFeed,
    #[serde(flatten)]
    token: Option<TokenPreview>,
    #[serde(flatten)]
    setup: Setup,
    shared_with: Vec<SpaceFeed>,
    shared_unseen: usize,
}

pub(super) async fn needed(
    State(catalog): State<Catalog>,
    caller: Caller,
    FeedPath(target): FeedPath,
    Parameters(NeededParameters { format, r#for }): Parameters<NeededParameters>,
) -> Result<Response, Problem> {
    let Needed { feed, setup, shared_with, shared_unseen } =
        catalog.needed(&caller, &target, r#for).map_err(refused)?;
    let rendering = match format {
        Form::Json => {
            let token = TokenPreview::of(catalog.issuer(), &feed);
            let feed = feed.name.clone();
            return Ok(Json(NeededBody { feed, token, setup, shared_with, shared_unseen }).into_response());
        }
        Form::Terraform => Rendering::Terraform,
        Form::Cloudformation => Rendering::Cloudformation,
        Form::AwsCli => Rendering::AwsCli,
    };
    Ok(setup.rendered(rendering).into_response())
}

fn refused(refusal: Refusal) -> Problem {
    BrokerError::from(refusal).into()
}

/// A trust policy, as text or as the JSON that it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckBody {
    policy: Value,
}

/// What is to be said of it.
#[derive(Serialize)]
pub(super) struct CheckedBody {
    feed: SpaceFeed,
    role_arn: Option<RoleArn>,
    #[serde(flatten)]
    token: Option<TokenPreview>,
    /// Whether the feed is let in.
    allowed: bool,
    decisions: BTreeMap<&'static str, DecisionBody>,
    findings: Vec<Finding>,
    /// The feeds of other roles that are let in.
    admits: Vec<SpaceFeed>,
    admits_unseen: usize,
    /// The policy as it should be; null where there is nothing to mend.
    patched: Option<Value>,
}

#[derive(Serialize)]
struct DecisionBody {
    allowed: bool,
    /// Which statement decided, if one did.
    statement: Option<String>,
    /// The whole in words.
    detail: String,
}

impl From<Option<Decision>> for DecisionBody {
    fn from(decision: Option<Decision>) -> Self {
        let statement = match &decision {
            Some(Decision::Allowed(by) | Decision::Denied(by)) => Some(by.to_string()),
            _ => None,
        };
        Self {
            allowed: decision.as_ref().is_some_and(Decision::is_allowed),
            statement,
            detail: decision.map_or_else(|| "the policy cannot be read".to_owned(), |decision| decision.to_string()),
        }
    }
}

pub(super) async fn check(
    State(catalog): State<Catalog>,
    caller: Caller,
    FeedPath(target): FeedPath,
    Body(CheckBody { policy }): Body<CheckBody>,
) -> Result<Json<CheckedBody>, Problem> {
    let text = match policy {
        Value::String(text) => text,
        document => document.to_string(),
    };
    let Checked { feed, report, admits_unseen } = catalog.check_trust(&caller, &target, &text).map_err(refused)?;
    Ok(Json(CheckedBody {
        role_arn: feed.web_identity().map(|identity| identity.role.clone()),
        token: TokenPreview::of(catalog.issuer(), &feed),
        feed: feed.name.clone(),
        allowed: report.is_allowed(),
        decisions: report.decided.into_iter().map(|decided| (decided.action, decided.decision.into())).collect(),
        findings: report.findings,
        admits: report.admits,
        admits_unseen,
        patched: report.patched,
    }))
}
