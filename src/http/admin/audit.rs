//! `GET /v1/admin/audit`, `…/stream` and `…/verify`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::unfold;
use jiff::Timestamp;
use serde::Deserialize;

use crate::admin::trail::{self, TrailError};
use crate::audit::{Audit, Follower, Report, Seen};
use crate::authz::Operator;
use crate::clock::Clock;
use crate::domain::{Period, Slug};
use crate::http::no_store::NoStore;
use crate::http::parts::Parameters;
use crate::http::problem::Problem;
use crate::http::state::HttpState;
use crate::store::database::{LineFilter, WrittenLine};

/// How long a stream goes on. Who may see it is looked at when it begins, so it must not go on for ever.
const LONGEST: Duration = Duration::from_mins(5);
/// How long a stream is silent at most. Proxies cut connections that are idle for a minute, some sooner.
const HEARTBEAT: Duration = Duration::from_secs(20);
const DEFAULT: i64 = 100;
const MOST: i64 = 1000;

/// Which lines; all that is given must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Wanted {
    event: Option<String>,
    outcome: Option<String>,
    client: Option<String>,
    feed: Option<String>,
    space: Option<Slug>,
    kid: Option<String>,
    jti: Option<String>,
    session_name: Option<String>,
    aws_request_id: Option<String>,
    since: Option<String>,
    until: Option<String>,
    order: Option<Order>,
    after: Option<i64>,
    limit: Option<i64>,
    cursor: Option<i64>,
}

#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Newest,
    Oldest,
}

impl Wanted {
    fn filter(self, now: Timestamp) -> Result<LineFilter, String> {
        let newest_first = self.order.unwrap_or_default() == Order::Newest;
        let (before, after) = if newest_first { (self.cursor, self.after) } else { (None, self.cursor.or(self.after)) };
        Ok(LineFilter {
            after,
            before,
            since: self.since.map(|text| moment("since", &text, now)).transpose()?,
            until: self.until.map(|text| moment("until", &text, now)).transpose()?,
            event: self.event,
            outcome: self.outcome,
            client: self.client,
            feed: self.feed,
            spaces: self.space.map(|space| vec![space.to_string()]),
            kid: self.kid,
            jti: self.jti,
            session_name: self.session_name,
            aws_request_id: self.aws_request_id,
            newest_first,
        })
    }
}

/// A time, or how long ago it was.
fn moment(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let ago = || now.checked_sub(text.parse::<Period>().ok()?.as_duration()).ok();
    let right = "it is a time, as in `2026-11-23T11:00:00Z`, or how long ago, as in `2h`";
    text.parse().ok().or_else(ago).ok_or_else(|| format!("{name} is `{text}`: {right}"))
}

/// How many are answered at once.
pub(super) fn page(limit: Option<i64>) -> Result<i64, String> {
    let limit = limit.unwrap_or(DEFAULT);
    if (1..=MOST).contains(&limit) { Ok(limit) } else { Err(format!("limit is {limit}: it is 1 to {MOST}")) }
}

/// What is wrong with the parameters.
pub(super) fn wrong(what: impl std::fmt::Display) -> Problem {
    Problem::bad_request("invalid_parameters", format!("the parameters after `?` are wrong: {what}"))
}

/// Lines, the newest first unless asked otherwise.
pub(in crate::http) async fn list(
    State(audit): State<Audit>,
    operator: Operator,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<NoStore<Response>, Problem> {
    let limit = page(wanted.limit).map_err(wrong)?;
    let filter = wanted.filter(audit.now()).map_err(wrong)?;
    let mut lines = trail::lines(&operator, &audit, filter, limit + 1).await?;
    let more = i64::try_from(lines.len()).is_ok_and(|count| count > limit);
    if more {
        lines.pop();
    }
    let next = lines.last().filter(|_| more).map_or_else(|| "null".into(), |line| format!("\"{}\"", line.seq));
    // To the letter, so that whoever keeps them can verify them.
    let items: Vec<_> = lines.iter().map(WrittenLine::to_json).collect();
    Ok(NoStore(typed("application/json", Body::from(format!("{{\"items\":[{}],\"next\":{next}}}", items.join(","))))))
}

/// Lines from the first that is wanted on, and then each as it comes. Where none came for a while, an empty line says
/// that the stream goes on.
pub(in crate::http) async fn stream(
    State(state): State<HttpState>,
    operator: Operator,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<NoStore<Response>, Problem> {
    if wanted.limit.is_some() || wanted.cursor.is_some() || wanted.until.is_some() || wanted.order.is_some() {
        return Err(wrong("a stream has no limit, cursor, until or order: it goes on from `after`"));
    }
    let filter = wanted.filter(state.audit.now()).map_err(wrong)?;
    let follower = trail::follow(&operator, &state.audit, filter).await?;
    let (end, beat, clock) = (state.clock.sleep(LONGEST), state.clock.sleep(HEARTBEAT), state.clock);
    let lines = unfold(Following { follower, end, beat, clock }, Following::next);
    Ok(NoStore(typed("application/jsonl", Body::from_stream(lines))))
}

/// A stream under way.
struct Following {
    follower: Follower,
    end: BoxFuture<'static, ()>,
    /// When it has been silent for too long.
    beat: BoxFuture<'static, ()>,
    clock: Arc<dyn Clock>,
}

impl Following {
    async fn next(mut self) -> Option<(Result<Bytes, std::io::Error>, Self)> {
        let lines = tokio::select! {
            biased;
            () = &mut self.end => return None,
            lines = self.follower.next() => lines,
            () = &mut self.beat => Ok(Some(Vec::new())),
        };
        let text = |lines: Vec<WrittenLine>| match lines.as_slice() {
            [] => "\n".to_owned(),
            lines => lines.iter().map(|line| line.to_json() + "\n").collect(),
        };
        // Where the store does not answer, the connection is cut: an end would look like there was no more.
        let sent = lines.map(|lines| lines.map(text).map(Bytes::from)).map_err(std::io::Error::other).transpose()?;
        self.beat = self.clock.sleep(HEARTBEAT);
        Some((sent, self))
    }
}

/// What was seen earlier.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Expected {
    expect: Option<String>,
}

/// Whether the chain holds.
pub(in crate::http) async fn verify(
    State(audit): State<Audit>,
    operator: Operator,
    Parameters(Expected { expect }): Parameters<Expected>,
) -> Result<NoStore<Json<Report>>, Problem> {
    let seen = expect.map(|text| text.parse::<Seen>()).transpose().map_err(wrong)?;
    Ok(NoStore(Json(trail::verified(&operator, &audit, seen.as_ref()).await?)))
}

fn typed(kind: &'static str, body: Body) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

impl From<TrailError> for Problem {
    fn from(error: TrailError) -> Self {
        match error {
            TrailError::PartAlone => Self::role_missing(format!("{error}; an auditor may")),
            TrailError::Unwritten(unwritten) => unwritten.into(),
            TrailError::Unread(_) => Self::store_unavailable(&error),
        }
    }
}
