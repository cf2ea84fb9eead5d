//! Every error's status, code and words (RFC 9457); those for AWS's answers are in `aws.rs`,
//! those for who asks too much in `limits.rs`, those for operators in `admin.rs` and `keys.rs`.

mod admin;
mod aws;
mod keys;
mod limits;

use std::any::Any;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use self::aws::{ecr_problem, second_hop_problem, sts_problem};
use crate::audit::Unwritten;
use crate::authn::{AuthnError, Fault};
use crate::authz::{Refusal, RoleMissing};
use crate::aws::AwsAnswer;
use crate::broker::BrokerError;
use crate::telemetry::with_causes;

/// When to ask again whose issuer is away: before, the same would be answered without asking it.
const ISSUER_PAUSE: Duration = Duration::from_secs(5);
/// When to ask again where the store does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Who can mend it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhoseMove {
    /// Who asked: by asking rightly, or for a grant.
    Caller,
    /// Who runs feedpass or the AWS account.
    Operator,
    /// No one: asking again later may help.
    Nobody,
}

/// An error as a caller sees it.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    whose_move: WhoseMove,
    /// For the caller: what happened and what would be right.
    detail: String,
    /// For the log: the same with its causes.
    said: String,
    retry_after: Option<Duration>,
    aws: Option<Box<AwsAnswer>>,
    /// Whether AWS's programs are to read it, which look for `message`.
    for_aws: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    whose_move: WhoseMove,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// What the log says of a problem, on its way from the handler to the request's line.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) code: &'static str,
    pub(super) words: String,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        whose_move: WhoseMove,
        detail: impl Into<String>,
    ) -> Self {
        let detail = detail.into();
        Self { status, code, whose_move, said: detail.clone(), detail, retry_after: None, aws: None, for_aws: false }
    }

    /// The request itself is wrong.
    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, WhoseMove::Caller, detail)
    }

    /// The same for AWS's programs, which show `code` and `message` of a refusal, and nothing else of it.
    pub(super) fn for_aws(self) -> Self {
        Self { for_aws: true, ..self }
    }

    /// Something that should not happen did.
    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            WhoseMove::Operator,
            "feedpass failed; its log says why, under this request's id",
        );
        Self { said: with_causes(error), ..problem }
    }
}

impl Problem {
    /// No role of the caller has that duty, or has it as far.
    pub(super) fn role_missing(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "role_missing", WhoseMove::Caller, detail)
    }

    /// The store cannot be read.
    pub(super) fn store_unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        let detail = "the store does not answer; the log says what it said";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", WhoseMove::Operator, detail);
        Self { said: with_causes(error), ..problem }
    }

    /// The body has more than `most` bytes.
    pub(super) fn body_too_large(most: usize) -> Self {
        let detail = format!("the body has more than {most} bytes, and no request there needs as many");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", WhoseMove::Caller, detail)
    }
}

/// `GET /nowhere`
pub(super) async fn no_such_path() -> Problem {
    let detail = "no such path on this listener; the API is at the internal one, as in POST /v1/spaces/SPACE/feeds/FEED/credentials";
    Problem::new(StatusCode::NOT_FOUND, "no_such_path", WhoseMove::Caller, detail)
}

/// A path that is there, with another method.
pub(super) async fn method_not_allowed() -> Problem {
    let detail = "the path is there, but not for this method; the Allow header names those it takes";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", WhoseMove::Caller, detail)
}

/// Gives the refusal of a body above `most` bytes the form of all others.
pub(super) fn body_too_large(response: Response, most: usize) -> Response {
    if response.status() != StatusCode::PAYLOAD_TOO_LARGE {
        return response;
    }
    Problem::body_too_large(most).into_response()
}

/// A handler panicked. What it said stays in the log of panics.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::internal(&std::io::Error::other("a handler panicked")).into_response()
}

impl From<AuthnError> for Problem {
    fn from(error: AuthnError) -> Self {
        let detail = match &error {
            AuthnError::NotPresented => {
                "no credentials came with the request; send `Authorization: Bearer SECRET`, or Basic with the client's id and secret"
                    .to_owned()
            }
            AuthnError::Malformed => {
                "the Authorization header cannot be read; send exactly one, `Bearer SECRET`, or Basic with the client's id and secret"
                    .to_owned()
            }
            AuthnError::Refused => {
                "the secret is not valid; ask an administrator for the client's current one".to_owned()
            }
            AuthnError::WebIdentityToken => {
                "the token is a web identity token, which is for AWS STS alone; send the client's secret, or an access token from /oauth2/token"
                    .to_owned()
            }
            AuthnError::StoreSilent
            | AuthnError::AccessToken(_)
            | AuthnError::Workload(_)
            | AuthnError::WorkloadClientGone { .. }
            | AuthnError::OtherKind { .. }
            | AuthnError::Assertion(_)
            | AuthnError::AssertionReplayed
            | AuthnError::OtherClient => error.to_string(),
        };
        let (status, whose_move) = match error.fault() {
            Fault::Proof => (StatusCode::UNAUTHORIZED, WhoseMove::Caller),
            Fault::Stranger => (StatusCode::FORBIDDEN, WhoseMove::Caller),
            Fault::Outage => (StatusCode::SERVICE_UNAVAILABLE, WhoseMove::Nobody),
            Fault::Store => (StatusCode::SERVICE_UNAVAILABLE, WhoseMove::Operator),
        };
        let retry_after = match error.fault() {
            Fault::Proof | Fault::Stranger => None,
            Fault::Outage => Some(ISSUER_PAUSE),
            Fault::Store => Some(STORE_PAUSE),
        };
        Self { said: error.explain(), retry_after, ..Self::new(status, error.code(), whose_move, detail) }
    }
}

