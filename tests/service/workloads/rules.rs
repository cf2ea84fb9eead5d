//! Rules: observed, ambiguous, changed while it runs, of clients that are no more.

use serde_json::json;

use super::issuer::{Issuer, ask, client, rule};
use crate::support::{TestApp, TestAppBuilder};

/// An issuer `ci`, a client `builder`, and `rules`.
fn with_rules(builder: TestAppBuilder, issuer: &Issuer, rules: &[String]) -> TestAppBuilder {
    let tables = [issuer.section("ci"), rules.concat(), client("builder"), client("other")].concat();
    builder.feed("default/images").tables(&tables)
}

fn observed(rule: &str) -> String {
    rule.replace("[workload.claims]", "mode = \"observe\"\n[workload.claims]")
}

#[tokio::test]
async fn an_observed_rule_lets_nobody_in_and_says_what_it_would_have_done() {
    let issuer = Issuer::start("ES256").await;
    let main = rule("main", "ci", "builder", "sub = \"main\"");
    let app = with_rules(TestApp::builder(), &issuer, &[observed(&main)]).start().await;
    let token = issuer.token(&json!({ "sub": "main" }));
    assert_eq!(ask(&app, &token).await.status_and_code(), (403, "workload_not_matched".into()));
    let line = app.trail("observed").await.remove(0);
    assert_eq!(line["workload"], json!({ "issuer": "ci", "subject": "main", "rule": "main" }));
    assert!(line["reason"].as_str().unwrap().contains("it would give client `builder`"), "{line}");
    assert_eq!(line["client"], json!(null), "nobody was let in");

    // Beside one that counts, it changes nothing.
    let wider = observed(&rule("wider", "ci", "other", "sub = [\"main\", \"dev\"]"));
    app.reload(|builder| with_rules(builder, &issuer, &[main.clone(), wider])).unwrap();
    assert_eq!(ask(&app, &token).await.status, 200);
    assert_eq!(app.trail("credentials").await[0]["client"], "builder");
    assert_eq!(app.trail("observed").await[1]["workload"]["rule"], "wider");
}

#[tokio::test]
async fn a_changed_rule_counts_from_the_next_request_on() {
    let issuer = Issuer::start("ES256").await;
    let main = rule("main", "ci", "builder", "sub = \"main\"");
    let app = with_rules(TestApp::builder(), &issuer, std::slice::from_ref(&main)).start().await;
    let token = issuer.token(&json!({ "sub": "main" }));
    assert_eq!(ask(&app, &token).await.status, 200);
    app.reload(|builder| with_rules(builder, &issuer, &[])).unwrap();
    assert_eq!(ask(&app, &token).await.status_and_code(), (403, "workload_not_matched".into()));
    app.reload(|builder| builder.feed("default/images")).unwrap();
    assert_eq!(ask(&app, &token).await.status_and_code(), (401, "token_issuer_untrusted".into()));
    app.reload(|builder| with_rules(builder, &issuer, &[main])).unwrap();
    assert_eq!(ask(&app, &token).await.status, 200);
}

#[tokio::test]
async fn rules_that_disagree_let_nobody_in() {
    let issuer = Issuer::start("ES256").await;
    let rules = [rule("a", "ci", "builder", "sub = \"main\""), rule("b", "ci", "other", "ref = \"x\"")];
    let app = with_rules(TestApp::builder(), &issuer, &rules).start().await;
    let reply = ask(&app, &issuer.token(&json!({ "sub": "main", "ref": "x" }))).await;
    assert_eq!(reply.status_and_code(), (403, "workload_ambiguous".into()));
    let reason = app.trail("authentication").await[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("rule `a` gives `builder`, rule `b` gives `other`"), "{reason}");
    assert_eq!(ask(&app, &issuer.token(&json!({ "sub": "main" }))).await.status, 200, "one of them alone");
}

#[tokio::test]
async fn a_rule_for_a_client_that_is_not_there_lets_nobody_in() {
    let issuer = Issuer::start("ES256").await;
    let app = with_rules(TestApp::builder(), &issuer, &[rule("main", "ci", "gone", "sub = \"main\"")]).start().await;
    let reply = ask(&app, &issuer.token(&json!({ "sub": "main" }))).await;
    assert_eq!(reply.status_and_code(), (403, "workload_client_gone".into()));
    assert!(!reply.text().contains("`gone`") && !reply.text().contains("main"), "{}", reply.text());
    let reason = app.trail("authentication").await[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("rule `main` gives `gone`"), "{reason}");
}

#[tokio::test]
async fn a_workload_s_token_is_no_password_and_gives_what_its_client_has_alone() {
    let issuer = Issuer::start("ES256").await;
    let rules = [rule("main", "ci", "builder", "sub = \"main\"")];
    let app = with_rules(TestApp::builder().feed("default/charts"), &issuer, &rules).start().await;
    let token = issuer.token(&json!({ "sub": "main" }));
    app.keep_out_of_logs(&token);
    let path = "/v1/spaces/default/feeds/charts/credentials";
    let reply = app.internal(http::Method::POST, path).bearer(&token).send().await;
    assert_eq!(reply.status_and_code(), (404, "feed_not_found".into()));
    let path = "/v1/spaces/default/feeds/images/credentials";
    let reply = app.internal(http::Method::POST, path).basic("builder", &token).send().await;
    assert_eq!(reply.status_and_code(), (401, "credentials_refused".into()));
}
