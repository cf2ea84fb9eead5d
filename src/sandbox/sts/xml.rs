//! STS's answers as XML (STS API Reference, "Response Elements").

use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::give::Given;
use super::web_identity::Assumed;
use crate::sandbox::reply::Refusal;
use crate::sandbox::sessions::Session;

pub(super) const CONTENT_TYPE: &str = "text/xml";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleWithWebIdentityResponse<'a> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    assume_role_with_web_identity_result: AssumeRoleWithWebIdentityResult<'a>,
    response_metadata: ResponseMetadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleWithWebIdentityResult<'a> {
    subject_from_web_identity_token: &'a str,
    audience: &'a str,
    assumed_role_user: AssumedRoleUser,
    credentials: Credentials<'a>,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token_utilization: Option<usize>,
    session_token_size: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResponse<'a> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    assume_role_result: AssumeRoleResult<'a>,
    response_metadata: ResponseMetadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResult<'a> {
    assumed_role_user: AssumedRoleUser,
    credentials: Credentials<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    arn: String,
    assumed_role_id: String,
}

impl AssumedRoleUser {
    fn of(session: &Session) -> Self {
        Self { arn: session.arn(), assumed_role_id: session.unique_id() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    session_token: &'a str,
    secret_access_key: &'a str,
    expiration: String,
    access_key_id: &'a str,
}

impl<'a> Credentials<'a> {
    fn of(session: &'a Session) -> Self {
        let end = session.expires.map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        Self {
            session_token: session.token.as_ref().map_or("", |token| token.expose_secret()),
            secret_access_key: session.secret.expose_secret(),
            expiration: end.unwrap_or_default(),
            access_key_id: &session.access_key_id,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResponseMetadata<'a> {
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetCallerIdentityResponse<'a> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    get_caller_identity_result: GetCallerIdentityResult<'a>,
    response_metadata: ResponseMetadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetCallerIdentityResult<'a> {
    arn: String,
    user_id: String,
    account: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorResponse<'a> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    error: ErrorBody<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody<'a> {
    r#type: &'static str,
    code: &'a str,
    message: String,
}

/// The answer with a session, to a token.
pub(super) fn assumed_with_web_identity(assumed: &Assumed, request_id: &str) -> Result<String, Refusal> {
    let Given { session, packed } = &assumed.given;
    written(&AssumeRoleWithWebIdentityResponse {
        xmlns: NAMESPACE,
        assume_role_with_web_identity_result: AssumeRoleWithWebIdentityResult {
            subject_from_web_identity_token: &assumed.subject,
            audience: &assumed.audience,
            assumed_role_user: AssumedRoleUser::of(session),
            credentials: Credentials::of(session),
            provider: &assumed.provider,
            source_identity: assumed.source_identity.as_deref(),
            packed_policy_size: *packed,
            session_token_utilization: *packed,
            session_token_size: session.token.as_ref().map_or(0, |token| token.expose_secret().len()),
        },
        response_metadata: ResponseMetadata { request_id },
    })
}

/// The answer with a session, to a signed request.
pub(super) fn assumed(given: &Given, request_id: &str) -> Result<String, Refusal> {
    let Given { session, packed } = given;
    written(&AssumeRoleResponse {
        xmlns: NAMESPACE,
        assume_role_result: AssumeRoleResult {
            assumed_role_user: AssumedRoleUser::of(session),
            credentials: Credentials::of(session),
            packed_policy_size: *packed,
        },
        response_metadata: ResponseMetadata { request_id },
    })
}

/// The answer to who one is.
pub(super) fn caller_identity(session: &Session, request_id: &str) -> Result<String, Refusal> {
    written(&GetCallerIdentityResponse {
        xmlns: NAMESPACE,
        get_caller_identity_result: GetCallerIdentityResult {
            arn: session.arn(),
            user_id: session.unique_id(),
            account: session.account().as_str(),
        },
        response_metadata: ResponseMetadata { request_id },
    })
}

/// A refusal's body.
pub(super) fn error(refusal: &Refusal, request_id: &str) -> String {
    let server = refusal.status >= StatusCode::INTERNAL_SERVER_ERROR;
    let error = ErrorBody {
        r#type: if server { "Receiver" } else { "Sender" },
        code: refusal.code,
        message: refusal.message.chars().map(allowed).collect(),
    };
    written(&ErrorResponse { xmlns: NAMESPACE, error, request_id }).unwrap_or_default()
}

/// What XML 1.0 §2.2 has no place for, and a caller's parameter may hold.
fn allowed(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}' => c,
        _ => '\u{FFFD}',
    }
}

fn written(answer: &impl Serialize) -> Result<String, Refusal> {
    quick_xml::se::to_string(answer).map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "").because(error.to_string())
    })
}