impl From<RoleMissing> for Problem {
    fn from(refusal: RoleMissing) -> Self {
        let detail = format!("{refusal}; an administrator can give it one");
        Self::role_missing(detail)
    }
}

impl From<Unwritten> for Problem {
    fn from(unwritten: Unwritten) -> Self {
        BrokerError::from(unwritten).into()
    }
}

impl From<BrokerError> for Problem {
    fn from(error: BrokerError) -> Self {
        let (status, whose_move, detail, aws) = match &error {
            BrokerError::Refused(refusal) => {
                let whose_move = match refusal {
                    Refusal::NotNarrowable { .. } => WhoseMove::Operator,
                    _ => WhoseMove::Caller,
                };
                (refusal_status(refusal), whose_move, refusal_detail(refusal), None)
            }
            BrokerError::WrongToken(wrong) => (StatusCode::BAD_REQUEST, WhoseMove::Caller, wrong.to_string(), None),
            BrokerError::FeedChanged(_) => {
                (StatusCode::CONFLICT, WhoseMove::Caller, format!("{error}; ask again"), None)
            }
            BrokerError::Mint(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                WhoseMove::Operator,
                "no token could be signed; the log says what the key's keeper answered".into(),
                None,
            ),
            BrokerError::Sts { feed, region, issuer, source } => match feed.web_identity() {
                Some(identity) => sts_problem(feed, identity, region, issuer, source),
                None => return Self::internal(&error),
            },
            BrokerError::SecondHop { feed, region, source } => match &feed.assume_role {
                Some(hop) => second_hop_problem(feed, hop, region, source),
                None => return Self::internal(&error),
            },
            BrokerError::SecretUnopened { feed, source } => (
                StatusCode::SERVICE_UNAVAILABLE,
                WhoseMove::Operator,
                format!("the access key of feed `{}` cannot be used: {source}", feed.name),
                None,
            ),
            BrokerError::NothingAmbient { feed, source } => (
                StatusCode::SERVICE_UNAVAILABLE,
                WhoseMove::Operator,
                format!("feed `{}` goes by feedpass's own AWS identity, and {source}", feed.name),
                None,
            ),
            BrokerError::Ecr { feed, region, source } => ecr_problem(feed, region, source),
            BrokerError::Unwritten(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                WhoseMove::Operator,
                "the audit trail cannot be written, and nothing is given out without it; the log says what the store answered".into(),
                None,
            ),
            BrokerError::FlightLost => {
                return Self::internal(&error);
            }
        };
        Self {
            status,
            code: error.code(),
            whose_move,
            detail,
            said: with_causes(&error),
            retry_after: error.retry_after(),
            aws: aws.map(Box::new),
            for_aws: false,
        }
    }
}

fn refusal_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::FeedNotFound { .. } | Refusal::RegistryNotFound { .. } => StatusCode::NOT_FOUND,
        Refusal::ActionNotGranted { .. } | Refusal::ScopeTooNarrow { .. } => StatusCode::FORBIDDEN,
        Refusal::RegistryAmbiguous { .. } | Refusal::NotOfIdentity { .. } | Refusal::NotNarrowable { .. } => {
            StatusCode::CONFLICT
        }
        Refusal::RegionNotOfFeed { .. } => StatusCode::BAD_REQUEST,
    }
}

/// What happened, and what the caller can do about it.
fn refusal_detail(refusal: &Refusal) -> String {
    match refusal {
        Refusal::FeedNotFound { .. } | Refusal::RegistryNotFound { .. } | Refusal::ActionNotGranted { .. } => {
            format!("{refusal}; an administrator can grant more")
        }
        Refusal::ScopeTooNarrow { .. } => format!("{refusal}; ask for a token with more, or without `scope`"),
        Refusal::RegionNotOfFeed { .. } | Refusal::NotNarrowable { .. } => refusal.to_string(),
        Refusal::NotOfIdentity { .. } => format!("{refusal}; ask for registry credentials"),
        Refusal::RegistryAmbiguous { .. } => {
            format!("{refusal}, at /v1/spaces/SPACE/feeds/FEED/credentials, or for docker in FEEDPASS_FEED")
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after.map(|pause| pause.as_secs().max(1));
        let body = Body {
            r#type: format!("urn:feedpass:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            whose_move: self.whose_move,
            retry_after,
            aws_code: self.aws.as_ref().and_then(|aws| aws.code.as_deref()),
            aws_request_id: self.aws.as_ref().and_then(|aws| aws.request_id.as_deref()),
            message: self.for_aws.then_some(&*self.detail),
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750 §3.1: by this word programs know that another token may do.
            let bearer = match self.code {
                "access_token_expired" | "access_token_refused" => r#"Bearer realm="feedpass", error="invalid_token""#,
                _ => r#"Bearer realm="feedpass""#,
            };
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(bearer));
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="feedpass", charset="UTF-8""#));
        }
        if self.code == "insufficient_scope" {
            let bearer = HeaderValue::from_static(r#"Bearer realm="feedpass", error="insufficient_scope""#);
            headers.append(WWW_AUTHENTICATE, bearer);
        }
        response.extensions_mut().insert(Said { code: self.code, words: self.said });
        response
    }
}
