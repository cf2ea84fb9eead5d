//! `GET /v1/admin/lineage` and `POST /v1/admin/lineage`

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit::{page, wrong};
use crate::admin::trail;
use crate::audit::{Audit, CloudTrailEvent, Lineage, LineageKey, Told};
use crate::authz::Operator;
use crate::http::no_store::NoStore;
use crate::http::parts::Parameters;
use crate::http::problem::Problem;

/// How many tokens at once.
const MOST: i64 = 1000;

/// What to start from: one of the five.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct From {
    kid: Option<String>,
    jti: Option<String>,
    session: Option<String>,
    feed: Option<String>,
    aws_request_id: Option<String>,
    limit: Option<i64>,
    cursor: Option<i64>,
}

/// What was found.
#[derive(Serialize)]
pub(in crate::http) struct Found {
    /// The time of the look, which says what is still live.
    now: Timestamp,
    /// What the records are, and by what they were known.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<Vec<Told>>,
    #[serde(flatten)]
    lineage: Lineage,
}

impl From {
    fn key(self) -> Option<LineageKey> {
        let given = [
            self.kid.map(LineageKey::Kid),
            self.jti.map(LineageKey::Jti),
            self.session.map(LineageKey::Session),
            self.feed.map(LineageKey::Feed),
            self.aws_request_id.map(LineageKey::AwsRequestId),
        ];
        let mut given = given.into_iter().flatten();
        given.next().filter(|_| given.next().is_none())
    }
}

/// From a key, a token, a session, a feed or a request.
pub(in crate::http) async fn of(
    State(audit): State<Audit>,
    operator: Operator,
    Parameters(from): Parameters<From>,
) -> Result<NoStore<Json<Found>>, Problem> {
    let (limit, before) = (page(from.limit.or(Some(MOST))).map_err(wrong)?, from.cursor);
    let key =
        from.key().ok_or_else(|| wrong("lineage starts from one of kid, jti, session, feed and aws_request_id"))?;
    let lineage = trail::lineage(&operator, &audit, &key, before, limit).await?;
    Ok(NoStore(Json(Found { now: audit.now(), records: None, lineage })))
}

/// From what AWS's own trail says.
pub(in crate::http) async fn of_records(
    State(audit): State<Audit>,
    operator: Operator,
    body: Result<Bytes, BytesRejection>,
) -> Result<NoStore<Json<Found>>, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::body_too_large(crate::http::LARGEST_BODY),
        _ => Problem::bad_request("invalid_body", "the body could not be read to its end"),
    })?;
    let records =
        CloudTrailEvent::read(&body).map_err(|error| Problem::bad_request("invalid_body", error.to_string()))?;
    let (records, lineage) = trail::lineage_of_records(&operator, &audit, records, MOST).await?;
    Ok(NoStore(Json(Found { now: audit.now(), records: Some(records), lineage })))
}
