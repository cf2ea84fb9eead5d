//! What feedpass says of what it did, and what it never says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::Method;
use serde_json::json;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::logs::{Lines, collect};
use crate::support::{START, TestApp};

/// The one line of `app` that holds all `words`.
fn line(app: &TestApp, words: &[&str]) -> String {
    let mut found = app.lines().with(words[0]);
    found.retain(|line| words.iter().all(|word| line.contains(word)));
    assert_eq!(found.len(), 1, "{words:?} in {}", app.lines().text());
    found.remove(0)
}

#[tokio::test]
async fn a_request_keeps_the_id_that_its_caller_gave_it() {
    let app = TestApp::start().await;
    let reply = app.internal(Method::GET, "/healthz").header("x-request-id", "build-7.step_2").send().await;
    assert_eq!(reply.header("x-request-id"), "build-7.step_2");
    line(&app, &["GET /healthz answered 200", "build-7.step_2"]);
}

#[tokio::test]
async fn an_id_that_is_no_plain_word_is_replaced() {
    let app = TestApp::start().await;
    let long = "x".repeat(65);
    let mut given = Vec::new();
    for bad in ["", "a b", "a\tb", "\"", "a=b", "<script>", "{}", &long] {
        let reply = app.internal(Method::GET, "/healthz").header("x-request-id", bad).send().await;
        let id = reply.header("x-request-id").to_owned();
        assert!(id != bad && id.len() == 16, "{bad:?} became {id:?}");
        assert!(!app.lines().with(&id).is_empty());
        given.push(id);
    }
    given.push(app.internal(Method::GET, "/healthz").send().await.header("x-request-id").to_owned());
    let count = given.len();
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), count, "each has its own");
}

#[tokio::test]
async fn every_exchange_leaves_its_lineage() {
    let app = TestApp::start().await;
    let request = app.internal(Method::POST, "/v1/spaces/default/feeds/images/credentials");
    let reply = request.bearer(&TestApp::secret_of("ci")).header("x-request-id", "the-request").send().await;
    assert_eq!(reply.status, 200);
    let lines = app.trail("").await;
    let [mint, assumed, authorized, given] = lines.as_slice() else { panic!("{lines:?}") };
    let jti = mint["jti"].as_str().unwrap();
    let (kid, session) = (app.app.keyring().current().active_kid().to_string(), format!("default.images@{jti}"));
    let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let sandboxs = |operation: &str| {
        let answered = line(&app, &[&format!("{operation} → OK")]);
        answered.rsplit("request_id=").next().unwrap().trim_matches('"').to_owned()
    };
    assert_eq!(
        *mint,
        json!({
            "seq": 1, "at": START, "event": "mint", "outcome": "ok", "client": "ci", "feed": "default/images",
            "kid": kid, "jti": jti, "expires_at": "2026-11-23T11:05:00Z",
        })
    );
    assert_eq!(
        *assumed,
        json!({
            "seq": 2, "at": START, "event": "assume_role", "outcome": "ok", "client": "ci", "feed": "default/images",
            "role": "arn:aws:iam::123456789012:role/feedpass-default-images", "kid": kid, "jti": jti,
            "session_name": session, "aws_request_id": sandboxs("STS AssumeRoleWithWebIdentity"),
            "expires_at": "2026-11-23T12:00:00Z",
        })
    );
    assert_eq!(
        *authorized,
        json!({
            "seq": 3, "at": START, "event": "authorization_token", "outcome": "ok", "client": "ci",
            "feed": "default/images", "registry": registry, "kid": kid, "session_name": session,
            "aws_request_id": sandboxs("ECR GetAuthorizationToken"), "expires_at": "2026-11-23T23:00:00Z",
        })
    );
    assert_eq!(
        *given,
        json!({
            "seq": 4, "at": START, "event": "credentials", "outcome": "ok", "client": "ci", "via": "secret",
            "address": "127.0.0.1", "request_id": "the-request", "feed": "default/images", "registry": registry,
            "session_name": session, "expires_at": "2026-11-23T23:00:00Z",
        })
    );
}

