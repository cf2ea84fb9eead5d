//! Who got what: the audit trail, for those who may see it. A look at it is written down too, before it is answered.

use serde_json::{Value, json};

use crate::audit::{
    Audit, CloudTrailEvent, Follower, Lineage, LineageKey, Outcome, Report, Scope, Seen, Told, Unwritten, What, verify,
};
use crate::authz::{Operator, Reach};
use crate::domain::Slug;
use crate::store::StoreError;
use crate::store::database::{LineFilter, WrittenLine};

/// Why nothing of the trail is shown.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// The caller's: the whole trail is more than it may see.
    #[error("the trail is one chain and verified as a whole, which the admin of some spaces may not see")]
    PartAlone,
    /// The operator's: the look could not be written down.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// The operator's: the trail could not be read.
    #[error("the audit trail cannot be read")]
    Unread(#[from] StoreError),
}

/// At most `limit` lines that `filter` wants and `operator` may see.
///
/// # Errors
/// [`TrailError`].
pub async fn lines(
    operator: &Operator,
    audit: &Audit,
    filter: LineFilter,
    limit: i64,
) -> Result<Vec<WrittenLine>, TrailError> {
    let lines = audit.trail().lines(&within_reach(operator, filter.clone()), limit).await?;
    looked(operator, audit, json!({ "read": "audit", "filter": told(&filter) })).await?;
    Ok(lines)
}

/// Follows the lines that `filter` wants and `operator` may see; one look, however long.
///
/// # Errors
/// [`TrailError::Unwritten`].
pub async fn follow(operator: &Operator, audit: &Audit, filter: LineFilter) -> Result<Follower, TrailError> {
    looked(operator, audit, json!({ "read": "audit_stream", "filter": told(&filter) })).await?;
    Ok(audit.follow(within_reach(operator, filter)))
}

/// Walks the whole chain.
///
/// # Errors
/// [`TrailError`]; a chain that is broken is none.
pub async fn verified(operator: &Operator, audit: &Audit, seen: Option<&Seen>) -> Result<Report, TrailError> {
    if *operator.reach() != Reach::Everything {
        let event = operator.caller().event(audit, What::AdminRead);
        audit.record(event.ended(Outcome::Refused, "role_missing", TrailError::PartAlone.to_string())).await?;
        return Err(TrailError::PartAlone);
    }
    let report = verify(audit.trail(), seen).await?;
    let details = json!({ "read": "audit_verification", "intact": report.intact, "last": report.last });
    looked(operator, audit, details).await?;
    Ok(report)
}

/// What came of, and led to, what `key` names; at most `limit` tokens, from those before the cursor `before` on.
///
/// # Errors
/// [`TrailError`].
pub async fn lineage(
    operator: &Operator,
    audit: &Audit,
    key: &LineageKey,
    before: Option<i64>,
    limit: i64,
) -> Result<Lineage, TrailError> {
    let scope = Scope { before, ..scope(operator, audit, limit) };
    let lineage = Lineage::of(audit.trail(), key, &scope).await?;
    let (by, value) = key.parts();
    looked(operator, audit, json!({ "read": "lineage", by: value })).await?;
    Ok(lineage)
}

/// What is known here of what AWS's own trail tells.
///
/// # Errors
/// [`TrailError`].
pub async fn lineage_of_records(
    operator: &Operator,
    audit: &Audit,
    records: Vec<CloudTrailEvent>,
    limit: i64,
) -> Result<(Vec<Told>, Lineage), TrailError> {
    let scope = scope(operator, audit, limit);
    let (mut told, mut all) = (Vec::new(), Lineage::default());
    for record in records {
        let (what, lineage) = record.lineage(audit.trail(), &scope).await?;
        told.push(what);
        all.merge(lineage);
    }
    looked(operator, audit, json!({ "read": "lineage", "cloudtrail": told })).await?;
    Ok((told, all))
}

fn scope(operator: &Operator, audit: &Audit, limit: i64) -> Scope {
    Scope { spaces: reach(operator), before: None, since: None, until: None, limit, now: audit.now() }
}

/// The spaces whose feeds `operator` may see; none where it may see all.
fn reach(operator: &Operator) -> Option<Vec<String>> {
    match operator.reach() {
        Reach::Everything => None,
        Reach::Spaces(spaces) => Some(spaces.iter().map(Slug::to_string).collect()),
    }
}

/// What is asked for, and of it no more than may be seen.
fn within_reach(operator: &Operator, filter: LineFilter) -> LineFilter {
    let spaces = match (reach(operator), filter.spaces) {
        (Some(mut reach), Some(asked)) => {
            reach.retain(|space| asked.contains(space));
            Some(reach)
        }
        (reach, asked) => reach.or(asked),
    };
    LineFilter { spaces, ..filter }
}

async fn looked(operator: &Operator, audit: &Audit, details: Value) -> Result<(), Unwritten> {
    let mut event = operator.caller().event(audit, What::AdminRead);
    event.details = Some(details);
    audit.record(event).await
}

/// What is given of a filter.
fn told(filter: &LineFilter) -> Value {
    let LineFilter {
        after,
        before,
        since,
        until,
        event,
        outcome,
        client,
        feed,
        spaces,
        kid,
        jti,
        session_name,
        aws_request_id,
        newest_first: _,
    } = filter;
    let mut told = json!({
        "after": after, "before": before, "since": since, "until": until, "event": event, "outcome": outcome,
        "client": client, "feed": feed, "spaces": spaces, "kid": kid, "jti": jti, "session_name": session_name,
        "aws_request_id": aws_request_id,
    });
    if let Some(members) = told.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    told
}
