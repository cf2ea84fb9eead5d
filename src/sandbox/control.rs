//! `/_sandbox`: what people ask of the sandbox itself.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::faults::Fault;
use super::received::Received;
use super::reply::Reply;
use super::world::World;

/// Answers `GET /_sandbox`, `POST /_sandbox/faults` and `DELETE /_sandbox/faults`.
pub(super) fn answer(world: &World, received: &Received) -> Reply {
    let (status, body) = match (&received.parts.method, received.parts.uri.path()) {
        (&Method::GET, "/_sandbox" | "/_sandbox/") => (StatusCode::OK, state(world)),
        (&Method::POST, "/_sandbox/faults") => add_fault(world, &received.body),
        (&Method::DELETE, "/_sandbox/faults") => {
            world.faults.clear();
            (StatusCode::OK, json!({ "faults": world.faults.rules() }))
        }
        _ => (
            StatusCode::NOT_FOUND,
            json!({ "error": "there are GET /_sandbox, POST /_sandbox/faults and DELETE /_sandbox/faults" }),
        ),
    };
    let outcome = if status.is_success() { "OK" } else { "refused" };
    Reply { status, content_type: "application/json", body: format!("{body:#}\n").into(), outcome, why: String::new() }
}

fn add_fault(world: &World, body: &[u8]) -> (StatusCode, Value) {
    match serde_json::from_slice::<Fault>(body) {
        Ok(fault) => {
            tracing::info!("sandbox rehearses {:?} of {} from now on", fault.kind, fault.service.as_str());
            world.faults.add(fault);
            (StatusCode::CREATED, json!({ "faults": world.faults.rules() }))
        }
        Err(error) => (
            StatusCode::BAD_REQUEST,
            json!({
                "error": format!("not a fault: {error}"),
                "example": { "service": "sts", "kind": "throttle", "times": 3,
                             "role": "arn:aws:iam::123456789012:role/x" }
            }),
        ),
    }
}

fn state(world: &World) -> Value {
    let accounts = world.accounts.load();
    let policy = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let providers = accounts
        .providers
        .iter()
        .map(|provider| json!({ "account": provider.account, "url": provider.url, "audiences": provider.audiences }));
    let roles = accounts.roles.iter().map(|role| {
        json!({
            "arn": role.arn,
            "trust_policy": policy(role.trust_policy.text()),
            "permissions": policy(role.permissions.text()),
            "max_session_duration": role.max_session_duration.as_secs(),
        })
    });
    let calls = world
        .calls
        .all()
        .into_iter()
        .map(|((service, operation), calls)| json!({ "service": service, "operation": operation, "calls": calls }));
    let jwks = world.jwks.all_kept().into_iter().map(|kept| {
        json!({ "cache": kept.cache, "issuer": kept.issuer, "kids": kept.kids, "until": kept.until.to_string() })
    });
    json!({
        "sandbox": "a stand-in for AWS STS and ECR; no AWS is contacted",
        "now": world.clock.now().to_string(),
        "providers": providers.collect::<Vec<_>>(),
        "roles": roles.collect::<Vec<_>>(),
        "jwks": jwks.collect::<Vec<_>>(),
        "calls": calls.collect::<Vec<_>>(),
        "faults": world.faults.rules(),
    })
}
