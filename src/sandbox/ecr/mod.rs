//! ECR, as far as logging in goes: `GetAuthorizationToken` over AWS JSON 1.1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::made_up;
use super::received::Received;
use super::reply::{Refusal, Reply};
use super::sessions::Session;
use super::sigv4::{self, SignatureError};
use super::world::World;
use crate::clock::later;
use crate::domain::{AccountId, Region, RegistryHost};
use crate::iam::{Decision, Policy, Request};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";
const GET_AUTHORIZATION_TOKEN: &str = "GetAuthorizationToken";
/// How long an authorization token lives; nothing shortens it (docs/aws.md §4.2).
const LIFETIME: std::time::Duration = std::time::Duration::from_hours(12);

/// The operation that an `X-Amz-Target` names, as far as the sandbox knows it.
pub(super) fn operation(target: &str) -> &'static str {
    if target.strip_prefix(TARGET) == Some(GET_AUTHORIZATION_TOKEN) {
        GET_AUTHORIZATION_TOKEN
    } else {
        "unknown operation"
    }
}

/// The role whose session a request claims to be signed by.
pub(super) fn role_of(world: &World, received: &Received) -> Option<String> {
    let session = world.signer(sigv4::unverified_access_key_id(received)?)?;
    Some(session.principal_arn().to_owned())
}

/// Answers a request to ECR.
pub(super) fn answer(world: &World, received: &Received, operation: &str) -> Result<Reply, Refusal> {
    if operation != GET_AUTHORIZATION_TOKEN || received.parts.method != Method::POST || received.parts.uri.path() != "/"
    {
        let target = received.header("x-amz-target").unwrap_or_default();
        let why = format!("the sandbox knows no POST / of {target:?}, only {TARGET}{GET_AUTHORIZATION_TOKEN}");
        return Err(Refusal::bad("UnknownOperationException", "").because(why));
    }
    let now = world.clock.now();
    let (session, region) = sigv4::verify(received, "ecr", world, now).map_err(refuse_signature)?;
    if session.partition() != region.partition() {
        return Err(refuse_signature(SignatureError::Unknown("the session is of another partition than the region")));
    }
    let allowed = authorize(world, &session, &region)?;
    let input: Input = serde_json::from_slice(&received.body)
        .map_err(|error| Refusal::bad("SerializationException", "").because(format!("the body: {error}")))?;
    let data: Vec<Value> = input
        .registries(session.account())?
        .iter()
        .map(|registry| authorization_data(world, registry, &region, now))
        .collect::<Result<_, _>>()?;
    Ok(Reply {
        status: StatusCode::OK,
        content_type: CONTENT_TYPE,
        body: json!({ "authorizationData": data }).to_string().into(),
        outcome: "OK",
        why: format!("{} in {region} may, {allowed}", session.arn()),
    })
}

/// A refusal in ECR's format.
///
/// ECR answers what its callers do wrong with 400, whatever the list of common errors says:
/// aws/aws-sdk-php#1114 shows it on the wire.
pub(super) fn refuse(refusal: Refusal) -> Reply {
    let Refusal { status, code, message, why } = refusal;
    let mut body = json!({ "__type": code });
    if !message.is_empty() {
        body["message"] = message.into();
    }
    Reply { status, content_type: CONTENT_TYPE, body: body.to_string().into(), outcome: code, why }
}

fn refuse_signature(error: SignatureError) -> Refusal {
    match error {
        SignatureError::Missing => Refusal::bad("MissingAuthenticationTokenException", "Missing Authentication Token"),
        SignatureError::Incomplete(message) => Refusal::bad("IncompleteSignatureException", message),
        SignatureError::Unknown(why) => {
            Refusal::bad("UnrecognizedClientException", "The security token included in the request is invalid.")
                .because(why)
        }
        SignatureError::Expired(at) => {
            Refusal::bad("ExpiredTokenException", "The security token included in the request is expired")
                .because(format!("the session ended at {at}"))
        }
        SignatureError::Wrong(message) => Refusal::bad("InvalidSignatureException", message),
    }
}

#[derive(Deserialize)]
struct Input {
    #[serde(default, rename = "registryIds")]
    registry_ids: Option<Vec<String>>,
}

