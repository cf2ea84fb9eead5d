//! STS over the AWS query protocol: a form in, XML out.

mod assume_role;
mod give;
mod params;
mod web_identity;
mod xml;

use http::{Method, StatusCode};

use super::received::Received;
use super::reply::{Refusal, Reply};
use super::sigv4::{self, SignatureError};
use super::world::World;
pub(super) use params::Params;

const VERSION: &str = "2011-06-15";
const ASSUME_ROLE_WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";
const ASSUME_ROLE: &str = "AssumeRole";
const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// The operation that a form names, as far as the sandbox knows it.
pub(super) fn operation(params: &Params) -> &'static str {
    match params.text("Action") {
        Some(ASSUME_ROLE_WITH_WEB_IDENTITY) => ASSUME_ROLE_WITH_WEB_IDENTITY,
        Some(ASSUME_ROLE) => ASSUME_ROLE,
        Some(GET_CALLER_IDENTITY) => GET_CALLER_IDENTITY,
        _ => "unknown operation",
    }
}

/// Answers a request to STS.
pub(super) async fn answer(world: &World, received: &Received, params: &Params) -> Result<Reply, Refusal> {
    let Some(action) = params.text("Action") else {
        return Err(Refusal::bad("MissingAction", "Could not find operation, the form has no Action")
            .because("this is a stand-in for AWS STS and ECR: give its URL to an AWS SDK or CLI, or see /_sandbox"));
    };
    let version = params.text("Version").unwrap_or("NO_VERSION_SPECIFIED");
    let plain = [Method::GET, Method::POST].contains(&received.parts.method) && received.parts.uri.path() == "/";
    match action {
        ASSUME_ROLE_WITH_WEB_IDENTITY if plain && version == VERSION => {
            let assumed = web_identity::assume_role(world, received, params).await?;
            Ok(ok(xml::assumed_with_web_identity(&assumed, &received.request_id)?, assumed.why))
        }
        ASSUME_ROLE if plain && version == VERSION => {
            let assumed = assume_role::assume_role(world, received, params)?;
            Ok(ok(xml::assumed(&assumed.given, &received.request_id)?, assumed.why))
        }
        GET_CALLER_IDENTITY if plain && version == VERSION => caller_identity(world, received),
        _ => Err(Refusal::bad("InvalidAction", format!("Could not find operation {action} for version {version}"))),
    }
}

/// A refusal in STS's format.
pub(super) fn refuse(refusal: Refusal, request_id: &str) -> Reply {
    let body = xml::error(&refusal, request_id).into();
    Reply { status: refusal.status, content_type: xml::CONTENT_TYPE, body, outcome: refusal.code, why: refusal.why }
}

fn ok(body: String, why: String) -> Reply {
    Reply { status: StatusCode::OK, content_type: xml::CONTENT_TYPE, body: body.into(), outcome: "OK", why }
}

fn caller_identity(world: &World, received: &Received) -> Result<Reply, Refusal> {
    let signed = sigv4::verify(received, "sts", world, world.clock.now());
    let (session, _) = signed.map_err(refuse_signature)?;
    Ok(ok(xml::caller_identity(&session, &received.request_id)?, session.arn()))
}

fn refuse_signature(error: SignatureError) -> Refusal {
    let forbidden = |code, message: &str| Refusal::new(StatusCode::FORBIDDEN, code, message);
    match error {
        SignatureError::Missing => forbidden("MissingAuthenticationToken", "Request is missing Authentication Token"),
        SignatureError::Incomplete(message) => Refusal::bad("IncompleteSignature", message),
        SignatureError::Unknown(why) => {
            forbidden("InvalidClientTokenId", "The security token included in the request is invalid.").because(why)
        }
        SignatureError::Expired(at) => {
            forbidden("ExpiredToken", "The security token included in the request is expired")
                .because(format!("the session ended at {at}"))
        }
        SignatureError::Wrong(message) => forbidden("SignatureDoesNotMatch", &message),
    }
}
