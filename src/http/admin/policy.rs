//! `POST /v1/admin/policy/test`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authn::workload::PolicyReport;
use crate::authn::{Authn, Sample};
use crate::authz::Operator;
use crate::domain::{Slug, WorkloadRule};
use crate::http::body::Body;
use crate::http::no_store::NoStore;
use crate::http::problem::Problem;

/// Tokens and claims, and what is expected of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct TestBody {
    /// Whose they are; left out, each says so itself.
    issuer: Option<Slug>,
    #[serde(default)]
    pass: Vec<SampleBody>,
    #[serde(default)]
    fail: Vec<SampleBody>,
    /// Rules to try in the place of those that there are.
    rules: Option<Vec<WorkloadRule>>,
}

/// A token as text, or claims as an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum SampleBody {
    Token(String),
    Claims(Map<String, Value>),
}

/// What came of all samples.
#[derive(Serialize)]
pub(in crate::http) struct TestedBody {
    /// Whether all is as expected.
    ok: bool,
    pass: Vec<Tested>,
    fail: Vec<Tested>,
}

/// What came of one.
#[derive(Serialize)]
struct Tested {
    /// Whether it is as expected.
    ok: bool,
    admitted: bool,
    #[serde(flatten)]
    report: PolicyReport,
}

pub(in crate::http) async fn test(
    State(authn): State<Authn>,
    _operator: Operator,
    Body(TestBody { issuer, pass, fail, rules }): Body<TestBody>,
) -> Result<NoStore<Json<TestedBody>>, Problem> {
    let rules: Option<Vec<_>> = rules.map(|rules| rules.into_iter().map(Arc::new).collect());
    let judge = async |samples: Vec<SampleBody>, passes: bool| {
        let mut tested = Vec::new();
        for sample in samples {
            let sample = match sample {
                SampleBody::Token(token) => Sample::Token(token),
                SampleBody::Claims(claims) => Sample::Claims(claims),
            };
            let report = authn.test_policy(issuer.as_ref(), rules.as_deref(), &sample).await;
            let report = report.map_err(|error| Problem::bad_request("invalid_sample", error.to_string()))?;
            let admitted = report.admitted().is_some();
            tested.push(Tested { ok: admitted == passes, admitted, report });
        }
        Ok::<_, Problem>(tested)
    };
    let (pass, fail) = (judge(pass, true).await?, judge(fail, false).await?);
    let ok = pass.iter().chain(&fail).all(|tested| tested.ok);
    Ok(NoStore(Json(TestedBody { ok, pass, fail })))
}