impl Input {
    /// The registries asked for, or the caller's own; 1 to 10 of them.
    fn registries(self, own: &AccountId) -> Result<Vec<AccountId>, Refusal> {
        let Some(ids) = self.registry_ids else { return Ok(vec![own.clone()]) };
        let invalid = |constraint: &str| {
            let message = format!("Invalid parameter at 'registryIds' failed to satisfy constraint: '{constraint}'");
            Refusal::bad("InvalidParameterException", message)
        };
        if !(1..=10).contains(&ids.len()) {
            return Err(invalid("Member must have length between 1 and 10"));
        }
        let read = |id: &String| id.parse().map_err(|_| invalid("must satisfy regular expression '[0-9]{12}'"));
        ids.iter().map(read).collect()
    }
}

/// Whether the session may: the role's permissions allow it and no session policy withholds it.
fn authorize(world: &World, session: &Session, region: &Region) -> Result<Decision, Refusal> {
    let accounts = world.accounts.load();
    let permissions = session
        .permissions(&accounts)
        .ok_or_else(|| refuse_signature(SignatureError::Unknown("the session's role is no longer there")))?;
    let mut context = session.context.clone();
    context.set("aws:RequestedRegion", [region.as_str()]);
    let now = world.clock.now();
    context.set("aws:CurrentTime", [now.to_string()]);
    context.set("aws:EpochTime", [now.as_second().to_string()]);
    let request = Request {
        principal: None,
        action: format!("ecr:{GET_AUTHORIZATION_TOKEN}"),
        resource: Some("*".to_owned()),
        context,
    };
    let policies: [(&str, Option<&Policy>); 2] =
        [("identity-based", Some(permissions)), ("session", session.policy.as_ref())];
    let mut allowed = None;
    for (kind, policy) in policies {
        let Some(policy) = policy else { continue };
        let decision = policy.evaluate(&request);
        if !decision.is_allowed() {
            return Err(denied(session, &request.action, kind, &decision));
        }
        allowed.get_or_insert(decision);
    }
    allowed.ok_or_else(|| refuse_signature(SignatureError::Missing))
}

fn denied(session: &Session, action: &str, kind: &str, decision: &Decision) -> Refusal {
    let reason = match decision {
        Decision::Denied(_) => {
            format!("with an explicit deny in {} {kind} policy", if kind == "session" { "a" } else { "an" })
        }
        _ => format!("because no {kind} policy allows the {action} action"),
    };
    let message = format!("User: {} is not authorized to perform: {action} on resource: * {reason}", session.arn());
    Refusal::bad("AccessDeniedException", message)
        .because(format!("the {kind} policy of {}: {decision}", session.principal_arn()))
}

/// The form of AWS's own password, a bearer with its own expiry (docs/aws.md §4.2). The payload stands
/// first, so that two passwords differ from the start.
#[derive(Serialize)]
struct Password {
    payload: String,
    datakey: String,
    version: &'static str,
    r#type: &'static str,
    expiration: i64,
}

fn authorization_data(world: &World, registry: &AccountId, region: &Region, now: Timestamp) -> Result<Value, Refusal> {
    let expires = later(now, LIFETIME);
    let entropy = world.entropy.as_ref();
    let password = Password {
        payload: made_up::base64(entropy, 1200)?,
        datakey: made_up::base64(entropy, 184)?,
        version: "2",
        r#type: "DATA_KEY",
        expiration: expires.as_second(),
    };
    let written = serde_json::to_string(&password).map_err(|error| server_error(&error))?;
    let password = SecretString::from(STANDARD.encode(written));
    let token = SecretString::from(STANDARD.encode(format!("AWS:{}", password.expose_secret())));
    world.note_issued(&password);
    world.note_issued(&token);
    let seconds = expires.as_duration().as_millis_f64() / 1000.0;
    Ok(json!({
        "authorizationToken": token.expose_secret(),
        "expiresAt": seconds,
        "proxyEndpoint": format!("https://{}", RegistryHost::of(registry, region)),
    }))
}

fn server_error(error: &serde_json::Error) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "ServerException", "").because(error.to_string())
}
