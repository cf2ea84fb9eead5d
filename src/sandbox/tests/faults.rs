//! Trouble, the controls, and what must never break the sandbox.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::support::{ROLE, Refused, World, provider, role, send};
use crate::clock::{Clock as _, later};
use crate::domain::RoleArn;
use crate::sandbox::{Accounts, Fault, FaultKind, Options, Sandbox, SandboxError, Service};

const OTHER_ROLE: &str = "arn:aws:iam::123456789012:role/other";

#[tokio::test]
async fn a_bad_day_of_sts_looks_as_that_of_aws() {
    let world = World::new().await;
    let token = world.key.sign(&world.claims());
    for (kind, code) in [
        (FaultKind::Throttle, "Throttling"),
        (FaultKind::InternalFailure, "InternalFailure"),
        (FaultKind::Unavailable, "ServiceUnavailable"),
        (FaultKind::IdpCommunicationError, "IDPCommunicationError"),
        // These come back as no answer of AWS's at all.
        (FaultKind::Reset, ""),
        (FaultKind::Malformed, ""),
    ] {
        world.sandbox.faults().add(Fault::new(Service::Sts, kind).times(1));
        assert_eq!(world.assume(ROLE, &token).await.unwrap_err().0, code, "{kind:?}");
        world.assume(ROLE, &token).await.unwrap();
    }
}

#[tokio::test]
async fn a_bad_day_of_ecr_looks_as_that_of_aws() {
    let world = World::new().await;
    let ecr = world.ecr(world.session().await);
    for (kind, code) in [
        (FaultKind::Throttle, "ThrottlingException"),
        (FaultKind::InternalFailure, "ServerException"),
        (FaultKind::Unavailable, "ServiceUnavailableException"),
        (FaultKind::Reset, ""),
        (FaultKind::Malformed, ""),
    ] {
        world.sandbox.faults().add(Fault::new(Service::Ecr, kind).for_role(ROLE.parse().unwrap()).times(1));
        let error = ecr.get_authorization_token().send().await.unwrap_err();
        assert_eq!(Refused::of(&error).0, code, "{kind:?}");
        ecr.get_authorization_token().send().await.unwrap();
    }
}

#[tokio::test]
async fn one_role_hangs_while_another_answers() {
    let world = World::new().await;
    let roles = [ROLE, OTHER_ROLE].map(|arn| role(&world.issuer, arn, super::support::SUBJECT));
    world.sandbox.set_accounts(Accounts {
        providers: vec![provider(&world.issuer)],
        roles: roles.into(),
        users: Vec::new(),
    });
    let only: RoleArn = ROLE.parse().unwrap();
    world.sandbox.faults().add(Fault::new(Service::Sts, FaultKind::Hang).for_role(only));
    let token = world.key.sign(&world.claims());

    let hanging = world.assume(ROLE, &token);
    let others = async {
        while world.sandbox.calls(Service::Sts) == 0 {
            tokio::task::yield_now().await;
        }
        world.assume(OTHER_ROLE, &token).await.unwrap();
        assert_eq!(world.sandbox.calls(Service::Sts), 2);
        world.sandbox.faults().clear();
    };
    let (released, ()) = tokio::join!(hanging, others);
    released.unwrap();
}

#[tokio::test]
async fn people_rehearse_trouble_over_http() {
    let world = World::new().await;
    let rule = json!({ "service": "sts", "kind": "throttle", "times": 3 }).to_string();
    assert_eq!(send(&world, "POST", "/_sandbox/faults", rule).await.0, 201);
    assert_eq!(world.sandbox.faults().rules().len(), 1);
    let (status, complaint) = send(&world, "POST", "/_sandbox/faults", "{}").await;
    assert!(status == 400 && complaint.contains("missing field"), "{complaint}");
    assert_eq!(send(&world, "DELETE", "/_sandbox/faults", "").await.0, 200);
    assert!(world.sandbox.faults().rules().is_empty());

    world.session().await;
    let state = world.state().await;
    assert_eq!(state["roles"][0]["arn"], ROLE);
    assert_eq!(state["roles"][0]["trust_policy"]["Statement"][0]["Sid"], "Feed");
    assert_eq!(state["calls"][0], json!({ "service": "sts", "operation": "AssumeRoleWithWebIdentity", "calls": 1 }));
    let until = later(world.clock.now(), Duration::from_mins(10));
    let kept = json!({ "cache": 1, "issuer": world.issuer, "kids": ["first"], "until": until });
    assert_eq!(state["jwks"], json!([kept]));
    assert_eq!(send(&world, "GET", "/_sandbox/nothing", "").await.0, 404);
}

#[tokio::test]
async fn a_form_may_stand_in_the_query_and_nonsense_is_the_callers_fault() {
    let world = World::new().await;
    let query = |role: &str| {
        let token = world.key.sign(&world.claims());
        format!(
            "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=images&RoleArn={role}\
             &WebIdentityToken={token}"
        )
    };
    let (status, answer) = send(&world, "GET", &query(ROLE), "").await;
    assert!(status == 200 && answer.contains("<AccessKeyId>ASIA"), "{answer}");
    for (method, path, body, expected) in [
        ("GET", "/", Bytes::new(), 400),
        ("POST", "/", Bytes::from_static(b"\xff\x00%%%&&==&Action=%00"), 400),
        ("POST", "/", Bytes::from_static(b"Action=AssumeRoleWithWebIdentity"), 400),
        ("POST", "/", Bytes::from_static(b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=%00%01<"), 400),
        ("PUT", "/elsewhere", Bytes::from_static(b"Action=GetCallerIdentity&Version=2011-06-15"), 400),
        ("POST", "/", Bytes::from_static(b"Action=GetCallerIdentity&Version=2011-06-15"), 403),
        ("POST", "/", Bytes::from(vec![b'x'; 65 * 1024]), 413),
    ] {
        let (status, answer) = send(&world, method, path, body).await;
        assert_eq!(status, expected, "{answer}");
        assert!(answer.starts_with("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"), "{answer}");
        assert!(!answer.contains(['\0', '\u{1}']));
    }
}

#[tokio::test]
async fn it_listens_on_loopback_alone_and_stops() {
    let world = World::new().await;
    let options = Options { listen: ([0, 0, 0, 0], 0).into(), ..Options::default() };
    let entropy = std::sync::Arc::new(crate::entropy::SeededEntropy::new(1));
    let clock = std::sync::Arc::new(world.clock.clone());
    let refused = Sandbox::start(options, Accounts::default(), clock, entropy).await;
    assert!(matches!(refused, Err(SandboxError::NotLoopback(_))));
    let address = world.sandbox.url().replace("http://", "");
    world.sandbox.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
