//! Admins make issuers and rules, and try them.

use http::Method;
use serde_json::{Value, json};

use super::issuer::{AUDIENCE, Issuer, ask};
use crate::support::{Reply, TestApp};

async fn send(app: &TestApp, method: Method, path: &str, body: &Value) -> Reply {
    let request = app.internal(method, path).bearer(&TestApp::secret_of("root"));
    request.header("content-type", "application/json").header("if-match", "*").body(body.to_string()).send().await
}

/// A feedpass whose client `root` is an admin, and an issuer that it trusts, with a rule for `ci`.
async fn with_a_rule() -> (TestApp, Issuer) {
    let issuer = Issuer::start("ES256").await;
    let app = TestApp::usual().operator("root", &["admin"]).start().await;
    let trusted = json!({ "name": "github", "issuer": issuer.url(), "audiences": [AUDIENCE] });
    let made = send(&app, Method::POST, "/v1/admin/workload-issuers", &trusted).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.header("location"), "/v1/admin/workload-issuers/github");
    let rule = json!({ "name": "main", "issuer": "github", "client": "ci", "claims": { "sub": "main" } });
    let made = send(&app, Method::POST, "/v1/admin/workloads", &rule).await;
    assert_eq!(made.status, 201, "{}", made.text());
    (app, issuer)
}

#[tokio::test]
async fn a_rule_counts_from_the_moment_it_is_made_until_it_is_removed() {
    let (app, issuer) = with_a_rule().await;
    let token = issuer.token(&json!({ "sub": "main" }));
    assert_eq!(ask(&app, &token).await.status, 200);
    let needed = send(&app, Method::DELETE, "/v1/admin/workload-issuers/github", &json!({})).await;
    assert_eq!(needed.status_and_code(), (400, "invalid_value".into()));
    assert!(needed.detail().contains("`main`"), "{}", needed.text());
    let narrower = json!({ "name": "main", "issuer": "github", "client": "ci", "claims": { "sub": "other" } });
    assert_eq!(send(&app, Method::PUT, "/v1/admin/workloads/main", &narrower).await.status, 200);
    assert_eq!(ask(&app, &token).await.status_and_code(), (403, "workload_not_matched".into()));
    assert_eq!(ask(&app, &issuer.token(&json!({ "sub": "other" }))).await.status, 200);
    assert_eq!(send(&app, Method::DELETE, "/v1/admin/workloads/main", &json!({})).await.status, 204);
    assert_eq!(ask(&app, &issuer.token(&json!({ "sub": "other" }))).await.status, 403);
    assert_eq!(send(&app, Method::DELETE, "/v1/admin/workload-issuers/github", &json!({})).await.status, 204);
    assert_eq!(ask(&app, &token).await.status_and_code(), (401, "token_issuer_untrusted".into()));
}

#[tokio::test]
async fn what_is_wrong_with_an_issuer_or_a_rule_is_said() {
    let (app, issuer) = with_a_rule().await;
    let same = json!({ "name": "again", "issuer": issuer.url(), "audiences": ["a"] });
    let lost = json!({ "name": "lost", "issuer": "gitlab", "client": "ci", "claims": { "sub": "a" } });
    let nobody = json!({ "name": "nobody", "issuer": "github", "client": "gone", "claims": { "sub": "a" } });
    let open = json!({ "name": "open", "issuer": "github", "client": "ci", "claims": { "sub": { "pattern": "*" } } });
    let twice = json!({ "name": "main", "issuer": "github", "client": "ci", "claims": { "sub": "a" } });
    for (path, body, code, said) in [
        ("workload-issuers", same, "invalid_value", "`github` is http"),
        ("workloads", lost, "invalid_value", "no workload issuer `gitlab`"),
        ("workloads", nobody, "invalid_value", "no client `gone`"),
        ("workloads", open, "invalid_body", "let everyone in"),
        ("workloads", twice, "name_taken", "`main`"),
    ] {
        let refused = send(&app, Method::POST, &format!("/v1/admin/{path}"), &body).await;
        assert_eq!(refused.code(), code, "{}", refused.text());
        assert!(refused.detail().contains(said), "{said}: {}", refused.detail());
    }
}

#[tokio::test]
async fn a_policy_test_says_by_which_rule_a_token_gets_in_or_by_which_claim_it_does_not() {
    let (app, issuer) = with_a_rule().await;
    let right = issuer.token(&json!({ "sub": "main" }));
    app.keep_out_of_logs(&right);
    let claims = issuer.claims(&json!({ "sub": "dev" }));
    let body = json!({ "pass": [right], "fail": [claims] });
    let tested = send(&app, Method::POST, "/v1/admin/policy/test", &body).await;
    let tested = tested.json();
    assert_eq!(tested["ok"], true, "{tested}");
    assert_eq!((&tested["pass"][0]["rule"], &tested["pass"][0]["client"]), (&json!("main"), &json!("ci")));
    let condition = &tested["fail"][0]["rules"][0]["conditions"][0];
    assert_eq!(condition, &json!({ "claim": "sub", "expected": "main", "found": "dev", "holds": false }));
    // Other rules, tried before they are made.
    let rules = json!([{ "name": "dev", "issuer": "github", "client": "ci", "claims": { "sub": "dev" } }]);
    let body = json!({ "pass": body["pass"], "fail": body["fail"], "rules": rules });
    let tested = send(&app, Method::POST, "/v1/admin/policy/test", &body).await.json();
    assert_eq!(
        (&tested["ok"], &tested["pass"][0]["ok"], &tested["fail"][0]["ok"]),
        (&json!(false), &json!(false), &json!(false))
    );
    let unknown = send(&app, Method::POST, "/v1/admin/policy/test", &json!({ "pass": [{ "sub": "x" }] })).await;
    assert_eq!(unknown.status_and_code(), (400, "invalid_sample".into()));
}
