//! What an access token opens, and what it must never open.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use feedpass::domain::Audience;
use http::Method;
use serde_json::{Value, json};

use super::{ClientKey, access_token, asked, asking, contents, post_bearer, web_identity_token};
use crate::support::TestApp;
use crate::support::aws::{assume_role, policy};

const CREDENTIALS: &str = "/v1/spaces/default/feeds/images/credentials";

#[tokio::test]
async fn a_token_is_good_until_its_end_and_not_after() {
    let app = TestApp::start().await;
    let token = access_token(&app, "ci", None).await;
    assert_eq!(post_bearer(&app, &token, CREDENTIALS).await.status, 200);
    app.clock.advance(Duration::from_mins(10));
    assert_eq!(post_bearer(&app, &token, CREDENTIALS).await.status, 200, "clocks may be a minute apart");
    app.clock.advance(Duration::from_mins(1));
    let reply = post_bearer(&app, &token, CREDENTIALS).await;
    assert_eq!(reply.status_and_code(), (401, "access_token_expired".into()));
    assert!(reply.header("www-authenticate").contains("error=\"invalid_token\""), "RFC 6750 §3.1");
}

#[tokio::test]
async fn a_removed_clients_token_opens_nothing_and_its_grants_are_those_of_now() {
    let app = TestApp::start().await;
    let token = access_token(&app, "ci", None).await;
    app.change_clients(|clients| clients.client("ci", &["default/images"], &["token"]));
    let reply = post_bearer(&app, &token, CREDENTIALS).await;
    assert_eq!(reply.status_and_code(), (403, "action_not_granted".into()));
    app.change_clients(|clients| clients.client("other", &["default/*"], &["pull"]));
    let reply = post_bearer(&app, &token, CREDENTIALS).await;
    assert_eq!(reply.status_and_code(), (401, "access_token_refused".into()));
    assert!(reply.detail().contains("its client is there no more"), "{}", reply.detail());
}

#[tokio::test]
async fn who_asks_who_it_is_hears_what_its_token_is_good_for() {
    let app = TestApp::builder()
        .feed("default/images")
        .operator("ops", &["auditor"])
        .grant(&["default/images"], &["pull", "token"])
        .grant(&["default/*"], &["catalog"])
        .start()
        .await;
    let whoami = async |bearer: &str| app.internal(Method::GET, "/v1/whoami").bearer(bearer).send().await.json();
    let all = whoami(&TestApp::secret_of("ops")).await;
    assert_eq!((&all["roles"], &all["scope"]), (&json!(["auditor"]), &json!("pull push token session catalog admin")));
    let grants = json!([
        { "feeds": ["default/images"], "actions": ["pull", "token"] },
        { "feeds": ["default/*"], "actions": ["catalog"] },
    ]);
    assert_eq!(all["grants"], grants);
    let narrow = whoami(&access_token(&app, "ops", Some("token push")).await).await;
    assert_eq!((&narrow["roles"], &narrow["scope"]), (&json!([]), &json!("push token")));
    assert_eq!(narrow["grants"], json!([{ "feeds": ["default/images"], "actions": ["token"] }]));
}

