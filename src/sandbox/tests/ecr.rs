//! `GetAuthorizationToken`, and who may sign for it.

use std::time::{Duration, SystemTime};

use aws_sdk_sts::config::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::support::{MAY_LOG_IN, ROLE, Refused, World};
use crate::clock::Clock;

const TRUST: &str =
    r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}}"#;

/// Signs with `at` as the time, sends, and gives status, error type and message.
async fn ask(world: &World, credentials: &Credentials, at: SystemTime, service: &str, region: &str) -> (u16, String) {
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = [
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
    ];
    let url = format!("{}/", world.sandbox.url());
    let signable = SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(b"{}")).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut request = http::Request::post(&url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.body(Full::new(Bytes::from_static(b"{}"))).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
    (status, body["__type"].as_str().unwrap_or("OK").to_owned())
}

#[tokio::test]
async fn a_session_gives_a_password_like_that_of_aws() {
    let world = World::new().await;
    let ecr = world.ecr(world.session().await);
    let first = ecr.get_authorization_token().send().await.unwrap();
    let first = first.authorization_data()[0].clone();
    assert_eq!(first.proxy_endpoint(), Some("https://123456789012.dkr.ecr.us-east-1.amazonaws.com"));
    let twelve_hours = world.clock.now().as_second() + 12 * 3600;
    assert_eq!(first.expires_at().unwrap().secs(), twelve_hours);

    let decoded = STANDARD.decode(first.authorization_token().unwrap()).unwrap();
    let password = String::from_utf8(decoded).unwrap().strip_prefix("AWS:").unwrap().to_owned();
    assert!(password.starts_with("eyJwYXlsb2FkIjoi"), "AWS's begins with its payload");
    let inner: Value = serde_json::from_slice(&STANDARD.decode(&password).unwrap()).unwrap();
    assert_eq!(inner["expiration"], twelve_hours);
    assert!(inner["payload"].as_str().unwrap().len() > 1500);
    assert!(world.sandbox.issued_secrets().iter().any(|secret| secret.expose_secret() == password));

    let second = ecr.get_authorization_token().send().await.unwrap();
    assert_ne!(second.authorization_data()[0].authorization_token(), first.authorization_token());
}

#[tokio::test]
#[expect(deprecated, reason = "callers of old SDKs still send it")]
async fn registry_ids_choose_hosts_and_are_checked() {
    let world = World::new().await;
    let ecr = world.ecr(world.session().await);
    let call = ecr.get_authorization_token().registry_ids("111111111111").registry_ids("222222222222");
    let hosts: Vec<_> = call.send().await.unwrap().authorization_data.unwrap();
    assert_eq!(hosts[1].proxy_endpoint(), Some("https://222222222222.dkr.ecr.us-east-1.amazonaws.com"));
    let error = ecr.get_authorization_token().registry_ids("12").send().await.unwrap_err();
    assert_eq!(Refused::of(&error).0, "InvalidParameterException");
}

#[tokio::test]
async fn a_request_that_nobody_of_the_sandbox_signed_is_refused() {
    let world = World::new().await;
    let session = world.session().await;
    let (id, secret, token) = (session.access_key_id(), session.secret_access_key(), session.session_token());
    let with = |id: &str, secret: &str, token: Option<&str>| {
        Credentials::new(id, secret, token.map(str::to_owned), None, "test")
    };
    for (credentials, code) in [
        (with("ASIAAAAAAAAAAAAAAAAA", secret, token), "UnrecognizedClientException"),
        (with(id, "another secret", token), "InvalidSignatureException"),
        (with(id, secret, Some("another token")), "UnrecognizedClientException"),
        (with(id, secret, None), "UnrecognizedClientException"),
    ] {
        let error = world.ecr(credentials).get_authorization_token().send().await.unwrap_err();
        assert_eq!(Refused::of(&error).0, code);
    }
}

#[tokio::test]
async fn a_signature_is_for_its_time_region_and_service() {
    let world = World::new().await;
    let session = world.session().await;
    let now = SystemTime::try_from(world.clock.now()).unwrap();
    let minutes = |minutes| Duration::from_mins(minutes);
    for (at, service, region, expected) in [
        (now, "ecr", "us-east-1", (200, "OK")),
        (now - minutes(4), "ecr", "us-east-1", (200, "OK")),
        (now - minutes(6), "ecr", "us-east-1", (400, "InvalidSignatureException")),
        (now + minutes(6), "ecr", "us-east-1", (400, "InvalidSignatureException")),
        (now, "sts", "us-east-1", (400, "InvalidSignatureException")),
        (now, "ecr", "moon", (400, "InvalidSignatureException")),
        (now, "ecr", "cn-north-1", (400, "UnrecognizedClientException")),
    ] {
        let (status, code) = ask(&world, &session, at, service, region).await;
        assert_eq!((status, code.as_str()), expected, "{service} {region}");
    }
}

#[tokio::test]
async fn a_session_ends() {
    let world = World::new().await;
    let session = world.session().await;
    world.clock.advance(Duration::from_hours(1));
    let now = SystemTime::try_from(world.clock.now()).unwrap();
    let answer = ask(&world, &session, now, "ecr", "us-east-1").await;
    assert_eq!(answer, (400, "ExpiredTokenException".to_owned()));
}

#[tokio::test]
async fn what_the_role_may_not_do_its_sessions_may_not_do() {
    let world = World::new().await;
    let who = "User: arn:aws:sts::123456789012:assumed-role/feedpass-images/images is not authorized to perform: \
               ecr:GetAuthorizationToken on resource: *";
    for (permissions, reason) in [
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}}"#,
            "because no identity-based policy allows the ecr:GetAuthorizationToken action",
        ),
        (
            // docs/aws.md §4.1: the action has no resource-level permissions.
            r#"{"Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:repository/*"}}"#,
            "because no identity-based policy allows the ecr:GetAuthorizationToken action",
        ),
        (
            r#"{"Statement": {"Effect": "Deny", "Action": "ecr:Get*", "Resource": "*"}}"#,
            "with an explicit deny in an identity-based policy",
        ),
    ] {
        world.set_policies(TRUST, permissions);
        let ecr = world.ecr(world.session().await);
        let error = ecr.get_authorization_token().send().await.unwrap_err();
        assert_eq!(Refused::of(&error), Refused("AccessDeniedException".to_owned(), format!("{who} {reason}")));
    }
}

#[tokio::test]
async fn a_session_policy_narrows_and_never_widens() {
    let world = World::new().await;
    for (policy, may) in [
        (MAY_LOG_IN, true),
        (r#"{"Statement": {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}}"#, false),
    ] {
        let call = world.sts().assume_role_with_web_identity().role_arn(ROLE).role_session_name("images");
        let call = call.web_identity_token(world.key.sign(&world.claims())).policy(policy);
        let given = call.send().await.unwrap().credentials.unwrap();
        let (id, secret) = (given.access_key_id, given.secret_access_key);
        let session = Credentials::new(id, secret, Some(given.session_token), None, "test");
        assert_eq!(world.ecr(session).get_authorization_token().send().await.is_ok(), may, "{policy}");
    }
}

#[tokio::test]
async fn what_ecr_does_not_know_is_an_unknown_operation() {
    let world = World::new().await;
    let error = world.ecr(world.session().await).describe_repositories().send().await.unwrap_err();
    assert_eq!(Refused::of(&error).0, "UnknownOperationException");
}
