//! Tokens of workloads at the token endpoint (RFC 8693).

use http::Method;
use serde_json::json;
use url::form_urlencoded;

use super::issuer::{AUDIENCE, Issuer, ask, client, rule};
use crate::support::stub::closed_port;
use crate::support::{Reply, TestApp};

const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

async fn exchange(app: &TestApp, token: &str, kind: &str) -> Reply {
    app.keep_out_of_logs(token);
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    body.append_pair("subject_token", token).append_pair("subject_token_type", kind);
    let request = app.internal(Method::POST, "/oauth2/token");
    let reply = request.header("content-type", "application/x-www-form-urlencoded").body(body.finish()).send().await;
    app.remember_secrets_of(&reply);
    reply
}

#[tokio::test]
async fn a_workload_s_token_gives_an_access_token_of_its_client_that_ends_no_later() {
    let issuer = Issuer::start("ES256").await;
    let tables = [issuer.section("ci"), rule("main", "ci", "builder", "sub = \"main\""), client("builder")].concat();
    let app = TestApp::builder().feed("default/images").tables(&tables).start().await;
    let now = issuer.claims(&json!({}))["iat"].as_i64().unwrap();
    let token = issuer.token(&json!({ "sub": "main", "exp": now + 90 }));
    for kind in [JWT, ID_TOKEN] {
        let reply = exchange(&app, &token, kind).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["expires_in"], 90);
        let access = reply.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(ask(&app, &access).await.status, 200);
    }
    let line = app.trail("access_token").await.remove(0);
    assert_eq!((line["client"].as_str(), line["via"].as_str()), (Some("builder"), Some("workload")));
    assert_eq!(line["workload"], json!({ "issuer": "ci", "subject": "main", "rule": "main" }));

    let stranger = exchange(&app, &issuer.token(&json!({ "sub": "dev" })), JWT).await;
    assert_eq!((stranger.status.as_u16(), stranger.json()["error"].as_str()), (400, Some("invalid_request")));
    let line = app.trail("authentication").await.remove(0);
    assert_eq!(line["code"], "workload_not_matched");
    assert!(line["reason"].as_str().unwrap().contains("rule `main`: `sub` is"), "{line}");
}

#[tokio::test]
async fn an_issuer_that_is_away_is_no_wrong_request() {
    let issuer = Issuer::start("ES256").await;
    let away = format!("http://{}", closed_port().await);
    let section = format!("[[workload_issuer]]\nname = \"away\"\nissuer = \"{away}\"\naudiences = [\"{AUDIENCE}\"]\n");
    let tables = ["[limits]\nfailed_attempts = 1\n", &section, &client("builder")].concat();
    let app = TestApp::builder().feed("default/images").tables(&tables).start().await;
    let token = issuer.key.token(&issuer.claims(&json!({ "iss": away, "sub": "main" })));
    for _ in 0..3 {
        let reply = exchange(&app, &token, JWT).await;
        assert_eq!(reply.status_and_code(), (503, "workload_issuer_unreachable".into()), "{}", reply.text());
        assert_eq!(reply.header("retry-after"), "5");
    }
}