#[tokio::test]
async fn a_refused_requests_line_has_code_and_cause() {
    let app = TestApp::start().await;
    app.change_accounts(|accounts| accounts.roles.clear());
    app.credentials("ci", "default/images").await;
    let failed = line(&app, &["WARN", "POST /v1/spaces/{space}/feeds/{feed}/credentials failed"]);
    assert!(failed.contains("code=\"role_refused\"") && failed.contains("status=502"), "{failed}");
    assert!(failed.contains("Not authorized to perform sts:AssumeRoleWithWebIdentity"), "AWS's own words: {failed}");
    app.credentials("ci", "default/charts").await;
    let refused = line(&app, &["INFO", "POST /v1/spaces/{space}/feeds/{feed}/credentials refused"]);
    assert!(refused.contains("code=\"feed_not_found\"") && refused.contains("status=404"), "{refused}");
    app.internal(Method::POST, "/v1/registries/ghcr.io/credentials").send().await;
    line(&app, &["code=\"credentials_missing\"", "status=401"]);
}

#[tokio::test]
async fn the_path_as_it_was_sent_is_in_no_line() {
    let app = TestApp::start().await;
    app.internal(Method::GET, "/hunter2?token=hunter2").send().await;
    app.internal(Method::POST, "/v1/spaces/hunter2/feeds/images/token?hunter2").send().await;
    assert_eq!(app.lines().with("hunter2"), [""; 0]);
}

#[test]
fn a_secret_in_a_line_is_found() {
    let lines = collect();
    let secrets = ["correct-horse-battery-staple".to_owned()];
    lines.assert_without(&secrets);
    tracing::info!("a line with correct-horse-battery-staple in it");
    let found = catch_unwind(AssertUnwindSafe(|| lines.assert_without(&secrets))).unwrap_err();
    let words = found.downcast_ref::<String>().unwrap();
    assert!(words.starts_with("a secret was logged: ") && !words.contains("staple"), "{words}");
}

/// What a subscriber with the product's own filter lets through of one line for each level and target.
fn let_through(directives: &str, targets: bool) -> Vec<String> {
    let lines = Lines::default();
    let filter = feedpass::telemetry::clamped_filter(directives).unwrap();
    let subscriber = tracing_subscriber::registry()
        .with(layer().with_ansi(false).without_time().with_writer(lines.clone()).with_filter(filter));
    tracing::subscriber::with_default(subscriber, || {
        tracing::trace!(target: "feedpass::broker", "own trace");
        tracing::info!(target: "aws_sdk_ecr::client", "sdk info");
        tracing::debug!(target: "aws_sdk_ecr::client", "sdk debug");
        tracing::trace!(target: "aws_sdk_ecr::client", "sdk trace");
        tracing::debug!(target: "aws_smithy_runtime::client::orchestrator", "smithy debug");
        tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "smithy trace");
        tracing::trace!(target: "hyper_util::client", "hyper trace");
        tracing::trace!(target: "rustls::conn", "rustls trace");
        let span = tracing::span!(target: "aws_sdk_sts", Level::TRACE, "AssumeRole", token = "in a span");
        span.in_scope(|| tracing::info!(target: "feedpass::aws", "own info"));
    });
    let text = lines.text();
    let words = text.lines().map(|line| if targets { line } else { line.rsplit(": ").next().unwrap() });
    words.map(|word| word.trim().to_owned()).collect()
}

#[test]
fn the_sdks_own_talk_is_let_past_info_by_no_filter() {
    assert_eq!(let_through("trace", false), ["own trace", "sdk info", "own info"]);
    assert_eq!(let_through("aws_sdk_ecr=trace,aws_smithy_runtime=trace", false), ["sdk info"]);
    assert_eq!(let_through("info,aws_sdk_ecr[{token}]=trace", false), ["sdk info", "own info"]);
    let whole = let_through("trace,aws_sdk_sts=trace", true).join("\n");
    assert!(!whole.contains("in a span"), "nor in the span of another's line: {whole}");
}
