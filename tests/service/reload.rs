//! A changed configuration, while feedpass runs.

use std::time::Duration;

use http::Method;

use crate::support::{TestApp, TestAppBuilder};

fn usual(builder: TestAppBuilder) -> TestAppBuilder {
    builder.feed("default/images").client("ci", &["default/images"], &["pull", "token"])
}

#[tokio::test]
async fn a_new_feed_and_a_new_client_count_on_the_next_request() {
    let app = TestApp::start().await;
    assert_eq!(app.credentials("cd", "team-a/charts").await.status_and_code(), (401, "credentials_refused".into()));
    let more = |b| usual(b).feed("team-a/charts").client("cd", &["team-a/charts"], &["pull"]);
    assert_eq!(app.reload(more).unwrap(), [""; 0]);
    assert_eq!(app.credentials("cd", "team-a/charts").await.json()["space"], "team-a");
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "who was there before is there still");
}

#[tokio::test]
async fn a_new_token_lifetime_counts_on_the_next_token() {
    let app = TestApp::start().await;
    let ends = async || app.post_as("ci", "/v1/spaces/default/feeds/images/token").await.json()["expires_at"].clone();
    assert_eq!(ends().await, "2026-11-23T11:05:00Z");
    assert_eq!(app.reload(|b| usual(b).tables("[tokens]\nlifetime = \"10m\"")).unwrap(), [""; 0]);
    assert_eq!(ends().await, "2026-11-23T11:10:00Z");
}

#[tokio::test]
async fn what_was_held_is_held_through_a_change_of_something_else() {
    let app = TestApp::start().await;
    let held = app.credentials("ci", "default/images").await.password();
    app.reload(|b| usual(b).feed("default/charts")).unwrap();
    assert_eq!(app.credentials("ci", "default/images").await.password(), held);
    app.pass(Duration::from_hours(7)).await;
    assert_ne!(app.credentials("ci", "default/images").await.password(), held, "and renewed as ever");
    assert_eq!(app.calls(), (2, 2));
}

#[tokio::test]
async fn keys_that_wait_for_a_restart_are_named_until_they_are_put_back() {
    let app = TestApp::start().await;
    let cached = |b: TestAppBuilder| b.aws("endpoint = \"sandbox\"").tables("[sandbox]\njwks_cache = \"1m\"");
    assert_eq!(app.reload(|b| cached(usual(b))).unwrap(), ["sandbox.jwks_cache"]);
    assert_eq!(app.reload(|b| cached(usual(b))).unwrap(), ["sandbox.jwks_cache"], "it still waits");
    assert_eq!(app.reload(usual).unwrap(), [""; 0]);
}

#[tokio::test]
async fn another_issuer_is_refused_with_all_that_came_with_it() {
    let app = TestApp::start().await;
    let error = app.reload(|b| usual(b).issuer_path("/moved").feed("default/charts")).unwrap_err();
    let (issuer, said) = (app.issuer(), error.to_string());
    assert_eq!(
        said,
        format!(
            "the issuer is {issuer}, and the file says {issuer}/moved: put it back, or restart with --change-issuer"
        )
    );
    let discovery = app.public(Method::GET, "/.well-known/openid-configuration").send().await;
    assert_eq!(discovery.json()["issuer"], issuer);
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    assert!(app.app.settings().feeds.iter().all(|feed| feed.name.feed.as_str() != "charts"));
}

#[tokio::test]
async fn another_aws_waits_for_a_restart() {
    let app = TestApp::start().await;
    let waiting = app.reload(|b| usual(b).aws("endpoint = \"http://127.0.0.1:1\""));
    assert_eq!(waiting.unwrap(), ["aws.endpoint"]);
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "the sandbox is asked as before");
}

#[tokio::test]
async fn a_new_role_of_the_sandbox_counts_on_the_next_exchange() {
    let app = TestApp::start().await;
    let denies = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*"}}"#;
    let role = |b| usual(b).sandbox_role("feedpass-default-images", denies, "");
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
    assert_eq!(app.reload(role).unwrap(), [""; 0]);
    let refused = app.credentials("ci", "default/images").await;
    assert_eq!(refused.status_and_code(), (502, "role_refused".into()), "what was held is judged anew");
    app.reload(usual).unwrap();
    assert_eq!(app.credentials("ci", "default/images").await.status, 200, "and no refusal outlives its cause");
}

#[tokio::test]
async fn a_refusal_is_forgotten_when_something_changes() {
    let app = TestApp::start().await;
    app.change_accounts(|accounts| accounts.roles.clear());
    assert_eq!(app.credentials("ci", "default/images").await.status, 502);
    app.change_accounts(|_| {});
    assert_eq!(app.credentials("ci", "default/images").await.status, 502, "it is remembered");
    app.reload(|b| usual(b).tables("[tokens]\nlifetime = \"6m\"")).unwrap();
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
}

#[tokio::test]
async fn a_wrong_policy_of_the_sandbox_changes_nothing_at_all() {
    let app = TestApp::start().await;
    let before = app.app.settings();
    let wrong = |b: TestAppBuilder| {
        b.feed("default/charts").client("cd", &["default/charts"], &["pull"]).sandbox_role(
            "x",
            "{\"Statement\": 7}",
            "",
        )
    };
    let error = app.reload(wrong).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("the trust policy of sandbox role arn:aws:iam::123456789012:role/x is wrong: "), "{said}");
    assert!(std::sync::Arc::ptr_eq(&before, &app.app.settings()));
    assert_eq!(app.credentials("cd", "default/charts").await.status, 401);
    assert_eq!(app.credentials("ci", "default/images").await.status, 200);
}