#[tokio::test]
async fn who_is_given_a_removed_clients_id_is_not_given_its_tokens() {
    let app = TestApp::usual().operator("root", &["admin"]).start().await;
    let root = async |method: Method, path: &str, body: Value| {
        app.ask_with(&TestApp::secret_of("root"), method, path, &body, Some("*")).await
    };
    let body = |action: &str| json!({ "id": "cd", "grants": [{ "feeds": ["default/images"], "actions": [action] }] });
    assert_eq!(root(Method::POST, "/v1/admin/clients", body("token")).await.status, 201);
    let secret = root(Method::POST, "/v1/admin/clients/cd/secrets", json!({})).await.json();
    let asked_for = asking(&app, &[("grant_type", "client_credentials")]);
    let given = asked(&app, asked_for.basic("cd", secret["secret"].as_str().unwrap())).await.json();
    let token = given["access_token"].as_str().unwrap();
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(root(Method::PUT, "/v1/admin/clients/cd", body("pull")).await.status, 200);
    assert_eq!(post_bearer(&app, token, CREDENTIALS).await.status, 200, "a change makes nobody another");
    assert_eq!(root(Method::DELETE, "/v1/admin/clients/cd", Value::Null).await.status, 204);
    assert_eq!(root(Method::POST, "/v1/admin/clients", body("pull")).await.status, 201);
    let reply = post_bearer(&app, token, CREDENTIALS).await;
    assert_eq!(reply.status_and_code(), (401, "access_token_refused".into()));
    assert!(reply.detail().contains("its client is there no more"), "{}", reply.detail());
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_refused_for_its_own_reason() {
    let app = TestApp::start().await;
    let token = access_token(&app, "ci", None).await;
    let (header, claims) = contents(&token);
    let key = ClientKey::new("k", 1);
    let parts: Vec<&str> = token.split('.').collect();
    let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let mut wider = claims.clone();
    wider["client_id"] = json!("admin");
    let changed = format!("{}.{}.{}", parts[0], part(&wider), parts[2]);
    let unsigned = format!("{}.{}.", part(&json!({ "alg": "none", "typ": "at+jwt" })), parts[1]);
    let unknown_kid = key.sign(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "k" }), &claims);
    let own_jwk = key.sign(&json!({ "alg": "EdDSA", "typ": "at+jwt", "jwk": key.jwk() }), &claims);
    let other_algorithm = key.sign(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": header["kid"] }), &claims);
    for (token, saying) in [
        (changed, "signature"),
        (unsigned, "not signed"),
        (unknown_kid, "no key with the `kid` `k`"),
        (own_jwk, "`jwk`, which is never followed"),
        (other_algorithm, "not for that"),
    ] {
        let reply = post_bearer(&app, &token, CREDENTIALS).await;
        assert_eq!(reply.status_and_code(), (401, "access_token_refused".into()));
        assert!(reply.detail().contains(saying), "{} does not say {saying}", reply.detail());
    }
    let stranger = key.sign(&json!({ "alg": "EdDSA", "kid": "k" }), &json!({ "iss": "https://elsewhere.example" }));
    let reply = post_bearer(&app, &stranger, CREDENTIALS).await;
    assert_eq!(reply.status_and_code(), (401, "token_issuer_untrusted".into()));
}

#[tokio::test]
async fn a_token_of_another_feedpass_with_the_same_keys_is_refused() {
    // Every test's key is the same.
    let (app, other) = (TestApp::start().await, TestApp::start().await);
    let token = access_token(&other, "ci", None).await;
    app.remember_secrets_of(&post_bearer(&other, &token, CREDENTIALS).await);
    let reply = post_bearer(&app, &token, CREDENTIALS).await;
    assert_eq!(reply.status_and_code(), (401, "access_token_refused".into()));
    assert!(reply.detail().contains("`iss`"), "{}", reply.detail());
}

#[tokio::test]
async fn a_web_identity_token_opens_nothing_here() {
    let app = TestApp::start().await;
    let token = web_identity_token(&app).await;
    for method in [Method::GET, Method::POST] {
        let reply = app.internal(method, "/v1/spaces/default/feeds/images/session").bearer(&token).send().await;
        assert_eq!(reply.status_and_code(), (401, "web_identity_token_presented".into()));
    }
    let reply = post_bearer(&app, &token, CREDENTIALS).await;
    assert_eq!(reply.status_and_code(), (401, "web_identity_token_presented".into()));
    assert!(reply.detail().contains("AWS STS alone"), "{}", reply.detail());
}

#[tokio::test]
async fn sts_takes_no_access_token_whatever_it_is_told_to_trust() {
    let app = TestApp::start().await;
    let (access, web_identity) = (access_token(&app, "ci", None).await, web_identity_token(&app).await);
    let audience: Audience = contents(&access).1["aud"].as_str().unwrap().parse().unwrap();
    // An operator who trusts all that the issuer signs, for whatever audience.
    app.change_accounts(|accounts| {
        accounts.providers[0].audiences.push(audience);
        let provider = app.issuer().strip_prefix("http://").unwrap();
        accounts.roles[0].trust_policy = policy(&json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Federated": format!("arn:aws:iam::123456789012:oidc-provider/{provider}") },
                "Action": "sts:AssumeRoleWithWebIdentity",
            }],
        }));
    });
    let taken = assume_role(&app, "images", &web_identity).await;
    assert_eq!(taken.status, 200, "the setup is right: {}", taken.text());
    let refused = assume_role(&app, "images", &access).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("InvalidIdentityToken"), "{}", refused.text());
}
