//! Role sessions, as AWS's programs ask for them.

use std::time::Duration;

use feedpass::sandbox::{Fault, FaultKind, Service};
use http::Method;
use serde_json::json;

use super::{access_token, asked};
use crate::support::{Reply, TestApp, TestAppBuilder};

const PATH: &str = "/v1/spaces/default/feeds/images/session";

fn usual() -> TestAppBuilder {
    TestApp::builder().feed("default/images").client("ci", &["default/images"], &["session"])
}

async fn session(app: &TestApp) -> Reply {
    let reply = app.post_as("ci", PATH).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

fn key(reply: &Reply) -> String {
    reply.json()["AccessKeyId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_answer_has_the_form_of_container_credentials() {
    let app = usual().start().await;
    let reply = session(&app).await;
    assert_eq!((reply.header("content-type"), reply.header("cache-control")), ("application/json", "no-store"));
    let body = reply.json();
    let expected = json!({
        "AccessKeyId": body["AccessKeyId"],
        "SecretAccessKey": body["SecretAccessKey"],
        "Token": body["Token"],
        "Expiration": "2026-11-23T12:00:00Z",
        "RoleArn": "arn:aws:iam::123456789012:role/feedpass-default-images",
    });
    assert_eq!(body, expected);
    assert!(body["AccessKeyId"].as_str().unwrap().starts_with("ASIA"), "{}", body["AccessKeyId"]);
    assert_eq!(app.calls(), (1, 0));
    let lines = app.lines().with("session ok");
    assert!(lines.len() == 1 && lines[0].contains("session_name=\"default.images@"), "{lines:?}");
}

#[tokio::test]
async fn a_token_is_taken_with_and_without_its_scheme_by_both_methods() {
    let app = usual().start().await;
    let secret = TestApp::secret_of("ci");
    let token = access_token(&app, "ci", None).await;
    let first = key(&session(&app).await);
    for method in [Method::GET, Method::POST] {
        for header in [secret.clone(), token.clone(), format!("Bearer {secret}"), format!("Bearer {token}")] {
            let reply = asked(&app, app.internal(method.clone(), PATH).header("authorization", &header)).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            assert_eq!(key(&reply), first, "held, not made anew");
        }
    }
    let elsewhere = app.internal(Method::POST, &PATH.replace("session", "token")).header("authorization", &secret);
    assert_eq!(elsewhere.send().await.status_and_code(), (401, "credentials_malformed".into()), "on this route alone");
}

#[tokio::test]
async fn a_refusal_has_the_members_that_awss_programs_show() {
    let app = usual().client("puller", &["default/images"], &["pull"]).start().await;
    let stranger = app.internal(Method::GET, PATH).send().await;
    let wrong = app.internal(Method::GET, PATH).header("authorization", "wrong").send().await;
    let puller = app.post_as("puller", PATH).await;
    app.change_accounts(|accounts| accounts.roles.clear());
    let refused = app.post_as("ci", PATH).await;
    for (reply, status, code) in [
        (stranger, 401, "credentials_missing"),
        (wrong, 401, "credentials_refused"),
        (puller, 403, "action_not_granted"),
        (refused, 502, "role_refused"),
    ] {
        assert_eq!(reply.status_and_code(), (status, code.into()));
        assert_eq!(reply.json()["message"], reply.json()["detail"]);
    }
}

#[tokio::test]
async fn what_is_given_has_a_quarter_of_an_hour_left_or_half_its_life() {
    for (duration, fresh_for) in [("1h", 45), ("15m", 7)] {
        let identity = format!(
            "role_arn = \"arn:aws:iam::123456789012:role/feedpass-default-images\"\nsession_duration = \"{duration}\""
        );
        let app = TestApp::builder()
            .feed_with("default/images", &identity)
            .client("ci", &["default/images"], &["session"])
            .start()
            .await;
        let first = key(&session(&app).await);
        // Renewal does not succeed, so that what is held grows old.
        app.sandbox().faults().add(Fault::new(Service::Sts, FaultKind::Unavailable));
        app.pass(Duration::from_mins(fresh_for - 1)).await;
        assert_eq!(key(&session(&app).await), first, "{duration}");
        app.pass(Duration::from_mins(2)).await;
        assert_eq!(key(&session(&app).await), first, "{duration}: it is all there is while AWS is down");
        app.sandbox().faults().clear();
        app.pass(Duration::from_secs(15)).await;
        assert_ne!(key(&session(&app).await), first, "{duration}: a newer one is fetched");
    }
}

#[tokio::test]
async fn a_grant_that_is_taken_away_counts_although_a_session_is_held() {
    let app = usual().start().await;
    session(&app).await;
    app.change_clients(|clients| clients.client("ci", &["default/images"], &["pull"]));
    assert_eq!(app.post_as("ci", PATH).await.status_and_code(), (403, "action_not_granted".into()));
}

#[tokio::test]
async fn registry_credentials_and_sessions_are_held_apart() {
    let app =
        TestApp::builder().feed("default/images").client("ci", &["default/images"], &["session", "pull"]).start().await;
    session(&app).await;
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    assert_eq!(app.calls(), (2, 1));
}
